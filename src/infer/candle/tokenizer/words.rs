//! The words of a vocabulary: the bytes each stands for, and what kind of word it is.
//!
//! GGUF files write words in one of two ways. Byte pair vocabularies (`gpt2`) spell each byte as a character of its
//! own; SentencePiece ones (`llama`) write text with `▁` for a space, and single bytes as `<0x0A>`. Which words end an
//! answer is told by the file only in part; the rest is known by their text, as in llama.cpp. It must not know how
//! text is cut into words.

use std::collections::{HashMap, HashSet};

use crate::error::{Error, ErrorKind, Result};
use crate::infer::backend::Token;
use crate::infer::candle::file::File;
use crate::infer::vocab::token_id;

/// What stands for a space in SentencePiece vocabularies.
pub(super) const SPACE: &str = "\u{2581}";

/// How a file spells its words.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Spelling {
    /// A character for each byte, as GPT-2 had it.
    Bytes,
    /// Text with `▁` for spaces.
    Pieces,
}

/// What a word is; the numbers of `tokenizer.ggml.token_type`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    Plain,
    Unknown,
    /// Steers the model and is no text.
    Control,
    /// Added by hand: text that is never cut.
    Added,
    /// Stands for nothing.
    Unused,
    /// One byte.
    Byte,
}

impl Kind {
    fn of(number: i32) -> Self {
        match number {
            1 => Self::Plain,
            2 => Self::Unknown,
            3 => Self::Control,
            4 => Self::Added,
            6 => Self::Byte,
            _ => Self::Unused,
        }
    }
}

/// A vocabulary.
#[derive(Debug)]
pub(super) struct Words {
    /// The bytes that each word stands for, one after the other.
    bytes: Vec<u8>,
    ends: Vec<usize>,
    kinds: Vec<Kind>,
    /// How likely each piece is; empty where the file says nothing.
    scores: Vec<f32>,
    /// Words by how they are found in text: bytes, or pieces with `▁`.
    ids: HashMap<Box<[u8]>, Token>,
    endings: Vec<Token>,
}

/// Words that end an answer, whatever kind the file gives them.
const ENDINGS: &[&str] = &[
    "<|eot_id|>",
    "<|im_end|>",
    "<|end|>",
    "<end_of_turn>",
    "<|endoftext|>",
    "</s>",
    "<|eom_id|>",
    "<EOT>",
    "_<EOT>",
    "[EOT]",
    "[EOS]",
    "<|end_of_text|>",
    "<end_of_utterance>",
    "<eos>",
    "<｜end▁of▁sentence｜>",
    // Between files: what follows belongs to another one.
    "<|fim_pad|>",
    "<fim-pad>",
    "<fim_pad>",
    "<PAD>",
    "[PAD]",
    "<|fim_repo|>",
    "<|repo_name|>",
    "<fim-repo>",
    "<REPO>",
    "<reponame>",
    "<|file_sep|>",
];

/// Words around a gap that is to be filled: they steer, whatever kind the file gives them.
const GAPS: &[&str] = &[
    "<|fim_prefix|>",
    "<fim-prefix>",
    "<fim_prefix>",
    "<｜fim▁begin｜>",
    "<PRE>",
    "▁<PRE>",
    "<|code_prefix|>",
    "<|prefix|>",
    "<|fim_suffix|>",
    "<fim-suffix>",
    "<fim_suffix>",
    "<｜fim▁hole｜>",
    "<SUF>",
    "▁<SUF>",
    "<|code_suffix|>",
    "<|suffix|>",
    "<|fim_middle|>",
    "<fim-middle>",
    "<fim_middle>",
    "<｜fim▁end｜>",
    "<MID>",
    "▁<MID>",
    "<|code_middle|>",
    "<|middle|>",
];

/// Keys of words that end an answer.
const ENDING_KEYS: &[&str] = &["eos", "eot", "eom", "fim_pad", "fim_rep", "fim_sep"];

impl Words {
    /// Reads the words of a file.
    pub(super) fn of(file: &File, spelling: Spelling) -> Result<Self> {
        let texts = file.texts("tokenizer.ggml.tokens");
        let kinds = file.integers("tokenizer.ggml.token_type");
        let scores = file.floats("tokenizer.ggml.scores");
        let fits = |length: usize| length == 0 || length >= texts.len();
        if texts.is_empty() || !fits(kinds.len()) || !fits(scores.len()) {
            return Err(Error::new(ErrorKind::ModelCorrupt, "the model's file has no vocabulary, or half of one"));
        }
        let letters = Letters::new();
        let endings: HashSet<&str> = ENDINGS.iter().copied().collect();
        let gaps: HashSet<&str> = GAPS.iter().copied().collect();
        let mut words = Self {
            bytes: Vec::new(),
            ends: Vec::with_capacity(texts.len()),
            kinds: Vec::with_capacity(texts.len()),
            scores,
            ids: HashMap::with_capacity(texts.len()),
            endings: Vec::new(),
        };
        for (index, text) in texts.iter().enumerate() {
            let mut kind = kinds.get(index).map_or(Kind::Plain, |number| Kind::of(*number));
            let id = token_id(index);
            if endings.contains(text) {
                words.endings.push(id);
            }
            if endings.contains(text) || gaps.contains(text) {
                kind = Kind::Control;
            }
            words.push(id, text, kind, spelling, &letters);
        }
        let named = ENDING_KEYS.iter().filter_map(|key| words.named(file, key));
        let named: Vec<Token> = named.filter(|id| !words.endings.contains(id)).collect();
        words.endings.extend(named);
        Ok(words)
    }

    fn push(&mut self, id: Token, text: &str, kind: Kind, spelling: Spelling, letters: &Letters) {
        let decoded = match (kind, spelling) {
            (Kind::Plain, Spelling::Bytes) => letters.bytes(text),
            _ => None,
        };
        match (kind, spelling) {
            (Kind::Plain, Spelling::Pieces) => self.bytes.extend(text.replace(SPACE, " ").bytes()),
            (Kind::Plain, Spelling::Bytes) => self.bytes.extend(decoded.as_deref().unwrap_or(text.as_bytes())),
            (Kind::Unknown | Kind::Control | Kind::Added, _) => self.bytes.extend(text.bytes()),
            (Kind::Byte, _) => self.bytes.extend(byte_of(text)),
            (Kind::Unused, _) => {}
        }
        self.ends.push(self.bytes.len());
        self.kinds.push(kind);
        let found = match (kind, spelling) {
            (Kind::Plain, Spelling::Bytes) => decoded,
            _ => Some(text.as_bytes().to_vec()),
        };
        if let Some(found) = found {
            self.ids.insert(found.into_boxed_slice(), id);
        }
    }

    /// The word that the file names for this purpose.
    pub(super) fn named(&self, file: &File, purpose: &str) -> Option<Token> {
        let id = file.count(&format!("tokenizer.ggml.{purpose}_token_id"))?;
        (id < self.len()).then(|| token_id(id))
    }

    /// How many words there are.
    pub(super) fn len(&self) -> usize {
        self.ends.len()
    }

    /// The bytes that a word stands for.
    pub(super) fn bytes(&self, id: Token) -> &[u8] {
        let index = id as usize;
        let Some(end) = self.ends.get(index) else { return &[] };
        let start = index.checked_sub(1).map_or(0, |before| self.ends[before]);
        &self.bytes[start..*end]
    }

    /// What a word is.
    pub(super) fn kind(&self, id: Token) -> Kind {
        self.kinds.get(id as usize).copied().unwrap_or(Kind::Unused)
    }

    /// The word spelled so.
    pub(super) fn id(&self, spelled: &[u8]) -> Option<Token> {
        self.ids.get(spelled).copied()
    }

    /// The word for one byte that is no part of another.
    pub(super) fn byte(&self, byte: u8, spelling: Spelling) -> Option<Token> {
        match spelling {
            Spelling::Bytes => self.id(&[byte]),
            Spelling::Pieces => self.id(format!("<0x{byte:02X}>").as_bytes()).or_else(|| self.id(&[byte])),
        }
    }

    /// How likely a piece is.
    pub(super) fn score(&self, id: Token) -> f32 {
        self.scores.get(id as usize).copied().unwrap_or(0.0)
    }

    /// Whether a word ends an answer.
    pub(super) fn is_end(&self, id: Token) -> bool {
        self.endings.contains(&id)
    }
}

/// The byte that `<0x0A>` stands for.
fn byte_of(text: &str) -> Option<u8> {
    let digits = text.strip_prefix("<0x")?.strip_suffix('>')?;
    u8::from_str_radix(digits, 16).ok()
}

/// GPT-2's characters for bytes: printable ones stand for themselves, the others for the characters from U+0100 on.
#[derive(Debug)]
pub(super) struct Letters(HashMap<char, u8>);

impl Letters {
    pub(super) fn new() -> Self {
        let printable = |byte: u8| matches!(byte, 0x21..=0x7E | 0xA1..=0xAC | 0xAE..=0xFF);
        let themselves = (0..=u8::MAX).filter(|byte| printable(*byte)).map(|byte| (char::from(byte), byte));
        let others = (0..=u8::MAX).filter(|byte| !printable(*byte));
        Self(themselves.chain(('\u{100}'..).zip(others)).collect())
    }

    /// The bytes that a word in these characters stands for; none where another character is in it.
    pub(super) fn bytes(&self, word: &str) -> Option<Vec<u8>> {
        word.chars().map(|letter| self.0.get(&letter).copied()).collect()
    }
}
