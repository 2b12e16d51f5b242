//! Requests of Ollama's API: calls need no ids there, so that results belong to calls in their order.

use std::collections::VecDeque;

use callwright::chat::{Answer, CallId, Message, Request, Role, Sampling};
use serde_json::{Map, Value, json};

use crate::surface::fields::Fields;
use crate::surface::openai::{messages, tools};
use crate::surface::{Asked, Refusal};

/// What a body of `/api/chat` asks.
pub(super) fn chat(body: Value) -> Result<Asked, Refusal> {
    let mut fields = Fields::of(body)?;
    let mut list = fields.list("messages")?;
    for message in &mut list {
        picture(message)?;
    }
    let mut request = Request::default();
    request.messages = paired(messages(list)?);
    let (tools, skipped) = tools(fields.list("tools")?)?;
    request.tools = tools;
    rest(fields, request, skipped)
}

/// What a body of `/api/generate` asks.
pub(super) fn generate(body: Value) -> Result<Asked, Refusal> {
    let mut fields = Fields::of(body)?;
    let mut message = json!({"role": "user", "content": fields.take::<String>("prompt")?.unwrap_or_default()});
    if let Some(images) = fields.take::<Value>("images")? {
        message["images"] = images;
    }
    picture(&mut message)?;
    let mut request = Request::default();
    if let Some(system) = fields.take::<String>("system")?.filter(|system| !system.is_empty()) {
        request.messages.push(Message::system(system));
    }
    request.messages.extend(messages(vec![message])?);
    rest(fields, request, Vec::new())
}

/// What both have.
fn rest(mut fields: Fields, mut request: Request, skipped: Vec<String>) -> Result<Asked, Refusal> {
    let options = fields.take::<Map<String, Value>>("options")?.unwrap_or_default();
    let mut options = Fields::of(Value::Object(options))?;
    request.sampling = options.sampling()?;
    request.sampling.repeat_window = options.take("repeat_last_n")?.unwrap_or(Sampling::default().repeat_window);
    request.limits.max_tokens = options.max_tokens(&["num_predict"])?;
    request.stop = options.stop("stop")?;
    request.answer = match fields.take("format")? {
        None => Answer::Text,
        Some(Value::String(none)) if none.is_empty() => Answer::Text,
        Some(Value::String(json)) if json == "json" => Answer::Json,
        Some(schema @ Value::Object(_)) => Answer::schema("answer", schema),
        Some(_) => return Err(Refusal::invalid("`format` must be `json` or a JSON Schema")),
    };
    request.answer = match fields.take::<Value>("format")? {
        Some(Value::String(word)) if word == "json" => Answer::Json,
        Some(schema @ Value::Object(_)) => Answer::schema("format", schema),
        // Clients send "" for none.
        _ => Answer::Text,
    };
    let stream = fields.take("stream")?.unwrap_or(true);
    Ok(Asked { model: fields.take("model")?.unwrap_or_default(), request, stream, skipped })
}

/// Puts a message's `images`, which are base64 without a type, among its parts; a result's `tool_name` is its name.
fn picture(message: &mut Value) -> Result<(), Refusal> {
    let Some(message) = message.as_object_mut() else { return Ok(()) };
    if let Some(name) = message.remove("tool_name") {
        message.insert("name".to_owned(), name);
    }
    if let Some(thinking) = message.remove("thinking") {
        message.insert("reasoning".to_owned(), thinking);
    }
    let Some(Value::Array(images)) = message.remove("images") else { return Ok(()) };
    let mut parts =
        vec![json!({"type": "text", "text": message.get("content").and_then(Value::as_str).unwrap_or_default()})];
    for image in images {
        let kind = |text: &str| match text.as_bytes() {
            [b'/', b'9', ..] => "image/jpeg",
            [b'R', b'0', b'l', b'G', ..] => "image/gif",
            [b'U', b'k', b'l', b'G', ..] => "image/webp",
            _ => "image/png",
        };
        let Value::String(data) = image else {
            return Err(Refusal::invalid("`images` must be a list of base64 texts"));
        };
        parts.push(json!({"type": "image_url", "image_url": {"url": format!("data:{};base64,{data}", kind(&data))}}));
    }
    message.insert("content".to_owned(), parts.into());
    Ok(())
}

/// A call that still waits for its result.
struct Due {
    name: String,
    /// The client's id, or one that was made up for it.
    known: CallId,
    id: CallId,
}

/// The messages with ids of which no two are alike. A result belongs to the first call that still waits: of its id if it
/// has one, else of its name if it has one.
fn paired(mut messages: Vec<Message>) -> Vec<Message> {
    let mut due: VecDeque<Due> = VecDeque::new();
    for (number, message) in messages.iter_mut().enumerate() {
        for (index, call) in message.calls.iter_mut().enumerate() {
            let id = CallId::new(format!("call_{number}_{index}"));
            let known = std::mem::replace(&mut call.id, id.clone());
            due.push_back(Due { name: call.name.clone(), known, id });
        }
        if message.role == Role::Tool {
            let of_id = due.iter().position(|due| message.tool_call_id.as_ref() == Some(&due.known));
            let of_name = || due.iter().position(|due| message.name.as_ref() == Some(&due.name));
            if let Some(Due { name, id, .. }) = due.remove(of_id.or_else(of_name).unwrap_or(0)) {
                message.name.get_or_insert(name);
                message.tool_call_id = Some(id);
            }
        }
    }
    messages
}

#[cfg(test)]
mod tests {
    use callwright::chat::{Image, Part};

    use super::*;

    #[test]
    fn results_belong_to_calls_in_order_or_by_name() {
        let call = |name: &str| json!({"function": {"name": name, "arguments": {}}});
        let known = |id: &str| json!({"id": id, "function": {"name": "c", "arguments": {}}});
        let body = json!({"messages": [
            {"role": "user", "content": "?", "images": ["iVBORw=="]},
            {"role": "assistant", "content": "", "tool_calls": [call("a"), call("b"), call("a")]},
            {"role": "tool", "tool_name": "b", "content": "2"}, {"role": "tool", "content": "1"},
            {"role": "tool", "tool_name": "a", "content": "3"},
            {"role": "assistant", "tool_calls": [known("x"), known("y")]},
            {"role": "tool", "tool_call_id": "y", "content": "5"}, {"role": "tool", "tool_name": "c", "content": "4"},
        ]});
        let asked = chat(body).unwrap();
        let ids: Vec<_> = asked.request.messages.iter().filter_map(|message| message.tool_call_id.as_ref()).collect();
        let ids: Vec<&str> = ids.iter().map(|id| id.as_str()).collect();
        assert_eq!(ids, ["call_1_1", "call_1_0", "call_1_2", "call_5_1", "call_5_0"]);
        assert_eq!(asked.request.messages[0].images().count(), 1);
        assert!(matches!(asked.request.messages[0].content[1], Part::Image(Image::Bytes { .. })));
        assert!(asked.stream);
    }
}
