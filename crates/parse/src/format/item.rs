//! One call inside a format's markers, while it arrives.
//!
//! Each shape has its own state; here is what they share: what they may look at, what they tell, and the dispatch.

use std::cell::Cell;
use std::ops::Range;

use super::envelope::RawCall;
use super::extent::{Starts, starts};
use super::reader::Step;
use super::scan::{Sighted, lead};
use super::shapes::call_expr::ExprItem;
use super::shapes::json_calls::JsonItem;
use super::shapes::named_json::HeadItem;
use super::shapes::named_text::TextItem;
use super::shapes::plain_text::PlainItem;
use super::shapes::tagged_params::TaggedItem;
use super::{Body, Calm, Format, Offered};
use crate::chat::{Fix, FixKind};
use crate::value;
use crate::value::token::Closes;

/// What a shape may look at.
pub(crate) struct Scene<'a> {
    pub(crate) format: &'a Format,
    pub(crate) offered: &'a dyn Offered,
    /// All of the text so far.
    pub(crate) text: &'a str,
    /// Whether nothing more will come.
    pub(crate) at_end: bool,
    /// How often a value that never ended may still be cut at the first marker inside it. Each time costs a look at all
    /// of the rest, so there is an end to it; then the first marker ends a value at once.
    pub(crate) patience: &'a Cell<usize>,
}

impl Scene<'_> {
    /// The first byte at or after `at` that is no blank.
    pub(crate) fn skip_blanks(&self, at: usize) -> usize {
        value::skip_blanks(self.text, at)
    }

    /// Whether a marker inside a string ends the value at once.
    pub(crate) fn is_tired(&self) -> bool {
        self.patience.get() == 0
    }

    /// Counts a value that was cut at a marker inside it.
    pub(crate) fn cut(&self, marker: usize) -> usize {
        self.patience.set(self.patience.get().saturating_sub(1));
        marker
    }

    /// Whether a call expression may end before this byte: the text ends, or a marker or another call follows.
    pub(crate) fn may_end_call(&self, at: usize) -> Closes {
        let Some(rest) = self.text.as_bytes().get(at..).filter(|rest| !rest.is_empty()) else {
            return if self.at_end { Closes::Yes } else { Closes::Wait };
        };
        match self.format.markers().inside.here(self.text, at, self.at_end) {
            Sighted::Marker { .. } => return Closes::Yes,
            Sighted::Perhaps { .. } => return Closes::Wait,
            Sighted::Nothing => {}
        }
        let mut may = Closes::No;
        for template in self.format.bodies().iter().flat_map(Body::templates) {
            match lead(template.lead()) {
                word if !word.contains(char::is_alphanumeric) => {}
                word => match starts(rest, word, self.at_end) {
                    Starts::Yes => return Closes::Yes,
                    Starts::Perhaps => may = Closes::Wait,
                    Starts::No => {}
                },
            }
        }
        may
    }

    /// The only offered name that this one may be, without what models glue to it: `functionsexec5`.
    pub(crate) fn unglued<'n>(&self, name: &'n str) -> Option<&'n str> {
        let glued = &self.format.row().strip.glued;
        if glued.is_empty() {
            return None;
        }
        let bare = glued.iter().filter_map(|word| name.strip_prefix(word.as_str()));
        let bare = bare.map(|rest| rest.trim_start_matches(['.', '_', ':', '-'])).chain([name]);
        let unnumbered = |name: &'n str| {
            let rest = name.trim_end_matches(|letter: char| letter.is_ascii_digit());
            [name, rest.trim_end_matches(['_', ':', '.', '-'])]
        };
        let mut known = bare.flat_map(unnumbered).filter(|name| self.offered.knows(name));
        let only = known.next()?;
        known.all(|other| other == only).then_some(only)
    }

    /// The name without what the format puts around it.
    pub(crate) fn strip<'n>(&self, name: &'n str) -> &'n str {
        let strip = &self.format.row().strip;
        let mut name = name.trim().trim_matches(['"', '\'', '`']);
        for prefix in &strip.prefix {
            name = name.strip_prefix(prefix.as_str()).unwrap_or(name);
        }
        for suffix in &strip.suffix {
            name = name.strip_suffix(suffix.as_str()).unwrap_or(name);
        }
        name
    }
}

/// A call that is being read. It is handed about with every chunk, so the large ones are boxed.
#[derive(Debug)]
pub(crate) enum Item {
    Json(Box<JsonItem>),
    Head(HeadItem),
    Tagged(Box<TaggedItem>),
    Expr(Box<ExprItem>),
    Text(TextItem),
    Plain(PlainItem),
}

/// Why a call cannot be read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Why {
    /// Something in it is missing or broken; reading it in another way may do better.
    Broken(&'static str),
    /// It was read to its end, and what it says is in doubt: reading it once more with less in view would guess.
    Doubtful(&'static str),
}

impl Why {
    pub(crate) fn message(self) -> &'static str {
        match self {
            Self::Broken(message) | Self::Doubtful(message) => message,
        }
    }
}

/// How far an item got.
#[derive(Debug)]
pub(crate) enum Advance {
    /// The text so far does not end it.
    More,
    /// It goes on as another shape.
    Becomes(Item),
    /// It ended.
    Done { end: usize, calls: Vec<RawCall> },
    /// It is no call; what stands here is text, or no part of this call.
    Not,
    /// It began as a call and cannot be read.
    Unreadable { end: usize, why: Why },
    /// The text ended inside.
    Truncated { name: Option<String> },
}

impl Item {
    /// Goes on over the text so far. What is certain goes to `out`.
    pub(crate) fn advance(&mut self, scene: &Scene<'_>, out: &mut Vec<Step>) -> Advance {
        match self {
            Self::Json(item) => item.advance(scene, out),
            Self::Head(item) => item.advance(scene),
            Self::Tagged(item) => item.advance(scene, out),
            Self::Expr(item) => item.advance(scene),
            Self::Text(item) => item.advance(scene),
            Self::Plain(item) => item.advance(scene),
        }
    }

    /// What may end the calm, if it has read all of a text of this length and stands in a value.
    pub(crate) fn calm<'f>(&'f self, format: &'f Format, length: usize) -> Option<Calm<'f>> {
        match self {
            Self::Json(item) => item.calm(format, length),
            Self::Tagged(item) => item.calm(format, length),
            Self::Expr(item) => item.calm(format, length),
            Self::Head(_) | Self::Text(_) | Self::Plain(_) => None,
        }
    }

    /// Where a marker stood in a string of it, which may not have ended.
    pub(crate) fn cut_at(&self) -> Option<usize> {
        match self {
            Self::Json(item) => item.cut_at(),
            Self::Expr(item) => item.cut_at(),
            _ => None,
        }
    }

    /// The byte it begins at.
    pub(crate) fn start(&self) -> usize {
        match self {
            Self::Json(item) => item.start(),
            Self::Head(item) => item.start(),
            Self::Tagged(item) => item.start(),
            Self::Expr(item) => item.start(),
            Self::Text(item) => item.start(),
            Self::Plain(item) => item.start(),
        }
    }
}

/// A fix at this place.
pub(crate) fn fix(kind: FixKind, span: Range<usize>) -> Fix {
    Fix { kind, span, call: None, note: None }
}
