//! The words of a vocabulary: the bytes each stands for, and what kind of word it is.
//!
//! GGUF files write words in one of two ways. Byte pair vocabularies (`gpt2`) spell each byte as a character of its
//! own; SentencePiece ones (`llama`) write text with `▁` for a space, and single bytes as `<0x0A>`. Which words end an
//! answer is told by the file only in part; the rest is known by their text, as in llama.cpp. It must not know how
//! text is cut into words.

use std::collections::HashSet;

use super::backend::Token;
use super::vocab::token_id;

/// What stands for a space in SentencePiece vocabularies.
pub const SPACE: &str = "\u{2581}";

/// How a file spells its words.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Spelling {
    /// A character for each byte, as GPT-2 had it.
    Bytes,
    /// Text with `▁` for spaces.
    Pieces,
}

impl Spelling {
    /// How a tokenizer of this kind spells its words; none where the kind is not known.
    #[must_use]
    pub fn of(model: &str) -> Option<Self> {
        match model {
            "gpt2" => Some(Self::Bytes),
            "llama" => Some(Self::Pieces),
            _ => None,
        }
    }
}

/// What a word is; the numbers of `tokenizer.ggml.token_type`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// A piece of text.
    Plain,
    /// Stands for what the vocabulary cannot say.
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
    fn of(number: i64) -> Self {
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

/// A vocabulary's words, as a file spells them.
///
/// ```
/// use callwright_infer::Words;
///
/// let words = Words::of("gpt2", ["Os", "lo", "\u{120}is", "<|im_end|>"].into_iter(), &[], []).unwrap();
/// assert_eq!(words.bytes(2), b" is");
/// assert_eq!(words.endings(), [3]);
/// ```
#[derive(Debug, Clone, Default)]
pub struct Words {
    /// The bytes that each word stands for.
    bytes: Vec<Vec<u8>>,
    kinds: Vec<Kind>,
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

/// Keys of words that a file says end an answer, `tokenizer.ggml.KEY_token_id`.
pub const ENDING_KEYS: &[&str] = &["eos", "eot", "eom", "fim_pad", "fim_rep", "fim_sep"];

impl Words {
    /// The words of a vocabulary of this model (`gpt2` or `llama`), as the file spells them, with the numbers of their
    /// kinds, all plain where the file has none, and those words that the file says end an answer. None of another model.
    pub fn of<'t>(
        model: &str,
        texts: impl Iterator<Item = &'t str>,
        kinds: &[i64],
        ends: impl IntoIterator<Item = Token>,
    ) -> Option<Self> {
        let spelling = Spelling::of(model)?;
        let letters = Letters::new();
        let endings: HashSet<&str> = ENDINGS.iter().copied().collect();
        let gaps: HashSet<&str> = GAPS.iter().copied().collect();
        // Few words begin like those of the lists, and there are very many words.
        let mut begins = [false; 256];
        let firsts = ENDINGS.iter().chain(GAPS).filter_map(|text| text.bytes().next());
        firsts.for_each(|first| begins[usize::from(first)] = true);
        let mut words = Self::default();
        for (index, text) in texts.enumerate() {
            let mut kind = kinds.get(index).map_or(Kind::Plain, |number| Kind::of(*number));
            if text.bytes().next().is_some_and(|first| begins[usize::from(first)]) {
                if endings.contains(text) {
                    words.endings.push(token_id(index));
                }
                if endings.contains(text) || gaps.contains(text) {
                    kind = Kind::Control;
                }
            }
            words.push(text, kind, spelling, &letters);
        }
        let known: Vec<Token> = ends.into_iter().filter(|id| (*id as usize) < words.len()).collect();
        words.endings.extend(known);
        words.endings.sort_unstable();
        words.endings.dedup();
        Some(words)
    }

    fn push(&mut self, text: &str, kind: Kind, spelling: Spelling, letters: &Letters) {
        self.bytes.push(match (kind, spelling) {
            (Kind::Plain, Spelling::Pieces) => text.replace(SPACE, " ").into_bytes(),
            (Kind::Plain, Spelling::Bytes) => letters.bytes(text).unwrap_or_else(|| text.as_bytes().to_vec()),
            (Kind::Unknown | Kind::Control | Kind::Added, _) => text.as_bytes().to_vec(),
            (Kind::Byte, _) => byte_of(text).into_iter().collect(),
            (Kind::Unused, _) => Vec::new(),
        });
        self.kinds.push(kind);
    }

    /// How many words there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.bytes.len()
    }

    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.bytes.is_empty()
    }

    /// The bytes that a word stands for.
    #[must_use]
    pub fn bytes(&self, id: Token) -> &[u8] {
        self.bytes.get(id as usize).map_or(&[], Vec::as_slice)
    }

    /// What a word is.
    #[must_use]
    pub fn kind(&self, id: Token) -> Kind {
        self.kinds.get(id as usize).copied().unwrap_or(Kind::Unused)
    }

    /// Whether a word is one that no text can spell.
    #[must_use]
    pub fn is_control(&self, id: Token) -> bool {
        matches!(self.kind(id), Kind::Control | Kind::Unknown) && !self.bytes(id).is_empty()
    }

    /// Words that end an answer, in order.
    #[must_use]
    pub fn endings(&self) -> &[Token] {
        &self.endings
    }
}

/// The byte that `<0x0A>` stands for.
fn byte_of(text: &str) -> Option<u8> {
    let digits = text.strip_prefix("<0x")?.strip_suffix('>')?;
    u8::from_str_radix(digits, 16).ok()
}

/// GPT-2's characters for bytes: printable ones stand for themselves, the others for the characters from U+0100 on.
#[derive(Debug)]
pub struct Letters([Option<u8>; LETTERS]);

/// The last of them is U+0143.
const LETTERS: usize = 0x144;

impl Default for Letters {
    fn default() -> Self {
        Self::new()
    }
}

impl Letters {
    /// The table.
    #[must_use]
    pub fn new() -> Self {
        let printable = |byte: u8| matches!(byte, 0x21..=0x7E | 0xA1..=0xAC | 0xAE..=0xFF);
        let mut letters = [None; LETTERS];
        for byte in (0..=u8::MAX).filter(|byte| printable(*byte)) {
            letters[usize::from(byte)] = Some(byte);
        }
        for (letter, byte) in (0x100..).zip((0..=u8::MAX).filter(|byte| !printable(*byte))) {
            letters[letter] = Some(byte);
        }
        Self(letters)
    }

    /// The bytes that a word in these characters stands for; none where another character is in it.
    #[must_use]
    pub fn bytes(&self, word: &str) -> Option<Vec<u8>> {
        word.chars().map(|letter| *self.0.get(letter as usize)?).collect()
    }
}
