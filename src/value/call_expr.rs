//! Call expressions: `name(k=v, ..)` as Python writes them, and `name{k:v}` as Gemma does.
//!
//! The dialect is data of a format file. What a call is inside of (a list, a fence, quotes, prose) is the caller's.

use std::ops::Range;

use serde_json::Value;

use super::Unread;
use crate::chat::Fix;

/// How a call expression is written.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub enum CallDialect {
    /// `name(k=v)`.
    #[default]
    Parens,
    /// `name{k:v}`, strings between quote tokens such as `<|"|>`; other quotes are read too.
    Braces {
        /// The token that opens and closes a string.
        quote: Option<String>,
    },
}

/// A call expression that was read.
#[derive(Debug, Clone, PartialEq)]
pub struct CallExpr {
    /// The name, dots and all, Markdown escapes taken out.
    pub name: String,
    /// Where the name is.
    pub name_span: Range<usize>,
    /// Arguments without a name, in order. One object here means the arguments as a dict.
    pub positional: Vec<Value>,
    /// Arguments with a name, in order.
    pub keyword: Vec<(String, Value)>,
    /// Where each value is in the text: the positional ones, then the keyword ones.
    pub sources: Vec<Range<usize>>,
    /// Byte offset just after the closing bracket.
    pub end: usize,
    /// What was tolerated, with spans in the text, and no call.
    pub fixes: Vec<Fix>,
}

/// Reads a call expression at byte `at`.
pub fn call_expr(_text: &str, at: usize, _dialect: &CallDialect) -> Result<CallExpr, Unread> {
    Err(Unread::Incomplete { at })
}

/// As [`call_expr`], for a text that will not go on: closing brackets missing at its very end are put there where each
/// value is complete.
pub fn call_expr_closed(_text: &str, at: usize, _dialect: &CallDialect) -> Result<CallExpr, Unread> {
    Err(Unread::Incomplete { at })
}
