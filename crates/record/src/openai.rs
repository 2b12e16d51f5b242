//! Responses of chat APIs, and logs of them: a request with its response, a response alone, a batch line, or a finished
//! conversation.
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
    let named = ["choices", "response", "messages", "request", "body"].iter().any(|key| entry.contains_key(*key));
    named || is_answer(entry) || entry.get("message").and_then(Value::as_object).is_some_and(is_answer)
}

/// What the model wrote, according to a response of an API: its text, and the format where calls were put into it again.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Answer {
    /// The text.
    pub text: String,
    /// The format that calls are written in, where the server had taken them out.
    pub format: Option<String>,
}

impl Answer {
    /// The answers in a response of `OpenAI`'s, Anthropic's or Ollama's API, or in one message of theirs; none where the text
    /// is something else.
    ///
    /// ```
    /// use callwright_record::Answer;
    /// let ollama = r#"{"model": "m", "message": {"role": "assistant", "content": "",
    ///     "tool_calls": [{"function": {"name": "add", "arguments": {"a": 1}}}]}}"#;
    /// assert!(Answer::all_of(ollama)[0].text.contains(r#""arguments": {"a":1}"#));
    /// assert!(Answer::all_of(r#"{"name": "add", "arguments": {"a": 1}}"#).is_empty());
    /// ```
    #[must_use]
    pub fn all_of(response: &str) -> Vec<Self> {
        let Ok(response) = serde_json::from_str(response) else { return Vec::new() };
        let answer = |message| {
            let (text, format) = output(message);
            Self { text, format }
        };
        answers(&response).into_iter().map(answer).collect()
    }
}

/// The assistant's messages in a response: `OpenAI`'s choices, Ollama's message, or one that stands alone, as Anthropic's does.
fn answers(response: &Value) -> Vec<&Value> {
    if let Some(choices) = response.get("choices").and_then(Value::as_array) {
        return choices.iter().filter_map(|choice| choice.get("message")).collect();
    }
    let answers = response.get("message").into_iter().chain([response]);
    answers.filter(|message| message.as_object().is_some_and(is_answer)).take(1).collect()
}

fn is_answer(message: &Map<String, Value>) -> bool {
    let assistant = message.get("role").and_then(Value::as_str) == Some("assistant");
    assistant && ["content", "tool_calls", "function_call"].iter().any(|key| message.contains_key(*key))
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
    let asked = request.get("messages").and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
    // Of a whole conversation nobody knows which question each answer is to.
    let question = asked.iter().rev().find_map(|message| said_by(message, "user")).filter(|_| !many);
    let recording = |(index, message): (usize, &Value)| {
        let (output, format) = output(message);
        let id = if many { format!("{id}#{}", index + 1) } else { id.clone() };
        let question = question.clone();
        Recording { id, model: model.clone(), question, tools: tools.clone(), output, format, ..Recording::default() }
    };
    Ok(messages.into_iter().enumerate().map(recording).collect())
}

/// The choices of a response, or the assistant's turns of a conversation.
fn messages<'v>(response: &'v Value, request: &'v Value) -> Vec<&'v Value> {
    let answers = answers(response);
    if !answers.is_empty() {
        return answers;
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

/// The text of a message, if this role says it.
pub(super) fn said_by(message: &Value, role: &str) -> Option<String> {
    (message.get("role").and_then(Value::as_str) == Some(role)).then(|| content(message))
}

fn content(message: &Value) -> String {
    match message.get("content") {
        Some(Value::String(text)) => text.clone(),
        Some(Value::Array(parts)) => {
            parts.iter().filter_map(|part| part.get("text").and_then(Value::as_str)).collect::<String>()
        }
        _ => String::new(),
    }
}

fn output(message: &Value) -> (String, Option<String>) {
    let content = content(message);
    let calls = message.get("tool_calls").and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
    let functions = calls.iter().filter_map(|call| call.get("function")).chain(message.get("function_call"));
    // Anthropic's calls are blocks of the content.
    let blocks = message.get("content").and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
    let uses = blocks.iter().filter(|block| block.get("type").and_then(Value::as_str) == Some("tool_use"));
    let functions: Vec<_> = functions
        .chain(uses)
        .filter_map(|function| {
            let arguments = function.get("arguments").or_else(|| function.get("input")).unwrap_or(&Value::Null);
            Some((function.get("name")?.as_str()?, arguments))
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
