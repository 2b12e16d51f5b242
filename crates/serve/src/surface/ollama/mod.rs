//! Ollama's API: `POST /api/chat` and `/api/generate`, and what clients ask before them.
//!
//! Reference: Ollama's API documentation. Streams are JSON lines and the default; a sign of life is an empty message.
//! Calls go out whole, as clients expect their arguments as an object.

mod listed;
mod read;

use std::marker::PhantomData;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::routing::{get, post};
use serde_json::{Value, json};

use super::{Answer, Asked, Block, Finish, Frames, Framing, Part, Refusal, Surface, Turn, Why};
use crate::http;
use crate::server::Server;

/// The addresses.
pub(crate) fn routes() -> Router<Arc<Server>> {
    Router::new()
        .route("/api/chat", post(http::answer::<Ollama<Chat>>))
        .route("/api/generate", post(http::answer::<Ollama<Generate>>))
        .route("/api/tags", get(listed::tags))
        .route("/api/ps", get(listed::ps))
        .route("/api/show", post(listed::show))
        .route("/api/pull", post(listed::pull))
        .route("/api/version", get(listed::version))
        .route("/api/v0/models", get(listed::lm_studio))
}

/// Writes one answer, of one of the two addresses.
#[derive(Debug)]
pub(crate) struct Ollama<A> {
    _address: PhantomData<A>,
    /// The call that is open: its name and arguments so far.
    call: Option<(String, String, String)>,
    calls: usize,
}

/// What the two addresses do not have in common.
pub(crate) trait Address: Send + Unpin + 'static {
    /// What a body asks.
    fn asked(body: Value) -> Result<Asked, Refusal>;

    /// A line with this much of an answer.
    fn said(text: &str, thinking: &str, calls: &[Value]) -> Value;
}

/// `/api/chat`.
#[derive(Debug)]
pub(crate) struct Chat;

/// `/api/generate`.
#[derive(Debug)]
pub(crate) struct Generate;

impl Address for Chat {
    fn asked(body: Value) -> Result<Asked, Refusal> {
        read::chat(body)
    }

    fn said(text: &str, thinking: &str, calls: &[Value]) -> Value {
        let mut message = json!({"role": "assistant", "content": text});
        if !thinking.is_empty() {
            message["thinking"] = thinking.into();
        }
        if !calls.is_empty() {
            message["tool_calls"] = calls.into();
        }
        json!({"message": message})
    }
}

impl Address for Generate {
    fn asked(body: Value) -> Result<Asked, Refusal> {
        read::generate(body)
    }

    fn said(text: &str, thinking: &str, _calls: &[Value]) -> Value {
        let mut said = json!({"response": text});
        if !thinking.is_empty() {
            said["thinking"] = thinking.into();
        }
        said
    }
}

impl<A: Address> Surface for Ollama<A> {
    const FRAMING: Framing = Framing::Lines;

    fn read(body: Value, _server: &Server) -> Result<(Asked, Self), Refusal> {
        Ok((A::asked(body)?, Self { _address: PhantomData, call: None, calls: 0 }))
    }

    fn begin(&mut self, _turn: &Turn, _out: &mut Frames) {}

    fn part(&mut self, turn: &Turn, part: &Part, out: &mut Frames) {
        let said = match part {
            Part::Reasoning(text) => A::said("", text, &[]),
            Part::Text(text) => A::said(text, "", &[]),
            Part::Call { id, name, .. } => {
                self.call = Some((id.clone(), name.clone(), String::new()));
                return;
            }
            Part::Arguments { delta, .. } => {
                if let Some((_, _, arguments)) = &mut self.call {
                    arguments.push_str(delta);
                }
                return;
            }
            Part::CallEnd { whole, .. } => {
                let Some(call) = self.call.take().filter(|_| *whole) else { return };
                let Some(call) = written(self.calls, &call.0, &call.1, &call.2) else { return };
                self.calls += 1;
                A::said("", "", &[call])
            }
        };
        out.line(&line(turn, said, false));
    }

    fn alive(&mut self, turn: &Turn, out: &mut Frames) {
        out.line(&line(turn, A::said("", "", &[]), false));
    }

    fn end(&mut self, turn: &Turn, answer: &Answer, out: &mut Frames) {
        out.line(&ended(line(turn, A::said("", "", &[]), true), answer));
    }

    fn failed(&mut self, _turn: &Turn, refusal: &Refusal, out: &mut Frames) {
        out.line(&Self::refused(refusal));
    }

    fn whole(&mut self, turn: &Turn, answer: &Answer) -> Value {
        let calls = answer.blocks.iter().filter_map(|block| match block {
            Block::Call { id, name, arguments, whole: true } => Some((id, name, arguments)),
            _ => None,
        });
        let calls: Vec<Value> =
            calls.enumerate().filter_map(|(index, (id, name, text))| written(index, id, name, text)).collect();
        ended(line(turn, A::said(&answer.text(), &answer.reasoning(), &calls), true), answer)
    }

    fn refused(refusal: &Refusal) -> Value {
        let message = match refusal.why {
            Why::NoModel => format!(
                "model not found: {}; `callwright pull NAME` fetches a model, and `callwright serve NAME` serves it",
                refusal.message
            ),
            _ => refusal.message.clone(),
        };
        json!({"error": message})
    }
}

fn written(index: usize, id: &str, name: &str, arguments: &str) -> Option<Value> {
    let arguments: Value = serde_json::from_str(arguments).ok()?;
    Some(json!({"id": format!("call_{id}"), "function": {"index": index, "name": name, "arguments": arguments}}))
}

fn line(turn: &Turn, mut said: Value, done: bool) -> Value {
    said["model"] = turn.model.as_str().into();
    said["created_at"] = stamp(turn.created).into();
    said["done"] = done.into();
    said
}

fn ended(mut line: Value, answer: &Answer) -> Value {
    let nanoseconds = |ms: f64| json!(Duration::try_from_secs_f64(ms / 1000.0).unwrap_or_default().as_nanos());
    let (usage, timings) = (answer.usage, answer.timings);
    line["done_reason"] = if answer.finish == Finish::Length { "length" } else { "stop" }.into();
    line["total_duration"] = nanoseconds(timings.total_ms);
    line["load_duration"] = nanoseconds(timings.load_ms);
    line["prompt_eval_count"] = usage.prompt_tokens.into();
    line["prompt_eval_duration"] = nanoseconds(timings.prefill_ms);
    line["eval_count"] = usage.completion_tokens.into();
    line["eval_duration"] = nanoseconds(timings.decode_ms);
    line
}

/// A time as RFC 3339 has it.
fn stamp(seconds: u64) -> String {
    let seconds = i64::try_from(seconds).unwrap_or(0);
    jiff::Timestamp::from_second(seconds).unwrap_or(jiff::Timestamp::UNIX_EPOCH).to_string()
}
