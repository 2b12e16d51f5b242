//! The model's vocabulary, and what the decoding grammar needs of it.
//!
//! The tokenizer environment is exact: it tokenizes with the model's own tokenizer, so that text which the grammar
//! forces can be appended in the tokens that the model would have used. The one that ships with llama-cpp-2 only
//! approximates and therefore forces nothing. It must not know the engine behind the vocabulary.

use std::collections::HashMap;
use std::fmt;
use std::sync::{Arc, Mutex, OnceLock, PoisonError};

use llguidance::ParserFactory;
use toktrie::{InferenceCapabilities, TokEnv, TokRxInfo, TokTrie, TokenizerEnv};

use super::backend::Token;
use crate::chat::{Piece, Prompt};
use crate::constrain::{Constraint, Matcher, SLICE};
use crate::error::{Error, ErrorKind, Result};

/// A model's vocabulary and tokenizer.
pub trait Vocab: Send + Sync {
    /// Tokens in all.
    fn size(&self) -> usize;

    /// The bytes that a token stands for, control tokens with their text.
    fn piece(&self, token: Token) -> Vec<u8>;

    /// Tokens of exactly these bytes: nothing is put in front. Control tokens spelled in it are read as such only
    /// where `special` is set.
    fn tokenize(&self, text: &[u8], special: bool) -> Vec<Token>;

    /// Tokens of the beginning of a prompt, as the model was trained: with the space that some tokenizers put in
    /// front. Control tokens are read as such.
    fn tokenize_start(&self, text: &[u8]) -> Vec<Token> {
        self.tokenize(text, true)
    }

    /// Whether a token ends an answer.
    fn is_end(&self, token: Token) -> bool;

    /// Whether a token is one that no text can spell.
    fn is_control(&self, token: Token) -> bool;

    /// The token that must stand before every prompt, where there is one.
    fn begin(&self) -> Option<Token>;
}

/// A vocabulary with what is worked out from it once: its control tokens, and the trie that masks are made with.
pub struct Lexicon {
    vocab: Arc<dyn Vocab>,
    specials: Vec<(String, Token)>,
    factory: OnceLock<Result<ParserFactory, String>>,
}

impl Lexicon {
    /// The lexicon of a vocabulary.
    #[must_use]
    pub fn new(vocab: Arc<dyn Vocab>) -> Self {
        let specials = (0..token_id(vocab.size()))
            .filter(|token| vocab.is_control(*token))
            .filter_map(|token| Some((String::from_utf8(vocab.piece(token)).ok()?, token)))
            .filter(|(text, _)| !text.is_empty())
            .collect();
        Self { vocab, specials, factory: OnceLock::new() }
    }

    /// The vocabulary.
    #[must_use]
    pub fn vocab(&self) -> &dyn Vocab {
        &*self.vocab
    }

    /// Tokens that no text can spell, with the text that stands for them.
    #[must_use]
    pub fn specials(&self) -> &[(String, Token)] {
        &self.specials
    }

    /// What compiles grammars for this vocabulary. Built at the first call (a fifth of a second for 50,000 tokens),
    /// then shared; whoever comes meanwhile waits.
    pub fn factory(&self) -> Result<&ParserFactory> {
        let built = self.factory.get_or_init(|| build_factory(&self.vocab));
        built.as_ref().map_err(|cause| {
            Error::new(ErrorKind::Grammar, "the model's vocabulary cannot be used for enforcing").because(cause.clone())
        })
    }

    /// The grammar of a constraint over this vocabulary, at its beginning: for loops of your own, and for measuring.
    pub fn matcher(&self, constraint: &Constraint) -> Result<Matcher> {
        constraint.matcher(self.factory()?, &self.specials)
    }

    /// The tokens of a prompt. Control tokens that were said by people stay plain text.
    #[must_use]
    pub fn prompt_tokens(&self, prompt: &Prompt) -> Vec<Token> {
        let mut tokens = Vec::new();
        for stretch in self.stretches(prompt) {
            let bytes = stretch.as_bytes();
            if tokens.is_empty() {
                tokens = self.vocab.tokenize_start(bytes);
            } else {
                tokens.extend(self.vocab.tokenize(bytes, true));
            }
        }
        if let Some(begin) = self.vocab.begin().filter(|begin| tokens.first() != Some(begin)) {
            tokens.insert(0, begin);
        }
        tokens
    }

    /// How many of a prompt's tokens lie in what other conversations share. The last of them may stand at the edge of
    /// other words and is not counted.
    #[must_use]
    pub fn shared_tokens(&self, prompt: &Prompt, tokens: &[Token]) -> usize {
        let mut bytes = 0;
        let within = tokens.iter().take_while(|token| {
            bytes += self.vocab.piece(**token).len();
            bytes <= prompt.shared
        });
        within.count().saturating_sub(1)
    }

    /// The prompt's text, cut behind the first character of every control token that is spelled in words said by
    /// people. Everything else is tokenized in one go, because tokens may reach over the edges of pieces.
    fn stretches(&self, prompt: &Prompt) -> Vec<String> {
        let mut stretches = vec![String::new()];
        for piece in &prompt.pieces {
            let mut rest = piece.as_str();
            if let Piece::Verbatim(_) = piece {
                while let Some(cut) = self.forged(rest) {
                    let (before, behind) = rest.split_at(cut);
                    push_last(&mut stretches, before);
                    stretches.push(String::new());
                    rest = behind;
                }
            }
            push_last(&mut stretches, rest);
        }
        stretches.retain(|stretch| !stretch.is_empty());
        stretches
    }

    /// Behind the first character of the first control token that this text spells.
    fn forged(&self, text: &str) -> Option<usize> {
        let starts = self.specials.iter().filter_map(|(special, _)| text.find(special.as_str()));
        let start = starts.min()?;
        let width = text[start..].chars().next().map_or(1, char::len_utf8);
        Some(start + width)
    }
}

fn push_last(stretches: &mut [String], text: &str) {
    if let Some(last) = stretches.last_mut() {
        last.push_str(text);
    }
}

impl fmt::Debug for Lexicon {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Lexicon").field("size", &self.vocab.size()).finish_non_exhaustive()
    }
}

/// A vocabulary has fewer than 2^32 tokens; a larger one would be cut, not wrapped.
pub(crate) fn token_id(index: usize) -> Token {
    Token::try_from(index).unwrap_or(Token::MAX)
}

struct ExactTokenizer {
    trie: TokTrie,
    vocab: Arc<dyn Vocab>,
    known: Mutex<HashMap<Vec<u8>, Vec<Token>>>,
}

/// Texts that are remembered with their tokens: a grammar forces the same ones in call after call, and tokenizers
/// take microseconds even for a quote.
const KNOWN: usize = 4096;
/// The longest text that is remembered.
const LONGEST: usize = 256;

impl TokenizerEnv for ExactTokenizer {
    fn tok_trie(&self) -> &TokTrie {
        &self.trie
    }

    fn tokenize_bytes(&self, bytes: &[u8]) -> Vec<Token> {
        // Whoever panicked while it held the lock left whole entries behind.
        let known = || self.known.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(tokens) = known().get(bytes) {
            return tokens.clone();
        }
        let tokens = self.trie.tokenize_with_greedy_fallback(bytes, |text| self.vocab.tokenize(text.as_bytes(), false));
        if bytes.len() <= LONGEST {
            let mut known = known();
            if known.len() == KNOWN {
                known.clear();
            }
            known.insert(bytes.to_vec(), tokens.clone());
        }
        tokens
    }
}

fn build_factory(vocab: &Arc<dyn Vocab>) -> Result<ParserFactory, String> {
    let size = token_id(vocab.size());
    let ends: Vec<Token> = (0..size).filter(|token| vocab.is_end(*token)).collect();
    let words: Vec<Vec<u8>> = (0..size).map(|token| word(&**vocab, token)).collect();
    let info = TokRxInfo::new(size, ends.first().copied().unwrap_or(toktrie::INVALID_TOKEN));
    let mut trie = TokTrie::from(&info, &words);
    if !ends.is_empty() {
        trie = trie.with_eos_tokens(&ends);
    }
    let environment: TokEnv = Arc::new(ExactTokenizer { trie, vocab: Arc::clone(vocab), known: Mutex::default() });
    let factory = ParserFactory::new(&environment, InferenceCapabilities::default(), &[SLICE.to_owned()]);
    let mut factory = factory.map_err(|error| format!("{error:#}"))?;
    factory.quiet();
    factory.limits_mut().verbose_errors = false;
    Ok(factory)
}

/// A token as the trie wants it: control tokens behind a byte that no text contains.
fn word(vocab: &dyn Vocab, token: Token) -> Vec<u8> {
    let mut piece = vocab.piece(token);
    if vocab.is_control(token) && !piece.is_empty() {
        piece.insert(0, TokTrie::SPECIAL_TOKEN_MARKER);
    }
    piece
}
