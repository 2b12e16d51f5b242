//! What messages hold, in the shapes that all dialects share: text, or a list of typed parts.

use callwright::chat::{Answer, Arguments, Call, CallId, Digits, Image, Message, Part, Role};
use serde_json::Value;

use super::Refusal;

/// The parts of a content: nothing, a text, or a list. A part that no model reads here is named in its place.
pub(super) fn parts(content: Value) -> Result<Vec<Part>, Refusal> {
    match content {
        Value::Null => Ok(Vec::new()),
        Value::String(text) => Ok(vec![Part::Text { text }]),
        Value::Array(list) => list.into_iter().map(part).collect(),
        part_alone @ Value::Object(_) => Ok(vec![part(part_alone)?]),
        other => Err(Refusal::invalid(format!("a message's content cannot be {other}"))),
    }
}

/// One part.
pub(super) fn part(part: Value) -> Result<Part, Refusal> {
    let kind = part.get("type").and_then(Value::as_str).unwrap_or("text").to_owned();
    match (kind.as_str(), part.get("text").or_else(|| part.get("refusal")).and_then(Value::as_str)) {
        ("image_url" | "input_image" | "image", _) => serde_json::from_value::<Image>(part)
            .map(Part::Image)
            .map_err(|flaw| Refusal::invalid(format!("an image: {flaw}"))),
        (_, Some(text)) => Ok(Part::Text { text: text.to_owned() }),
        (kind, None) if part.is_string() => Ok(Part::Text { text: part.as_str().unwrap_or(kind).to_owned() }),
        (kind, None) => Ok(Part::Text { text: format!("[{kind} left out: the model reads text]") }),
    }
}

/// A message of these parts.
pub(super) fn message(role: Role, content: Vec<Part>) -> Message {
    let mut message = Message::new(role, "");
    message.content = content;
    message
}

/// A tool's result.
pub(super) fn result(id: &str, name: Option<&str>, content: Vec<Part>) -> Message {
    let mut message = message(Role::Tool, content);
    message.tool_call_id = Some(CallId::new(id));
    message.name = name.map(str::to_owned);
    message
}

/// A call of the conversation so far, with its arguments as JSON text. Text that is no object was never executed as a
/// call; it stays what it is, under the name `input`.
pub(super) fn call(id: &str, name: &str, arguments: &str) -> Call {
    let read =
        if arguments.trim().is_empty() { Ok(Arguments::new()) } else { serde_json::from_str::<Arguments>(arguments) };
    let (arguments, digits) = match read {
        Ok(read) => {
            let (digits, _) = Digits::read(&read, arguments);
            (read, digits)
        }
        Err(_) => (Arguments::from_iter([("input".to_owned(), arguments.into())]), Digits::default()),
    };
    Call::new(name, arguments).with_id(CallId::new(id)).with_digits(digits)
}

/// The name of the tool whose call has this id.
pub(super) fn called<'m>(messages: &'m [Message], id: &str) -> Option<&'m str> {
    messages
        .iter()
        .rev()
        .flat_map(|message| &message.calls)
        .find(|call| call.id.as_str() == id)
        .map(|call| call.name.as_str())
}

/// The form that a request wants of the final answer: text, where it says nothing.
pub(super) fn answer(format: Value) -> Result<Answer, Refusal> {
    if format.is_null() {
        return Ok(Answer::Text);
    }
    serde_json::from_value(format).map_err(|flaw| {
        Refusal::invalid(format!(
            "the answer's format must be `text`, `json_object`, or `json_schema` with a `schema`: {flaw}"
        ))
    })
}
