//! Ollama's own chat: `POST /api/chat`, one JSON object a line.
//!
//! ```text
//! {"message":{"role":"assistant","content":"","tool_calls":[{"function":{"name":"add","arguments":{"a":1}}}]},"done":false}
//! {"message":{"content":""},"done":true,"done_reason":"stop","prompt_eval_count":26,"eval_count":12}
//! ```
//! Its OpenAI endpoint drops what it does not know without a word, so this one is spoken. The context length is always
//! said: its default is small, and a longer prompt is cut silently.

use serde_json::{Map, Value, json};

use super::openai_chat::tool;
use super::{Dialect, Reader, count, items, names_at, text};
use crate::asking::{AskedMessage, Asking, Choice, Made, SamplingWords, Shown};
use crate::assembler::{Assembler, Finish};
use crate::frames::Framing;
use crate::part::Arguing;
use crate::row::Quirks;
use crate::trouble::Trouble;
use callwright_parse::chat::BYTES_A_TOKEN;
use callwright_parse::chat::Image;

/// The context is asked for in steps of this, so that the server need not load the model anew for each prompt.
const STEP: u64 = 8192;

#[derive(Debug)]
pub(super) struct Ollama;

impl Dialect for Ollama {
    fn framing(&self) -> Framing {
        Framing::Lines
    }

    fn path(&self, _model: &str) -> String {
        "/api/chat".to_owned()
    }

    fn models_path(&self) -> &'static str {
        "/api/tags"
    }

    fn pull_path(&self) -> Option<&'static str> {
        Some("/api/pull")
    }

    fn takes_image_urls(&self) -> bool {
        false
    }

    fn write(&self, asking: &mut Asking<'_>) -> Value {
        let mut body = Map::new();
        body.insert("model".to_owned(), json!(asking.model));
        body.insert("messages".to_owned(), messages(&asking.turns));
        body.insert("stream".to_owned(), json!(true));
        // There is no way to forbid calls but to offer no tools.
        if asking.choice != Choice::None && !asking.tools.is_empty() {
            body.insert("tools".to_owned(), asking.tools.iter().map(|offered| tool(offered, false)).collect());
        }
        let mut options = Map::new();
        options.insert("num_ctx".to_owned(), json!(context(asking, &body)));
        options.insert("num_predict".to_owned(), json!(asking.max_tokens));
        if !asking.stop.is_empty() {
            options.insert("stop".to_owned(), json!(asking.stop));
        }
        let words =
            SamplingWords { top_p: Some("top_p"), top_k: Some("top_k"), min_p: Some("min_p"), seed: Some("seed") };
        asking.sample(&mut options, &words);
        body.insert("options".to_owned(), Value::Object(options));
        Value::Object(body)
    }

    fn reader(&self, _quirks: &Quirks) -> Box<dyn Reader> {
        Box::new(OllamaStream)
    }

    fn model_names(&self, body: &Value) -> Vec<String> {
        names_at(body, "models", "name")
    }
}

/// Room for prompt and answer: at worst a token is three bytes of the request.
fn context(asking: &Asking<'_>, body: &Map<String, Value>) -> u64 {
    let tokens = serde_json::to_string(body).map_or(0, |text| text.len() / BYTES_A_TOKEN) as u64;
    let needed = (tokens + asking.max_tokens).div_ceil(STEP) * STEP;
    asking.facts.context_length.map_or(needed, |known| needed.min(known))
}

fn messages(turns: &[AskedMessage<'_>]) -> Value {
    let mut messages = Vec::new();
    for turn in turns {
        match turn {
            AskedMessage::System(text) => messages.push(json!({"role": "system", "content": text})),
            AskedMessage::User(shown) => messages.push(user_message(shown)),
            AskedMessage::Model(said) => {
                let mut message = json!({"role": "assistant", "content": said.text});
                if !said.calls.is_empty() {
                    message["tool_calls"] = said.calls.iter().enumerate().map(call).collect();
                }
                messages.push(message);
            }
            AskedMessage::Results(answers) => messages.extend(answers.iter().map(|answer| {
                json!({"role": "tool", "tool_name": answer.name, "tool_call_id": answer.id, "content": answer.text})
            })),
        }
    }
    Value::Array(messages)
}

fn call((index, call): (usize, &Made<'_>)) -> Value {
    json!({"id": call.id, "function": {"index": index, "name": call.name, "arguments": call.arguments}})
}

/// The text of a message, and its images.
fn user_message(shown: &[Shown<'_>]) -> Value {
    let texts: Vec<&str> = shown
        .iter()
        .filter_map(|shown| if let Shown::Text(text) = shown { Some(text.as_str()) } else { None })
        .collect();
    let bytes = |shown: &Shown<'_>| match shown {
        Shown::Image(Image::Bytes { base64, .. }) => Some(json!(base64)),
        _ => None,
    };
    let images: Vec<Value> = shown.iter().filter_map(bytes).collect();
    let mut message = json!({"role": "user", "content": texts.join("\n")});
    if !images.is_empty() {
        message["images"] = Value::Array(images);
    }
    message
}

struct OllamaStream;

impl Reader for OllamaStream {
    fn read(&mut self, frame: &Value, to: &mut Assembler) -> Result<(), Trouble> {
        if let Some(model) = text(frame, &["model"]) {
            to.model(model);
        }
        to.reasoning(text(frame, &["message", "thinking"]).unwrap_or_default())?;
        to.text(text(frame, &["message", "content"]).unwrap_or_default())?;
        for call in items(frame, &["message", "tool_calls"]) {
            let function = &call["function"];
            let name = text(function, &["name"]).unwrap_or_default();
            to.whole_call(text(call, &["id"]), name, Arguing::of(function.get("arguments")), None)?;
        }
        if frame.get("done").and_then(Value::as_bool).unwrap_or(false) {
            let word = text(frame, &["done_reason"]).unwrap_or("stop");
            to.finish(finish(word), word);
            usage(frame, to);
            to.done();
        }
        Ok(())
    }
}

fn finish(word: &str) -> Finish {
    match word {
        "stop" => Finish::Stop,
        "length" => Finish::Length,
        _ => Finish::Unknown,
    }
}

fn usage(frame: &Value, to: &mut Assembler) {
    if let (input, Some(output)) = (count(frame, &["prompt_eval_count"]), count(frame, &["eval_count"])) {
        to.tokens(|tokens| {
            tokens.output = output;
            tokens.cache_read = count(frame, &["prompt_eval_cached_count"]).unwrap_or(0);
            tokens.input = input.unwrap_or(0);
        });
    }
}
