//! A tool as its owner describes it, and how freely the model may choose.
//!
//! OpenAI's and Anthropic's shapes are both read, bare or wrapped, because tool files come from everywhere; one shape
//! is written. The schema stays as it was given: `check` compiles and normalises it.

use serde::{Deserialize, Deserializer, Serialize};
use serde_json::{Value, json};

/// A tool that the model may call.
///
/// ```
/// use callwright_parse::chat::Tool;
/// let openai = r#"{"type": "function", "function": {"name": "add", "parameters": {"type": "object"}}}"#;
/// let anthropic = r#"{"name": "add", "input_schema": {"type": "object"}}"#;
/// let (one, other): (Tool, Tool) = (serde_json::from_str(openai)?, serde_json::from_str(anthropic)?);
/// assert_eq!(one, other);
/// # Ok::<(), serde_json::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct Tool {
    /// The name that a call must bear.
    pub name: String,
    /// What it does, for the model.
    pub description: String,
    /// JSON Schema of the arguments object.
    pub parameters: Value,
}

impl Tool {
    /// A tool with this JSON Schema for its arguments.
    #[must_use]
    pub fn new(name: impl Into<String>, description: impl Into<String>, parameters: Value) -> Self {
        Self { name: name.into(), description: description.into(), parameters }
    }
}

fn no_parameters() -> Value {
    json!({"type": "object", "properties": {}})
}

impl<'de> Deserialize<'de> for Tool {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        #[derive(Deserialize)]
        struct Function {
            name: String,
            #[serde(default)]
            description: Option<String>,
            #[serde(default, alias = "input_schema", alias = "inputSchema", alias = "schema")]
            parameters: Option<Value>,
        }
        #[derive(Deserialize)]
        #[serde(untagged)]
        enum Shape {
            Wrapped { function: Function },
            Bare(Function),
        }
        let read = |_| serde::de::Error::custom("a tool needs a `name`, and `parameters` or `input_schema`");
        let (Shape::Wrapped { function } | Shape::Bare(function)) =
            Shape::deserialize(from).map_err(|e: D::Error| -> D::Error { read(e) })?;
        Ok(Self {
            name: function.name,
            description: function.description.unwrap_or_default(),
            parameters: function.parameters.filter(|schema| !schema.is_null()).unwrap_or_else(no_parameters),
        })
    }
}

impl Serialize for Tool {
    fn serialize<S: serde::Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        let Self { name, description, parameters } = self;
        let function = json!({"name": name, "description": description, "parameters": parameters});
        json!({"type": "function", "function": function}).serialize(to)
    }
}

/// How freely the model may choose between text and calls.
///
/// In JSON: `"auto"`, `"none"`, `"required"` (or Anthropic's `"any"`), a bare name, or OpenAI's
/// `{"type": "function", "function": {"name": ..}}`.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub enum ToolChoice {
    /// Text or calls, as the model sees fit.
    #[default]
    Auto,
    /// Text only.
    None,
    /// At least one call.
    Required,
    /// A call of this tool.
    Named(String),
}

impl std::str::FromStr for ToolChoice {
    type Err = std::convert::Infallible;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Ok(match text {
            "auto" => Self::Auto,
            "none" => Self::None,
            "required" | "any" => Self::Required,
            name => Self::Named(name.to_owned()),
        })
    }
}

impl<'de> Deserialize<'de> for ToolChoice {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        #[derive(Deserialize)]
        struct Function {
            name: String,
        }
        #[derive(Deserialize)]
        #[serde(untagged)]
        enum Shape {
            Word(String),
            Wrapped { function: Function },
            Bare(Function),
            Kind { r#type: String },
        }
        Ok(match Shape::deserialize(from)? {
            Shape::Word(word) | Shape::Kind { r#type: word } => match word.parse() {
                Ok(choice) => choice,
                Err(never) => match never {},
            },
            Shape::Wrapped { function } | Shape::Bare(function) => Self::Named(function.name),
        })
    }
}

impl Serialize for ToolChoice {
    fn serialize<S: serde::Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Auto => to.serialize_str("auto"),
            Self::None => to.serialize_str("none"),
            Self::Required => to.serialize_str("required"),
            Self::Named(name) => json!({"type": "function", "function": {"name": name}}).serialize(to),
        }
    }
}
