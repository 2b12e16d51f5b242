//! A tool as its owner describes it, and how freely the model may choose.
//!
//! OpenAI's and Anthropic's shapes are both read, bare or wrapped, because tool files come from everywhere; one shape
//! is written. The schema stays as it was given: `check` compiles and normalises it.

use serde::{Deserialize, Deserializer, Serialize};
use serde_json::{Value, json};

use super::{Arguments, Input, TextGrammar};

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
    /// Whether the tool takes an object of arguments or one text.
    pub input: Input,
}

impl Tool {
    /// A tool with this JSON Schema for its arguments.
    #[must_use]
    pub fn new(name: impl Into<String>, description: impl Into<String>, parameters: Value) -> Self {
        Self { name: name.into(), description: description.into(), parameters, input: Input::Arguments }
    }

    /// A tool that takes one text, held to a grammar where there is one. The model calls it as a tool with one string
    /// argument, [`Tool::TEXT`].
    ///
    /// ```
    /// use callwright_parse::chat::{Arguments, TextGrammar, Tool};
    /// let tool = Tool::custom("dial", "dials a number", Some(TextGrammar::Regex("[0-9]+".to_owned())));
    /// let arguments = Arguments::from_iter([(Tool::TEXT.to_owned(), "112".into())]);
    /// assert_eq!(tool.text_of(&arguments), Some("112"));
    /// ```
    #[must_use]
    pub fn custom(name: impl Into<String>, description: impl Into<String>, grammar: Option<TextGrammar>) -> Self {
        let told = grammar.as_ref().map_or_else(|| "free text".to_owned(), TextGrammar::told);
        let text = json!({"type": "string", "description": told});
        let parameters = json!({"type": "object", "properties": {Self::TEXT: text}, "required": [Self::TEXT], "additionalProperties": false});
        let input = Input::Text(grammar);
        Self { name: name.into(), description: description.into(), parameters, input }
    }

    /// The argument in which a tool that takes one text is given it.
    pub const TEXT: &str = "input";

    /// The text that a call gives this tool, where it takes one.
    #[must_use]
    pub fn text_of<'a>(&self, arguments: &'a Arguments) -> Option<&'a str> {
        let Input::Text(_) = &self.input else { return None };
        arguments.get(Self::TEXT)?.as_str()
    }

    /// The tool as a function, as models are told of it.
    #[must_use]
    pub fn function(&self) -> Value {
        let Self { name, description, parameters, .. } = self;
        let function = json!({"name": name, "description": description, "parameters": parameters});
        json!({"type": "function", "function": function})
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
            /// Of a custom tool that is not wrapped.
            #[serde(default)]
            format: Option<Value>,
        }
        #[derive(Deserialize)]
        struct Custom {
            name: String,
            #[serde(default)]
            description: Option<String>,
            #[serde(default)]
            format: Option<Value>,
        }
        #[derive(Deserialize)]
        #[serde(untagged)]
        enum Shape {
            Wrapped {
                function: Function,
            },
            Custom {
                custom: Custom,
            },
            Bare {
                #[serde(default)]
                r#type: Option<String>,
                #[serde(flatten)]
                function: Function,
            },
        }
        let read = |_| serde::de::Error::custom("a tool needs a `name`, and `parameters` or `input_schema`");
        let custom = |name: String, description: Option<String>, format: Option<&Value>| {
            let grammar = TextGrammar::of_format(format).map_err(serde::de::Error::custom)?;
            Ok(Self::custom(name, description.unwrap_or_default(), grammar))
        };
        match Shape::deserialize(from).map_err(|e: D::Error| -> D::Error { read(e) })? {
            Shape::Custom { custom: Custom { name, description, format } } => {
                custom(name, description, format.as_ref())
            }
            // Anthropic's tools may have this type, too, and have a schema.
            Shape::Bare { r#type: Some(kind), function: Function { name, description, parameters: None, format } }
                if kind == "custom" =>
            {
                custom(name, description, format.as_ref())
            }
            Shape::Wrapped { function } | Shape::Bare { function, .. } => {
                let parameters = function.parameters.filter(|schema| !schema.is_null()).unwrap_or_else(no_parameters);
                Ok(Self::new(function.name, function.description.unwrap_or_default(), parameters))
            }
        }
    }
}

impl Serialize for Tool {
    fn serialize<S: serde::Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        let Input::Text(grammar) = &self.input else { return self.function().serialize(to) };
        let Self { name, description, .. } = self;
        let format = grammar.as_ref().map_or_else(|| json!({"type": "text"}), TextGrammar::format);
        let custom = json!({"name": name, "description": description, "format": format});
        json!({"type": "custom", "custom": custom}).serialize(to)
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
