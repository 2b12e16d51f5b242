//! Cohere's chat, version 2: `POST /chat`.
//!
//! ```text
//! {"type":"tool-call-start","index":0,"delta":{"message":{"tool_calls":{"id":..,"function":{"name":"add","arguments":""}}}}}
//! {"type":"tool-call-delta","index":0,"delta":{"message":{"tool_calls":{"function":{"arguments":"{\"a\":1}"}}}}}
//! {"type":"message-end","delta":{"finish_reason":"TOOL_CALL","usage":{..}}}
//! ```
//! What the model plans before it calls is its reasoning.

use serde_json::{Map, Value, json};

use super::openai_chat::{calls, tool, user_content};
use super::{Dialect, Reader, at, count, names_at, text};
use crate::asking::{AskedMessage, Asking, Choice, Said, SamplingWords};
use crate::assembler::{Assembler, Finish, Fragment};
use crate::part::Arguing;
use crate::row::Quirks;
use crate::trouble::Trouble;
use callwright_parse::error::FailureKind;

#[derive(Debug)]
pub(super) struct Cohere;

impl Dialect for Cohere {
    fn path(&self, _model: &str) -> String {
        "/chat".to_owned()
    }

    /// Models are listed by version 1 only.
    fn models_path(&self) -> &'static str {
        "/../v1/models"
    }

    fn write(&self, asking: &mut Asking<'_>) -> Value {
        let mut body = Map::new();
        body.insert("model".to_owned(), json!(asking.model));
        body.insert("messages".to_owned(), messages(&asking.turns));
        body.insert("stream".to_owned(), json!(true));
        body.insert("max_tokens".to_owned(), json!(asking.max_tokens));
        if !asking.tools.is_empty() {
            body.insert("tools".to_owned(), asking.tools.iter().map(|offered| tool(offered, false)).collect());
            body.insert("strict_tools".to_owned(), json!(false));
        }
        match asking.choice {
            // A name cannot be said: `asking` has left only that tool on offer.
            Choice::Required | Choice::Named(_) => drop(body.insert("tool_choice".to_owned(), json!("REQUIRED"))),
            Choice::None if !asking.tools.is_empty() => drop(body.insert("tool_choice".to_owned(), json!("NONE"))),
            Choice::None | Choice::Auto => {}
        }
        if !asking.stop.is_empty() {
            body.insert("stop_sequences".to_owned(), json!(asking.stop));
        }
        let words = SamplingWords { top_p: Some("p"), top_k: Some("k"), min_p: None, seed: Some("seed") };
        asking.sample(&mut body, &words);
        Value::Object(body)
    }

    fn reader(&self, _quirks: &Quirks) -> Box<dyn Reader> {
        Box::new(CohereStream)
    }

    fn model_names(&self, body: &Value) -> Vec<String> {
        names_at(body, "models", "name")
    }
}

fn messages(turns: &[AskedMessage<'_>]) -> Value {
    let mut messages = Vec::new();
    for turn in turns {
        match turn {
            AskedMessage::System(text) => messages.push(json!({"role": "system", "content": text})),
            AskedMessage::User(shown) => messages.push(json!({"role": "user", "content": user_content(shown)})),
            AskedMessage::Model(said) => messages.push(said_message(said)),
            AskedMessage::Results(answers) => messages.extend(
                answers.iter().map(|answer| json!({"role": "tool", "tool_call_id": answer.id, "content": answer.text})),
            ),
        }
    }
    Value::Array(messages)
}

fn said_message(said: &Said<'_>) -> Value {
    if said.calls.is_empty() {
        return json!({"role": "assistant", "content": said.text});
    }
    let mut message = json!({"role": "assistant", "tool_calls": calls(said)});
    if !said.text.is_empty() {
        message["content"] = json!(said.text);
    }
    if let Some(plan) = said.thoughts() {
        message["tool_plan"] = json!(plan);
    }
    message
}

struct CohereStream;

impl Reader for CohereStream {
    fn read(&mut self, frame: &Value, to: &mut Assembler) -> Result<(), Trouble> {
        let message = &frame["delta"]["message"];
        let call = at(message, &["tool_calls"]);
        match text(frame, &["type"]).unwrap_or_default() {
            "message-start" => to.request_id(text(frame, &["id"]).unwrap_or_default()),
            "content-start" | "content-delta" => {
                to.reasoning(text(message, &["content", "thinking"]).unwrap_or_default())?;
                to.text(text(message, &["content", "text"]).unwrap_or_default())?;
            }
            "tool-plan-delta" => to.reasoning(text(message, &["tool_plan"]).unwrap_or_default())?,
            "tool-call-start" | "tool-call-delta" => {
                let call = call.ok_or_else(|| Trouble::malformed("a call has no content"))?;
                to.call(Fragment {
                    slot: count(frame, &["index"]),
                    id: text(call, &["id"]),
                    name: text(call, &["function", "name"]),
                    arguments: Arguing::of(at(call, &["function", "arguments"])),
                })?;
            }
            "message-end" => {
                usage(&frame["delta"], to);
                let word = text(frame, &["delta", "finish_reason"]).unwrap_or_default();
                to.finish(finish(word), word);
                to.done();
            }
            _ => {}
        }
        Ok(())
    }

    fn end(&mut self, to: &mut Assembler) {
        to.carry_thoughts();
    }
}

fn finish(word: &str) -> Finish {
    match word {
        "COMPLETE" | "STOP_SEQUENCE" => Finish::Stop,
        "TOOL_CALL" => Finish::Calls,
        "MAX_TOKENS" => Finish::Length,
        "ERROR" | "TIMEOUT" => Finish::Failed(FailureKind::Overloaded),
        "ERROR_TOXIC" => Finish::Failed(FailureKind::ContentFilter),
        "ERROR_LIMIT" => Finish::Failed(FailureKind::ContextOverflow),
        _ => Finish::Unknown,
    }
}

fn usage(delta: &Value, to: &mut Assembler) {
    let of = |key: &str| count(delta, &["usage", "tokens", key]).or(count(delta, &["usage", "billed_units", key]));
    if let (Some(input), Some(output)) = (of("input_tokens"), of("output_tokens")) {
        to.tokens(|tokens| {
            tokens.input = input;
            tokens.output = output;
            tokens.cache_read = count(delta, &["usage", "cached_tokens"]).unwrap_or(0);
        });
    }
}
