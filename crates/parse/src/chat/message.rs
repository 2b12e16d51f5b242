//! What was said so far: messages, their roles and their parts.
//!
//! Messages are read in the shapes that people have lying around (OpenAI's above all) and written in one: content is
//! a string where it is text only. Arguments of earlier calls are read as an object or as JSON text.

use serde::{Deserialize, Deserializer, Serialize};

use super::{Arguments, Call, CallId, Digits, Image};

/// Who speaks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Role {
    /// The one who sets the rules.
    #[serde(alias = "developer")]
    System,
    /// The one who asks.
    User,
    /// The model.
    Assistant,
    /// The result of a call.
    #[serde(alias = "function", alias = "computer", alias = "ipython")]
    Tool,
}

impl Role {
    /// The role's name as chat templates know it.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::System => "system",
            Self::User => "user",
            Self::Assistant => "assistant",
            Self::Tool => "tool",
        }
    }
}

/// A piece of a message's content.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "type")]
pub enum Part {
    /// Text.
    #[serde(alias = "input_text", alias = "output_text")]
    Text {
        /// The text itself.
        text: String,
    },
    /// A picture.
    #[serde(rename = "image_url", alias = "input_image", alias = "image")]
    Image(Image),
}

/// One message of a conversation.
///
/// ```
/// use callwright_parse::chat::{Message, Role};
/// let message: Message = serde_json::from_str(r#"{"role": "function", "name": "add", "content": "3"}"#).unwrap();
/// assert_eq!(message.role, Role::Tool);
/// assert_eq!(message.text(), "3");
/// ```
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Message {
    /// Who says it.
    pub role: Role,
    /// What is said; empty where a message is calls only.
    #[serde(default, deserialize_with = "read_content", serialize_with = "write_content")]
    pub content: Vec<Part>,
    /// What the model thought before it spoke, without tags.
    #[serde(default, alias = "reasoning_content", skip_serializing_if = "Option::is_none")]
    pub reasoning: Option<String>,
    /// The calls that the model made.
    #[serde(default, deserialize_with = "read_calls", serialize_with = "write_calls")]
    #[serde(rename = "tool_calls", skip_serializing_if = "Vec::is_empty")]
    pub calls: Vec<Call>,
    /// In a tool's message: the call that it answers.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tool_call_id: Option<CallId>,
    /// In a tool's message: the tool.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
}

impl Message {
    /// A message of text.
    #[must_use]
    pub fn new(role: Role, text: impl Into<String>) -> Self {
        let content = vec![Part::Text { text: text.into() }];
        Self { role, content, reasoning: None, calls: Vec::new(), tool_call_id: None, name: None }
    }

    /// A message that sets the rules.
    #[must_use]
    pub fn system(text: impl Into<String>) -> Self {
        Self::new(Role::System, text)
    }

    /// A message of the one who asks.
    #[must_use]
    pub fn user(text: impl Into<String>) -> Self {
        Self::new(Role::User, text)
    }

    /// A message of the model, with the calls that it made.
    #[must_use]
    pub fn assistant(text: impl Into<String>, calls: Vec<Call>) -> Self {
        Self { calls, ..Self::new(Role::Assistant, text) }
    }

    /// The result of a call.
    #[must_use]
    pub fn result(call: &Call, text: impl Into<String>) -> Self {
        let mut message = Self::new(Role::Tool, text);
        message.tool_call_id = Some(call.id.clone());
        message.name = Some(call.name.clone());
        message
    }

    /// The text of all parts, one after the other.
    #[must_use]
    pub fn text(&self) -> String {
        self.content
            .iter()
            .map(|part| match part {
                Part::Text { text } => text.as_str(),
                Part::Image(_) => "",
            })
            .collect()
    }

    /// Its pictures.
    pub fn images(&self) -> impl Iterator<Item = &Image> {
        self.content.iter().filter_map(|part| match part {
            Part::Image(image) => Some(image),
            Part::Text { .. } => None,
        })
    }

    /// The message with a picture behind what it says.
    #[must_use]
    pub fn image(mut self, image: Image) -> Self {
        self.content.push(Part::Image(image));
        self
    }

    /// The message with this in place of its text; its pictures stay.
    #[must_use]
    pub fn with_text(mut self, text: impl Into<String>) -> Self {
        self.content.retain(|part| matches!(part, Part::Image(_)));
        self.content.insert(0, Part::Text { text: text.into() });
        self
    }
}

fn read_content<'de, D: Deserializer<'de>>(from: D) -> Result<Vec<Part>, D::Error> {
    #[derive(Deserialize)]
    #[serde(untagged)]
    enum Content {
        Text(String),
        Parts(Vec<Part>),
        None(()),
    }
    Ok(match Content::deserialize(from)? {
        Content::Text(text) => vec![Part::Text { text }],
        Content::Parts(parts) => parts,
        Content::None(()) => Vec::new(),
    })
}

fn write_content<S: serde::Serializer>(parts: &[Part], to: S) -> Result<S::Ok, S::Error> {
    match parts {
        [] => to.serialize_str(""),
        [Part::Text { text }] => to.serialize_str(text),
        parts => to.collect_seq(parts),
    }
}

/// OpenAI's shape of a call: `{"id", "type": "function", "function": {"name", "arguments"}}`.
#[derive(Serialize, Deserialize)]
struct WireCall {
    #[serde(default)]
    id: Option<String>,
    #[serde(rename = "type", default = "function")]
    kind: String,
    function: WireFunction,
}

#[derive(Serialize, Deserialize)]
struct WireFunction {
    name: String,
    #[serde(deserialize_with = "read_arguments", serialize_with = "write_arguments")]
    arguments: (Arguments, Digits),
}

fn function() -> String {
    "function".to_owned()
}

/// Arguments as an object or, to the digit, as the text of one.
fn read_arguments<'de, D: Deserializer<'de>>(from: D) -> Result<(Arguments, Digits), D::Error> {
    #[derive(Deserialize)]
    #[serde(untagged)]
    enum Either {
        Object(Arguments),
        Text(String),
        None(()),
    }
    match Either::deserialize(from)? {
        Either::Object(arguments) => Ok((arguments, Digits::default())),
        Either::Text(text) if text.trim().is_empty() => Ok(Default::default()),
        Either::Text(text) => {
            let arguments = serde_json::from_str(&text).map_err(serde::de::Error::custom)?;
            let (digits, _) = Digits::read(&arguments, &text);
            Ok((arguments, digits))
        }
        Either::None(()) => Ok(Default::default()),
    }
}

fn write_arguments<S: serde::Serializer>((arguments, digits): &(Arguments, Digits), to: S) -> Result<S::Ok, S::Error> {
    digits.exact(arguments).serialize(to)
}

fn read_calls<'de, D: Deserializer<'de>>(from: D) -> Result<Vec<Call>, D::Error> {
    let wire = Option::<Vec<WireCall>>::deserialize(from)?.unwrap_or_default();
    let call = |(index, wire): (usize, WireCall)| {
        let id = wire.id.map_or_else(|| CallId::of_index(index), CallId::new);
        let (arguments, digits) = wire.function.arguments;
        Call::new(wire.function.name, arguments).with_id(id).with_digits(digits)
    };
    Ok(wire.into_iter().enumerate().map(call).collect())
}

fn write_calls<S: serde::Serializer>(calls: &[Call], to: S) -> Result<S::Ok, S::Error> {
    to.collect_seq(calls.iter().map(|call| WireCall {
        id: Some(call.id.to_string()),
        kind: function(),
        function: WireFunction { name: call.name.clone(), arguments: (call.arguments.clone(), call.digits.clone()) },
    }))
}
