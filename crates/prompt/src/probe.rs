//! What a chat template can say, found out by rendering and not by reading its source.
//!
//! Conversations that differ in one thing are rendered with words that occur nowhere else; what of them shows up in
//! the text is what the template can do. Searching the source for `tools` was the alternative, and finds it in
//! comments, in macros that are never called and in refusals.

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::clock::Clock;
use super::template::{Conversation, Template};
use callwright_parse::error::Result;

/// What a template does with a conversation.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default)]
#[non_exhaustive]
#[expect(
    clippy::struct_excessive_bools,
    reason = "each is a question with its own answer, and none depends on another"
)]
pub struct Abilities {
    /// It lists the tools; under which name it wants them.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tools: Option<ToolsVariable>,
    /// It shows a system message.
    pub system: bool,
    /// It shows calls in earlier turns; in which shape it wants their arguments.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub calls: Option<ArgumentsShape>,
    /// It shows several calls in one turn.
    pub parallel_calls: bool,
    /// It shows the text that stands before calls in the same turn.
    pub text_with_calls: bool,
    /// What it wants as content of a message that is calls only.
    pub empty_content: EmptyContent,
    /// It shows messages of the role `tool`.
    pub results: bool,
    /// Which ids of calls it accepts.
    pub ids: IdShape,
    /// It shows the reasoning of earlier turns, given apart from the text.
    pub reasoning: bool,
    /// `enable_thinking` makes a difference.
    pub thinking_switch: bool,
    /// It ends with what opens the model's turn when it is asked to.
    pub generation_prompt: bool,
}

/// The variable in which a template expects the tools.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ToolsVariable {
    /// `tools`, as transformers has it.
    Tools,
    /// `functions`: the bare functions.
    Functions,
    /// `functions`: the bare functions as JSON text, beside the date.
    FunctionsText,
    /// `xml_tools`: the bare functions, to be called by tags.
    XmlTools,
}

/// The shape of a call's arguments in the history.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ArgumentsShape {
    /// An object.
    Object,
    /// JSON text.
    Text,
}

/// The content of a message that is calls only.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum EmptyContent {
    /// The empty text.
    #[default]
    Text,
    /// `null`.
    Null,
    /// No content at all.
    Absent,
}

/// Which ids a template accepts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum IdShape {
    /// Any text.
    #[default]
    Any,
    /// Nine letters and digits.
    Nine,
}

const SYSTEM: &str = "zqsystem";
const TOOL: &str = "zqtool";
const FIRST: &str = "zqfirst";
const SECOND: &str = "zqsecond";
const PARAMETER: &str = "zqparameter";
const VALUE: &str = "zqvalue";
const RESULT: &str = "zqresult";
const TEXT: &str = "zqtext";
const REASONING: &str = "zqreasoning";

impl Template {
    /// Finds out what it can say.
    ///
    /// ```
    /// use callwright_prompt::{Template, TemplateTokens};
    /// let source = "{% for message in messages %}{{ message.role }}: {{ message.content }}\n{% endfor %}";
    /// let abilities = Template::compile(source, TemplateTokens::default())?.abilities();
    /// assert!(abilities.system);
    /// assert_eq!(abilities.tools, None);
    /// # Ok::<(), callwright_parse::Error>(())
    /// ```
    #[must_use]
    pub fn abilities(&self) -> Abilities {
        let user = json!({"role": "user", "content": "zqquestion"});
        let plain = self.probe(std::slice::from_ref(&user), |_| {});
        let system = json!({"role": "system", "content": SYSTEM});
        let with_system = self.probe(&[system, user.clone()], |_| {});
        let mut abilities = Abilities {
            system: with_system.as_ref().is_some_and(|text| text.contains(SYSTEM)),
            tools: self.tools_variable(&user),
            ..Abilities::default()
        };
        abilities.generation_prompt = plain.is_some()
            && plain != self.probe(std::slice::from_ref(&user), |asked| asked.add_generation_prompt = false);
        let thinking = |on: bool| {
            self.probe(std::slice::from_ref(&user), |asked| {
                asked.variables.insert("enable_thinking".to_owned(), Value::Bool(on));
            })
        };
        abilities.thinking_switch = thinking(true) != thinking(false);
        self.history(&user, &mut abilities);
        abilities.reasoning = self.shows_reasoning(&user, &abilities);
        abilities
    }

    /// The text of a conversation, if the template accepts it.
    fn probe(&self, messages: &[Value], change: impl FnOnce(&mut Conversation)) -> Option<String> {
        let mut conversation = Conversation {
            messages: messages.to_vec(),
            add_generation_prompt: true,
            now: Some(Clock::utc(0)),
            ..Conversation::default()
        };
        change(&mut conversation);
        self.render_somehow(conversation).ok()
    }

    /// Renders; templates made for tools, which run over them without asking whether there are any, get none at all.
    pub(super) fn render_somehow(&self, mut conversation: Conversation) -> Result<String> {
        let rendered = self.render(&conversation);
        if rendered.is_ok() || conversation.tools.is_some() || conversation.variables.contains_key("functions") {
            return rendered;
        }
        conversation.tools = Some(Vec::new());
        self.render(&conversation).or_else(|_| {
            offer(&mut conversation, ToolsVariable::FunctionsText, &[]);
            self.render(&conversation).or(rendered)
        })
    }

    fn tools_variable(&self, user: &Value) -> Option<ToolsVariable> {
        let system = json!({"role": "system", "content": SYSTEM});
        let functions = [ToolsVariable::Functions, ToolsVariable::FunctionsText];
        let shapes = [ToolsVariable::Tools, ToolsVariable::XmlTools].into_iter().chain(functions);
        shapes.into_iter().find(|shape| {
            [vec![user.clone()], vec![system.clone(), user.clone()]].iter().any(|messages| {
                let text = self.probe(messages, |asked| offer(asked, *shape, &[tool()]));
                text.is_some_and(|text| text.contains(TOOL))
            })
        })
    }

    /// Tries the shapes in which a call and its result may be told, the usual ones first.
    fn history(&self, user: &Value, abilities: &mut Abilities) {
        for ids in [IdShape::Any, IdShape::Nine] {
            for empty_content in [EmptyContent::Text, EmptyContent::Null, EmptyContent::Absent] {
                for shape in [ArgumentsShape::Object, ArgumentsShape::Text] {
                    let tried = Abilities { ids, empty_content, calls: Some(shape), ..abilities.clone() };
                    let Some(text) = self.told(user, &tried, 1, "") else { continue };
                    if said_well(&text, shape) {
                        let two = self.told(user, &tried, 2, "");
                        let with_text = self.told(user, &tried, 1, TEXT);
                        *abilities = Abilities {
                            results: text.contains(RESULT),
                            parallel_calls: two.is_some_and(|text| text.contains(SECOND)),
                            text_with_calls: with_text.is_some_and(|text| text.contains(TEXT) && text.contains(VALUE)),
                            ..tried
                        };
                        return;
                    }
                }
            }
        }
    }

    /// A conversation with so many calls and their results.
    fn told(&self, user: &Value, abilities: &Abilities, calls: usize, text: &str) -> Option<String> {
        let names = &[FIRST, SECOND][..calls];
        let ids = if abilities.ids == IdShape::Nine { ["abcdefgh1", "abcdefgh2"] } else { ["call_1", "call_2"] };
        let arguments = json!({PARAMETER: VALUE, "zqnumber": 17});
        let arguments = abilities.shaped(arguments);
        let call = |(name, id): (&&str, &str)| json!({"id": id, "type": "function", "function": {"name": name, "arguments": arguments.clone()}});
        let mut message = json!({"role": "assistant", "content": text});
        message["tool_calls"] = names.iter().zip(ids).map(call).collect();
        if text.is_empty() {
            abilities.empty_content.set(&mut message);
        }
        let result =
            |(name, id): (&&str, &str)| json!({"role": "tool", "tool_call_id": id, "name": name, "content": RESULT});
        let mut messages = vec![user.clone(), message];
        messages.extend(names.iter().zip(ids).map(result));
        let variable = abilities.tools.unwrap_or(ToolsVariable::Tools);
        // Results are told apart from tools by their place, so the tools are only offered where they are shown.
        self.probe(&messages, |asked| {
            if abilities.tools.is_some() {
                offer(asked, variable, &[tool()]);
            }
        })
    }

    fn shows_reasoning(&self, user: &Value, abilities: &Abilities) -> bool {
        let told = |key: &str| {
            let mut message = json!({"role": "assistant", "content": TEXT});
            message[key] = Value::from(REASONING);
            self.probe(&[user.clone(), message], |asked| asked.add_generation_prompt = false)
        };
        let after_call = || {
            let arguments = abilities.shaped(json!({PARAMETER: VALUE}));
            let function = json!({"name": TOOL, "arguments": arguments});
            let call = json!({"id": "abcdefgh1", "type": "function", "function": function});
            let message =
                json!({"role": "assistant", "content": "", "reasoning_content": REASONING, "tool_calls": [call]});
            let result = json!({"role": "tool", "tool_call_id": "abcdefgh1", "name": TOOL, "content": RESULT});
            self.probe(&[user.clone(), message, result], |asked| offer(asked, ToolsVariable::Tools, &[tool()]))
        };
        told("reasoning_content").or_else(after_call).is_some_and(|text| text.contains(REASONING))
            || after_call().is_some_and(|text| text.contains(REASONING))
    }
}

/// Hands tools over under the name and in the shape that a template reads.
pub(super) fn offer(conversation: &mut Conversation, variable: ToolsVariable, tools: &[Value]) {
    let bare = || Value::Array(tools.iter().map(|tool| tool["function"].clone()).collect());
    let functions = match variable {
        ToolsVariable::Tools => {
            conversation.tools = Some(tools.to_vec());
            return;
        }
        ToolsVariable::Functions | ToolsVariable::XmlTools => bare(),
        ToolsVariable::FunctionsText => Value::from(bare().to_string()),
    };
    let name = if variable == ToolsVariable::XmlTools { "xml_tools" } else { "functions" };
    conversation.variables.insert(name.to_owned(), functions);
    if let (ToolsVariable::FunctionsText, Some(now)) = (variable, conversation.now) {
        let date = Value::from(now.format("%Y-%m-%d"));
        conversation.variables.entry("datetime").or_insert(date);
    }
}

fn tool() -> Value {
    let properties = json!({PARAMETER: {"type": "string", "description": "text"}, "zqnumber": {"type": "integer", "description": "number"}});
    let parameters = json!({"type": "object", "properties": properties, "required": [PARAMETER]});
    json!({"type": "function", "function": {"name": TOOL, "description": "does it", "parameters": parameters}})
}

/// Whether a call is there, and not as Python prints a dict or as JSON inside JSON.
fn said_well(text: &str, shape: ArgumentsShape) -> bool {
    let python = format!("'{PARAMETER}': '{VALUE}'");
    let doubled = format!("\\\"{PARAMETER}\\\"");
    let garbled = match shape {
        ArgumentsShape::Object => text.contains(&python),
        ArgumentsShape::Text => text.contains(&doubled),
    };
    text.contains(FIRST) && text.contains(VALUE) && !garbled
}
