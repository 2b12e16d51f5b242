//! A parameter's tags: what opens its value, and what closes it where the key is part of that.

use super::elements;
use crate::format::Body;
use crate::format::scan::lead;
use crate::format::template::{Field, Piece, Template, loose_end, match_header};

/// A parameter's opening tag.
pub(crate) enum Tag {
    /// The text so far ends inside it.
    Wait,
    /// The text ended inside it.
    Cut,
    /// It is none.
    None,
    /// It is whole.
    Whole { key: String, kind: Option<String>, end: usize },
}

/// No opening tag is longer.
const LONGEST: usize = 300;

/// The opening tag at `from`.
pub(crate) fn opening_tag(body: &Body, text: &str, from: usize, at_end: bool) -> Tag {
    let Some(Piece::Literal(last)) = body.params.first().and_then(|param| param.before(Field::Value).last()) else {
        return Tag::None;
    };
    let within = text.len().min(from + LONGEST);
    let within = (from..=within).rev().find(|at| text.is_char_boundary(*at)).unwrap_or(from);
    let text_within = &text[from..within];
    let lead = body.params.iter().map(|param| lead(param.lead())).find(|lead| text_within.starts_with(lead));
    let Some(end) = lead.and_then(|lead| loose_end(last, text_within, lead.len())) else {
        let long = text.len() - from > LONGEST;
        return if long {
            Tag::None
        } else if at_end {
            Tag::Cut
        } else {
            Tag::Wait
        };
    };
    let header = body.params.iter().find_map(|param| match_header(param.before(Field::Value), &text_within[..end]));
    match header {
        Some(header) => Tag::Whole { key: header.key, kind: header.kind, end: from + end },
        None => Tag::None,
    }
}

/// The closing literal of a value, where the key is part of it: `</city>`.
pub(crate) fn own_close(param: &Template, key: &str) -> Option<String> {
    param.after(Field::Value).contains(&Piece::Field(Field::Key)).then(|| elements::close(param, key))
}
