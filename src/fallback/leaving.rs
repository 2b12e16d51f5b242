//! What of a request leaves the machine: the request that a provider is shown.
//!
//! What must not leave is taken out here, before anything else sees it, so that budget, estimate and wire know only
//! what may be known. What the local model thought never leaves: it is of no use to another.

use std::borrow::Cow;
use std::collections::BTreeSet;

use serde_json::Value;

use super::policy::{Policy, Share};
use callwright_parse::chat::{CallId, Message, Part, Request, Role, ToolChoice};

/// Replaces what was taken out.
const BLOT: &str = "[redacted]";

/// The request as it may leave, or why none may.
pub(in super::super) fn leaving(request: &Request, policy: &Policy) -> Result<Request, String> {
    let mut out = request.clone();
    let kept = |name: &str| policy.keep_tools.contains(name);
    if let ToolChoice::Named(name) = &out.tool_choice
        && kept(name)
    {
        return Err(format!("the required tool `{name}` must not be sent"));
    }
    let offered = out.tools.len();
    out.tools.retain(|tool| !kept(&tool.name));
    if out.tools.is_empty() && offered > 0 && out.tool_choice == ToolChoice::Required {
        return Err("a tool call is required, but none of the offered tools may be sent".to_owned());
    }
    if policy.share == Share::LastTurn {
        let last = request.messages.iter().rposition(|message| message.role == Role::User).unwrap_or(0);
        out.messages = since(&request.messages, last);
    }
    without_tools(&mut out.messages, &kept);
    for message in &mut out.messages {
        message.reasoning = None;
    }
    if !policy.redact.is_empty() {
        if out.messages.iter().any(|message| message.images().next().is_some()) {
            return Err("the conversation has an image, and redaction cannot look into images".to_owned());
        }
        redact(&mut out, policy);
    }
    if out.messages.is_empty() {
        return Err("no part of the conversation may be sent".to_owned());
    }
    Ok(out)
}

/// The rules, and all from this message on.
fn since(messages: &[Message], first: usize) -> Vec<Message> {
    let stays = |(at, message): &(usize, &Message)| *at >= first || message.role == Role::System;
    messages.iter().enumerate().filter(stays).map(|(_, message)| message.clone()).collect()
}

/// Takes out the calls of tools that never leave, their results, and messages that were nothing else.
fn without_tools(messages: &mut Vec<Message>, kept: &dyn Fn(&str) -> bool) {
    let mut results: BTreeSet<CallId> = BTreeSet::new();
    messages.retain_mut(|message| {
        let called = message.calls.len();
        results.extend(message.calls.iter().filter(|call| kept(&call.name)).map(|call| call.id.clone()));
        message.calls.retain(|call| !kept(&call.name));
        let emptied = called > message.calls.len() && message.calls.is_empty() && message.text().trim().is_empty();
        let answers = message.tool_call_id.as_ref().is_some_and(|id| results.contains(id));
        let names = message.role == Role::Tool && message.name.as_deref().is_some_and(kept);
        !emptied && !answers && !names
    });
}

fn redact(request: &mut Request, policy: &Policy) {
    let clean = |text: &str| {
        let mut text = Cow::Borrowed(text);
        for pattern in &policy.redact {
            if let Cow::Owned(cleaned) = pattern.replace_all(&text, BLOT) {
                text = Cow::Owned(cleaned);
            }
        }
        text.into_owned()
    };
    for message in &mut request.messages {
        // A pattern may find what parts only say together.
        message.content = vec![Part::Text { text: clean(&message.text()) }];
        for call in &mut message.calls {
            for value in call.arguments.values_mut() {
                *value = cleaned(value, &clean);
            }
        }
    }
    for tool in &mut request.tools {
        tool.description = clean(&tool.description);
        tool.parameters = cleaned(&tool.parameters, &clean);
    }
}

/// Every text in a value. Numbers too may be what a pattern finds; they then become text.
fn cleaned(value: &Value, clean: &dyn Fn(&str) -> String) -> Value {
    match value {
        Value::String(text) => Value::from(clean(text)),
        Value::Number(number) => {
            let text = number.to_string();
            let left = clean(&text);
            if left == text { value.clone() } else { Value::from(left) }
        }
        Value::Array(items) => items.iter().map(|item| cleaned(item, clean)).collect(),
        Value::Object(map) => map.iter().map(|(key, value)| (key.clone(), cleaned(value, clean))).collect(),
        Value::Null | Value::Bool(_) => value.clone(),
    }
}
