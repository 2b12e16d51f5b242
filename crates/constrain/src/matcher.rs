//! A grammar at work: what may come next, and what must.
//!
//! A thin wrapper around llguidance's parser with our errors, so that the token loop knows no grammar library.
//! Forced tokens are those that the model's own tokenizer would have used. It must not know how tokens are chosen.

use std::fmt::Display;
use std::panic::AssertUnwindSafe;
use std::sync::{Arc, Mutex, OnceLock, PoisonError};

use llguidance::api::TopLevelGrammar;
use llguidance::earley::ParserRecognizer;
use llguidance::{TokenParser, panic_utils};
use toktrie::{SimpleVob, TokTrie};

use super::rules::Rules;
use super::trace::{Input, Trace};
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
    inner: Result<Box<TokenParser>, String>,
    /// All that was consumed, for the trace.
    consumed: Vec<u32>,
    trace: Option<(Trace, usize)>,
    rules: Arc<OnceLock<Mutex<Rules>>>,
}

impl Matcher {
    /// Compiles a grammar for a vocabulary.
    pub fn compile(compiler: &Compiler, lark: &str) -> Result<Self, String> {
        let parser = compiler.compile(TopLevelGrammar::from_lark(lark.to_owned())).map_err(|cause| brief(&cause))?;
        let rules = Arc::new(OnceLock::new());
        Ok(Self { inner: Ok(Box::new(parser)), consumed: Vec::new(), trace: None, rules })
    }

    /// An independent copy at the same place.
    #[must_use]
    pub fn fork(&self) -> Self {
        let inner = self.inner.as_ref().map(|parser| Box::new(parser.deep_clone())).map_err(Clone::clone);
        let (consumed, rules) = (self.consumed.clone(), Arc::clone(&self.rules));
        Self { inner, consumed, trace: None, rules }
    }

    /// Does something with the library's parser, whose errors last and whose panics are errors.
    fn with<T, E: Display>(&mut self, act: impl FnOnce(&mut TokenParser) -> Result<T, E>) -> Result<T> {
        let parser = self.inner.as_mut().map_err(|cause| trouble(cause))?;
        let cause = match panic_utils::catch_unwind(AssertUnwindSafe(|| Ok(act(parser)))) {
            Ok(Ok(done)) => return Ok(done),
            Ok(Err(cause)) => parser.augment_err(cause),
            Err(cause) => parser.augment_err(cause),
        };
        let error = trouble(&cause);
        self.inner = Err(cause);
        Err(error)
    }

    /// The tokens that may come next, ends of the answer among them where the grammar may end.
    pub fn mask(&mut self) -> Result<Mask> {
        self.with(|parser| {
            if parser.stopped() { Ok(parser.token_env.tok_trie().eos_token_set()) } else { parser.compute_mask() }
        })
        .map(Mask)
    }

    /// Advances by a token that the mask allowed.
    pub fn consume(&mut self, token: u32) -> Result<()> {
        self.with(|parser| {
            parser.consume_token(token)?;
            parser.check_stop().map(drop)
        })?;
        self.consumed.push(token);
        Ok(())
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
        self.fitting(&[token]) == 1
    }

    /// How many of these tokens may come next, one after the other.
    pub fn fitting(&mut self, tokens: &[u32]) -> usize {
        if self.is_done() { 0 } else { self.with(|parser| parser.validate_tokens_raw(tokens)).unwrap_or(0) }
    }

    /// Advances by all forced tokens.
    pub fn consume_forced(&mut self) -> Vec<u32> {
        if self.is_done() {
            return Vec::new();
        }
        let forced = self.with(|parser| Ok::<_, Error>(parser.compute_ff_tokens())).unwrap_or_default();
        if forced.iter().all(|token| self.consume(*token).is_ok()) { forced } else { Vec::new() }
    }

    /// Whether the text may end here.
    pub fn may_end(&mut self) -> bool {
        self.is_done() || self.with(|parser| Ok::<_, Error>(parser.is_accepting())).unwrap_or(false)
    }

    /// Whether nothing can follow.
    #[must_use]
    pub fn is_done(&self) -> bool {
        self.inner.as_ref().map_or(true, |parser| parser.stopped())
    }

    /// What went wrong inside, where something did.
    #[must_use]
    pub fn error(&self) -> Option<Error> {
        self.inner.as_ref().err().map(trouble)
    }

    /// The tokens of the shortest text after which the grammar may end; none where none was found.
    pub fn way_out(&mut self) -> Result<Option<Vec<u32>>> {
        let Some(text) = self.way_text()? else { return Ok(None) };
        let tokens = self.tokens_of(&text)?;
        Ok(Some(tokens).filter(|tokens| tokens.is_empty() || self.fitting(tokens) == tokens.len()))
    }

    /// The tokens of a text of [`Matcher::way_text`].
    pub(crate) fn tokens_of(&self, text: &[u8]) -> Result<Vec<u32>> {
        Ok(self.environment()?.tokenize_bytes_marker(text).0)
    }

    /// The shortest text after which the grammar may end, with control tokens as the vocabulary's trie has them.
    pub(crate) fn way_text(&mut self) -> Result<Option<Vec<u8>>> {
        if self.may_end() {
            return Ok(Some(Vec::new()));
        }
        let environment = self.environment()?;
        let trie = environment.tok_trie();
        let (rules, trace, consumed) = (Arc::clone(&self.rules), self.trace.take(), std::mem::take(&mut self.consumed));
        let found = self.with(|parser| {
            let rules = rules.get_or_init(|| Mutex::new(Rules::of(parser.parser.grammar(), trie)));
            let mut rules = rules.lock().unwrap_or_else(PoisonError::into_inner);
            Ok::<_, Error>(parser.parser.with_recognizer(|recognizer| {
                let begin = |rules: &Rules, recognizer: &mut ParserRecognizer<'_>| (Trace::begin(rules, recognizer), 0);
                let (mut trace, known) = trace.unwrap_or_else(|| begin(&rules, recognizer));
                let fits = consumed[known..]
                    .iter()
                    .all(|token| inputs(trie, *token).into_iter().all(|input| trace.push(&rules, recognizer, input)));
                if !fits {
                    return None;
                }
                let text = trace.way_out(&mut rules, recognizer);
                Some((trace, text))
            }))
        });
        let known = consumed.len();
        self.consumed = consumed;
        let Some((trace, text)) = found? else { return Ok(None) };
        self.trace = Some((trace, known));
        Ok(text)
    }

    /// The vocabulary's trie, and its tokenizer.
    pub(crate) fn environment(&self) -> Result<toktrie::TokEnv> {
        self.inner.as_ref().map(|parser| parser.token_env.clone()).map_err(trouble)
    }
}

impl std::fmt::Debug for Matcher {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Matcher").field("done", &self.is_done()).finish_non_exhaustive()
    }
}

/// What a token is to the grammar.
fn inputs(trie: &TokTrie, token: u32) -> Vec<Input> {
    match trie.token(token) {
        [] | [TokTrie::SPECIAL_TOKEN_MARKER, ..] => vec![Input::Control(token)],
        bytes => bytes.iter().map(|byte| Input::Byte(*byte)).collect(),
    }
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
