//! The JSON that an answer must be: compiled once a turn, as a tool's arguments are, and checked when the answer is there.
//!
//! Its text stays as the model wrote it: a wrong answer is told, never put right.

use std::sync::Arc;

use callwright_parse::chat::{Answer, Fault, Tool};
use callwright_parse::check::{Level, ToolSet};
use callwright_parse::error::{Error, ErrorKind, Result};
use callwright_parse::schema::Schema;
use serde_json::Value;

/// The check of an answer.
pub(super) struct AnswerCheck {
    /// The answer's schema, as that of the only tool.
    tools: ToolSet,
    name: String,
    schema: Arc<Schema>,
}

impl AnswerCheck {
    /// What a form asks for; none where it is any text.
    pub(super) fn compile(asked: &Answer) -> Result<Option<Self>> {
        let Some(schema) = asked.json_schema() else { return Ok(None) };
        let name = match asked {
            Answer::Schema(form) if !form.name.is_empty() => form.name.as_str(),
            _ => "answer",
        };
        let tools = ToolSet::compile(&[Tool::new(name, "", schema)])?;
        if let Some(schema) = tools.schema(name).map(Arc::clone) {
            return Ok(Some(Self { name: name.to_owned(), schema, tools }));
        }
        let why = tools.refused().first().map(|refused| refused.error.to_string()).unwrap_or_default();
        Err(Error::new(ErrorKind::Schema, format!("the answer's schema `{name}` cannot be used: {why}")))
    }

    pub(super) fn schema(&self) -> &Arc<Schema> {
        &self.schema
    }

    /// What is wrong with an answer.
    pub(super) fn fault(&self, text: &str) -> Option<Fault> {
        let value: Value = match serde_json::from_str(text.trim()) {
            Ok(value) => value,
            Err(flaw) => return Some(Fault::WrongAnswer { message: format!("it is not JSON: {flaw}") }),
        };
        let checked = self.tools.check(&self.name, value, Level::Strict, 0..text.len(), 0);
        let message = checked.faults.first()?.to_string();
        Some(Fault::WrongAnswer { message })
    }
}
