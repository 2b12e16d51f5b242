//! What a model has written, split into control tokens and plain text.
//!
//! It is put behind the prompt for the next completion. A model that echoes a control token in plain letters must not
//! find the token there: what someone made it repeat would then end a message. Engines stream one token at a time, so a
//! piece that is a control token's text as a whole is the token, and letters in several pieces are letters.

use std::ops::Range;

use callwright_parse::chat::Piece;

/// A text under way.
#[derive(Debug, Default)]
pub(super) struct Written {
    text: Vec<u8>,
    markup: Vec<Range<usize>>,
}

impl Written {
    pub(super) fn text(&self) -> &[u8] {
        &self.text
    }

    pub(super) fn len(&self) -> usize {
        self.text.len()
    }

    /// Appends plain text.
    pub(super) fn push(&mut self, bytes: &[u8]) {
        self.text.extend_from_slice(bytes);
    }

    /// Appends markup.
    pub(super) fn push_markup(&mut self, bytes: &[u8]) {
        let from = self.text.len();
        self.text.extend_from_slice(bytes);
        self.markup.push(from..self.text.len());
    }

    /// Drops everything from this byte on.
    pub(super) fn truncate(&mut self, len: usize) {
        self.text.truncate(len);
        self.markup.retain(|range| range.end <= len);
    }

    /// The text as pieces of a prompt.
    pub(super) fn pieces(&self) -> Vec<Piece> {
        let text = |range: Range<usize>| String::from_utf8_lossy(&self.text[range]).into_owned();
        let (mut pieces, mut from) = (Vec::new(), 0);
        for range in &self.markup {
            if from < range.start {
                pieces.push(Piece::Verbatim(text(from..range.start)));
            }
            pieces.push(Piece::Markup(text(range.clone())));
            from = range.end;
        }
        if from < self.text.len() {
            pieces.push(Piece::Verbatim(text(from..self.text.len())));
        }
        pieces
    }
}
