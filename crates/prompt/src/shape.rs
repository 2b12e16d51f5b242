//! Messages in the shape that a template reads: arguments as an object or as text, ids as it likes them.

use serde_json::{Value, json};

use super::probe::{Abilities, ArgumentsShape, EmptyContent, IdShape};
use callwright_parse::chat::{Message, Role};

impl Abilities {
    /// A message for a template that knows calls and results.
    pub(super) fn message(&self, message: &Message) -> Value {
        let mut value = json!({"role": message.role.as_str(), "content": message.text()});
        if let Some(reasoning) = &message.reasoning {
            value["reasoning_content"] = Value::from(reasoning.as_str());
        }
        if !message.calls.is_empty() {
            let calls = message.calls.iter().map(|call| {
                let arguments = self.shaped(Value::Object(call.arguments.clone()));
                let function = json!({"name": call.name, "arguments": arguments});
                json!({"id": self.id(call.id.as_str()), "type": "function", "function": function})
            });
            value["tool_calls"] = calls.collect();
            if value["content"] == "" {
                self.empty_content.set(&mut value);
            }
        }
        if let Some(id) = &message.tool_call_id {
            value["tool_call_id"] = Value::from(self.id(id.as_str()));
        }
        if let Some(name) = &message.name {
            value["name"] = Value::from(name.as_str());
        }
        value
    }

    /// Arguments in the shape that the template reads.
    pub(super) fn shaped(&self, arguments: Value) -> Value {
        match self.calls {
            Some(ArgumentsShape::Text) => Value::from(arguments.to_string()),
            _ => arguments,
        }
    }

    /// An id as the template accepts it; the same id always becomes the same one.
    fn id(&self, id: &str) -> String {
        let fits = id.len() == 9 && id.bytes().all(|byte| byte.is_ascii_alphanumeric());
        if self.ids == IdShape::Any || fits {
            return id.to_owned();
        }
        // FNV-1a: short, stable between runs, and no secret depends on it.
        let hash = id
            .bytes()
            .fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3));
        format!("{:09}", hash % 1_000_000_000)
    }
}

impl EmptyContent {
    /// Makes a message's content this.
    pub(super) fn set(self, message: &mut Value) {
        match (self, message.as_object_mut()) {
            (Self::Absent, Some(message)) => {
                message.shift_remove("content");
            }
            (Self::Null, _) => message["content"] = Value::Null,
            (Self::Text | Self::Absent, _) => message["content"] = Value::from(""),
        }
    }
}

/// The messages with several calls in one turn told one after the other, each with its results.
pub(super) fn one_call_each(messages: &[Message]) -> Vec<Message> {
    let mut out: Vec<Message> = Vec::with_capacity(messages.len());
    let mut rest = messages;
    while let Some((message, after)) = rest.split_first() {
        rest = after;
        if message.calls.len() < 2 {
            out.push(message.clone());
            continue;
        }
        let count = after.iter().take_while(|message| message.role == Role::Tool).count();
        let (mut results, after) = (after[..count].to_vec(), &after[count..]);
        rest = after;
        for (index, call) in message.calls.iter().enumerate() {
            let text = if index == 0 { message.text() } else { String::new() };
            let mut alone = Message::assistant(text, vec![call.clone()]);
            alone.reasoning = message.reasoning.clone().filter(|_| index == 0);
            out.push(alone);
            // A result without an id answers the first call that waits.
            let answers = |result: &Message| result.tool_call_id.as_ref().is_none_or(|id| *id == call.id);
            if let Some(at) = results.iter().position(answers) {
                out.push(results.remove(at));
            }
        }
        out.append(&mut results);
    }
    out
}
