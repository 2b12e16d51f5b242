//! A vocabulary as the grammar library wants it: a trie of its words, and its tokenizer.
//!
//! The tokenizer is the model's own, so that text which a grammar forces is written in the tokens that the model would
//! have used. It must not know grammars.

use std::collections::HashMap;
use std::sync::{Mutex, OnceLock, PoisonError};

use toktrie::{TokRxInfo, TokTrie, TokenizerEnv};

/// Tokenizes a text.
type Tokenize = dyn Fn(&str) -> Vec<u32> + Send + Sync;

/// The words of a vocabulary and its tokenizer. It has no words until it is filled.
pub(super) struct Environment {
    words: OnceLock<TokTrie>,
    none: TokTrie,
    tokenize: Box<Tokenize>,
    known: Mutex<HashMap<Vec<u8>, Vec<u32>>>,
}

/// Texts that are remembered with their tokens: a grammar forces the same ones in call after call, and tokenizers
/// take microseconds even for a quote.
const KNOWN: usize = 4096;
/// The longest text that is remembered.
const LONGEST: usize = 256;

impl Environment {
    pub(super) fn new(tokenize: impl Fn(&str) -> Vec<u32> + Send + Sync + 'static) -> Self {
        let none = TokTrie::from(&TokRxInfo::new(0, toktrie::INVALID_TOKEN), &[]);
        Self { words: OnceLock::new(), none, tokenize: Box::new(tokenize), known: Mutex::default() }
    }

    /// Sets its words, of which these end an answer. Only the first call counts.
    pub(super) fn fill(&self, words: &[Vec<u8>], ends: &[u32]) {
        let size = u32::try_from(words.len()).unwrap_or(u32::MAX);
        let info = TokRxInfo::new(size, ends.first().copied().unwrap_or(toktrie::INVALID_TOKEN));
        let trie = TokTrie::from(&info, words);
        let trie = if ends.len() > 1 { trie.with_eos_tokens(ends) } else { trie };
        drop(self.words.set(trie));
    }
}

impl TokenizerEnv for Environment {
    fn tok_trie(&self) -> &TokTrie {
        self.words.get().unwrap_or(&self.none)
    }

    fn tokenize_bytes(&self, bytes: &[u8]) -> Vec<u32> {
        // A thread that panicked while holding the lock left complete entries.
        let known = || self.known.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(tokens) = known().get(bytes) {
            return tokens.clone();
        }
        let tokens = self.tok_trie().tokenize_with_greedy_fallback(bytes, &self.tokenize);
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
