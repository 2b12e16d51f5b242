//! A request of Anthropic's Messages: blocks to messages, tools with `input_schema` to tools.

use callwright::chat::{Answer, Message, Part, Request, Role, Tool, ToolChoice};
use serde_json::Value;

use crate::surface::fields::Fields;
use crate::surface::{Asked, Refusal, content};

/// A line that Claude Code puts first: it differs from session to session, and says nothing to a model.
const BILLING: &str = "x-anthropic-billing-header";

/// What a body asks.
pub(super) fn asked(body: Value) -> Result<Asked, Refusal> {
    let mut fields = Fields::of(body)?;
    let mut request = Request::default();
    let system: Vec<Part> = content::parts(fields.take("system")?.unwrap_or(Value::Null))?;
    let system: Vec<Part> = system.into_iter().filter_map(unbilled).collect();
    if !system.is_empty() {
        request.messages.push(content::message(Role::System, system));
    }
    for (index, message) in fields.list("messages")?.into_iter().enumerate() {
        read(&message, &mut request.messages)
            .map_err(|refusal| Refusal::invalid(format!("`messages[{index}]`: {}", refusal.message)))?;
    }
    let (tools, skipped) = tools(fields.list("tools")?)?;
    request.tools = tools;
    if let Some(choice) = fields.take::<Value>("tool_choice")? {
        request.tool_choice = choice_of(&choice)?;
        let single = choice["disable_parallel_tool_use"].as_bool();
        request.parallel_tool_calls = single.map(|single| !single);
    }
    request.answer = answer(&mut fields)?;
    request.sampling = fields.sampling()?;
    request.limits.max_tokens = fields.max_tokens(&["max_tokens"])?;
    request.stop = fields.stop("stop_sequences")?;
    let config = fields.take::<Value>("output_config")?.unwrap_or_default();
    let format = fields.take::<Value>("output_format")?.unwrap_or_else(|| config["format"].clone());
    request.answer = content::answer(format)?;
    let stream = fields.take("stream")?.unwrap_or(false);
    Ok(Asked { model: fields.take("model")?.unwrap_or_default(), request, stream, skipped })
}

/// A part of the system text without the line of the client's billing.
fn unbilled(part: Part) -> Option<Part> {
    let Part::Text { text } = part else { return Some(part) };
    if !text.contains(BILLING) {
        return Some(Part::Text { text });
    }
    let lines: Vec<&str> = text.lines().filter(|line| !line.trim_start().starts_with(BILLING)).collect();
    let text = lines.join("\n");
    (!text.trim().is_empty()).then_some(Part::Text { text })
}

/// A message, as one or several: results are messages of their own, in their order.
fn read(message: &Value, messages: &mut Vec<Message>) -> Result<(), Refusal> {
    let role = match message.get("role").and_then(Value::as_str) {
        Some("user") => Role::User,
        Some("assistant") => Role::Assistant,
        Some("system" | "developer") => Role::System,
        Some(other) => return Err(Refusal::invalid(format!("the role `{other}` is unknown"))),
        None => return Err(Refusal::invalid("it has no `role`")),
    };
    let blocks = match message.get("content") {
        Some(Value::Array(blocks)) => blocks.clone(),
        Some(text @ Value::String(_)) => {
            messages.push(content::message(role, content::parts(text.clone())?));
            return Ok(());
        }
        _ => return Err(Refusal::invalid("its `content` must be a text or a list of blocks")),
    };
    let mut whole = content::message(role, Vec::new());
    for block in blocks {
        let text = |name: &str| block.get(name).and_then(Value::as_str).unwrap_or_default();
        match text("type") {
            "tool_use" => {
                let input = block.get("input").map(Value::to_string).unwrap_or_default();
                whole.calls.push(content::call(text("id"), text("name"), &input));
            }
            "thinking" => whole.reasoning.get_or_insert_default().push_str(text("thinking")),
            "tool_result" => {
                // What the user wrote before it stays before it.
                if !whole.content.is_empty() {
                    messages.push(std::mem::replace(&mut whole, content::message(role, Vec::new())));
                }
                messages.push(result(&block, messages)?);
            }
            "text" => whole.content.push(content::part(block)?),
            // What Anthropic's own servers did for another model, and thoughts that only they can read.
            _ if role == Role::Assistant => {}
            _ => whole.content.extend(parts(block)?),
        }
    }
    if !whole.content.is_empty() || !whole.calls.is_empty() || whole.reasoning.is_some() {
        messages.push(whole);
    }
    Ok(())
}

fn result(block: &Value, messages: &[Message]) -> Result<Message, Refusal> {
    let id = block.get("tool_use_id").and_then(Value::as_str).unwrap_or_default();
    let mut parts = match block.get("content") {
        Some(Value::Array(blocks)) => blocks.iter().cloned().map(parts).collect::<Result<Vec<_>, _>>()?.concat(),
        other => content::parts(other.cloned().unwrap_or_default())?,
    };
    if block["is_error"].as_bool() == Some(true) {
        parts.insert(0, Part::Text { text: "Error: ".to_owned() });
    }
    Ok(content::result(id, content::called(messages, id), parts))
}

/// What a model reads of a block: of a document or a search result its text.
fn parts(block: Value) -> Result<Vec<Part>, Refusal> {
    let source = &block["source"];
    match (block["type"].as_str(), source["type"].as_str(), block["tool_name"].as_str()) {
        (Some("document"), Some("text"), _) => content::parts(source["data"].clone()),
        (Some("document"), Some("content"), _) => content::parts(source["content"].clone()),
        (Some("search_result"), ..) => content::parts(block["content"].clone()),
        // A deferred tool was found. All tools are offered from the start here.
        (Some("tool_reference"), _, Some(name)) => {
            Ok(vec![Part::Text { text: format!("The tool `{name}` is ready.") }])
        }
        _ => Ok(vec![content::part(block)?]),
    }
}

/// The form of the final answer, by its name of today or of before.
fn answer(fields: &mut Fields) -> Result<Answer, Refusal> {
    let config: Value = fields.take("output_config")?.unwrap_or_default();
    let before: Value = fields.take("output_format")?.unwrap_or_default();
    content::answer(if config["format"].is_null() { before } else { config["format"].clone() })
}

/// Tools with a schema; those that Anthropic's own servers run are named.
fn tools(list: Vec<Value>) -> Result<(Vec<Tool>, Vec<String>), Refusal> {
    let (mut tools, mut skipped) = (Vec::new(), Vec::new());
    for (index, mut tool) in list.into_iter().enumerate() {
        let kind = tool.as_object_mut().and_then(|tool| tool.remove("type"));
        match kind.as_ref().and_then(Value::as_str) {
            None | Some("custom") => {
                let read = serde_json::from_value(tool);
                tools.push(read.map_err(|flaw| Refusal::invalid(format!("`tools[{index}]`: {flaw}")))?);
            }
            Some(kind) => skipped.push(kind.to_owned()),
        }
    }
    Ok((tools, skipped))
}

fn choice_of(choice: &Value) -> Result<ToolChoice, Refusal> {
    match (choice["type"].as_str(), choice["name"].as_str()) {
        (Some("auto"), _) => Ok(ToolChoice::Auto),
        (Some("none"), _) => Ok(ToolChoice::None),
        (Some("any"), _) => Ok(ToolChoice::Required),
        (Some("tool"), Some(name)) => Ok(ToolChoice::Named(name.to_owned())),
        _ => Err(Refusal::invalid("`tool_choice` must be of type `auto`, `any`, `none`, or `tool` with a `name`")),
    }
}
