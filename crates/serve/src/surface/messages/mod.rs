//! Anthropic's Messages: `POST /v1/messages` and `/v1/messages/count_tokens`.
//!
//! Reference: Anthropic's API reference, "Messages" and "Streaming messages". Blocks of a stream follow one another; a
//! thinking block ends with an empty signature, since there is nothing to sign here.

mod read;

use std::sync::Arc;

use axum::Router;
use axum::body::Body;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;
use axum::routing::{head, post};
use serde_json::{Value, json};

use super::{Answer, Asked, Block, Finish, Frames, Framing, Part, Refusal, Surface, Turn, Why};
use crate::http::{self, of_json, refused};
use crate::server::Server;

/// The addresses.
pub(crate) fn routes() -> Router<Arc<Server>> {
    Router::new()
        .route("/v1/messages", post(http::answer::<Messages>))
        .route("/v1/messages/count_tokens", post(count))
        // What Claude Code asks before its first request.
        .route("/", head(StatusCode::OK))
        .route("/api/hello", head(StatusCode::OK))
}

/// How many tokens a request's prompt has, counted by the model's own vocabulary.
async fn count(State(server): State<Arc<Server>>, body: Body) -> Response {
    let counted = async {
        let (asked, _) = Messages::read(http::json(&server, body).await?, &server)?;
        let model = server.named(&asked.model)?;
        model.count(&asked.request).map_err(|error| Refusal::of(&error))
    };
    match counted.await {
        Ok(tokens) => of_json(&json!({"input_tokens": tokens})),
        Err(refusal) => refused::<Messages>(&server, &refusal),
    }
}

/// Writes one answer.
#[derive(Debug, Default)]
pub(crate) struct Messages {
    /// The index of the next block.
    next: usize,
    open: Option<Kind>,
}

/// What kind of block is open.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Thinking,
    Text,
    Call,
}

impl Messages {
    /// Sees that a block of this kind is open.
    fn open(&mut self, kind: Kind, block: impl FnOnce() -> Value, out: &mut Frames) {
        if self.open == Some(kind) {
            return;
        }
        self.close(out);
        event(out, "content_block_start", json!({"index": self.next, "content_block": block()}));
        self.open = Some(kind);
    }

    fn delta(&self, delta: &Value, out: &mut Frames) {
        event(out, "content_block_delta", json!({"index": self.next, "delta": delta}));
    }

    fn close(&mut self, out: &mut Frames) {
        if self.open == Some(Kind::Thinking) {
            self.delta(&json!({"type": "signature_delta", "signature": ""}), out);
        }
        if self.open.take().is_some() {
            event(out, "content_block_stop", json!({"index": self.next}));
            self.next += 1;
        }
    }
}

impl Surface for Messages {
    const FRAMING: Framing = Framing::Events;

    fn read(body: Value, _server: &Server) -> Result<(Asked, Self), Refusal> {
        Ok((read::asked(body)?, Self::default()))
    }

    fn begin(&mut self, turn: &Turn, out: &mut Frames) {
        let message = envelope(turn, &[], None, &json!({"input_tokens": 0, "output_tokens": 0}));
        event(out, "message_start", json!({"message": message}));
        event(out, "ping", json!({}));
    }

    fn part(&mut self, _turn: &Turn, part: &Part, out: &mut Frames) {
        match part {
            Part::Reasoning(text) => {
                self.open(Kind::Thinking, || json!({"type": "thinking", "thinking": "", "signature": ""}), out);
                self.delta(&json!({"type": "thinking_delta", "thinking": text}), out);
            }
            Part::Text(text) => {
                self.open(Kind::Text, || json!({"type": "text", "text": ""}), out);
                self.delta(&json!({"type": "text_delta", "text": text}), out);
            }
            Part::Call { id, name, .. } => {
                self.close(out);
                self.open(
                    Kind::Call,
                    || json!({"type": "tool_use", "id": call_id(id), "name": name, "input": {}}),
                    out,
                );
            }
            Part::Arguments { delta, .. } => {
                self.delta(&json!({"type": "input_json_delta", "partial_json": delta}), out);
            }
            Part::CallEnd { .. } => self.close(out),
        }
    }

    fn alive(&mut self, _turn: &Turn, out: &mut Frames) {
        event(out, "ping", json!({}));
    }

    fn end(&mut self, _turn: &Turn, answer: &Answer, out: &mut Frames) {
        self.close(out);
        let delta = json!({"stop_reason": stop(answer.finish), "stop_sequence": null});
        event(out, "message_delta", json!({"delta": delta, "usage": usage(answer)}));
        event(out, "message_stop", json!({}));
    }

    fn failed(&mut self, _turn: &Turn, refusal: &Refusal, out: &mut Frames) {
        self.close(out);
        out.event("error", &Self::refused(refusal));
    }

    fn whole(&mut self, turn: &Turn, answer: &Answer) -> Value {
        let blocks: Vec<Value> = answer.blocks.iter().filter_map(block).collect();
        envelope(turn, &blocks, Some(stop(answer.finish)), &usage(answer))
    }

    fn refused(refusal: &Refusal) -> Value {
        let kind = match refusal.why {
            Why::Invalid | Why::NoResponse | Why::Overflow { .. } | Why::Method => "invalid_request_error",
            Why::Unauthorized => "authentication_error",
            Why::Forbidden => "permission_error",
            Why::NotFound | Why::NoModel => "not_found_error",
            Why::TooLarge => "request_too_large",
            Why::Busy => "rate_limit_error",
            Why::Unavailable => "overloaded_error",
            Why::Internal => "api_error",
        };
        // Claude Code reads the numbers, and shortens the conversation by them.
        let message = match refusal.why {
            Why::Overflow { prompt, window } => format!("prompt is too long: {prompt} tokens > {window} maximum"),
            _ => refusal.message.clone(),
        };
        json!({"type": "error", "error": {"type": kind, "message": message}})
    }
}

fn event(out: &mut Frames, name: &str, mut data: Value) {
    data["type"] = name.into();
    out.event(name, &data);
}

fn call_id(id: &str) -> String {
    format!("toolu_{id}")
}

fn envelope(turn: &Turn, content: &[Value], stop_reason: Option<&str>, usage: &Value) -> Value {
    json!({
        "id": format!("msg_{}", turn.id), "type": "message", "role": "assistant", "model": turn.model, "content": content,
        "stop_reason": stop_reason, "stop_sequence": null, "usage": usage,
    })
}

/// A block of a whole answer. A call that was cut off is none: its input would have to be invented.
fn block(block: &Block) -> Option<Value> {
    Some(match block {
        Block::Reasoning(text) => json!({"type": "thinking", "thinking": text, "signature": ""}),
        Block::Text(text) => json!({"type": "text", "text": text}),
        Block::Call { whole: false, .. } => return None,
        Block::Call { id, name, arguments, whole: true } => {
            let input: Value = serde_json::from_str(arguments).ok()?;
            json!({"type": "tool_use", "id": call_id(id), "name": name, "input": input})
        }
    })
}

fn stop(finish: Finish) -> &'static str {
    match finish {
        Finish::Stop => "end_turn",
        Finish::Calls => "tool_use",
        Finish::Length => "max_tokens",
    }
}

/// Tokens that were not read again count apart from those that were.
fn usage(answer: &Answer) -> Value {
    let usage = &answer.usage;
    json!({
        "input_tokens": usage.prompt_tokens.saturating_sub(usage.cached_tokens),
        "cache_read_input_tokens": usage.cached_tokens, "cache_creation_input_tokens": 0,
        "output_tokens": usage.completion_tokens,
    })
}
