//! OpenAI's Responses: `POST /responses`.
//!
//! ```text
//! response.created
//! response.output_item.added             {"output_index":0,"item":{"type":"function_call","call_id":..,"name":..}}
//! response.function_call_arguments.delta {"output_index":0,"delta":"{\"a\""}
//! response.output_item.done              {"output_index":0,"item":{..,"arguments":"{\"a\":1}"}}   what counts
//! response.completed | incomplete | failed
//! ```
//! Nothing is stored at the provider, so its encrypted reasoning comes to us and goes back with the turn it belongs to.
//! A call is named by its `call_id`, never by the `id` of its item.

use std::collections::BTreeMap;

use serde_json::{Map, Value, json};

use super::{Dialect, Reader, at, count, items, text};
use crate::Ability;
use crate::asking::{AskedMessage, Asking, Choice, Said, SamplingWords, Shown, content};
use crate::assembler::{Assembler, Finish, Fragment};
use crate::part::Arguing;
use crate::row::Quirks;
use crate::trouble::Trouble;
use callwright_parse::error::FailureKind;

#[derive(Debug)]
pub(super) struct OpenAiResponses;

impl Dialect for OpenAiResponses {
    fn path(&self, _model: &str) -> String {
        "/responses".to_owned()
    }

    fn write(&self, asking: &mut Asking<'_>) -> Value {
        let mut body = Map::new();
        body.insert("model".to_owned(), json!(asking.model));
        body.insert("input".to_owned(), input(asking));
        body.insert("stream".to_owned(), json!(true));
        body.insert("store".to_owned(), json!(false));
        body.insert("max_output_tokens".to_owned(), json!(asking.max_tokens));
        if asking.facts.can(Ability::Reasoning) {
            body.insert("include".to_owned(), json!(["reasoning.encrypted_content"]));
        }
        if !asking.tools.is_empty() {
            // Left out, `strict` would be true, and schemas that it does not take would be refused.
            let tool = |tool: &crate::asking::Offered<'_>| {
                json!({"type": "function", "name": tool.name, "description": tool.description,
                       "parameters": tool.parameters, "strict": false})
            };
            body.insert("tools".to_owned(), asking.tools.iter().map(tool).collect());
            body.insert("tool_choice".to_owned(), choice(&asking.choice));
            body.insert("parallel_tool_calls".to_owned(), json!(asking.parallel));
        }
        if !asking.stop.is_empty() {
            asking.warn("this endpoint does not support stop texts: they were left out");
        }
        asking.sample(&mut body, &SamplingWords { top_p: Some("top_p"), ..SamplingWords::default() });
        Value::Object(body)
    }

    fn reader(&self, _quirks: &Quirks) -> Box<dyn Reader> {
        Box::new(ResponsesStream::default())
    }
}

fn choice(choice: &Choice) -> Value {
    match choice {
        Choice::Auto => json!("auto"),
        Choice::None => json!("none"),
        Choice::Required => json!("required"),
        Choice::Named(name) => json!({"type": "function", "name": name}),
    }
}

fn input(asking: &Asking<'_>) -> Value {
    let mut input = Vec::new();
    for turn in &asking.turns {
        match turn {
            AskedMessage::System(text) => input.push(json!({"role": "system", "content": text})),
            AskedMessage::User(shown) => input.push(json!({"role": "user", "content": user_content(shown)})),
            AskedMessage::Model(said) => said_items(said, &mut input),
            AskedMessage::Results(answers) => input.extend(
                answers
                    .iter()
                    .map(|answer| json!({"type": "function_call_output", "call_id": answer.id, "output": answer.text})),
            ),
        }
    }
    Value::Array(input)
}

fn said_items(said: &Said<'_>, input: &mut Vec<Value>) {
    for carried in said.calls.iter().filter_map(|call| call.carried.as_ref()) {
        input.extend(carried.as_array().into_iter().flatten().cloned());
    }
    if !said.text.is_empty() {
        input.push(json!({"role": "assistant", "content": said.text}));
    }
    for call in &said.calls {
        let arguments = serde_json::to_string(&call.digits.exact(call.arguments)).unwrap_or_default();
        input.push(json!({"type": "function_call", "call_id": call.id, "name": call.name, "arguments": arguments}));
    }
}

fn user_content(shown: &[Shown<'_>]) -> Value {
    content(
        shown,
        |text| json!({"type": "input_text", "text": text}),
        |image| json!({"type": "input_image", "image_url": image.url()}),
    )
}

#[derive(Default)]
struct ResponsesStream {
    /// Calls by the number of their item.
    calls: BTreeMap<u64, usize>,
    /// Bytes of text that came as deltas, by the number of their item.
    text: BTreeMap<u64, usize>,
}

impl Reader for ResponsesStream {
    fn read(&mut self, frame: &Value, to: &mut Assembler) -> Result<(), Trouble> {
        let number = count(frame, &["output_index"]).unwrap_or(0);
        let delta = text(frame, &["delta"]).unwrap_or_default();
        match text(frame, &["type"]).unwrap_or_default() {
            "response.created" => {
                to.model(text(frame, &["response", "model"]).unwrap_or_default());
                to.request_id(text(frame, &["response", "id"]).unwrap_or_default());
            }
            "response.output_text.delta" | "response.refusal.delta" => {
                *self.text.entry(number).or_default() += delta.len();
                to.text(delta)?;
            }
            "response.reasoning_summary_text.delta" | "response.reasoning_text.delta" => to.reasoning(delta)?,
            "response.output_item.added" => self.item(number, &frame["item"], false, to)?,
            "response.function_call_arguments.delta" => {
                if !self.calls.contains_key(&number) {
                    return Err(Trouble::malformed("arguments arrived before their call"));
                }
                to.call(Fragment { slot: Some(number), arguments: Arguing::Text(delta), ..Fragment::default() })?;
            }
            "response.output_item.done" => self.item(number, &frame["item"], true, to)?,
            "response.completed" => self.completed(&frame["response"], to)?,
            "response.incomplete" => {
                usage(&frame["response"], to);
                let reason = text(frame, &["response", "incomplete_details", "reason"]).unwrap_or("incomplete");
                let finish = match reason {
                    "max_output_tokens" => Finish::Length,
                    "content_filter" => Finish::Failed(FailureKind::ContentFilter),
                    _ => Finish::Failed(FailureKind::Truncated),
                };
                to.finish(finish, reason);
                to.done();
            }
            "response.failed" => {
                let told = Trouble::in_frame(Some("error"), &frame["response"]);
                return Err(told.unwrap_or_else(|| Trouble::new(FailureKind::Overloaded, "the response failed")));
            }
            _ => {}
        }
        Ok(())
    }
}

impl ResponsesStream {
    fn item(&mut self, number: u64, item: &Value, whole: bool, to: &mut Assembler) -> Result<(), Trouble> {
        match text(item, &["type"]).unwrap_or_default() {
            "function_call" => {
                let id = text(item, &["call_id"]);
                let arguments = text(item, &["arguments"]).unwrap_or_default();
                let at = match self.calls.get(&number) {
                    Some(at) => *at,
                    None => to.call(Fragment {
                        slot: Some(number),
                        id,
                        name: text(item, &["name"]),
                        arguments: Arguing::Nothing,
                    })?,
                };
                self.calls.insert(number, at);
                if whole {
                    to.settle_arguments(at, arguments)?;
                }
            }
            "message" if whole => {
                let parts = items(item, &["content"]).iter();
                let all: String = parts.filter_map(|part| text(part, &["text"]).or(text(part, &["refusal"]))).collect();
                // What came as deltas is not told again.
                let told = self.text.insert(number, all.len()).unwrap_or(0);
                to.text(all.get(told..).unwrap_or_default())?;
            }
            "reasoning" if whole => to.carry(item.clone()),
            _ => {}
        }
        Ok(())
    }

    fn completed(&mut self, response: &Value, to: &mut Assembler) -> Result<(), Trouble> {
        usage(response, to);
        // The last word has all calls: what was not streamed is taken from here.
        for (number, item) in items(response, &["output"]).iter().enumerate() {
            let is_known = text(item, &["call_id"]).is_none_or(|id| to.has_call(id));
            if !is_known {
                self.item(number as u64, item, true, to)?;
            }
        }
        let status = text(response, &["status"]).unwrap_or("completed");
        to.finish(if to.calls() > 0 { Finish::Calls } else { Finish::Stop }, status);
        to.done();
        Ok(())
    }
}

fn usage(response: &Value, to: &mut Assembler) {
    let Some(usage) = at(response, &["usage"]) else { return };
    if let (Some(input), Some(output)) = (count(usage, &["input_tokens"]), count(usage, &["output_tokens"])) {
        to.tokens(|tokens| {
            tokens.input = input;
            tokens.output = output;
            tokens.cache_read = count(usage, &["input_tokens_details", "cached_tokens"]).unwrap_or(0);
            tokens.reasoning = count(usage, &["output_tokens_details", "reasoning_tokens"]).unwrap_or(0);
        });
    }
}
