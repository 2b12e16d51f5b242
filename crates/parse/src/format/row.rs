//! One `grammars/*.toml` file, as it is written: how one family of models says tool calls.
//!
//! The row is data and nothing but data, so that a new model is a new file and users can bring their own. An unknown key
//! is refused with its line: a typing mistake must not become a silent default. What a row means to the machine is
//! worked out once, in [`Format`](super::Format). It knows no model and no tool.

use serde::{Deserialize, Serialize};

use crate::chat::Arguments;

/// A format file.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Row {
    /// The format's name, equal to the file's.
    pub name: String,
    /// What it looks like, in one or two sentences.
    pub description: String,
    /// Models trained on it.
    #[serde(default)]
    pub models: Vec<String>,
    /// Nobody is trained on it: a prompt asks for it. Then calls are looked for anywhere if it was not kept.
    #[serde(default)]
    pub prompted: bool,
    /// Tokens that mean "the calls are complete" (not "the answer is").
    #[serde(default)]
    pub stop: Vec<String>,
    /// Tokens that frame the answer and are no text: `<|START_RESPONSE|>`.
    #[serde(default)]
    pub framing: Vec<String>,
    /// What else a model repeats of its prompt and is no text: end tokens, markers of tool results, closers of other
    /// versions. Looked for in text only.
    #[serde(default)]
    pub leaks: Vec<String>,
    /// Texts that mean "no call" where a call would stand: `no_function`.
    #[serde(default)]
    pub none: Vec<String>,
    /// Characters that models take for one another in markers; each group is read as any of its members.
    #[serde(default)]
    pub variants: Vec<Vec<String>>,
    /// The suffix of all the format's tags, which models replace by other words: `:opensource`.
    #[serde(default)]
    pub suffix: String,
    /// What stands around a name and is no part of it: `functions.`, `.call`.
    #[serde(default)]
    pub strip: Strip,
    /// How the JSON of this format is spaced.
    #[serde(default)]
    pub json: JsonStyle,
    /// What ids look like, where the format carries them.
    #[serde(default)]
    pub ids: Ids,
    /// What stands around all calls of a turn.
    #[serde(default)]
    pub section: Frame,
    /// What stands around one call.
    #[serde(default)]
    pub call: Frame,
    /// How several calls follow one another.
    pub parallel: Parallel,
    /// How one call is written. The first body is the one we write; all are read, chosen by the next literal.
    #[serde(default)]
    pub body: Vec<BodyRow>,
    /// Message headers that say who is spoken to.
    #[serde(default)]
    pub channels: Option<Channels>,
    /// Tags around reasoning.
    #[serde(default)]
    pub reasoning: Vec<Frame>,
    /// Texts and the calls that they mean: the tests and `callwright show` read them.
    #[serde(default)]
    pub example: Vec<Example>,
}

/// A pair of markers. Blanks at their inner and outer ends are written, and optional where they are read.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Frame {
    /// The opening marker.
    #[serde(default)]
    pub open: String,
    /// The closing marker; empty where the format has none. At the end of the text it may always be missing.
    #[serde(default)]
    pub close: String,
    /// Other opening markers that are read.
    #[serde(default)]
    pub also_open: Vec<String>,
    /// Other closing markers that are read.
    #[serde(default)]
    pub also_close: Vec<String>,
    /// Where the opening marker counts.
    #[serde(default)]
    pub place: Place,
}

/// Where something counts as the beginning of a call.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Place {
    /// Wherever it stands.
    #[default]
    Anywhere,
    /// At the beginning of a line.
    Line,
    /// At the beginning of the answer (after reasoning).
    Start,
    /// Only inside the format's markers.
    Inside,
}

/// How several calls follow one another, as they are written. When reading, all of these are understood.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Parallel {
    /// The kind.
    pub kind: ParallelKind,
    /// Before the first call.
    #[serde(default)]
    pub open: String,
    /// Between two calls.
    #[serde(default)]
    pub between: String,
    /// After the last call.
    #[serde(default)]
    pub close: String,
}

/// The kinds of following one another.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ParallelKind {
    #[default]
    /// The whole frame again.
    Repeat,
    /// One list.
    Array,
    /// One call a line.
    Lines,
    /// A separator such as `; `.
    Separators,
    /// The format has room for one call a turn.
    Single,
}

/// How one call is written, in one of the shapes.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct BodyRow {
    /// The shape that reads and writes it.
    pub shape: ShapeName,
    /// One call as a template with the fields `{name}`, `{arguments}` (a JSON object), `{params}`, `{id}`, `{index}`.
    pub item: String,
    /// Other templates that are read.
    #[serde(default)]
    pub also: Vec<String>,
    /// One parameter as a template with the fields `{key}`, `{value}`, `{type}`, `{is_string}`.
    #[serde(default)]
    pub param: Option<String>,
    /// Other templates that models write by mistake, each read with a fix.
    #[serde(default)]
    pub also_item: Vec<String>,
    /// Other ways that models write a parameter's tag, each read with a fix.
    #[serde(default)]
    pub also_param: Vec<String>,
    /// Where the body begins a call with no marker before it.
    #[serde(default = "inside")]
    pub bare: Place,
    /// What characters are written as in a parameter's value.
    #[serde(default)]
    pub escape: Escape,
    /// How a parameter's list or object is written.
    #[serde(default)]
    pub nested: Nested,
    /// How values of a call expression are written.
    #[serde(default)]
    pub literals: Literals,
    /// The token that opens and closes a string, where it is not a quote.
    #[serde(default)]
    pub quote: Option<String>,
}

fn inside() -> Place {
    Place::Inside
}

/// The shapes: each reads, writes, and says what to enforce.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ShapeName {
    #[default]
    /// One JSON object that holds name and arguments.
    JsonCalls,
    /// A name among literals, then the arguments as one JSON object.
    NamedJson,
    /// A name among literals, then one element a parameter.
    TaggedParams,
    /// `name(key=value)`.
    CallExpr,
    /// A name among literals, then text that is one parameter's value: a code block.
    NamedText,
}

/// How characters with a meaning are written in a parameter's value.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Escape {
    /// As they are.
    #[default]
    None,
    /// `&lt;`, `&amp;` and their kin.
    Xml,
    /// In `<![CDATA[..]]>` where they occur.
    Cdata,
}

/// How a parameter's list or object is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Nested {
    /// As JSON text.
    #[default]
    Json,
    /// As elements inside the element.
    Elements,
}

/// How constants are written in call expressions.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Literals {
    /// `True`, `None`.
    #[default]
    Python,
    /// `true`, `null`.
    Json,
}

/// What stands around a name and is no part of it.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Strip {
    /// In front.
    #[serde(default)]
    pub prefix: Vec<String>,
    /// Behind.
    #[serde(default)]
    pub suffix: Vec<String>,
    /// In front, where the name is known only without it: `functions`. A call's index behind may be glued on, too.
    #[serde(default)]
    pub glued: Vec<String>,
}

/// How JSON is spaced.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum JsonStyle {
    /// `{"a": 1, "b": 2}`, as Python's `json.dumps` does and most models were trained on.
    #[default]
    Spaced,
    /// `{"a":1,"b":2}`.
    Compact,
    /// `{'a': 1, 'b': True}`: Python literals.
    Python,
}

impl JsonStyle {
    /// What stands between two items.
    #[must_use]
    pub fn item_separator(self) -> &'static str {
        match self {
            Self::Spaced | Self::Python => ", ",
            Self::Compact => ",",
        }
    }

    /// What stands between a key and its value.
    #[must_use]
    pub fn key_separator(self) -> &'static str {
        match self {
            Self::Spaced | Self::Python => ": ",
            Self::Compact => ":",
        }
    }
}

/// What ids look like.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Ids {
    /// Any text.
    #[default]
    Any,
    /// Nine letters and digits.
    Nine,
    /// The whole header before the arguments is the id: `functions.weather_now:0`.
    Header,
}

/// Message headers: between `open` and `message` stands who is spoken to, and that decides what the content is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Channels {
    /// A header begins.
    pub open: Vec<String>,
    /// Other beginnings of a header, at the beginning of a line only; they are a part of it.
    #[serde(default)]
    pub line_open: Vec<String>,
    /// The header ends, the content begins.
    pub message: Vec<String>,
    /// The content ends.
    #[serde(default)]
    pub close: Vec<String>,
    /// What stands before the recipient in a header: `to=`. Empty: the header is the recipient.
    #[serde(default)]
    pub recipient: String,
    /// Words of a header whose content is reasoning, and recipients that are the model itself.
    #[serde(default)]
    pub reasoning: Vec<String>,
    /// Words of a header that a call's header holds: without a recipient it is a call to nobody, or text.
    #[serde(default)]
    pub calls: Vec<String>,
    /// Marks in a header that say that a call's arguments follow.
    #[serde(default)]
    pub constrain: Vec<String>,
    /// Recipients and words of a header whose content is text.
    #[serde(default)]
    pub text: Vec<String>,
    /// Parameters whose value may be all of a message's content, as it stands: code. Other content that is no JSON object
    /// is a mistake.
    #[serde(default)]
    pub code: Vec<String>,
}

/// A text and the calls that it means.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Example {
    /// What the model writes.
    pub text: String,
    /// The calls, in order.
    pub calls: Vec<ExampleCall>,
    /// The text for the user beside the calls.
    #[serde(default)]
    pub content: String,
    /// The reasoning beside the calls.
    #[serde(default)]
    pub reasoning: String,
    /// Whether `write` gives the text as well.
    #[serde(default)]
    pub direction: Direction,
}

/// A call of an example.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ExampleCall {
    /// The tool's name.
    pub name: String,
    /// The arguments.
    #[serde(default)]
    pub arguments: Arguments,
    /// The id, where the text carries one.
    #[serde(default)]
    pub id: Option<String>,
}

/// Which way an example goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Direction {
    /// Read and written.
    #[default]
    Both,
    /// Read only: models write it, we do not.
    Read,
}
