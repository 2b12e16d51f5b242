//! What a decoding grammar has to know of a format: the written form, piece by piece.
//!
//! One turn's calls are `open`, then calls joined by `between`, then `close`; one call is `call_open`, the pieces of
//! `item`, `call_close`. `write` joins the very same pieces, so what is enforced is what is written, and what is written
//! is what is read. The grammar itself is built elsewhere: this module knows no tool and no grammar language.

use super::Format;
use super::row::{Escape, Frame, Ids, JsonStyle, Literals, Nested, ParallelKind, Place, ShapeName};
use super::template::Template;

/// The pieces of a format's written form.
#[derive(Debug, Clone)]
pub struct Enforce<'a> {
    /// Before the first call: the section's marker and a list's bracket.
    pub open: String,
    /// Before each call.
    pub call_open: &'a str,
    /// One call: literals and fields.
    pub item: &'a Template,
    /// The shape of `item`: what its `{arguments}` or `{params}` are.
    pub shape: ShapeName,
    /// One parameter, where the shape has an element for each.
    pub param: Option<&'a Template>,
    /// After each call.
    pub call_close: &'a str,
    /// Between two calls.
    pub between: &'a str,
    /// After the last call.
    pub close: String,
    /// Whether more than one call has room.
    pub parallel: ParallelKind,
    /// How JSON is spaced.
    pub json: JsonStyle,
    /// How constants of a call expression are written.
    pub literals: Literals,
    /// The token around strings, where it is not a quote.
    pub quote: Option<&'a str>,
    /// How characters with a meaning are written in a parameter.
    pub escape: Escape,
    /// How lists and objects are written in a parameter.
    pub nested: Nested,
    /// What ids look like.
    pub ids: Ids,
    /// Endings around reasoning, which may come before the calls.
    pub reasoning: &'a [Frame],
    /// What opens an answer in text, in formats that name what each message is.
    pub answer: String,
    /// Tokens after the calls that end them.
    pub stop: &'a [String],
    /// Where the calls begin without a marker ([`Place::Inside`]: they never do).
    pub bare: Place,
}

impl Format {
    /// The pieces that a decoding grammar is built from. None for a format that has no body (channels alone).
    ///
    /// ```
    /// use callwright_parse::format::{Formats, Piece};
    /// let hermes = Formats::builtin().get("hermes")?;
    /// let enforce = hermes.enforce();
    /// assert_eq!((enforce.call_open, enforce.call_close), ("<tool_call>\n", "\n</tool_call>"));
    /// assert_eq!(enforce.item.pieces()[0], Piece::Literal("{\"name\": \"".into()));
    /// # Ok::<(), callwright_parse::Error>(())
    /// ```
    #[must_use]
    pub fn enforce(&self) -> Enforce<'_> {
        let (row, body) = (self.row(), self.written());
        let opening = row.channels.as_ref().and_then(|channels| {
            Some(
                [channels.open.first()?, channels.text.first()?, channels.message.first()?]
                    .map(String::as_str)
                    .concat(),
            )
        });
        Enforce {
            answer: opening.unwrap_or_default(),
            open: format!("{}{}", row.section.open, row.parallel.open),
            call_open: &row.call.open,
            item: &body.item,
            shape: body.row.shape,
            param: body.param.as_ref(),
            call_close: &row.call.close,
            between: &row.parallel.between,
            close: format!("{}{}", row.parallel.close, row.section.close),
            parallel: row.parallel.kind,
            json: row.json,
            literals: body.row.literals,
            quote: body.row.quote.as_deref(),
            escape: body.row.escape,
            nested: body.row.nested,
            ids: row.ids,
            reasoning: &row.reasoning,
            stop: &row.stop,
            bare: body.row.bare,
        }
    }
}
