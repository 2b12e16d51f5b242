//! What was tolerated in reading a model's output, as a value.
//!
//! Tolerance is never silent: each deviation that was accepted is a [`Fix`] with its place in the raw text, is counted,
//! and can be refused by the caller (level strict).

use std::fmt;
use std::ops::Range;

use serde::{Deserialize, Serialize};

/// One thing that was fixed, and where.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Fix {
    /// What was fixed.
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

/// The deviations that are tolerated. Each has one name, in JSON as `snake_case`.
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
    /// An escape that JSON does not have, such as Markdown's `\_`.
    Escape,
    /// `True`, `False`, `None` and the like.
    Literal,
    /// A number that is not valid JSON: `+1`, `.5`, `1_000`, `0x10`, `NaN`.
    Number,
    /// Constant arithmetic that was evaluated.
    Arithmetic,
    /// A trailing comma, or another one too many.
    TrailingComma,
    /// A missing comma or colon, or another separator in its place.
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
    /// A key with another name: `parameters` for `arguments`, `tool` for `name`.
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
    /// The one offered tool whose name is close (level lenient).
    NearName,
    /// Arguments by position, named by the order of the schema.
    Positional,
    /// A value written as another type, read without loss: `"5"` for 5, `5.0` for 5.
    Coerced,
    /// One value where the schema wants a list.
    Listed,
    /// An argument that the tool's schema does not list: dropped where the schema forbids it, else kept. The note says
    /// which.
    UnknownArgument,
    /// Null for an optional argument, dropped.
    NullDropped,
    /// The same key or parameter again: the last value counts.
    Duplicate,
    /// The same call again, dropped (recovery only).
    Repeated,
    /// A call announced in prose, read from it.
    Announced,
    /// A number that no float holds: the note says what is kept of it.
    Digits,
    /// Found by scanning, outside the model's own format.
    Recovered,
    /// Read with no tools to check it against.
    Unchecked,
}

impl Fix {
    /// What was done, in a few words, without where.
    fn done(&self) -> (&'static str, Note) {
        match self.kind {
            FixKind::InvalidUtf8 => ("replaced invalid UTF-8", Note::Text),
            FixKind::Quotes => ("accepted quotes that are not JSON's", Note::Text),
            FixKind::UnescapedQuote => ("escaped a quote inside a string", Note::Text),
            FixKind::RawControl => ("escaped a control character inside a string", Note::Text),
            FixKind::Escape => ("accepted an escape that is not JSON's", Note::Text),
            FixKind::Literal => ("converted a literal", Note::Text),
            FixKind::Number => ("converted a number that is not JSON", Note::Text),
            FixKind::Arithmetic => ("evaluated arithmetic", Note::Text),
            FixKind::TrailingComma => ("removed an extra comma", Note::Text),
            FixKind::Separator => ("corrected a separator", Note::Text),
            FixKind::Unquoted => ("quoted a bare word", Note::Text),
            FixKind::Comment => ("removed a comment", Note::Text),
            FixKind::Tuple => ("converted a tuple or set to a list", Note::Text),
            FixKind::MissingClose => ("added a missing closing bracket or tag", Note::Text),
            FixKind::Opener => ("corrected an opening bracket or tag", Note::Text),
            FixKind::KeyAlias => ("accepted key", Note::Plain),
            FixKind::Shape => ("accepted another layout of the call", Note::Text),
            FixKind::Fence => ("removed a code fence", Note::Text),
            FixKind::Surplus => ("ignored extra text", Note::Text),
            FixKind::DoubleEncoded => ("decoded arguments inside a JSON string", Note::Text),
            FixKind::NoArguments => ("used empty arguments", Note::Text),
            FixKind::Name => ("matched tool name", Note::Plain),
            FixKind::NearName => ("matched misspelt tool name", Note::Plain),
            FixKind::Positional => ("named positional arguments", Note::Text),
            FixKind::Coerced => ("converted", Note::Plain),
            FixKind::Listed => ("wrapped a single value in a list", Note::None),
            FixKind::UnknownArgument => ("unknown argument", Note::Plain),
            FixKind::NullDropped => ("dropped null argument", Note::Name),
            FixKind::Duplicate => ("kept the last value of duplicate key", Note::Name),
            FixKind::Repeated => ("dropped a repeated call", Note::Text),
            FixKind::Announced => ("read a call from prose", Note::Text),
            FixKind::Digits => ("kept a long number", Note::Text),
            FixKind::Recovered => ("found a call outside the model's format", Note::Text),
            FixKind::Unchecked => ("read a call without tools to check it against", Note::None),
        }
    }
}

/// How the note of a fix is shown.
enum Note {
    /// After a colon.
    Text,
    /// As it is.
    Plain,
    /// As a name, in backticks.
    Name,
    /// Not at all.
    None,
}

impl fmt::Display for Fix {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (done, shown) = self.done();
        let what = self.note.as_deref().and_then(|note| note.rsplit_once(' '));
        if let (FixKind::UnknownArgument, Some((name, fate))) = (self.kind, what) {
            return write!(f, "{fate} {done} {name} (bytes {}-{})", self.span.start, self.span.end);
        }
        f.write_str(done)?;
        match (shown, &self.note) {
            (Note::Text, Some(note)) => write!(f, ": {note}")?,
            (Note::Plain, Some(note)) => write!(f, " {note}")?,
            (Note::Name, Some(note)) => write!(f, " `{note}`")?,
            _ => {}
        }
        write!(f, " (bytes {}-{})", self.span.start, self.span.end)
    }
}
