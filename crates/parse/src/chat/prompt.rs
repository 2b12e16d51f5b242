//! A prompt that remembers which of its bytes were said by people.
//!
//! Chat templates mix markup (`<|im_start|>`) and what users and tools said into one text. A tokenizer that reads
//! special tokens everywhere lets a user forge a turn by typing its markup, so the pieces stay apart.

use serde::{Deserialize, Serialize};

/// The text that a model is to go on from, in pieces.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Prompt {
    /// The pieces, in order.
    pub pieces: Vec<Piece>,
    /// Bytes at its beginning that other conversations share: rules and tools. 0 where that is not known.
    #[serde(skip)]
    pub shared: usize,
}

/// A piece of a prompt.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "kind", content = "text")]
pub enum Piece {
    /// Written by the template: special tokens in it are meant.
    Markup(String),
    /// Said by someone. Special tokens that it spells, alone or together with the text around it, stay plain text.
    Verbatim(String),
}

impl Prompt {
    /// A prompt that is markup throughout.
    #[must_use]
    pub fn markup(text: impl Into<String>) -> Self {
        Self { pieces: vec![Piece::Markup(text.into())], shared: 0 }
    }

    /// Only what other conversations share.
    #[must_use]
    pub fn beginning(&self) -> Self {
        let mut left = self.shared;
        let mut pieces = Vec::new();
        for piece in &self.pieces {
            let text = piece.as_str();
            // An edge inside a character would be a mistake; what lies before it is shared all the same.
            let end = text.floor_char_boundary(left.min(text.len()));
            left = if end < text.len() { 0 } else { left - end };
            match piece {
                _ if end == 0 => {}
                Piece::Markup(_) => pieces.push(Piece::Markup(text[..end].to_owned())),
                Piece::Verbatim(_) => pieces.push(Piece::Verbatim(text[..end].to_owned())),
            }
        }
        Self { pieces, shared: self.shared }
    }

    /// The whole text.
    #[must_use]
    pub fn text(&self) -> String {
        self.pieces.iter().map(Piece::as_str).collect()
    }
}

impl Piece {
    /// The piece's text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        let (Self::Markup(text) | Self::Verbatim(text)) = self;
        text
    }
}
