//! One recorded output and what is known of it: our own form, which all others are turned into.

use std::path::Path;

use serde::{Deserialize, Deserializer, Serialize};
use serde_json::{Map, Value};

use crate::lines::Lines;
use callwright_parse::chat::{Arguments, Response, Tool};
use callwright_parse::error::{Error, ErrorKind, Result};

/// One recorded output of a model, with the tools that it was offered and, where known, what it should have called.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Recording {
    /// Names the recording in its file.
    pub id: String,
    /// The model that wrote the output.
    #[serde(default)]
    pub model: String,
    /// The format that it was asked to write calls in.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub format: Option<String>,
    /// The kind of question, for tables.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub category: Option<String>,
    /// The language whose source text the argument values are, where it is not JSON's own types.
    #[serde(default, rename = "lang", skip_serializing_if = "Language::is_json")]
    pub language: Language,
    /// What was asked, for people who look at a failure.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub question: Option<String>,
    /// The tools on offer.
    #[serde(default)]
    pub tools: Vec<Tool>,
    /// The end of the prompt that the output goes on from, which may have opened reasoning or a call.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub prompt_tail: String,
    /// The raw text.
    pub output: String,
    /// The same text in the pieces in which it came.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub chunks: Vec<String>,
    /// The calls that should have been made; empty means none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expected: Option<Vec<Expected>>,
    /// The text that should have been left for the user.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expected_text: Option<String>,
    /// Per argument the values that count as right; empty means that nothing should be called.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub accepted: Option<Vec<Accepted>>,
}

/// In what language a question wants its argument values.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Language {
    /// Values of JSON's types, which are Python's.
    #[default]
    #[serde(alias = "python")]
    Json,
    /// Strings that hold Java source.
    Java,
    /// Strings that hold JavaScript source.
    JavaScript,
}

impl Language {
    #[expect(clippy::trivially_copy_pass_by_ref, reason = "serde hands a reference")]
    fn is_json(&self) -> bool {
        *self == Self::Json
    }
}

/// A call that should have been made.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Expected {
    /// The tool.
    pub name: String,
    /// Its arguments.
    #[serde(default)]
    pub arguments: Arguments,
}

/// A call that should have been made, with every value that counts as right.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Accepted {
    /// The tool; empty where the question names none that it offers.
    #[serde(deserialize_with = "or_empty")]
    pub name: String,
    /// For each parameter its accepted values; `""` among them means that it may be left out.
    #[serde(default, deserialize_with = "map_or_empty")]
    pub args: Map<String, Value>,
}

/// Questions exist whose answer names no tool: null, and then a list for its arguments.
fn or_empty<'de, D: Deserializer<'de>>(from: D) -> std::result::Result<String, D::Error> {
    Ok(Option::<String>::deserialize(from)?.unwrap_or_default())
}

fn map_or_empty<'de, D: Deserializer<'de>>(from: D) -> std::result::Result<Map<String, Value>, D::Error> {
    match Value::deserialize(from)? {
        Value::Object(args) => Ok(args),
        Value::Array(_) | Value::Null => Ok(Map::new()),
        _ => Err(serde::de::Error::custom("`args` is not an object of lists")),
    }
}

impl Recording {
    /// What a turn left behind.
    #[must_use]
    pub fn of_response(id: impl Into<String>, tools: &[Tool], response: &Response) -> Self {
        Self {
            id: id.into(),
            model: response.model.clone(),
            format: Some(response.format.clone()),
            tools: tools.to_vec(),
            output: response.raw.clone(),
            chunks: pieces(&response.raw, &response.chunks),
            ..Self::default()
        }
    }

    /// Adds the recording as one line at the end of a file, which is made where it is missing.
    pub fn append(&self, file: &Path) -> Result<()> {
        Lines::open(file).and_then(|mut lines| lines.add(self)).map_err(|cause| unwritable(file, cause))
    }
}

/// Whether recordings can be written to this file, which is made where it is missing: better known before the work.
pub fn writable(file: &Path) -> Result<()> {
    Lines::open(file).map(drop).map_err(|cause| unwritable(file, cause))
}

fn unwritable(file: &Path, cause: std::io::Error) -> Error {
    Error::new(ErrorKind::Io, format!("cannot write recordings to {}", file.display()))
        .because(cause)
        .hint("name a file in a folder that you can write to")
}

/// Cuts a text at the given lengths; where they do not fit it (bytes that were no UTF-8) the text is one piece.
fn pieces(text: &str, lengths: &[usize]) -> Vec<String> {
    let mut rest = text;
    let mut pieces = Vec::with_capacity(lengths.len());
    for length in lengths {
        let Some((piece, behind)) = rest.split_at_checked(*length) else { return vec![text.to_owned()] };
        pieces.push(piece.to_owned());
        rest = behind;
    }
    if rest.is_empty() { pieces } else { vec![text.to_owned()] }
}
