//! Text to values: JSON exactly, JSON as models write it, Python literals, call expressions, typed parameters.
//!
//! Strict JSON goes through `serde_json` and comes out as `serde_json` reads it, with no fix. Only where that fails does
//! the tolerant reader take over; each deviation it reads over is a [`Fix`] with its place. What is cut off is never
//! completed, what cannot be read is never replaced by something else: both are an [`Unread`].
//!
//! Off-the-shelf repair crates were measured and invent values on raw output, hence our own reader. It works on one
//! buffer with one cursor, in steps that grow with the text, and counts its depth. It knows no schema (but [`typed`]),
//! no format and no tool.

mod arithmetic;
mod bare;
mod call_expr;
mod canonical;
mod escape;
mod literal;
mod machine;
mod nest;
mod number;
mod reader;
pub(crate) mod settle;
pub(crate) mod strict;
mod string;
pub(crate) mod token;
mod typed;

use std::ops::Range;

use serde_json::Value;

use crate::chat::Fix;

pub(crate) use call_expr::call_expr_settled;
pub use call_expr::{CallDialect, CallExpr, call_expr, call_expr_closed};
pub use canonical::Canonical;
pub use literal::{name, quoted};
pub use typed::typed;

use reader::{Ending, Home, Reader};

/// How deep values may nest, in lists and objects. `serde_json` stops there too.
pub const MAX_DEPTH: usize = 127;

/// A value that was read, and where it ended.
#[derive(Debug, Clone, PartialEq)]
pub struct Reading {
    /// The value.
    pub value: Value,
    /// Byte offset just after it, counted as `at` is.
    pub end: usize,
    /// What was tolerated, with spans counted as `at` is, and no call.
    pub fixes: Vec<Fix>,
}

/// Why no value was read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Unread {
    /// The text ended inside the value, at this byte. More text may complete it.
    Incomplete {
        /// Where the text ended.
        at: usize,
    },
    /// There is no value here, whatever comes after.
    Bad {
        /// The byte that cannot be.
        at: usize,
        /// What was expected there.
        message: &'static str,
    },
    /// The value nests deeper than [`MAX_DEPTH`].
    TooDeep {
        /// The bracket that is one too many.
        at: usize,
    },
}

impl Unread {
    /// The byte it is about.
    #[must_use]
    pub fn at(&self) -> usize {
        match self {
            Self::Incomplete { at } | Self::Bad { at, .. } | Self::TooDeep { at } => *at,
        }
    }
}

/// Reads one JSON value at byte `at`, after white space: strict JSON first, then JSON as models write it.
///
/// A number that ends with the text is taken as complete, as `serde_json` does.
///
/// ```
/// use callwright_parse::value;
/// let strict = value::json(r#"{"city": "Oslo"} and more"#, 0).unwrap();
/// assert_eq!((strict.end, strict.fixes.len()), (16, 0));
/// let loose = value::json("{'city': 'Oslo', 'snow': True,}", 0).unwrap();
/// assert_eq!(loose.value, serde_json::json!({"city": "Oslo", "snow": true}));
/// assert!(!loose.fixes.is_empty());
/// assert!(value::json(r#"{"city": "Os"#, 0).is_err());
/// ```
pub fn json(text: &str, at: usize) -> Result<Reading, Unread> {
    read(text, at, Home::Json, Ending::Open)
}

/// Reads one Python literal at byte `at`: any quotes and string prefixes, `True` and `None`, tuples, sets, numbers as
/// Python writes them, constant arithmetic. None of that is a fix here, nor are JSON's words (`true`, `null`), which
/// models mix in; arithmetic and sets are told all the same.
///
/// ```
/// use callwright_parse::value;
/// let read = value::python("('a' 'b', 2**3, None)", 0).unwrap();
/// assert_eq!(read.value, serde_json::json!(["ab", 8, null]));
/// ```
pub fn python(text: &str, at: usize) -> Result<Reading, Unread> {
    read(text, at, Home::Python, Ending::Open)
}

/// Reads one value at byte `at`, JSON or Python literal or both mixed: what recovery uses.
pub fn any(text: &str, at: usize) -> Result<Reading, Unread> {
    read(text, at, Home::Any, Ending::Open)
}

/// As [`any`], for a text that will not go on: closing brackets that are missing at its very end are put there, if
/// each value inside is complete (`{"a": "b"` is, `{"a": "b` and `{"a": 12` are not).
///
/// ```
/// use callwright_parse::value;
/// assert!(value::any_closed(r#"{"a": ["b""#, 0).is_ok());
/// assert!(value::any_closed(r#"{"a": ["b"#, 0).is_err());
/// ```
pub fn any_closed(text: &str, at: usize) -> Result<Reading, Unread> {
    read(text, at, Home::Any, Ending::Closed)
}

/// As [`json`], for a text that will not go on; see [`any_closed`].
pub fn json_closed(text: &str, at: usize) -> Result<Reading, Unread> {
    read(text, at, Home::Json, Ending::Closed)
}

/// Where the values of the object at byte `at` are, by their keys: for a check that wants an argument's own text.
///
/// ```
/// let text = "{'zip': 02134, 'n': 1.10}";
/// let sources = callwright_parse::value::sources(text, 0);
/// assert_eq!(&text[sources[1].1.clone()], "1.10");
/// ```
#[must_use]
pub fn sources(text: &str, at: usize) -> Vec<(String, Range<usize>)> {
    let mut reader = Reader::new(text, at, Home::Any, Ending::Closed);
    reader.sources = Some(Vec::new());
    match reader.top() {
        Ok(_) => reader.sources.unwrap_or_default(),
        Err(_) => Vec::new(),
    }
}

/// As [`json_closed`] or [`python`], where it is known where each string ends.
pub(crate) fn settled(text: &str, at: usize, python: bool, quotes: &settle::Quotes) -> Result<Reading, Unread> {
    let home = if python { Home::Python } else { Home::Json };
    let mut reader = Reader::new(text, at, home, Ending::Closed);
    reader.settled = Some(quotes);
    let value = reader.top()?;
    Ok(Reading { value, end: reader.at, fixes: reader.fixes.done() })
}

fn read(text: &str, at: usize, home: Home, ending: Ending) -> Result<Reading, Unread> {
    if let Some((value, end)) = strict::read(text, at, home) {
        return Ok(Reading { value, end, fixes: Vec::new() });
    }
    let mut reader = Reader::new(text, at, home, ending);
    let value = reader.top()?;
    Ok(Reading { value, end: reader.at, fixes: reader.fixes.done() })
}

/// The first byte at or after `at` that is no blank.
pub(crate) fn skip_blanks(text: &str, at: usize) -> usize {
    let rest = text.as_bytes().get(at..).unwrap_or_default();
    at + rest.iter().take_while(|byte| byte.is_ascii_whitespace()).count()
}
