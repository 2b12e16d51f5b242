//! The engines that complete a text: which one it is, and how each is asked.
//!
//! An engine is identified once and never confused with another: the same field means something else, or nothing, to
//! another engine.

use std::fmt;

use serde_json::{Map, Value, json};

use super::ServedTemplate;
use callwright_infer::Job;
use callwright_parse::chat::Sampling;

/// An engine with an endpoint for plain completion.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RawEngine {
    /// llama.cpp's `llama-server`.
    LlamaServer,
    /// vLLM.
    Vllm,
    /// SGLang.
    Sglang,
}

impl fmt::Display for RawEngine {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::LlamaServer => "llama-server",
            Self::Vllm => "vLLM",
            Self::Sglang => "SGLang",
        })
    }
}

/// Where each identifies itself, and the key that only it answers with.
pub(super) const PROBES: [(RawEngine, &str, &str); 3] = [
    (RawEngine::LlamaServer, "/props", "default_generation_settings"),
    (RawEngine::Sglang, "/get_server_info", "model_path"),
    (RawEngine::Vllm, "/version", "version"),
];

/// What a completion is asked with.
#[derive(Debug)]
pub(super) struct Completion<'a> {
    pub(super) model: &'a str,
    /// Text, or token ids.
    pub(super) prompt: &'a Value,
    pub(super) job: &'a Job,
    pub(super) max_tokens: usize,
    /// Whether the job's stop texts end it.
    pub(super) stops: bool,
    pub(super) grammar: Option<&'a str>,
    /// Control tokens that must come out as text.
    pub(super) special: &'a [String],
}

impl RawEngine {
    /// The path of the completion endpoint.
    pub(super) fn path(self) -> &'static str {
        match self {
            Self::LlamaServer => "/completion",
            Self::Vllm | Self::Sglang => "/v1/completions",
        }
    }

    /// The context length, from what the engine reports about itself or its models.
    pub(super) fn context(self, told: &Value, models: &Value) -> Option<u64> {
        match self {
            Self::LlamaServer => told["default_generation_settings"]["n_ctx"].as_u64(),
            Self::Vllm | Self::Sglang => models["data"][0]["max_model_len"].as_u64(),
        }
    }

    /// Penalties for tokens that occurred before; never inside a call.
    fn put_penalties(self, job: &Job, put: &mut dyn FnMut(&str, Value)) {
        let (sampling, plain) = (job.sampling, Sampling::default());
        let words = match self {
            Self::LlamaServer => "repeat_penalty",
            Self::Vllm | Self::Sglang => "repetition_penalty",
        };
        let set = [
            (words, sampling.repeat_penalty, plain.repeat_penalty),
            ("presence_penalty", sampling.presence_penalty, plain.presence_penalty),
            ("frequency_penalty", sampling.frequency_penalty, plain.frequency_penalty),
        ];
        let mut any = false;
        for (word, value, _) in set.into_iter().filter(|(_, value, plain)| value.to_bits() != plain.to_bits()) {
            put(word, json!(value));
            any = true;
        }
        if any && self == Self::LlamaServer {
            put("repeat_last_n", json!(sampling.repeat_window));
        }
    }

    /// How its model is prompted, from what the engine reports about itself.
    pub(super) fn template(self, told: &Value) -> Option<ServedTemplate> {
        let text = |key: &str| told[key].as_str().unwrap_or_default().to_owned();
        let source = text("chat_template");
        let tells = self == Self::LlamaServer && !source.is_empty();
        tells.then(|| ServedTemplate { source, bos: text("bos_token"), eos: text("eos_token") })
    }

    /// The request's body. The length is always set: the default of some is 16 tokens, that of others is unlimited.
    pub(super) fn body(self, asked: &Completion<'_>) -> Value {
        let Completion { model, prompt, job, max_tokens, stops, grammar, special } = asked;
        let mut body = Map::new();
        let mut put = |key: &str, value: Value| drop(body.insert(key.to_owned(), value));
        put("prompt", (*prompt).clone());
        put("stream", json!(true));
        put("temperature", json!(job.sampling.temperature));
        put("top_p", json!(job.sampling.top_p));
        put("min_p", json!(job.sampling.min_p));
        put("seed", json!(job.sampling.seed));
        if grammar.is_none() {
            self.put_penalties(job, &mut put);
        }
        if *stops && !job.stop.is_empty() {
            put("stop", json!(job.stop));
        }
        match self {
            Self::LlamaServer => {
                put("n_predict", json!(max_tokens));
                put("top_k", json!(job.sampling.top_k));
                put("preserved_tokens", json!(special));
                put("cache_prompt", json!(true));
                // Each piece reports what was computed, also for an output that is stopped.
                put("timings_per_token", json!(true));
                if !job.logit_bias.is_empty() {
                    put("logit_bias", job.logit_bias.iter().map(|(token, bias)| json!([token, bias])).collect());
                }
                if let Some(grammar) = grammar {
                    put("grammar", json!(grammar));
                }
            }
            Self::Vllm | Self::Sglang => {
                put("model", json!(model));
                put("max_tokens", json!(max_tokens));
                put("stream_options", json!({"include_usage": true, "continuous_usage_stats": true}));
                if !job.logit_bias.is_empty() {
                    put("logit_bias", json!(job.logit_bias));
                }
                put("skip_special_tokens", json!(false));
                if job.sampling.top_k > 0 {
                    put("top_k", json!(job.sampling.top_k));
                }
            }
        }
        match (self, grammar) {
            (Self::Vllm, grammar) => {
                put("add_special_tokens", json!(false));
                if let Some(grammar) = grammar {
                    put("structured_outputs", json!({"grammar": grammar}));
                }
            }
            (Self::Sglang, Some(grammar)) => put("ebnf", json!(grammar)),
            _ => {}
        }
        Value::Object(body)
    }
}
