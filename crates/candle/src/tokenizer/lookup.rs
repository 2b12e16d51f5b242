//! Words by how they are found in text.
//!
//! Byte pair vocabularies are looked up by bytes, SentencePiece ones by text with `▁` for spaces and by how likely a
//! piece is. It must not know how text is cut.

use std::collections::HashMap;

use crate::file::File;
use callwright_infer::Token;
use callwright_infer::token_id;
use callwright_infer::{ENDING_KEYS, Kind, Letters, Spelling, Words};
use callwright_parse::error::{Error, ErrorKind, Result};

/// The words of a file and where each is found.
#[derive(Debug)]
pub(super) struct Lookup {
    pub(super) words: Words,
    spelling: Spelling,
    /// Words by bytes, or by pieces with `▁`.
    ids: HashMap<Box<[u8]>, Token>,
    /// How likely each piece is; empty where the file says nothing.
    scores: Vec<f32>,
}

impl Lookup {
    /// Reads the words of a file whose vocabulary is of this kind.
    pub(super) fn of(file: &File, kind: &str) -> Result<Self> {
        let texts = file.texts("tokenizer.ggml.tokens");
        let kinds: Vec<i64> = file.integers("tokenizer.ggml.token_type").into_iter().map(i64::from).collect();
        let scores = file.floats("tokenizer.ggml.scores");
        let fits = |length: usize| length == 0 || length >= texts.len();
        if texts.is_empty() || !fits(kinds.len()) || !fits(scores.len()) {
            return Err(Error::new(ErrorKind::ModelCorrupt, "the model's file has no vocabulary, or half of one"));
        }
        let unsupported = || file.unsupported(&format!("a tokenizer of the kind `{kind}`"));
        let spelling = Spelling::of(kind).ok_or_else(unsupported)?;
        let endings = ENDING_KEYS.iter().filter_map(|key| named(file, key));
        let words = Words::of(kind, texts.iter().copied(), &kinds, endings).ok_or_else(unsupported)?;
        let letters = Letters::new();
        let found = |(index, text): (usize, &&str)| {
            let id = token_id(index);
            let plain_bytes = words.kind(id) == Kind::Plain && spelling == Spelling::Bytes;
            let found = if plain_bytes { letters.bytes(text)? } else { text.as_bytes().to_vec() };
            Some((found.into_boxed_slice(), id))
        };
        let ids = texts.iter().enumerate().filter_map(found).collect();
        Ok(Self { words, spelling, ids, scores })
    }

    /// The word spelled so.
    pub(super) fn id(&self, spelled: &[u8]) -> Option<Token> {
        self.ids.get(spelled).copied()
    }

    /// The word for one byte that is no part of another.
    pub(super) fn byte(&self, byte: u8) -> Option<Token> {
        match self.spelling {
            Spelling::Bytes => self.id(&[byte]),
            Spelling::Pieces => self.id(format!("<0x{byte:02X}>").as_bytes()).or_else(|| self.id(&[byte])),
        }
    }

    /// How likely a piece is.
    pub(super) fn score(&self, id: Token) -> f32 {
        self.scores.get(id as usize).copied().unwrap_or(0.0)
    }
}

/// The word that a file names for this purpose.
pub(super) fn named(file: &File, purpose: &str) -> Option<Token> {
    file.count(&format!("tokenizer.ggml.{purpose}_token_id")).map(token_id)
}
