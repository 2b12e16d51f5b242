//! Logs of chat completions: a request with its response, a response alone, a batch line, or a finished conversation.
//!
//! The text of the assistant's message is what is read. Where a server had already taken the calls out of it, they
//! are written as text again with the arguments to the letter, for those are what the model wrote; the rest of its
//! text is gone. A log says nothing of what would have been right, so its rows are read and not judged.

use serde::Deserialize as _;
use serde_json::{Map, Value, json};

use super::Recording;
use super::source::Place;
use callwright_parse::chat::Tool;

/// The format that taken-out calls are written in again.
pub(super) const FORMAT: &str = "hermes";

/// Whether an entry looks like one of these logs.
pub(super) fn is_log(entry: &Map<String, Value>) -> bool {
    ["choices", "response", "messages", "request", "body"].iter().any(|key| entry.contains_key(*key))
}

/// The assistant's messages of one log entry.
pub(super) fn read(entry: &Map<String, Value>, place: &Place) -> Result<Vec<Recording>, String> {
    let entry = &Value::Object(entry.clone());
    let body = |value: &'_ Value| value.get("body").cloned().unwrap_or_else(|| value.clone());
    let response = entry.get("response").map_or_else(|| entry.clone(), body);
    let request = entry.get("request").map_or_else(|| entry.clone(), body);
    let said = |value: &Value, key: &str| value.get(key).and_then(Value::as_str).map(str::to_owned);
    let id = said(entry, "custom_id").or_else(|| said(&response, "id")).or_else(|| said(entry, "id"));
    let id = id.unwrap_or_else(|| format!("{}", place.line));
    let model = said(&response, "model").or_else(|| said(&request, "model")).unwrap_or_default();
    let tools = match request.get("tools").or_else(|| response.get("tools")) {
        Some(tools) => Vec::<Tool>::deserialize(tools).map_err(|cause| format!("`tools`: {cause}"))?,
        None => functions(&request)?,
    };
    let messages = messages(&response, &request);
    if messages.is_empty() {
        return Err("no assistant message".to_owned());
    }
    let many = messages.len() > 1;
    let recording = |(index, message): (usize, &Value)| {
        let (output, format) = output(message);
        let id = if many { format!("{id}#{}", index + 1) } else { id.clone() };
        Recording { id, model: model.clone(), tools: tools.clone(), output, format, ..Recording::default() }
    };
    Ok(messages.into_iter().enumerate().map(recording).collect())
}

/// The choices of a response, or the assistant's turns of a conversation.
fn messages<'v>(response: &'v Value, request: &'v Value) -> Vec<&'v Value> {
    if let Some(choices) = response.get("choices").and_then(Value::as_array) {
        return choices.iter().filter_map(|choice| choice.get("message")).collect();
    }
    let turns = request.get("messages").and_then(Value::as_array);
    let assistant = |turn: &&Value| turn.get("role").and_then(Value::as_str) == Some("assistant");
    turns.map(|turns| turns.iter().filter(assistant).collect()).unwrap_or_default()
}

/// `functions`, as tools were called before there were tools.
fn functions(request: &Value) -> Result<Vec<Tool>, String> {
    let functions = request.get("functions").cloned().unwrap_or_else(|| json!([]));
    Vec::<Tool>::deserialize(functions).map_err(|cause| format!("`functions`: {cause}"))
}

fn output(message: &Value) -> (String, Option<String>) {
    let content = match message.get("content") {
        Some(Value::String(text)) => text.clone(),
        Some(Value::Array(parts)) => {
            parts.iter().filter_map(|part| part.get("text").and_then(Value::as_str)).collect::<String>()
        }
        _ => String::new(),
    };
    let calls = message.get("tool_calls").and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
    let functions = calls.iter().filter_map(|call| call.get("function")).chain(message.get("function_call"));
    let functions: Vec<_> = functions
        .filter_map(|function| {
            Some((function.get("name")?.as_str()?, function.get("arguments").unwrap_or(&Value::Null)))
        })
        .collect();
    if functions.is_empty() {
        return (content, None);
    }
    (format!("{content}{}", written(functions.into_iter())), Some(FORMAT.to_owned()))
}

/// Calls as text: arguments that are text stay what they are, right or wrong.
pub(super) fn written<'v>(calls: impl Iterator<Item = (&'v str, &'v Value)>) -> String {
    let call = |(name, arguments): (&str, &Value)| {
        let arguments = match arguments {
            Value::String(text) if !text.trim().is_empty() => text.clone(),
            Value::String(_) | Value::Null => "{}".to_owned(),
            other => other.to_string(),
        };
        format!("<tool_call>\n{{\"name\": {}, \"arguments\": {arguments}}}\n</tool_call>", json!(name))
    };
    calls.map(call).collect::<Vec<_>>().join("\n")
}
