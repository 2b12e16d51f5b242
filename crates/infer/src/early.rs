//! The compiler of grammars, begun before the model is loaded.
//!
//! It needs the words of the vocabulary, and a model's file has them long before an engine has loaded it. Whether the
//! engine has the same words is checked once it is there. It must not know files.

use std::sync::{Arc, OnceLock};
use std::thread::{self, JoinHandle};

use super::vocab::{Vocab, token_id};
use super::words::Words;
use callwright_constrain::Compiler;

/// What enforcement needs from a vocabulary, prepared on a thread of its own.
pub struct Early {
    compiler: JoinHandle<Result<Compiler, String>>,
    /// The vocabulary that will tokenize, once it is there.
    vocab: Arc<OnceLock<Arc<dyn Vocab>>>,
}

impl Early {
    /// Starts preparing the compiler for these words; none if no thread can be started.
    #[must_use]
    pub fn begin(words: Words) -> Option<Self> {
        let vocab = Arc::new(OnceLock::<Arc<dyn Vocab>>::new());
        let tokenizer = Arc::clone(&vocab);
        let make = move || {
            let tokens = 0..token_id(words.len());
            let all: Vec<_> =
                tokens.map(|token| Compiler::word(words.bytes(token).to_vec(), words.is_control(token))).collect();
            // Grammars, and with them texts to be tokenized, come when the vocabulary is there.
            let tokenize = move |text: &str| tokenizer.get().map(|vocab| vocab.tokenize(text.as_bytes(), false));
            Compiler::new(&all, words.endings(), move |text| tokenize(text).unwrap_or_default())
        };
        let compiler = thread::Builder::new().name("callwright-words".to_owned()).spawn(make).ok()?;
        Some(Self { compiler, vocab })
    }

    /// Sets the vocabulary.
    pub(super) fn meet(&self, vocab: &Arc<dyn Vocab>) {
        drop(self.vocab.set(Arc::clone(vocab)));
    }

    /// Waits for the compiler. None where it could not be made.
    pub(super) fn finish(self) -> Option<Compiler> {
        self.compiler.join().ok()?.ok()
    }
}

impl std::fmt::Debug for Early {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Early").field("ready", &self.compiler.is_finished()).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use callwright_constrain::Compiler;

    use super::{Early, Words};
    use crate::{Lexicon, Token, Vocab};

    /// Words, of which the last one ends an answer.
    struct Few(&'static [&'static str]);

    impl Vocab for Few {
        fn size(&self) -> usize {
            self.0.len()
        }

        fn piece(&self, token: Token) -> Vec<u8> {
            self.0[token as usize].as_bytes().to_vec()
        }

        fn tokenize(&self, text: &[u8], _special: bool) -> Vec<Token> {
            let known = |letter: &u8| (0..).zip(self.0).find(|(_, word)| word.as_bytes() == [*letter]);
            text.iter().filter_map(|letter| known(letter).map(|(token, _)| token)).collect()
        }

        fn is_end(&self, token: Token) -> bool {
            token as usize == self.0.len() - 1
        }

        fn is_added(&self, _token: Token) -> bool {
            false
        }

        fn is_control(&self, token: Token) -> bool {
            self.is_end(token)
        }

        fn begin(&self) -> Option<Token> {
            None
        }
    }

    const WORDS: &[&str] = &["a", "b", "ab", "<|im_end|>"];

    #[test]
    fn what_was_begun_is_used_where_the_words_are_the_same_and_made_anew_where_not() {
        let early = |texts: &[&'static str]| Early::begin(Words::of("gpt2", texts.iter().copied(), &[], [])?);
        for texts in [WORDS, &["a", "c", "ab", "<|im_end|>"], &WORDS[..3], &[]] {
            let begun = early(texts).expect("a thread");
            let lexicon = Lexicon::begun(Arc::new(Few(WORDS)), Some(begun));
            let words = WORDS.iter().map(|text| Compiler::word(text.as_bytes().to_vec(), text.starts_with('<')));
            assert!(lexicon.compiler().expect("it is made").is_for(words, &[3]), "{texts:?}");
        }
    }
}
