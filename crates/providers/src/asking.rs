//! A request as every dialect needs it: names and ids in the wire's alphabet, results beside their calls, and what the
//! model cannot do settled beforehand.
//!
//! Here, once, is decided what a request that a model cannot take turns into: an error that names it, or a warning that
//! goes into the reply. Dialects only put the outcome into their own words.

use serde_json::{Map, Value, json};

use super::carried::Carried;
use super::names::{Ids, Names};
use super::trouble::Trouble;
use super::{Ability, Capabilities, ProviderRow, Quirks};
use callwright_parse::chat::{Arguments, Digits, Image, Message, Part, Request, Role, Sampling, ToolChoice};
use callwright_parse::error::FailureKind;

/// What a dialect is to write.
#[derive(Debug)]
pub(super) struct Asking<'a> {
    pub(super) model: &'a str,
    pub(super) turns: Vec<AskedMessage<'a>>,
    pub(super) tools: Vec<Offered<'a>>,
    pub(super) choice: Choice,
    /// Whether several calls may be made in one turn. False only where the model can be told so.
    pub(super) parallel: bool,
    /// Absent where the model takes none.
    pub(super) sampling: Option<Sampling>,
    pub(super) max_tokens: u64,
    pub(super) stop: &'a [String],
    pub(super) quirks: &'a Quirks,
    pub(super) facts: Capabilities,
    pub(super) names: Names,
    pub(super) warnings: Vec<String>,
}

/// One step of the conversation.
#[derive(Debug, PartialEq)]
pub(super) enum AskedMessage<'a> {
    System(String),
    User(Vec<Shown<'a>>),
    Model(Said<'a>),
    Results(Vec<Answer>),
}

/// A piece of what the user says.
#[derive(Debug, PartialEq)]
pub(super) enum Shown<'a> {
    Text(String),
    Image(&'a Image),
}

/// The user's turn in the words of a dialect: a plain text where it is one, else a list of pieces.
pub(super) fn content(shown: &[Shown<'_>], text: fn(&str) -> Value, image: fn(&Image) -> Value) -> Value {
    match shown {
        [] => json!(""),
        [Shown::Text(only)] => json!(only),
        several => Value::Array(pieces(several, text, image)),
    }
}

/// The same, always as a list.
pub(super) fn pieces(shown: &[Shown<'_>], text: fn(&str) -> Value, image: fn(&Image) -> Value) -> Vec<Value> {
    let piece = |shown: &Shown<'_>| match shown {
        Shown::Text(said) => text(said),
        Shown::Image(seen) => image(seen),
    };
    shown.iter().map(piece).collect()
}

/// What the model said.
#[derive(Debug, PartialEq)]
pub(super) struct Said<'a> {
    pub(super) text: String,
    pub(super) reasoning: Option<&'a str>,
    pub(super) calls: Vec<Made<'a>>,
}

impl Said<'_> {
    /// What was thought before this, where the request says it or the provider wants it back.
    pub(super) fn thoughts(&self) -> Option<&str> {
        let carried = || self.calls.first()?.carried.as_ref()?.as_array()?.first()?.as_str();
        self.reasoning.or_else(carried)
    }
}

/// A call that the model made.
#[derive(Debug, PartialEq)]
pub(super) struct Made<'a> {
    pub(super) id: String,
    pub(super) name: String,
    pub(super) arguments: &'a Arguments,
    pub(super) digits: &'a Digits,
    /// What its provider wants back with it.
    pub(super) carried: Option<Value>,
}

/// The result of a call.
#[derive(Debug, PartialEq)]
pub(super) struct Answer {
    pub(super) id: String,
    pub(super) name: String,
    pub(super) text: String,
}

/// A tool on offer.
#[derive(Debug)]
pub(super) struct Offered<'a> {
    pub(super) name: String,
    pub(super) description: &'a str,
    pub(super) parameters: Value,
}

/// The tool choice, as far as the model supports it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Choice {
    Auto,
    None,
    Required,
    Named(String),
}

impl<'a> Asking<'a> {
    pub(super) fn of(
        request: &'a Request,
        model: &'a str,
        row: &'a ProviderRow,
        carried: &Carried,
    ) -> Result<Self, Trouble> {
        let facts = row.capabilities(model);
        if !request.tools.is_empty() && request.tool_choice != ToolChoice::None && !facts.can(Ability::Tools) {
            return Err(unsupported("the model does not support tools"));
        }
        let mut images = request.messages.iter().flat_map(Message::images);
        if images.next().is_some() && !facts.can(Ability::Vision) {
            let say =
                format!("if it does, set in [providers.{}]: models.\"{model}\" = {{ can = [\"vision\"] }}", row.name);
            return Err(unsupported(format!("`{model}` is not known to accept images; {say}")));
        }
        let called = request.messages.iter().flat_map(|message| &message.calls).map(|call| call.name.as_str());
        let names = Names::of(request.tools.iter().map(|tool| tool.name.as_str()).chain(called));
        let turns = turns(&request.messages, &names, model, row, carried)?;
        let mut asking = Self {
            model,
            turns,
            tools: offered(request, &names),
            choice: Choice::Auto,
            parallel: true,
            sampling: Some(request.sampling),
            max_tokens: request.limits.max_tokens as u64,
            stop: &request.stop,
            quirks: &row.quirks,
            facts,
            names,
            warnings: Vec::new(),
        };
        asking.choose(&request.tool_choice)?;
        asking.fit(request);
        Ok(asking)
    }

    /// Notes what could not be said.
    pub(super) fn warn(&mut self, warning: impl Into<String>) {
        self.warnings.push(warning.into());
    }

    fn choose(&mut self, choice: &ToolChoice) -> Result<(), Trouble> {
        self.choice = match choice {
            ToolChoice::None => Choice::None,
            ToolChoice::Required if self.facts.can(Ability::RequiredChoice) => Choice::Required,
            // Some call must be made, and there is only one to make.
            ToolChoice::Required if self.tools.len() == 1 && self.facts.can(Ability::NamedChoice) => {
                Choice::Named(self.tools[0].name.clone())
            }
            ToolChoice::Named(name) => {
                let wire = self.names.wire(name);
                if !self.tools.iter().any(|tool| tool.name == wire) {
                    return Err(unsupported(format!("the required tool `{name}` is not offered")));
                }
                if self.facts.can(Ability::NamedChoice) {
                    Choice::Named(wire)
                } else {
                    // One tool on offer comes to the same, as far as a call can be forced at all.
                    self.tools.retain(|tool| tool.name == wire);
                    self.warn(format!(
                        "the model cannot be forced to call `{name}`: it was offered no other tool instead"
                    ));
                    if self.facts.can(Ability::RequiredChoice) { Choice::Required } else { Choice::Auto }
                }
            }
            ToolChoice::Auto | ToolChoice::Required => Choice::Auto,
        };
        if matches!(choice, ToolChoice::Required | ToolChoice::Named(_)) && self.choice == Choice::Auto {
            self.warn("the model cannot be forced to call a tool: the call was left to its choice");
        }
        Ok(())
    }

    fn fit(&mut self, request: &Request) {
        if let Some(most) = self.facts.max_output.filter(|most| *most < self.max_tokens) {
            self.warn(format!("the model generates at most {most} tokens: the limit was lowered to that"));
            self.max_tokens = most;
        }
        if !request.parallel() && !self.tools.is_empty() {
            if self.facts.can(Ability::SingleCall) {
                self.parallel = false;
            } else {
                self.warn("the model cannot be limited to one call");
            }
        }
        if !self.facts.can(Ability::Sampling) {
            self.sampling = None;
            if request.sampling != Sampling::default() {
                self.warn("the model does not support sampling settings: they were left out");
            }
        }
    }

    /// The texts of the system, for dialects that have one place for them.
    pub(super) fn system(&mut self) -> Option<String> {
        let texts: Vec<&str> = self
            .turns
            .iter()
            .filter_map(|turn| if let AskedMessage::System(text) = turn { Some(text.as_str()) } else { None })
            .collect();
        let joined = (!texts.is_empty()).then(|| texts.join("\n\n"));
        if self
            .turns
            .iter()
            .skip_while(|turn| matches!(turn, AskedMessage::System(_)))
            .any(|turn| matches!(turn, AskedMessage::System(_)))
        {
            self.warn("a system message in the middle of the conversation was moved to its start");
        }
        joined
    }

    /// Adds the sampling settings that were set, under the dialect's names for them, and warns of those that it has no
    /// name for. A name that is `None` is one that the dialect lacks.
    pub(super) fn sample(&mut self, into: &mut Map<String, Value>, words: &SamplingWords) {
        let Some(sampling) = self.sampling else { return };
        let whole = Sampling::default();
        into.insert("temperature".to_owned(), number(sampling.temperature));
        let rest = [
            ("top_p", words.top_p, sampling.top_p.to_bits() != whole.top_p.to_bits(), number(sampling.top_p)),
            ("top_k", words.top_k, sampling.top_k != whole.top_k, json!(sampling.top_k)),
            ("min_p", words.min_p, sampling.min_p.to_bits() != whole.min_p.to_bits(), number(sampling.min_p)),
            ("seed", words.seed, sampling.seed != whole.seed, json!(sampling.seed)),
        ];
        for (ours, word, is_set, value) in rest {
            match word {
                _ if !is_set => {}
                Some(word) => drop(into.insert(word.to_owned(), value)),
                None => self.warn(format!("the provider does not support `{ours}`: it was left out")),
            }
        }
    }
}

/// What a dialect calls the sampling settings.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct SamplingWords {
    pub(super) top_p: Option<&'static str>,
    pub(super) top_k: Option<&'static str>,
    pub(super) min_p: Option<&'static str>,
    pub(super) seed: Option<&'static str>,
}

/// 0.7 as it was written, not as 32 bits have it.
fn number(value: f32) -> Value {
    value.to_string().parse::<f64>().map_or(Value::Null, Value::from)
}

fn unsupported(why: impl Into<String>) -> Trouble {
    Trouble::new(FailureKind::Unsupported, why)
}

fn offered<'a>(request: &'a Request, names: &Names) -> Vec<Offered<'a>> {
    let offered = request.tools.iter().map(|tool| Offered {
        name: names.wire(&tool.name),
        description: &tool.description,
        parameters: object_schema(&tool.parameters),
    });
    offered.collect()
}

/// The schema with what every provider insists on: it says that it is an object's.
fn object_schema(schema: &Value) -> Value {
    let Value::Object(fields) = schema else { return json!({"type": "object", "properties": {}}) };
    let mut whole = Map::new();
    whole.insert("type".to_owned(), json!("object"));
    whole.insert("properties".to_owned(), json!({}));
    whole.extend(fields.clone());
    Value::Object(whole)
}

fn turns<'a>(
    messages: &'a [Message],
    names: &Names,
    model: &str,
    row: &ProviderRow,
    carried: &Carried,
) -> Result<Vec<AskedMessage<'a>>, Trouble> {
    let mut ids = Ids::new(row.quirks.ids);
    let mut turns: Vec<AskedMessage<'a>> = Vec::new();
    // Calls of the model's last turn that no result has answered yet: id and name on the wire.
    let mut open: Vec<(String, String)> = Vec::new();
    for message in messages {
        if message.role != Role::User && message.images().next().is_some() {
            let who = message.role.as_str();
            return Err(unsupported(format!("image in a message of the {who}: only user messages may have images")));
        }
        match message.role {
            Role::System => turns.push(AskedMessage::System(message.text())),
            Role::User => turns.push(AskedMessage::User(shown(message))),
            Role::Assistant => {
                let made = |call: &'a callwright_parse::chat::Call| Made {
                    id: ids.call(&call.id),
                    name: names.wire(&call.name),
                    arguments: &call.arguments,
                    digits: &call.digits,
                    carried: carried.of(model, call),
                };
                let calls: Vec<_> = message.calls.iter().map(made).collect();
                open = calls.iter().map(|call| (call.id.clone(), call.name.clone())).collect();
                turns.push(AskedMessage::Model(Said {
                    text: message.text(),
                    reasoning: message.reasoning.as_deref(),
                    calls,
                }));
            }
            Role::Tool => {
                let answer = answer(message, &ids, names, &mut open)?;
                match turns.last_mut() {
                    Some(AskedMessage::Results(answers)) => answers.push(answer),
                    _ => turns.push(AskedMessage::Results(vec![answer])),
                }
            }
        }
    }
    Ok(turns)
}

fn shown(message: &Message) -> Vec<Shown<'_>> {
    if message.images().next().is_none() {
        return vec![Shown::Text(message.text())];
    }
    let mut shown = Vec::new();
    for part in &message.content {
        match part {
            Part::Text { text } if text.trim().is_empty() => {}
            Part::Text { text } => shown.push(Shown::Text(text.clone())),
            Part::Image(image) => shown.push(Shown::Image(image)),
        }
    }
    shown
}

/// The call that a result answers: by its id, else by the tool's name, else the next in line.
fn answer(message: &Message, ids: &Ids, names: &Names, open: &mut Vec<(String, String)>) -> Result<Answer, Trouble> {
    let by_id = message.tool_call_id.as_ref().and_then(|id| ids.result(id));
    let name = message.name.as_deref().map(|name| names.wire(name));
    let at = match &by_id {
        Some(id) => open.iter().position(|(known, _)| known == id),
        None => open.iter().position(|(_, known)| Some(known) == name.as_ref()).or((!open.is_empty()).then_some(0)),
    };
    let found = at.map(|at| open.remove(at));
    match (found, by_id, name) {
        (Some((id, name)), ..) | (None, Some(id), Some(name)) => Ok(Answer { id, name, text: message.text() }),
        _ => Err(unsupported("a tool result belongs to no call of the conversation")),
    }
}
