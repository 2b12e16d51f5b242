//! OpenAI's Responses: `POST /v1/responses`, and the answers that later requests refer to.
//!
//! Reference: OpenAI's API reference, "Responses" and "Streaming events". A response that went out is kept for a while,
//! unless the request says `store: false`, so that `previous_response_id` can go on from it.

mod names;
mod read;
mod store;
mod write;

use std::sync::Arc;

use axum::Router;
use axum::extract::{Path, State};
use axum::response::Response;
use axum::routing::{get, post};
use callwright::chat::Message;
use serde_json::{Map, Value, json};

use super::{Answer, Asked, Frames, Framing, Part, Refusal, Surface, Turn, Why, openai};
use crate::http::{self, of_json, refused};
use crate::server::Server;

use names::Names;
pub(crate) use store::Store;
use write::Item;

/// The addresses.
pub(crate) fn routes() -> Router<Arc<Server>> {
    Router::new()
        .route("/v1/responses", post(http::answer::<Responses>))
        .route("/v1/responses/{id}", get(kept).delete(forget))
}

async fn kept(State(server): State<Arc<Server>>, Path(id): Path<String>) -> Response {
    match server.responses.get(&id) {
        Some(kept) => of_json(&kept.response),
        None => refused::<Responses>(&server, &unknown(&id)),
    }
}

async fn forget(State(server): State<Arc<Server>>, Path(id): Path<String>) -> Response {
    if server.responses.forget(&id) {
        return of_json(&json!({"id": id, "object": "response", "deleted": true}));
    }
    refused::<Responses>(&server, &unknown(&id))
}

fn unknown(id: &str) -> Refusal {
    let message = format!("the response `{id}` is not kept here (any more); send the whole conversation as `input`");
    Refusal::new(Why::NoResponse, message)
}

/// Writes one answer.
#[derive(Debug)]
pub(crate) struct Responses {
    /// What the request said and the response repeats.
    echo: Map<String, Value>,
    names: Names,
    /// The conversation, where the response is to be kept.
    messages: Option<Vec<Message>>,
    /// Events so far.
    sequence: usize,
    /// Items that are done.
    items: Vec<Value>,
    open: Option<Item>,
}

impl Responses {
    fn event(&mut self, out: &mut Frames, name: &str, mut data: Value) {
        data["type"] = name.into();
        data["sequence_number"] = self.sequence.into();
        self.sequence += 1;
        out.event(name, &data);
    }

    /// An event of the open item.
    fn of_item(&mut self, out: &mut Frames, name: &str, mut data: Value) {
        data["output_index"] = self.items.len().into();
        data["item_id"] = self.open.as_ref().map_or("", Item::named).into();
        self.event(out, name, data);
    }

    /// The response as it is so far.
    fn response(&self, turn: &Turn, status: &str) -> Value {
        let mut response = json!({
            "id": format!("resp_{}", turn.id), "object": "response", "created_at": turn.created, "status": status,
            "model": turn.model, "output": self.items, "error": null, "incomplete_details": null, "usage": null,
            "background": false, "service_tier": "default",
        });
        for (name, value) in &self.echo {
            response[name] = value.clone();
        }
        response
    }

    /// The response once it is over. A call that was cut off is no item of it.
    fn over(&mut self, turn: &Turn, answer: &Answer) -> Value {
        let status = write::status(answer.finish);
        let blocks = answer.blocks.iter().enumerate();
        let item = |(index, block)| write::item(block, &format!("{}_{index}", turn.id), &self.names);
        self.items = blocks.filter_map(item).collect();
        let mut response = self.response(turn, status);
        if status == "incomplete" {
            response["incomplete_details"] = json!({"reason": "max_output_tokens"});
        }
        response["usage"] = write::usage(answer);
        response
    }
}

impl Surface for Responses {
    const FRAMING: Framing = Framing::Events;

    fn read(body: Value, server: &Server) -> Result<(Asked, Self), Refusal> {
        let read::Read { asked, echo, names, keep } = read::read(body, &server.responses)?;
        let messages = keep.then(|| asked.request.messages.clone());
        Ok((asked, Self { echo, names, messages, sequence: 0, items: Vec::new(), open: None }))
    }

    fn begin(&mut self, turn: &Turn, out: &mut Frames) {
        let response = self.response(turn, "in_progress");
        self.event(out, "response.created", json!({"response": response.clone()}));
        self.event(out, "response.in_progress", json!({"response": response}));
    }

    fn part(&mut self, turn: &Turn, part: &Part, out: &mut Frames) {
        match part {
            Part::Reasoning(text) => {
                self.say(turn, Item::is_reasoning, Item::reasoning, out);
                self.of_item(out, "response.reasoning_text.delta", json!({"content_index": 0, "delta": text}));
                self.grow(text);
            }
            Part::Text(text) => {
                self.say(turn, Item::is_text, Item::text, out);
                let delta = json!({"content_index": 0, "delta": text, "logprobs": []});
                self.of_item(out, "response.output_text.delta", delta);
                self.grow(text);
            }
            Part::Call { id, name, .. } => {
                self.close(out);
                let item = Item::call(id, self.names.said(name));
                self.add(item, out);
            }
            Part::Arguments { delta, .. } => {
                if let Some(name) = self.open.as_ref().and_then(Item::delta) {
                    self.of_item(out, name, json!({"delta": delta}));
                }
                self.grow(delta);
            }
            Part::CallEnd { whole, .. } => {
                if let Some(item) = &mut self.open {
                    item.whole = *whole;
                }
                self.close(out);
            }
        }
    }

    fn alive(&mut self, turn: &Turn, out: &mut Frames) {
        let response = self.response(turn, "in_progress");
        self.event(out, "response.in_progress", json!({"response": response}));
    }

    fn end(&mut self, turn: &Turn, answer: &Answer, out: &mut Frames) {
        self.close(out);
        let response = self.over(turn, answer);
        let name = format!("response.{}", write::status(answer.finish));
        self.event(out, &name, json!({"response": response}));
    }

    fn failed(&mut self, turn: &Turn, refusal: &Refusal, out: &mut Frames) {
        self.close(out);
        let mut response = self.response(turn, "failed");
        let error = &Self::refused(refusal)["error"];
        let code = error["code"].as_str().or(error["type"].as_str()).unwrap_or("server_error");
        response["error"] = json!({"code": code, "message": refusal.message});
        self.event(out, "response.failed", json!({"response": response}));
    }

    fn whole(&mut self, turn: &Turn, answer: &Answer) -> Value {
        self.over(turn, answer)
    }

    fn refused(refusal: &Refusal) -> Value {
        openai::refused(refusal)
    }

    fn keep(&mut self, turn: &Turn, answer: &Answer, server: &Server) {
        let Some(mut messages) = self.messages.take() else { return };
        messages.push(write::message(answer));
        let response = self.over(turn, answer);
        server.responses.keep(format!("resp_{}", turn.id), messages, response);
    }
}

impl Responses {
    /// Sees that an item of this kind is open.
    fn say(&mut self, turn: &Turn, is: fn(&Item) -> bool, item: fn(&str) -> Item, out: &mut Frames) {
        if self.open.as_ref().is_some_and(is) {
            return;
        }
        self.close(out);
        self.add(item(&format!("{}_{}", turn.id, self.items.len())), out);
        if let Some(part) = self.open.as_ref().and_then(Item::part) {
            self.of_item(out, "response.content_part.added", json!({"content_index": 0, "part": part}));
        }
    }

    fn add(&mut self, item: Item, out: &mut Frames) {
        let added = json!({"output_index": self.items.len(), "item": item.value("in_progress")});
        self.open = Some(item);
        self.event(out, "response.output_item.added", added);
    }

    fn grow(&mut self, text: &str) {
        if let Some(item) = &mut self.open {
            item.text.push_str(text);
        }
    }

    /// Ends the open item.
    fn close(&mut self, out: &mut Frames) {
        let Some(item) = &self.open else { return };
        let part = item.part();
        let done = item.value(if item.whole { "completed" } else { "incomplete" });
        for (name, data) in item.endings() {
            self.of_item(out, name, data);
        }
        if let Some(part) = part {
            self.of_item(out, "response.content_part.done", json!({"content_index": 0, "part": part}));
        }
        let index = self.items.len();
        self.event(out, "response.output_item.done", json!({"output_index": index, "item": done}));
        self.items.push(done);
        self.open = None;
    }
}
