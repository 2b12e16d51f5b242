//! What a tool takes: an object of arguments, or one text that a grammar may hold.
//!
//! A text with a grammar is what OpenAI calls the input of a custom tool. How it is held to, and which part of Lark is
//! known, is the business of those who write decoding grammars; here it is only said and read.

use serde_json::{Value, json};

/// What a tool takes.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub enum Input {
    /// An object of arguments, as its parameters' schema says.
    #[default]
    Arguments,
    /// One text, of the language of a grammar where there is one.
    Text(Option<TextGrammar>),
}

/// The grammar of a text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum TextGrammar {
    /// A grammar in Lark, whose rule `start` is the whole text.
    Lark(String),
    /// A regular expression that matches the whole text.
    Regex(String),
}

impl TextGrammar {
    /// The grammar that the `format` of a custom tool names; none where its text is free.
    ///
    /// Both of OpenAI's shapes are read: `{"type": "grammar", "grammar": {"syntax", "definition"}}` and the same flat.
    pub fn of_format(format: Option<&Value>) -> Result<Option<Self>, String> {
        let Some(format) = format.filter(|format| !format.is_null()) else { return Ok(None) };
        match format["type"].as_str() {
            Some("text") => return Ok(None),
            Some("grammar") => {}
            _ => return Err("the format of a custom tool is `text` or `grammar`".to_owned()),
        }
        let grammar = format.get("grammar").unwrap_or(format);
        let definition = grammar["definition"].as_str().ok_or("a grammar needs a `definition`")?.to_owned();
        match grammar["syntax"].as_str() {
            Some("lark") => Ok(Some(Self::Lark(definition))),
            Some("regex") => Ok(Some(Self::Regex(definition))),
            _ => Err("the syntax of a grammar is `lark` or `regex`".to_owned()),
        }
    }

    /// The same as the `format` of a custom tool.
    pub(super) fn format(&self) -> Value {
        let (syntax, definition) = match self {
            Self::Lark(definition) => ("lark", definition),
            Self::Regex(definition) => ("regex", definition),
        };
        json!({"type": "grammar", "grammar": {"syntax": syntax, "definition": definition}})
    }

    /// What a model is told of it.
    pub(super) fn told(&self) -> String {
        match self {
            Self::Lark(definition) => format!("text of this Lark grammar:\n{definition}"),
            Self::Regex(definition) => format!("text that this regular expression matches: {definition}"),
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test stops at the first surprise")]

    use super::super::Tool;
    use super::{Input, TextGrammar};
    use serde_json::{Value, json};

    #[test]
    fn custom_tools_are_read_in_both_shapes_and_written_as_they_are_read() {
        let read = |tool: Value| serde_json::from_value::<Tool>(tool);
        let own = Tool::custom("dial", "d", Some(TextGrammar::Lark("start: /[0-9]+/".to_owned())));
        let grammar = json!({"syntax": "lark", "definition": "start: /[0-9]+/"});
        let wrapped = json!({"type": "custom", "custom": {"name": "dial", "description": "d",
            "format": {"type": "grammar", "grammar": grammar}}});
        let flat = json!({"type": "custom", "name": "dial", "description": "d",
            "format": {"type": "grammar", "syntax": "lark", "definition": "start: /[0-9]+/"}});
        assert_eq!((read(wrapped).unwrap(), read(flat).unwrap()), (own.clone(), own.clone()));
        let free = read(json!({"type": "custom", "name": "note", "format": {"type": "text"}})).unwrap();
        assert_eq!(free.input, Input::Text(None));
        let anthropic = json!({"type": "custom", "name": "add", "input_schema": {"type": "object"}});
        assert_eq!(read(anthropic).unwrap(), Tool::new("add", "", json!({"type": "object"})));
        for tool in [own, free] {
            assert_eq!(read(json!(tool)).unwrap(), tool);
            assert_eq!(tool.function()["function"]["parameters"]["required"], json!(["input"]));
        }
        assert!(read(json!({"type": "custom", "name": "a", "format": {"type": "grammar", "syntax": "peg"}})).is_err());
    }
}
