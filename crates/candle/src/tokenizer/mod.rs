//! The tokenizer that a GGUF file describes, as a [`Vocab`].
//!
//! It gives the very tokens that llama.cpp gives: words that are more than text are cut out first, the longest first;
//! the rest is cut into stretches and merged, or merged whole, by the kind of the vocabulary. candle's own reader of
//! such files knows no SentencePiece and follows the original tokenizers where llama.cpp does not, so that prompts
//! would differ from engine to engine. It must not know weights.

mod lookup;
mod merge;
mod split;

use std::cmp::Reverse;
use std::collections::HashMap;

use memchr::memmem::Finder;

use super::file::File;
use callwright_infer::Token;
use callwright_infer::{Kind, Letters, SPACE, Words};
use callwright_infer::{Vocab, token_id};
use callwright_parse::error::Result;
use lookup::{Lookup, named};
use merge::merge;
use split::Splitter;

/// A vocabulary and how text becomes words of it.
#[derive(Debug)]
pub(super) struct Tokenizer {
    lookup: Lookup,
    way: Way,
    /// Words that are more than text, the longest first.
    specials: Vec<Special>,
    begin: Option<Token>,
}

/// How stretches of plain text become words.
#[derive(Debug)]
enum Way {
    /// Byte pairs, and the place of each in the list of merges.
    Pairs { splitter: Splitter, ranks: HashMap<Box<[u8]>, u32> },
    /// Pieces, and whether text gets a space in front where it begins or follows a special word.
    Pieces { space: bool },
}

#[derive(Debug)]
struct Special {
    id: Token,
    kind: Kind,
    finder: Finder<'static>,
}

/// Text that is not cut yet, or a special word.
#[derive(Debug, Clone, Copy)]
enum Part<'t> {
    Text(&'t str),
    Word(Token),
}

impl Tokenizer {
    /// Reads the tokenizer of a file.
    pub(super) fn of(file: &File) -> Result<Self> {
        let kind = file.text("tokenizer.ggml.model").unwrap_or_default();
        let pre = file.text("tokenizer.ggml.pre").unwrap_or("default");
        let (way, begins, first) = match kind {
            "gpt2" => {
                let splitter = Splitter::named(pre)?;
                let splitter = splitter.ok_or_else(|| file.unsupported(&format!("a tokenizer of the kind `{pre}`")))?;
                let begins = splitter.begins();
                (Way::Pairs { splitter, ranks: ranks(file) }, begins, None)
            }
            "llama" => {
                let space = file.truth("tokenizer.ggml.add_space_prefix").unwrap_or(true);
                (Way::Pieces { space }, true, Some(1))
            }
            other => return Err(file.unsupported(&format!("a tokenizer of the kind `{other}`"))),
        };
        let lookup = Lookup::of(file, kind)?;
        let begins = file.truth("tokenizer.ggml.add_bos_token").unwrap_or(begins);
        let begin = named(file, "bos").filter(|id| (*id as usize) < lookup.words.len()).or(first).filter(|_| begins);
        let specials = specials(&lookup.words);
        Ok(Self { lookup, way, specials, begin })
    }

    /// Tokens of a text; `start`: as if it stood behind a special word.
    fn tokens(&self, text: &[u8], special: bool, start: bool) -> Vec<Token> {
        let mut tokens = Vec::new();
        let mut behind_word = start;
        for chunk in text.utf8_chunks() {
            for part in self.parts(chunk.valid(), special) {
                match part {
                    Part::Word(id) => tokens.push(id),
                    Part::Text(text) => self.cut(text, behind_word, &mut tokens),
                }
                behind_word = matches!(part, Part::Word(_));
            }
            // Bytes that are no text stand alone.
            tokens.extend(chunk.invalid().iter().filter_map(|byte| self.lookup.byte(*byte)));
        }
        tokens
    }

    /// A text with the special words cut out of it. Those that steer count only where `special` is set.
    fn parts<'t>(&self, text: &'t str, special: bool) -> Vec<Part<'t>> {
        let mut parts = vec![Part::Text(text)];
        for word in self.specials.iter().filter(|word| special || word.kind == Kind::Added) {
            if word.finder.find(text.as_bytes()).is_some() {
                parts = parts.into_iter().flat_map(|part| word.cut(part)).collect();
            }
        }
        parts.retain(|part| !matches!(part, Part::Text("")));
        parts
    }

    /// Plain text.
    fn cut(&self, text: &str, behind_word: bool, tokens: &mut Vec<Token>) {
        match &self.way {
            Way::Pairs { splitter, ranks } => {
                for stretch in splitter.split(text) {
                    self.merge_pairs(stretch.as_bytes(), splitter.takes_whole(), ranks, tokens);
                }
            }
            Way::Pieces { space } => {
                let front = if *space && behind_word { SPACE } else { "" };
                self.merge_pieces(&format!("{front}{}", text.replace(' ', SPACE)), tokens);
            }
        }
    }

    fn merge_pairs(&self, text: &[u8], whole: bool, ranks: &HashMap<Box<[u8]>, u32>, tokens: &mut Vec<Token>) {
        if let Some(id) = self.lookup.id(text).filter(|_| whole) {
            tokens.push(id);
            return;
        }
        let mut key = Vec::new();
        let rank = |start: usize, middle: usize, end: usize| {
            pair(&mut key, &text[start..middle], &text[middle..end]);
            ranks.get(key.as_slice()).copied()
        };
        for stretch in merge(0..text.len(), text.len(), rank) {
            self.push(&text[stretch], tokens);
        }
    }

    fn merge_pieces(&self, text: &str, tokens: &mut Vec<Token>) {
        let rank = |start: usize, _: usize, end: usize| {
            let id = self.lookup.id(&text.as_bytes()[start..end])?;
            Some(Reverse(ordered(self.lookup.score(id))))
        };
        for stretch in merge(text.char_indices().map(|(start, _)| start), text.len(), rank) {
            self.push(&text.as_bytes()[stretch], tokens);
        }
    }

    /// A stretch as the word that it is, else byte by byte.
    fn push(&self, stretch: &[u8], tokens: &mut Vec<Token>) {
        match self.lookup.id(stretch) {
            Some(id) => tokens.push(id),
            None => tokens.extend(stretch.iter().filter_map(|byte| self.lookup.byte(*byte))),
        }
    }
}

impl Special {
    /// A part of a text cut at this word.
    fn cut<'t>(&self, part: Part<'t>) -> Vec<Part<'t>> {
        let Part::Text(text) = part else { return vec![part] };
        let (mut parts, mut done) = (Vec::new(), 0);
        for found in self.finder.find_iter(text.as_bytes()) {
            parts.extend([Part::Text(&text[done..found]), Part::Word(self.id)]);
            done = found + self.finder.needle().len();
        }
        parts.push(Part::Text(&text[done..]));
        parts
    }
}

/// The special words, the longest first; llama.cpp looks for them in that order.
fn specials(words: &Words) -> Vec<Special> {
    let ids = (0..words.len()).map(token_id);
    let special = ids.filter_map(|id| {
        let kind = words.kind(id);
        let is_special = matches!(kind, Kind::Unknown | Kind::Control | Kind::Added) && !words.bytes(id).is_empty();
        is_special.then(|| Special { id, kind, finder: Finder::new(words.bytes(id)).into_owned() })
    });
    let mut specials: Vec<Special> = special.collect();
    specials.sort_by_key(|special| Reverse(special.finder.needle().len()));
    specials
}

/// The merges of a file, `left right` in the order in which they are to be made.
fn ranks(file: &File) -> HashMap<Box<[u8]>, u32> {
    let letters = Letters::new();
    let merges = file.texts("tokenizer.ggml.merges");
    let pairs = merges.iter().filter_map(|merge| {
        // A word may begin with a space of its own in some files.
        let (left, right) = merge.split_at(merge.char_indices().skip(1).find(|(_, letter)| *letter == ' ')?.0);
        Some((letters.bytes(left)?, letters.bytes(&right[1..])?))
    });
    let mut ranks = HashMap::with_capacity(merges.len());
    for (rank, (left, right)) in (0..).zip(pairs) {
        let mut key = Vec::new();
        pair(&mut key, &left, &right);
        ranks.insert(key.into_boxed_slice(), rank);
    }
    ranks
}

/// What a pair is found by: its bytes, and where it is cut.
fn pair(key: &mut Vec<u8>, left: &[u8], right: &[u8]) {
    key.clear();
    key.extend(left);
    key.extend(right);
    key.extend(left.len().to_le_bytes());
}

/// A score as a number that is ordered alike. Adding 0 makes -0 and 0 the same.
fn ordered(score: f32) -> i32 {
    let bits = (score + 0.0).to_bits().cast_signed();
    if bits < 0 { bits ^ i32::MAX } else { bits }
}

impl Vocab for Tokenizer {
    fn size(&self) -> usize {
        self.lookup.words.len()
    }

    fn piece(&self, token: Token) -> Vec<u8> {
        self.lookup.words.bytes(token).to_vec()
    }

    fn tokenize(&self, text: &[u8], special: bool) -> Vec<Token> {
        self.tokens(text, special, false)
    }

    fn tokenize_start(&self, text: &[u8]) -> Vec<Token> {
        self.tokens(text, true, true)
    }

    fn is_end(&self, token: Token) -> bool {
        self.lookup.words.endings().binary_search(&token).is_ok()
    }

    fn is_control(&self, token: Token) -> bool {
        self.lookup.words.is_control(token)
    }

    fn begin(&self) -> Option<Token> {
        self.begin
    }
}
