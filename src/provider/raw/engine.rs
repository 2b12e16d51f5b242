//! The engines that complete a text: which one it is, and how each is asked.
//!
//! An engine is asked once what it is and never taken for another: the same field means other things, or nothing, to
//! the next.

use serde_json::{Map, Value, json};

use crate::infer::Job;

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

/// Where each tells what it is, and the key that only it answers with.
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
    pub(super) prompt: Value,
    pub(super) job: &'a Job,
    pub(super) grammar: Option<String>,
    /// Control tokens that must come out as text.
    pub(super) special: &'a [String],
}

impl RawEngine {
    /// Where a completion is asked for.
    pub(super) fn path(self) -> &'static str {
        match self {
            Self::LlamaServer => "/completion",
            Self::Vllm | Self::Sglang => "/v1/completions",
        }
    }

    /// The room for prompt and answer, out of what the engine says of itself or of its models.
    pub(super) fn context(self, told: &Value, models: &Value) -> Option<u64> {
        match self {
            Self::LlamaServer => told["default_generation_settings"]["n_ctx"].as_u64(),
            Self::Vllm | Self::Sglang => models["data"][0]["max_model_len"].as_u64(),
        }
    }

    /// The request's body. The length is always said: some write 16 tokens unasked, others without end.
    pub(super) fn body(self, asked: &Completion<'_>) -> Value {
        let Completion { model, prompt, job, grammar, special } = asked;
        let mut body = Map::new();
        let mut put = |key: &str, value: Value| drop(body.insert(key.to_owned(), value));
        put("prompt", prompt.clone());
        put("stream", json!(true));
        put("temperature", json!(job.sampling.temperature));
        put("top_p", json!(job.sampling.top_p));
        put("min_p", json!(job.sampling.min_p));
        put("seed", json!(job.sampling.seed));
        if !job.stop.is_empty() {
            put("stop", json!(job.stop));
        }
        match self {
            Self::LlamaServer => {
                put("n_predict", json!(job.limits.max_tokens));
                put("top_k", json!(job.sampling.top_k));
                put("preserved_tokens", json!(special));
                put("cache_prompt", json!(true));
                if let Some(grammar) = grammar {
                    put("grammar", json!(grammar));
                }
            }
            Self::Vllm | Self::Sglang => {
                put("model", json!(model));
                put("max_tokens", json!(job.limits.max_tokens));
                put("stream_options", json!({"include_usage": true}));
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
