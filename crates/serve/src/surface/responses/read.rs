//! A request of the Responses API: items to messages, tools of its kinds to tools.

use callwright::chat::{Message, Request, Role, Tool, ToolChoice};
use serde_json::{Map, Value, json};

use super::names::{INPUT, Names, flat};
use super::{Store, unknown};
use crate::surface::fields::Fields;
use crate::surface::openai::role;
use crate::surface::{Asked, Refusal, content};

/// What a body comes to.
pub(super) struct Read {
    pub(super) asked: Asked,
    pub(super) echo: Map<String, Value>,
    pub(super) names: Names,
    /// Whether the response is to be kept.
    pub(super) keep: bool,
}

/// What a response repeats of its request, and what stands there where the request does not say.
fn echoed(body: &Value) -> Map<String, Value> {
    let defaults = json!({
        "instructions": null, "max_output_tokens": null, "metadata": {}, "parallel_tool_calls": true,
        "previous_response_id": null, "reasoning": {"effort": null, "summary": null}, "store": true, "temperature": null,
        "text": {"format": {"type": "text"}}, "tool_choice": "auto", "tools": [], "top_p": null,
        "truncation": "disabled", "user": null,
    });
    let Value::Object(mut echo) = defaults else { return Map::new() };
    for (name, value) in &mut echo {
        if let Some(said) = body.get(name.as_str()).filter(|said| !said.is_null()) {
            value.clone_from(said);
        }
    }
    echo
}

pub(super) fn read(body: Value, store: &Store) -> Result<Read, Refusal> {
    let echo = echoed(&body);
    let mut fields = Fields::of(body)?;
    let mut request = Request::default();
    if let Some(id) = fields.take::<String>("previous_response_id")?.filter(|id| !id.is_empty()) {
        let before = store.get(&id).ok_or_else(|| unknown(&id))?;
        // Instructions are a request's own, and are not taken over from the one before.
        let told = before.messages.iter().filter(|message| message.role != Role::System);
        request.messages.extend(told.cloned());
    }
    if let Some(instructions) = fields.take::<String>("instructions")?.filter(|text| !text.is_empty()) {
        request.messages.insert(0, Message::system(instructions));
    }
    match fields.take::<Value>("input")? {
        None => {}
        Some(Value::String(text)) => request.messages.push(Message::user(text)),
        Some(Value::Array(items)) => {
            for (index, item) in items.into_iter().enumerate() {
                self::item(&item, &mut request.messages)
                    .map_err(|refusal| Refusal::invalid(format!("`input[{index}]`: {}", refusal.message)))?;
            }
        }
        Some(other) => return Err(Refusal::invalid(format!("`input` must be a text or a list of items, not {other}"))),
    }
    // Reasoning that no answer follows belongs to none.
    request
        .messages
        .retain(|message| !message.content.is_empty() || !message.calls.is_empty() || message.role == Role::Tool);
    let (mut names, mut skipped) = (Names::default(), Vec::new());
    for (index, tool) in fields.list("tools")?.into_iter().enumerate() {
        self::tool(tool, &mut request.tools, &mut names, &mut skipped)
            .map_err(|refusal| Refusal::invalid(format!("`tools[{index}]`: {}", refusal.message)))?;
    }
    if let Some(choice) = fields.take::<Value>("tool_choice")? {
        request.tool_choice = choice_of(&choice, &mut request.tools)?;
    }
    let text = fields.take::<Value>("text")?.unwrap_or_default();
    request.answer = content::answer(text["format"].clone())?;
    request.parallel_tool_calls = fields.take("parallel_tool_calls")?;
    request.sampling = fields.sampling()?;
    request.limits.max_tokens = fields.max_tokens(&["max_output_tokens"])?;
    let keep = fields.take("store")?.unwrap_or(true);
    let stream = fields.take("stream")?.unwrap_or(false);
    let asked = Asked { model: fields.take("model")?.unwrap_or_default(), request, stream, skipped };
    Ok(Read { asked, echo, names, keep })
}

/// An item of the conversation; kinds that only a provider's own servers can read are passed over.
fn item(item: &Value, messages: &mut Vec<Message>) -> Result<(), Refusal> {
    let text = |name: &str| item.get(name).and_then(Value::as_str).unwrap_or_default();
    let kind = item.get("type").and_then(Value::as_str).unwrap_or("message");
    match kind {
        "message" => {
            let role = role(item.get("role").and_then(Value::as_str))?;
            let parts = content::parts(item.get("content").cloned().unwrap_or_default())?;
            match messages.last_mut() {
                // What was thought before it is the answer's reasoning.
                Some(last) if role == Role::Assistant && is_only_reasoning(last) => last.content = parts,
                _ => messages.push(content::message(role, parts)),
            }
        }
        "function_call" => {
            let name = match item.get("namespace").and_then(Value::as_str) {
                Some(namespace) if !namespace.is_empty() => flat(namespace, text("name")),
                _ => text("name").to_owned(),
            };
            called(messages, content::call(text("call_id"), &name, text("arguments")));
        }
        "custom_tool_call" => {
            let input = json!({INPUT: text("input")}).to_string();
            called(messages, content::call(text("call_id"), text("name"), &input));
        }
        "function_call_output" | "custom_tool_call_output" => {
            let parts = content::parts(item.get("output").cloned().unwrap_or_default())?;
            let name = content::called(messages, text("call_id")).map(str::to_owned);
            messages.push(content::result(text("call_id"), name.as_deref(), parts));
        }
        "reasoning" => {
            let texts = |name: &str| -> String {
                let list = item.get(name).and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
                list.iter().filter_map(|part| part.get("text").and_then(Value::as_str)).collect::<Vec<_>>().join("\n")
            };
            let thought = [texts("content"), texts("summary")].into_iter().find(|text| !text.is_empty());
            if let Some(thought) = thought {
                let mut message = content::message(Role::Assistant, Vec::new());
                message.reasoning = Some(thought);
                messages.push(message);
            }
        }
        _ => {}
    }
    Ok(())
}

fn is_only_reasoning(message: &Message) -> bool {
    message.role == Role::Assistant && message.content.is_empty() && message.calls.is_empty()
}

/// Adds a call to the answer that it belongs to.
fn called(messages: &mut Vec<Message>, call: callwright::chat::Call) {
    match messages.last_mut() {
        Some(last) if last.role == Role::Assistant => last.calls.push(call),
        _ => {
            let mut message = content::message(Role::Assistant, Vec::new());
            message.calls.push(call);
            messages.push(message);
        }
    }
}

fn tool(tool: Value, tools: &mut Vec<Tool>, names: &mut Names, skipped: &mut Vec<String>) -> Result<(), Refusal> {
    let text = |name: &str| tool.get(name).and_then(Value::as_str).unwrap_or_default();
    match text("type") {
        "" | "function" => tools.push(function(tool)?),
        "namespace" => {
            let namespace = text("name").to_owned();
            for member in tool.get("tools").and_then(Value::as_array).cloned().unwrap_or_default() {
                let mut read = function(member)?;
                read.name = names.member(&namespace, &read.name);
                tools.push(read);
            }
        }
        "custom" => {
            let name = text("name");
            if name.is_empty() {
                return Err(Refusal::invalid("a custom tool needs a `name`"));
            }
            names.custom(name);
            tools.push(custom(name, text("description"), &tool["format"]));
        }
        other => skipped.push(other.to_owned()),
    }
    Ok(())
}

fn function(tool: Value) -> Result<Tool, Refusal> {
    serde_json::from_value(tool).map_err(|flaw| Refusal::invalid(flaw.to_string()))
}

/// A tool whose input is text: one argument, held to the regular expression where there is one. A Lark grammar is told to
/// the model, which is not held to it.
fn custom(name: &str, description: &str, format: &Value) -> Tool {
    let mut input = json!({"type": "string"});
    let definition = format["definition"].as_str();
    let mut description = description.to_owned();
    match (format["syntax"].as_str(), definition) {
        (Some("regex"), Some(regex)) => input["pattern"] = format!("^(?:{regex})$").into(),
        (_, Some(grammar)) => {
            description.push_str("\nThe input follows this grammar:\n");
            description.push_str(grammar);
        }
        _ => {}
    }
    let parameters =
        json!({"type": "object", "properties": {INPUT: input}, "required": [INPUT], "additionalProperties": false});
    Tool::new(name, description, parameters)
}

/// Which tool to call. A choice among some leaves the others out.
fn choice_of(choice: &Value, tools: &mut Vec<Tool>) -> Result<ToolChoice, Refusal> {
    let wrong = || Refusal::invalid("`tool_choice` must be `auto`, `none`, `required`, or name a tool");
    let word = |word: &str| match word {
        "auto" => Ok(ToolChoice::Auto),
        "none" => Ok(ToolChoice::None),
        "required" | "any" => Ok(ToolChoice::Required),
        _ => Err(wrong()),
    };
    if let Some(text) = choice.as_str() {
        return word(text);
    }
    match (choice["type"].as_str(), choice["name"].as_str()) {
        (Some("function" | "custom"), Some(name)) => Ok(ToolChoice::Named(match choice["namespace"].as_str() {
            Some(namespace) => flat(namespace, name),
            None => name.to_owned(),
        })),
        (Some("allowed_tools"), _) => {
            let allowed = choice["tools"].as_array().ok_or_else(wrong)?;
            tools.retain(|tool| allowed.iter().any(|one| one["name"].as_str() == Some(&tool.name)));
            word(choice["mode"].as_str().unwrap_or("auto"))
        }
        // One that a provider's own servers run is not here to be called.
        _ => Ok(ToolChoice::Auto),
    }
}
