//! A conversation in the shape that one model's template reads, rendered and cut into markup and what was said.
//!
//! Where the template knows tools, calls and results, they are its business. Where it does not, the tools are told in
//! the system message by a file of `prompts/`, calls are written by the format in use, and results are told by the
//! user; so there is one place for a format's markers, and every chat model can be asked to call tools.

use std::sync::Arc;

use serde_json::{Map, Value, json};

use super::clock::Clock;
use super::guard::Guard;
use super::probe::{Abilities, offer};
use super::shape::one_call_each;
use super::template::{Conversation, Template, TemplateTokens};
use callwright_models::PromptStyle;
use callwright_parse::chat::{Arguments, Call, CallId, Message, Prompt, Role, Specials, Tool, ToolChoice};
use callwright_parse::error::{Error, ErrorKind, Result};
use callwright_parse::format::Format;

const TOOL_USE: &str = include_str!("../prompts/tool_use.jinja");
const TOOL_RESULT: &str = include_str!("../prompts/tool_result.jinja");

/// Turns conversations into prompts for one model.
///
/// ```
/// use callwright_parse::chat::{Message, Run, Specials, Tool, ToolChoice};
/// use callwright_models::PromptStyle;
/// use callwright_parse::format::Formats;
/// use callwright_prompt::{Prompter, Template, TemplateTokens};
/// let source = "{% for message in messages %}<|{{ message.role }}|>{{ message.content }}{% endfor %}<|assistant|>";
/// let template = Template::compile(source, TemplateTokens::default())?;
/// let format = Formats::builtin().get("tool_use")?;
/// let prompter = Prompter::new(template, format, PromptStyle::Native, Specials::new([("<|user|>".into(), false)]))?;
/// let add = Tool::new("add", "adds two numbers", serde_json::json!({"type": "object"}));
/// let prompt = prompter.prompt(&[Message::user("2 + <|user|>?")], &[add], &ToolChoice::Auto)?;
/// assert!(prompt.text().contains("tool_name: add"));
/// let specials = Specials::new([("<|user|>".into(), false)]);
/// let typed = Run { text: "2 + <|user|>?<|assistant|>".to_owned(), special: false };
/// assert_eq!(prompt.runs(&specials).last(), Some(&typed)); // what the user typed is no markup
/// # Ok::<(), callwright_parse::Error>(())
/// ```
#[derive(Debug, Clone)]
pub struct Prompter {
    template: Template,
    format: Arc<Format>,
    abilities: Abilities,
    /// How the tools are told in words; absent where the template does it.
    told: Option<Template>,
    /// The template's own way of showing calls and results is the model's, so it is used where there is one.
    native: bool,
    result: Template,
    specials: Specials,
    variables: Map<String, Value>,
    now: Option<Clock>,
}

impl Prompter {
    /// A prompter for a model with this template and these special tokens, whose calls are read in this format.
    #[expect(clippy::needless_pass_by_value, reason = "a style is chosen for this prompter and kept nowhere else")]
    pub fn new(template: Template, format: Arc<Format>, style: PromptStyle, specials: Specials) -> Result<Self> {
        let abilities = template.abilities();
        let native = style.prompted().is_none();
        let told = match style.prompted() {
            Some(name) => Some(Template::compile(tool_prompt(name)?, TemplateTokens::default())?),
            None if abilities.tools.is_some() => None,
            None => Some(Template::compile(TOOL_USE, TemplateTokens::default())?),
        };
        let result = Template::compile(TOOL_RESULT, TemplateTokens::default())?;
        let variables = Map::new();
        Ok(Self { template, format, abilities, told, native, result, specials, variables, now: None })
    }

    /// The prompter for a model with these special tokens.
    #[must_use]
    pub fn specials(mut self, specials: Specials) -> Self {
        self.specials = specials;
        self
    }

    /// The prompter with this moment as the present one, for templates that tell the model the date.
    #[must_use]
    pub fn now(mut self, now: Clock) -> Self {
        self.now = Some(now);
        self
    }

    /// The prompter with a variable that its template reads, as `enable_thinking`.
    #[must_use]
    pub fn variable(mut self, name: impl Into<String>, value: impl Into<Value>) -> Self {
        self.variables.insert(name.into(), value.into());
        self
    }

    /// The model's special tokens, as far as they are known here.
    #[must_use]
    pub fn known_specials(&self) -> &Specials {
        &self.specials
    }

    /// What its template can say.
    #[must_use]
    pub fn abilities(&self) -> &Abilities {
        &self.abilities
    }

    /// The format in which calls are written and read.
    #[must_use]
    pub fn format(&self) -> &Arc<Format> {
        &self.format
    }

    /// The model's template.
    #[must_use]
    pub fn template(&self) -> &Template {
        &self.template
    }

    /// The control tokens that the model writes calls and reasoning with: whoever runs it must hand them out as text.
    #[must_use]
    pub fn markers(&self) -> Vec<String> {
        let pieces = self.format.enforce();
        let mut texts = vec![pieces.open.as_str(), pieces.call_open, pieces.call_close, pieces.between, &pieces.close];
        texts.extend(pieces.quote);
        texts.extend(
            pieces
                .item
                .pieces()
                .iter()
                .chain(pieces.param.into_iter().flat_map(callwright_parse::format::Template::pieces))
                .map(callwright_parse::format::Piece::literal),
        );
        texts.extend(pieces.reasoning.iter().flat_map(|frame| [frame.open.as_str(), frame.close.as_str()]));
        self.specials.controls_in(&texts.join("\n"))
    }

    /// Whether the tools are told in words, because the template does not list them.
    #[must_use]
    pub fn tells_tools(&self) -> bool {
        self.told.is_some()
    }

    /// The prompt that asks the model for its next turn.
    ///
    /// With `ToolChoice::None` no tool is offered; with a name, only that one.
    pub fn prompt(&self, messages: &[Message], tools: &[Tool], choice: &ToolChoice) -> Result<Prompt> {
        if messages.iter().any(|message| message.images().next().is_some()) {
            return Err(Error::new(
                ErrorKind::Input,
                "the conversation has an image, and the model is prompted with text only",
            )
            .hint("ask a provider whose model sees images: `--provider NAME`"));
        }
        let tools: Vec<Value> = offered(tools, choice).map(Tool::function).collect();
        let said: Vec<Value> = messages.iter().map(|message| json!(message)).collect();
        let all = said.iter().chain(&tools).chain(self.variables.values());
        let guard = Guard::new(&self.specials, all).ok_or_else(|| {
            Error::new(
                ErrorKind::Input,
                "the messages use so many private characters that none is left to protect them",
            )
            .hint("take the private-use characters out of the messages")
        })?;
        let mut prompt = self.guarded(&guard, messages, &tools, choice)?;
        let another = self.another(messages, &tools, choice, guard.stand_in());
        prompt.shared = prompt.shared.min(common(&prompt.text(), &another));
        Ok(prompt)
    }

    /// The prompt of another conversation under the same rules, in which only this is said; empty where the template refuses
    /// it. What it has in common with a prompt depends on nothing that was said there: neither blanks, digits and foreign
    /// letters, which the guard leaves as they are, nor what a template writes because of them.
    fn another(&self, messages: &[Message], tools: &[Value], choice: &ToolChoice, said: String) -> String {
        let mut another: Vec<Message> =
            messages.iter().take_while(|message| message.role == Role::System).cloned().collect();
        another.push(Message::user(said));
        self.rendered(&another, tools, choice).unwrap_or_default()
    }

    /// The rendered conversation, with who wrote which letter.
    ///
    /// A template that looks into what was said renders otherwise where it cannot: then what it renders with the letters
    /// of special tokens hidden counts, if it writes the same special tokens in the same order as with all hidden, and
    /// else the latter.
    fn guarded(&self, guard: &Guard<'_>, messages: &[Message], tools: &[Value], choice: &ToolChoice) -> Result<Prompt> {
        let plain = self.rendered(messages, tools, choice)?;
        let by = |guard: &Guard<'_>| -> Result<Prompt> {
            let of_conversation = guard.of_conversation();
            let by = |message: &Message| if message.role == Role::System { guard } else { &of_conversation };
            let messages: Vec<Message> = messages.iter().map(|message| guarded(by(message), message)).collect();
            let tools: Vec<Value> = tools.iter().map(|tool| guard.tool(tool)).collect();
            Ok(guard.restore(&self.rendered(&messages, &tools, choice)?))
        };
        let hidden = match by(guard) {
            Ok(hidden) if hidden.text() == plain => return Ok(hidden),
            hidden => hidden,
        };
        let spared = by(&guard.clone().sparing(&self.specials));
        match (hidden, spared) {
            (Ok(hidden), Ok(spared)) if hidden.meant(&self.specials) != spared.meant(&self.specials) => Ok(hidden),
            (hidden, Ok(mut spared)) => {
                // Who said a letter that was spared is not known: the edge is the other's, as far as the two agree.
                let edge = hidden.map_or(0, |hidden| hidden.shared.min(common(&hidden.text(), &spared.text())));
                spared.shared = spared.shared.min(edge);
                Ok(spared)
            }
            (hidden, Err(_)) => hidden,
        }
    }

    /// The conversation as the template writes it.
    fn rendered(&self, messages: &[Message], tools: &[Value], choice: &ToolChoice) -> Result<String> {
        let mut conversation = Conversation {
            messages: self.messages(messages, tools, choice)?,
            add_generation_prompt: true,
            variables: self.variables.clone(),
            now: self.now,
            ..Conversation::default()
        };
        if let (Some(variable), None, false) = (self.abilities.tools, &self.told, tools.is_empty()) {
            offer(&mut conversation, variable, tools);
        }
        self.template.render_somehow(conversation)
    }

    /// The messages as the template reads them.
    fn messages(&self, messages: &[Message], tools: &[Value], choice: &ToolChoice) -> Result<Vec<Value>> {
        let mut told = Vec::new();
        if let (Some(prompt), false) = (&self.told, tools.is_empty()) {
            told.push(Told { role: Role::System, text: self.tool_text(prompt, tools, choice)? });
        }
        let native = self.native && self.abilities.calls.is_some();
        let mut out: Vec<Value> = Vec::new();
        let alone = if native && !self.abilities.parallel_calls { one_call_each(messages) } else { messages.to_vec() };
        for message in &alone {
            match message.role {
                Role::System if !self.abilities.system || !told.is_empty() => {
                    let at = told.iter().rposition(|told| told.role == Role::System).filter(|_| out.is_empty());
                    match at {
                        // The owner's rules come before the tools.
                        Some(at) => told[at].text = joined(&message.text(), &told[at].text),
                        None => told.push(Told { role: Role::System, text: message.text() }),
                    }
                }
                Role::Tool if !(native && self.abilities.results) => {
                    told.push(Told { role: Role::User, text: self.result_text(message)? });
                }
                Role::User if !told.is_empty() => told.push(Told { role: Role::User, text: message.text() }),
                _ => {
                    self.settle(&mut told, &mut out);
                    out.push(if native { self.abilities.message(message) } else { self.worded(message)? });
                }
            }
        }
        self.settle(&mut told, &mut out);
        Ok(out)
    }

    /// Turns what is to be told in words into messages: the rules in a system message where the template has one, all
    /// else in one message of the user, for many templates insist that roles alternate.
    fn settle(&self, told: &mut Vec<Told>, out: &mut Vec<Value>) {
        let own_system = self.abilities.system && out.is_empty();
        let mut text = String::new();
        for part in told.drain(..) {
            if own_system && part.role == Role::System && text.is_empty() {
                out.push(json!({"role": "system", "content": part.text}));
            } else {
                text = joined(&text, &part.text);
            }
        }
        match out.last_mut().filter(|last| last["role"] == "user") {
            _ if text.is_empty() => {}
            Some(last) => last["content"] = Value::from(joined(last["content"].as_str().unwrap_or_default(), &text)),
            None => out.push(json!({"role": "user", "content": text})),
        }
    }

    /// A message for a template that knows text only: calls in the words of the format.
    fn worded(&self, message: &Message) -> Result<Value> {
        let mut text = message.text();
        if !message.calls.is_empty() {
            let calls = self.format.write(&message.calls).map_err(|cause| {
                Error::new(ErrorKind::Format, "a call in the history cannot be written for this model")
                    .hint("choose another format, as `--format hermes`")
                    .because(cause)
            })?;
            text = if text.is_empty() { calls } else { format!("{text}\n{calls}") };
        }
        let mut value = json!({"role": message.role.as_str(), "content": text});
        if let Some(reasoning) = &message.reasoning {
            value["reasoning_content"] = Value::from(reasoning.as_str());
        }
        Ok(value)
    }

    fn result_text(&self, message: &Message) -> Result<String> {
        let mut variables = Map::new();
        variables.insert("content".to_owned(), Value::from(message.text()));
        variables.insert("name".to_owned(), json!(message.name));
        self.result.render(&Conversation { variables, ..Conversation::default() })
    }

    fn tool_text(&self, prompt: &Template, tools: &[Value], choice: &ToolChoice) -> Result<String> {
        let functions: Vec<&Value> = tools.iter().map(|tool| &tool["function"]).collect();
        let example = functions.first().map(|function| example(function));
        let example = self.format.write(example.as_slice()).map_err(|cause| {
            Error::new(ErrorKind::Format, format!("format `{}` cannot write its own example", self.format.name()))
                .because(cause)
        })?;
        let mut variables = Map::new();
        variables.insert("tools".to_owned(), json!(functions));
        variables.insert("format_example".to_owned(), Value::from(example));
        variables.insert("format_name".to_owned(), Value::from(self.format.name()));
        variables.insert("choice".to_owned(), Value::from(in_a_word(choice)));
        prompt.render(&Conversation { variables, ..Conversation::default() })
    }
}

/// How many bytes two texts begin alike with.
fn common(one: &str, other: &str) -> usize {
    let same = one.chars().zip(other.chars()).take_while(|(one, other)| one == other);
    same.map(|(letter, _)| letter.len_utf8()).sum()
}

/// The choice as the files of `prompts/` read it.
pub(super) fn in_a_word(choice: &ToolChoice) -> &str {
    match choice {
        ToolChoice::Named(name) => name,
        ToolChoice::Required => "required",
        ToolChoice::Auto | ToolChoice::None => "auto",
    }
}

/// Something that the template has no message for.
struct Told {
    role: Role,
    text: String,
}

fn joined(before: &str, after: &str) -> String {
    let between = if before.is_empty() || after.is_empty() { "" } else { "\n\n" };
    format!("{before}{between}{after}")
}

fn offered<'t>(tools: &'t [Tool], choice: &'t ToolChoice) -> impl Iterator<Item = &'t Tool> {
    tools.iter().filter(move |tool| match choice {
        ToolChoice::None => false,
        ToolChoice::Named(name) => tool.name == *name,
        ToolChoice::Auto | ToolChoice::Required => true,
    })
}

fn guarded(guard: &Guard<'_>, message: &Message) -> Message {
    let mut out = Message::new(message.role, guard.text(&message.text()));
    out.reasoning = message.reasoning.as_deref().map(|text| guard.text(text));
    out.name = message.name.as_deref().map(|text| guard.text(text));
    let id = |id: &CallId| CallId::new(guard.text(id.as_str()));
    out.tool_call_id = message.tool_call_id.as_ref().map(id);
    let call = |call: &Call| {
        let arguments: Arguments = guard.map(&call.arguments);
        Call::new(guard.text(&call.name), arguments).with_id(id(&call.id))
    };
    out.calls = message.calls.iter().map(call).collect();
    out
}

/// A call of this function with an example for each argument that it needs.
fn example(function: &Value) -> Call {
    let parameters = &function["parameters"];
    let required: Vec<&str> =
        parameters["required"].as_array().into_iter().flatten().filter_map(Value::as_str).collect();
    let properties = parameters["properties"].as_object().into_iter().flatten();
    let needed = properties.filter(|(name, _)| required.is_empty() || required.contains(&name.as_str()));
    let arguments = needed.map(|(name, schema)| (name.clone(), example_value(schema))).collect();
    Call::new(function["name"].as_str().unwrap_or_default(), arguments)
}

fn example_value(schema: &Value) -> Value {
    let given = schema.get("default").or_else(|| schema.get("example")).filter(|value| !value.is_null());
    let first = |key: &str| schema.get(key).and_then(|values| values.get(0));
    if let Some(value) = given.or_else(|| first("examples")).or_else(|| first("enum")) {
        return value.clone();
    }
    match schema["type"].as_str() {
        Some("integer" | "number") => json!(1),
        Some("boolean") => json!(true),
        Some("array") => json!([]),
        Some("object") => json!({}),
        _ => json!("..."),
    }
}

/// The source of a built-in tool prompt.
fn tool_prompt(name: &str) -> Result<&'static str> {
    match name {
        "tool_use" => Ok(TOOL_USE),
        _ => Err(Error::new(ErrorKind::Config, format!("there is no tool prompt called `{name}`"))
            .hint("the tool prompts are: tool_use; `native` means the model's own chat template")),
    }
}
