//! What OpenAI's dialects share with each other and with Ollama's: the shape of messages and tools, and of errors.

use callwright::chat::{Call, Message, Role, Tool};
use serde_json::{Value, json};

use super::{Refusal, Why, content};

/// The messages, each read for itself, so that an error names the one.
pub(crate) fn messages(list: Vec<Value>) -> Result<Vec<Message>, Refusal> {
    let mut messages: Vec<Message> = Vec::with_capacity(list.len());
    for (index, value) in list.into_iter().enumerate() {
        let read = message(value, &messages)
            .map_err(|refusal| Refusal::invalid(format!("`messages[{index}]`: {}", refusal.message)))?;
        messages.push(read);
    }
    Ok(messages)
}

fn message(mut value: Value, before: &[Message]) -> Result<Message, Refusal> {
    let role = role(value.get("role").and_then(Value::as_str))?;
    let parts = content::parts(value.get_mut("content").map(Value::take).unwrap_or_default())?;
    let mut message = content::message(role, parts);
    let text = |name: &str| value.get(name).and_then(Value::as_str).filter(|text| !text.is_empty()).map(str::to_owned);
    message.reasoning = text("reasoning_content").or_else(|| text("reasoning"));
    message.name = text("name");
    if let Some(calls) = value.get("tool_calls").filter(|calls| !calls.is_null()) {
        let calls = calls.as_array().ok_or_else(|| Refusal::invalid("its `tool_calls` must be a list"))?;
        message.calls = calls.iter().enumerate().map(|(index, one)| call(one, index)).collect::<Result<_, _>>()?;
    }
    if role == Role::Tool {
        let id = text("tool_call_id").unwrap_or_default();
        let name = message.name.take().or_else(|| content::called(before, &id).map(str::to_owned));
        return Ok(content::result(&id, name.as_deref(), message.content));
    }
    Ok(message)
}

/// A role by the names that clients have for it.
pub(crate) fn role(name: Option<&str>) -> Result<Role, Refusal> {
    match name {
        Some("system" | "developer") => Ok(Role::System),
        Some("user") => Ok(Role::User),
        Some("assistant") => Ok(Role::Assistant),
        Some("tool" | "function") => Ok(Role::Tool),
        Some(other) => Err(Refusal::invalid(format!("the role `{other}` is unknown"))),
        None => Err(Refusal::invalid("it has no `role`")),
    }
}

fn call(call: &Value, index: usize) -> Result<Call, Refusal> {
    let function = call.get("function").or_else(|| call.get("custom")).unwrap_or(call);
    let name = function.get("name").and_then(Value::as_str);
    let name = name.ok_or_else(|| Refusal::invalid(format!("`tool_calls[{index}]` names no function")))?;
    let arguments = match function.get("arguments") {
        None | Some(Value::Null) => String::new(),
        Some(Value::String(text)) => text.clone(),
        Some(object) => object.to_string(),
    };
    let id = call.get("id").and_then(Value::as_str).map_or_else(|| format!("call_{}", index + 1), str::to_owned);
    Ok(content::call(&id, name, &arguments))
}

/// The tools that can be served, and the types of those that cannot.
pub(crate) fn tools(list: Vec<Value>) -> Result<(Vec<Tool>, Vec<String>), Refusal> {
    let (mut tools, mut skipped) = (Vec::new(), Vec::new());
    for (index, tool) in list.into_iter().enumerate() {
        match tool.get("type").and_then(Value::as_str) {
            None | Some("function") => tools.push(
                serde_json::from_value(tool).map_err(|flaw| Refusal::invalid(format!("`tools[{index}]`: {flaw}")))?,
            ),
            Some(other) => skipped.push(other.to_owned()),
        }
    }
    Ok((tools, skipped))
}

/// An error as OpenAI has it.
pub(crate) fn refused(refusal: &Refusal) -> Value {
    let (kind, code) = match refusal.why {
        Why::Invalid | Why::Method | Why::TooLarge => ("invalid_request_error", Value::Null),
        Why::Unauthorized => ("invalid_request_error", "invalid_api_key".into()),
        Why::Forbidden => ("permission_error", Value::Null),
        Why::NotFound => ("invalid_request_error", "unknown_url".into()),
        Why::NoModel => ("invalid_request_error", "model_not_found".into()),
        Why::NoResponse => ("invalid_request_error", "previous_response_not_found".into()),
        Why::Overflow { .. } => ("invalid_request_error", "context_length_exceeded".into()),
        Why::Busy => ("rate_limit_error", "rate_limit_exceeded".into()),
        Why::Unavailable | Why::Internal => ("server_error", Value::Null),
    };
    json!({"error": {"message": refusal.message, "type": kind, "param": null, "code": code}})
}
