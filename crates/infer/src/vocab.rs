//! The model's vocabulary, and what the decoding grammar needs of it.
//!
//! The tokenizer environment is exact: it tokenizes with the model's own tokenizer, so that text which the grammar
//! forces can be appended in the tokens that the model would have used. The one that ships with llama-cpp-2 only
//! approximates and therefore forces nothing. It must not know the engine behind the vocabulary.

use std::fmt;
use std::sync::{Arc, Mutex, OnceLock, PoisonError};

use super::backend::Token;
use super::early::Early;
use callwright_constrain::{Compiler, Constraint, Matcher};
use callwright_parse::chat::{Prompt, Run, Specials};
use callwright_parse::error::{Error, ErrorKind, Result};

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
    /// front.
    fn tokenize_start(&self, text: &[u8], special: bool) -> Vec<Token> {
        self.tokenize(text, special)
    }

    /// Whether a token ends an answer.
    fn is_end(&self, token: Token) -> bool;

    /// Whether a token is one that no text can spell.
    fn is_control(&self, token: Token) -> bool;

    /// Whether the token's text is always read as this token, in plain text too.
    fn is_added(&self, token: Token) -> bool;

    /// The token that must stand before every prompt, where there is one.
    fn begin(&self) -> Option<Token>;
}

/// A vocabulary with what is worked out from it once: its control tokens, and the trie that masks are made with.
pub struct Lexicon {
    vocab: Arc<dyn Vocab>,
    /// Tokens that no text can spell, and those of them that have a text.
    controls: Vec<Token>,
    specials: Vec<(String, Token)>,
    /// The special tokens that only templates may write.
    marks: Specials,
    /// What was begun before the vocabulary was there, until it is used.
    early: Mutex<Option<Early>>,
    compiler: OnceLock<Result<Compiler, String>>,
}

impl Lexicon {
    /// The lexicon of a vocabulary.
    #[must_use]
    pub fn new(vocab: Arc<dyn Vocab>) -> Self {
        Self::begun(vocab, None)
    }

    /// The lexicon of a vocabulary whose compiler was begun before it was there.
    #[must_use]
    pub fn begun(vocab: Arc<dyn Vocab>, early: Option<Early>) -> Self {
        let controls: Vec<Token> = (0..token_id(vocab.size())).filter(|token| vocab.is_control(*token)).collect();
        let text = |token: &Token| Some((String::from_utf8(vocab.piece(*token)).ok()?, *token));
        let specials: Vec<(String, Token)> =
            controls.iter().filter_map(text).filter(|(text, _)| !text.is_empty()).collect();
        let added = (0..token_id(vocab.size())).filter(|token| vocab.is_added(*token));
        let added = added.filter_map(|token| Some((text(&token)?.0, true)));
        let marks = Specials::new(specials.iter().map(|(text, _)| (text.clone(), false)).chain(added));
        if let Some(early) = &early {
            early.meet(&vocab);
        }
        Self { vocab, controls, specials, marks, early: Mutex::new(early), compiler: OnceLock::new() }
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

    /// What compiles grammars for this vocabulary. Built at the first call (a tenth of a second for 150,000 tokens),
    /// then shared; concurrent callers wait.
    pub fn compiler(&self) -> Result<&Compiler> {
        let built = self.compiler.get_or_init(|| self.build_compiler());
        built.as_ref().map_err(|cause| {
            Error::new(ErrorKind::Grammar, "cannot use the model's vocabulary to enforce a grammar")
                .because(cause.clone())
        })
    }

    fn build_compiler(&self) -> Result<Compiler, String> {
        let tokens = 0..token_id(self.vocab.size());
        let ends: Vec<Token> = tokens.clone().filter(|token| self.vocab.is_end(*token)).collect();
        let early = self.early.lock().unwrap_or_else(PoisonError::into_inner).take();
        let piece = |token| Compiler::word(self.vocab.piece(token), self.controls.binary_search(&token).is_ok());
        // A file may be read otherwise by the engine than by us: then what was begun is for nothing.
        let same = |compiler: &Compiler| compiler.is_for(tokens.clone().map(piece), &ends);
        if let Some(compiler) = early.and_then(Early::finish).filter(same) {
            return Ok(compiler);
        }
        let words: Vec<Vec<u8>> = tokens.clone().map(piece).collect();
        let tokenizer = Arc::clone(&self.vocab);
        Compiler::new(&words, &ends, move |text| tokenizer.tokenize(text.as_bytes(), false))
    }

    /// The grammar of a constraint over this vocabulary, at its beginning: for loops of your own, and for measuring.
    pub fn matcher(&self, constraint: &Constraint) -> Result<Matcher> {
        constraint.matcher(self.compiler()?, &self.specials)
    }

    /// The tokens of a prompt. Special tokens that were said by people stay plain text.
    #[must_use]
    pub fn prompt_tokens(&self, prompt: &Prompt) -> Vec<Token> {
        let mut tokens = Vec::new();
        for Run { text, special } in prompt.runs(&self.marks) {
            if tokens.is_empty() {
                tokens = self.vocab.tokenize_start(text.as_bytes(), special);
            } else {
                tokens.extend(self.vocab.tokenize(text.as_bytes(), special));
            }
        }
        if let Some(begin) = self.vocab.begin().filter(|begin| tokens.first() != Some(begin)) {
            tokens.insert(0, begin);
        }
        tokens
    }

    /// How many of a prompt's tokens are those of what other conversations share, as that is tokenized alone: so no token
    /// among them can hold a byte that was said. The last one may stand at the edge of other words and is not counted.
    #[must_use]
    pub fn shared_tokens(&self, prompt: &Prompt, tokens: &[Token]) -> usize {
        if prompt.shared == 0 {
            return 0;
        }
        let alone = self.prompt_tokens(&prompt.beginning());
        alone.iter().zip(tokens).take_while(|(alone, token)| alone == token).count().saturating_sub(1)
    }
}

impl fmt::Debug for Lexicon {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Lexicon").field("size", &self.vocab.size()).finish_non_exhaustive()
    }
}

/// A vocabulary has fewer than 2^32 tokens; a larger number saturates instead of wrapping.
#[must_use]
pub fn token_id(index: usize) -> Token {
    Token::try_from(index).unwrap_or(Token::MAX)
}
