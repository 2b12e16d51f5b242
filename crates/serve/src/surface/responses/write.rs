//! Items of a response, as they begin, grow and end.

use callwright::chat::{Message, Role};
use serde_json::{Value, json};

use super::names::{INPUT, Names, Said};
use crate::surface::{Answer, Block, Finish, content};

/// An item that is being written.
#[derive(Debug)]
pub(super) struct Item {
    kind: Kind,
    /// Random, without the prefix of its kind.
    id: String,
    /// Its text, or its arguments as JSON.
    pub(super) text: String,
    /// Whether it ended well.
    pub(super) whole: bool,
    /// The id with its prefix.
    named: String,
}

#[derive(Debug)]
enum Kind {
    Reasoning,
    Text,
    Call(Said),
}

impl Item {
    fn new(kind: Kind, prefix: &str, id: &str) -> Self {
        Self { kind, id: id.to_owned(), text: String::new(), whole: true, named: format!("{prefix}_{id}") }
    }

    pub(super) fn reasoning(id: &str) -> Self {
        Self::new(Kind::Reasoning, "rs", id)
    }

    pub(super) fn text(id: &str) -> Self {
        Self::new(Kind::Text, "msg", id)
    }

    pub(super) fn call(id: &str, said: Said) -> Self {
        let prefix = if said.custom { "ctc" } else { "fc" };
        Self::new(Kind::Call(said), prefix, id)
    }

    pub(super) fn named(&self) -> &str {
        &self.named
    }

    pub(super) fn is_reasoning(&self) -> bool {
        matches!(self.kind, Kind::Reasoning)
    }

    pub(super) fn is_text(&self) -> bool {
        matches!(self.kind, Kind::Text)
    }

    /// The event that its arguments go on by, where they go out as they come.
    pub(super) fn delta(&self) -> Option<&'static str> {
        match &self.kind {
            Kind::Call(said) if !said.custom => Some("response.function_call_arguments.delta"),
            _ => None,
        }
    }

    /// Its one content part, where it has any.
    pub(super) fn part(&self) -> Option<Value> {
        match self.kind {
            Kind::Text => Some(output_text(&self.text)),
            Kind::Reasoning => Some(json!({"type": "reasoning_text", "text": self.text})),
            Kind::Call(_) => None,
        }
    }

    /// As it stands in a response.
    pub(super) fn value(&self, status: &str) -> Value {
        match &self.kind {
            Kind::Reasoning => {
                json!({"type": "reasoning", "id": self.named, "summary": [], "content": self.content(), "status": status})
            }
            Kind::Text => {
                json!({"type": "message", "id": self.named, "role": "assistant", "content": self.content(), "status": status})
            }
            Kind::Call(said) if said.custom => json!({
                "type": "custom_tool_call", "id": self.named, "call_id": format!("call_{}", self.id), "name": said.name,
                "input": input(&self.text), "status": status,
            }),
            Kind::Call(said) => {
                let mut call = json!({
                    "type": "function_call", "id": self.named, "call_id": format!("call_{}", self.id), "name": said.name,
                    "arguments": self.text, "status": status,
                });
                if let Some(namespace) = &said.namespace {
                    call["namespace"] = namespace.as_str().into();
                }
                call
            }
        }
    }

    fn content(&self) -> Vec<Value> {
        if self.text.is_empty() { Vec::new() } else { self.part().into_iter().collect() }
    }

    /// The events that end it, before its part and itself are done.
    pub(super) fn endings(&self) -> Vec<(&'static str, Value)> {
        match &self.kind {
            Kind::Reasoning => {
                vec![("response.reasoning_text.done", json!({"content_index": 0, "text": self.text}))]
            }
            Kind::Text => {
                vec![("response.output_text.done", json!({"content_index": 0, "text": self.text, "logprobs": []}))]
            }
            Kind::Call(_) if !self.whole => Vec::new(),
            Kind::Call(said) if said.custom => {
                let input = input(&self.text);
                vec![
                    ("response.custom_tool_call_input.delta", json!({"delta": input})),
                    ("response.custom_tool_call_input.done", json!({"input": input})),
                ]
            }
            Kind::Call(said) => {
                let done = json!({"name": said.name, "arguments": self.text});
                vec![("response.function_call_arguments.done", done)]
            }
        }
    }
}

/// The text that a custom tool is called with.
fn input(arguments: &str) -> String {
    let arguments: Value = serde_json::from_str(arguments).unwrap_or_default();
    arguments[INPUT].as_str().unwrap_or_default().to_owned()
}

fn output_text(text: &str) -> Value {
    json!({"type": "output_text", "text": text, "annotations": [], "logprobs": []})
}

/// An item of a whole response.
pub(super) fn item(block: &Block, id: &str, names: &Names) -> Option<Value> {
    let mut item = match block {
        Block::Reasoning(_) => Item::reasoning(id),
        Block::Text(_) => Item::text(id),
        Block::Call { whole: false, .. } => return None,
        Block::Call { id, name, .. } => Item::call(id, names.said(name)),
    };
    let (Block::Reasoning(text) | Block::Text(text) | Block::Call { arguments: text, .. }) = block;
    item.text.clone_from(text);
    Some(item.value("completed"))
}

/// The answer as a message of the conversation.
pub(super) fn message(answer: &Answer) -> Message {
    let mut message = Message::new(Role::Assistant, answer.text());
    message.reasoning = Some(answer.reasoning()).filter(|text| !text.is_empty());
    message.calls =
        answer.calls().map(|(id, name, arguments)| content::call(&format!("call_{id}"), name, arguments)).collect();
    message
}

pub(super) fn status(finish: Finish) -> &'static str {
    match finish {
        Finish::Stop | Finish::Calls => "completed",
        Finish::Length => "incomplete",
    }
}

pub(super) fn usage(answer: &Answer) -> Value {
    let usage = &answer.usage;
    json!({
        "input_tokens": usage.prompt_tokens, "input_tokens_details": {"cached_tokens": usage.cached_tokens},
        "output_tokens": usage.completion_tokens, "output_tokens_details": {"reasoning_tokens": 0},
        "total_tokens": usage.prompt_tokens + usage.completion_tokens,
    })
}
