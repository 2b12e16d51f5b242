//! The parts of a call's header: what ends it, the name in it, and what the name means.

use super::super::param_tag::unescaped;
use crate::chat::FixKind;
use crate::format::item::Scene;
use crate::format::template::{Field, Piece, Template};

/// What ended a header.
#[derive(Debug, Clone, Copy)]
pub(super) enum Stop {
    Brace(usize),
    Param {
        at: usize,
        body: usize,
    },
    /// A closing marker, and where the call ends.
    Closed {
        at: usize,
        end: usize,
    },
}

impl Stop {
    pub(super) fn at(self) -> usize {
        let (Self::Brace(at) | Self::Param { at, .. } | Self::Closed { at, .. }) = self;
        at
    }
}

/// The name that is meant, and what had to be mended: a tag that closes itself, entities, what is glued to the name.
pub(super) fn meant_name(scene: &Scene<'_>, written: &str) -> (String, Option<FixKind>) {
    let name = scene.strip(written);
    if scene.offered.resolves(name) {
        return (name.to_owned(), None);
    }
    let opened = name.strip_suffix('/').map(|name| name.trim_end().trim_end_matches(['"', '\'']));
    if let Some(opened) = opened.filter(|opened| !opened.is_empty() && !opened.contains(['"', '<', '>'])) {
        return (opened.to_owned(), Some(FixKind::Opener));
    }
    let plain = unescaped(name);
    if plain != name && scene.offered.knows(&plain) {
        return (plain, Some(FixKind::Name));
    }
    match scene.unglued(name) {
        Some(only) => (only.to_owned(), Some(FixKind::Name)),
        None => (name.to_owned(), None),
    }
}

/// The pieces before the arguments, without the fence or brace that the arguments begin with.
pub(super) fn head_pieces(template: &Template, field: Field) -> Vec<Piece> {
    let mut pieces = template.before(field).to_vec();
    if let Some(Piece::Literal(last)) = pieces.last_mut() {
        let plain = without_fence(last).trim_end_matches('{');
        *last = plain.to_owned();
    }
    pieces
}

/// The header up to where the arguments are announced.
pub(super) fn id_text(text: &str) -> String {
    let end = text.find(['<', '[']).unwrap_or(text.len());
    text[..end].trim().to_owned()
}

pub(super) fn name_at(pieces: &[Piece]) -> Option<usize> {
    pieces.iter().position(|piece| *piece == Piece::Field(Field::Name))
}

/// The text without a fence at its end.
pub(super) fn without_fence(text: &str) -> &str {
    match text.rfind("```") {
        Some(at) if text[at + 3..].trim().chars().all(|letter| letter.is_ascii_alphanumeric() || letter == '_') => {
            &text[..at]
        }
        _ => text,
    }
}
