//! A grammar at work: what may come next, and what must.
//!
//! A thin wrapper around llguidance's matcher with our errors, so that the token loop knows no grammar library.
//! Forced tokens are those that the model's own tokenizer would have used. It must not know how tokens are chosen.

use llguidance::api::TopLevelGrammar;
use toktrie::{SimpleVob, TokTrie};

use super::vocabulary::Compiler;
use callwright_parse::error::{Error, ErrorKind, Result};

/// The tokens that may come next.
#[derive(Debug, Clone)]
pub struct Mask(SimpleVob);

impl Mask {
    /// Whether this token may.
    #[must_use]
    pub fn allows(&self, token: u32) -> bool {
        (token as usize) < self.0.len() && self.0.is_allowed(token)
    }

    /// How many may.
    #[must_use]
    pub fn count(&self) -> usize {
        self.0.num_set()
    }

    /// Each of them, in order.
    pub fn tokens(&self) -> impl Iterator<Item = u32> + '_ {
        self.0.iter()
    }

    /// Shows each of them, in order: faster than [`Mask::tokens`] where there are many.
    pub fn each(&self, show: impl FnMut(usize)) {
        self.0.iter_set_entries(show);
    }

    /// The same without those that are named, unless none would be left.
    pub fn forbid(&mut self, named: impl Fn(u32) -> bool) {
        let tokens: Vec<u32> = self.tokens().filter(|token| named(*token)).collect();
        if tokens.len() < self.count() {
            for token in tokens {
                self.0.disallow_token(token);
            }
        }
    }
}

/// A grammar and how far the text has come in it.
pub struct Matcher {
    inner: llguidance::Matcher,
}

impl Matcher {
    /// Compiles a grammar for a vocabulary.
    pub fn compile(compiler: &Compiler, lark: &str) -> Result<Self, String> {
        let inner = compiler.compile(TopLevelGrammar::from_lark(lark.to_owned()));
        match inner.get_error() {
            Some(cause) => Err(brief(&cause)),
            None => Ok(Self { inner }),
        }
    }

    /// An independent copy at the same place.
    #[must_use]
    pub fn fork(&self) -> Self {
        Self { inner: self.inner.deep_clone() }
    }

    /// The tokens that may come next, ends of the answer among them where the grammar may end.
    pub fn mask(&mut self) -> Result<Mask> {
        self.inner.compute_mask_or_eos().map(Mask).map_err(|error| trouble(&error))
    }

    /// Advances by a token that the mask allowed.
    pub fn consume(&mut self, token: u32) -> Result<()> {
        self.inner.consume_token(token).map_err(|error| trouble(&error))
    }

    /// Advances by as many of these tokens as fit and returns how many did.
    pub fn consume_fitting(&mut self, tokens: &[u32]) -> Result<usize> {
        let mut fitting = 0;
        // One by one: a token behind the grammar's end must not be an error.
        while let Some(token) = tokens.get(fitting) {
            if self.is_done() || !self.fits(*token) {
                break;
            }
            self.consume(*token)?;
            fitting += 1;
        }
        Ok(fitting)
    }

    /// Whether this token may come next.
    pub fn fits(&mut self, token: u32) -> bool {
        !self.is_done() && self.inner.validate_tokens(&[token]).is_ok_and(|fitting| fitting == 1)
    }

    /// How many of these tokens may come next, one after the other.
    pub fn fitting(&mut self, tokens: &[u32]) -> usize {
        if self.is_done() { 0 } else { self.inner.validate_tokens(tokens).unwrap_or(0) }
    }

    /// Advances by all forced tokens.
    pub fn consume_forced(&mut self) -> Vec<u32> {
        if self.is_done() { Vec::new() } else { self.inner.consume_ff_tokens() }
    }

    /// Whether the text may end here.
    pub fn may_end(&mut self) -> bool {
        self.is_done() || self.inner.is_accepting().unwrap_or(false)
    }

    /// Whether nothing can follow.
    #[must_use]
    pub fn is_done(&self) -> bool {
        self.inner.is_stopped()
    }

    /// What went wrong inside, where something did.
    #[must_use]
    pub fn error(&self) -> Option<Error> {
        self.inner.get_error().map(|cause| trouble(&cause))
    }

    /// The vocabulary's trie, and its tokenizer.
    pub(crate) fn environment(&self) -> Result<toktrie::TokEnv> {
        self.inner.tok_env().map_err(|error| trouble(&error))
    }
}

impl std::fmt::Debug for Matcher {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Matcher").field("done", &self.is_done()).finish_non_exhaustive()
    }
}

/// The text of a token as the grammar sees it, without the mark of control tokens.
pub(crate) fn plain(trie: &TokTrie, token: u32) -> &[u8] {
    let bytes = trie.token(token);
    bytes.strip_prefix(&[TokTrie::SPECIAL_TOKEN_MARKER]).unwrap_or(bytes)
}

fn trouble(cause: &impl ToString) -> Error {
    Error::new(ErrorKind::Grammar, "the decoding grammar failed").because(brief(&cause.to_string()))
}

/// The longest cause that is shown: some contain a whole grammar.
const LONGEST: usize = 300;

/// The first line of a cause: the rest is the library's inner state.
fn brief(cause: &str) -> String {
    let line = cause.lines().map(str::trim).find(|line| !line.is_empty()).unwrap_or("no cause given");
    let line = line.rsplit_once("failed to compile JSON schema: ").map_or(line, |(_, own)| own);
    line.chars().take(LONGEST).collect()
}
