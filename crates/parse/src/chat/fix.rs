//! What was tolerated in reading a model's output, as a value.
//!
//! Tolerance is never silent: each deviation that was read over is a [`Fix`] with its place in the raw text, is
//! counted, and can be refused by the caller (level strict).

use std::ops::Range;

use serde::{Deserialize, Serialize};

/// One thing that was put right, and where.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Fix {
    /// What was put right.
    pub kind: FixKind,
    /// Where, in bytes of the raw text; the whole call where it has no narrower place.
    pub span: Range<usize>,
    /// The call it belongs to, by index in the result.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub call: Option<usize>,
    /// Before and after, or the name it is about, where that helps a reader.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub note: Option<String>,
}

/// The deviations that are read over. Each has one name, in JSON as `snake_case`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum FixKind {
    /// Bytes that are not UTF-8, shown as U+FFFD.
    InvalidUtf8,
    /// Single, curly or triple quotes around a string.
    Quotes,
    /// A quote inside a string that was not escaped.
    UnescapedQuote,
    /// A newline or another control character inside a string.
    RawControl,
    /// An escape that JSON does not know, Markdown's `\_` among them.
    Escape,
    /// `True`, `False`, `None` and their kin.
    Literal,
    /// A number that JSON does not write so: `+1`, `.5`, `1_000`, `0x10`, `NaN`.
    Number,
    /// Constant arithmetic that was worked out.
    Arithmetic,
    /// A comma too many.
    TrailingComma,
    /// A comma or colon too few, or another separator in its place.
    Separator,
    /// A key or a string without quotes.
    Unquoted,
    /// A comment.
    Comment,
    /// A tuple or set where JSON has only lists.
    Tuple,
    /// A closing bracket, brace or tag that was not written.
    MissingClose,
    /// An opening tag that was not written, or written twice.
    Opener,
    /// A key said in other words: `parameters` for `arguments`, `tool` for `name`.
    KeyAlias,
    /// The arguments before the name, an envelope around the call, or another body than the format's own.
    Shape,
    /// A code fence around the call.
    Fence,
    /// Text between the markers that belongs to no call.
    Surplus,
    /// The arguments as JSON text inside a string.
    DoubleEncoded,
    /// No arguments at all, or null, for a tool that needs none.
    NoArguments,
    /// The tool's name folded: case, `-`, `_`, `.`, or a prefix.
    Name,
    /// The one offered tool whose name is near (level lenient).
    NearName,
    /// Arguments by position, named by the order of the schema.
    Positional,
    /// A value written as another type, read without loss: `"5"` for 5, `5.0` for 5.
    Coerced,
    /// One value where the schema wants a list.
    Listed,
    /// An argument that the tool does not have, dropped.
    UnknownArgument,
    /// Null for an optional argument, dropped.
    NullDropped,
    /// The same key or parameter again: the last value counts.
    Duplicate,
    /// The same call again, dropped (recovery only).
    Repeated,
    /// A call announced in prose, read from it.
    Announced,
    /// Found by scanning, outside the model's own format.
    Recovered,
}
