//! A backend that wants to say what a test tells it to, over a vocabulary of bytes and some words.
//!
//! It keeps the tokens of its sequences as a real cache would and refuses a batch that does not fit behind them, so
//! that every slip of the token loop's bookkeeping is an error here. Where the script's token is not allowed, the
//! choice among the others is a fixed pseudo-random one.

use std::sync::{Arc, Mutex};

use callwright::infer::backend::{Backend, Batch, Limits, Logits, SeqId, Token};
use callwright::infer::{Beforehand, Local, ModelInfo, Prefixes, StateKey, Vocab};
use callwright::{Error, ErrorKind, Result};

/// Bytes, then words of several bytes, then control tokens.
#[derive(Debug)]
pub struct Words {
    pieces: Vec<Vec<u8>>,
    controls: usize,
    /// Words that a random script likes better than others.
    liked: std::ops::Range<usize>,
}

/// Words that real vocabularies have as one token and that matter here: they cross the edges of what is enforced.
const WORDS: [&str; 24] = [
    "<tool",
    "_call",
    ">\n",
    "\"}",
    "\"}}",
    "}}\n",
    "\": ",
    "\": \"",
    ", \"",
    "name",
    "arguments",
    " the",
    "city",
    "Paris",
    "\n</",
    "Hello",
    " world",
    "\"}}\n</",
    "{\"",
    "weather",
    "get_",
    " <",
    "\n\n",
    "12",
];

/// The last control token ends an answer.
const CONTROLS: [&str; 4] = ["<|call|>", "<think>", "</think>", "<|end|>"];

impl Words {
    pub fn new() -> Self {
        Self::with(&WORDS, &[], &CONTROLS)
    }

    /// Bytes, words, words that are liked, control tokens; the last of these ends an answer.
    pub fn with(words: &[&str], liked: &[&str], controls: &[&str]) -> Self {
        let bytes = (0..=255u8).map(|byte| vec![byte]);
        let all = words.iter().chain(liked).chain(controls).map(|word| word.as_bytes().to_vec());
        let first = 256 + words.len();
        let controls = controls.len();
        Self { pieces: bytes.chain(all).collect(), controls, liked: first..first + liked.len() }
    }

    /// Nothing but bytes, and the token that ends an answer.
    pub fn bytes() -> Self {
        Self::with(&[], &[], &["<|end|>"])
    }

    pub fn end(&self) -> Token {
        u32::try_from(self.pieces.len() - 1).unwrap()
    }

    fn first_control(&self) -> usize {
        self.pieces.len() - self.controls
    }
}

impl Vocab for Words {
    fn size(&self) -> usize {
        self.pieces.len()
    }

    fn piece(&self, token: Token) -> Vec<u8> {
        self.pieces[token as usize].clone()
    }

    /// The longest piece first, always.
    fn tokenize(&self, text: &[u8], special: bool) -> Vec<Token> {
        let known = if special { self.pieces.len() } else { self.first_control() };
        let (mut tokens, mut rest) = (Vec::new(), text);
        while !rest.is_empty() {
            let fitting = (0..known).filter(|token| rest.starts_with(&self.pieces[*token]));
            let longest = fitting.max_by_key(|token| self.pieces[*token].len()).unwrap();
            rest = &rest[self.pieces[longest].len()..];
            tokens.push(u32::try_from(longest).unwrap());
        }
        tokens
    }

    fn is_end(&self, token: Token) -> bool {
        token == self.end()
    }

    fn is_added(&self, _token: Token) -> bool {
        false
    }

    fn is_control(&self, token: Token) -> bool {
        token as usize >= self.first_control()
    }

    fn begin(&self) -> Option<Token> {
        None
    }
}

/// What a scripted model would like to say.
#[derive(Debug, Clone)]
pub enum Script {
    /// These tokens, whatever came of them; then the end.
    Tokens(Vec<Token>),
    /// These tokens behind a prompt of one token, those that are forced counted.
    Behind(Vec<Token>),
    /// Anything: logits from this seed.
    Random(u64),
    /// This byte, for ever.
    Again(u8),
}

/// Sequences that the cache holds side by side, and tokens that it holds in all.
const SEQUENCES: usize = 6;
const CACHE: usize = 4000;

/// What the backend was asked to do, for tests that count.
#[derive(Debug, Default, Clone)]
pub struct Seen {
    pub decoded: usize,
    pub batches: usize,
    pub truncated: Vec<usize>,
    /// The most sequences of one batch.
    pub together: usize,
}

pub struct Scripted {
    words: Arc<Words>,
    script: Script,
    info: ModelInfo,
    sequences: Vec<Vec<Token>>,
    /// For each sequence, the tokens after which logits were first asked for.
    prompts: Vec<Option<usize>>,
    can_truncate: bool,
    /// Tokens that the cache holds.
    cache: usize,
    rows: Vec<Vec<f32>>,
    seen: Arc<Mutex<Seen>>,
    /// Whether the states that it saves are such that nothing can be computed from them.
    poisons: bool,
    /// Sequences that were restored from such a state.
    poisoned: [bool; SEQUENCES],
}

impl Scripted {
    /// A generator over a scripted model with this context, and what it will have seen.
    pub fn open(script: Script, context: usize) -> (Local, Arc<Mutex<Seen>>) {
        Self::open_with(script, context, true)
    }

    /// The same, with the beginnings of prompts kept on disk.
    pub fn open_keeping(script: Script, context: usize, prefixes: Prefixes) -> Local {
        let scripted = Self::new(script, context, true, Arc::default());
        let beforehand = Beforehand { prefixes: Some(prefixes), ..Beforehand::default() };
        Local::open_with(beforehand, move || Ok((Box::new(scripted), None))).unwrap()
    }

    /// The same, with states from which no numbers come.
    pub fn open_poisoning(script: Script, context: usize, prefixes: Prefixes) -> Local {
        let scripted = Self { poisons: true, ..Self::new(script, context, true, Arc::default()) };
        let beforehand = Beforehand { prefixes: Some(prefixes), ..Beforehand::default() };
        Local::open_with(beforehand, move || Ok((Box::new(scripted), None))).unwrap()
    }

    /// The same; `can_truncate`: whether its cache can be cut anywhere.
    pub fn open_with(script: Script, context: usize, can_truncate: bool) -> (Local, Arc<Mutex<Seen>>) {
        Self::open_over(Words::new(), script, context, can_truncate)
    }

    /// The same over these words.
    pub fn open_over(words: Words, script: Script, context: usize, can_truncate: bool) -> (Local, Arc<Mutex<Seen>>) {
        let seen = Arc::new(Mutex::new(Seen::default()));
        let scripted = Self::over(words, script, context, can_truncate, Arc::clone(&seen));
        (Local::open(move || Ok(Box::new(scripted))).unwrap(), seen)
    }

    /// The same; its cache holds that one context at first, and grows where that is asked for.
    pub fn open_small(script: Script, context: usize) -> (Local, Arc<Mutex<Seen>>) {
        let seen = Arc::new(Mutex::new(Seen::default()));
        let scripted = Self { cache: context, ..Self::new(script, context, true, Arc::clone(&seen)) };
        (Local::open(move || Ok(Box::new(scripted))).unwrap(), seen)
    }

    /// Only the backend, without a token loop over it.
    pub fn alone(words: Words, script: Script, context: usize, can_truncate: bool) -> (Self, Arc<Mutex<Seen>>) {
        let seen = Arc::new(Mutex::new(Seen::default()));
        (Self::over(words, script, context, can_truncate, Arc::clone(&seen)), seen)
    }

    /// Tokens that its cache holds in all.
    pub fn held(&self) -> usize {
        self.sequences.iter().map(Vec::len).sum()
    }

    fn new(script: Script, context: usize, can_truncate: bool, seen: Arc<Mutex<Seen>>) -> Self {
        Self::over(Words::new(), script, context, can_truncate, seen)
    }

    fn over(words: Words, script: Script, context: usize, can_truncate: bool, seen: Arc<Mutex<Seen>>) -> Self {
        let mut info = ModelInfo::named("scripted");
        info.context_length = context;
        Self {
            words: Arc::new(words),
            script,
            info,
            sequences: vec![Vec::new(); SEQUENCES],
            prompts: vec![None; SEQUENCES],
            can_truncate,
            cache: CACHE.max(context),
            rows: Vec::new(),
            seen,
            poisons: false,
            poisoned: [false; SEQUENCES],
        }
    }

    fn logits(&self, tokens: &[Token], prompt: Option<usize>) -> Vec<f32> {
        let noise = |token: usize, salt: u64| {
            let mut mixed =
                (token as u64 + 1).wrapping_mul(0x9e37_79b9_7f4a_7c15) ^ salt.wrapping_mul(0xff51_afd7_ed55_8ccd);
            mixed ^= mixed >> 29;
            mixed = mixed.wrapping_mul(0xbf58_476d_1ce4_e5b9);
            ((mixed >> 40) as f32) / 16_777_216.0
        };
        let place = tokens.len() as u64;
        let salt = match &self.script {
            Script::Random(seed) => {
                tokens.iter().fold(*seed, |salt, token| salt.wrapping_mul(31).wrapping_add(u64::from(*token)))
            }
            _ => place,
        };
        let mut logits: Vec<f32> = (0..self.words.size()).map(|token| 4.0 * noise(token, salt)).collect();
        match &self.script {
            Script::Tokens(script) => {
                let at = tokens.len() - prompt.unwrap_or(tokens.len());
                logits[script.get(at).copied().unwrap_or(self.words.end()) as usize] = 50.0;
            }
            Script::Behind(script) => {
                logits[script.get(tokens.len() - 1).copied().unwrap_or(self.words.end()) as usize] = 50.0;
            }
            Script::Again(byte) => logits[*byte as usize] = 50.0,
            Script::Random(_) => logits[self.words.liked.clone()].iter_mut().for_each(|logit| *logit += 1.5),
        }
        logits
    }
}

impl Backend for Scripted {
    fn model(&self) -> &ModelInfo {
        &self.info
    }

    fn limits(&self) -> Limits {
        Limits {
            batch: 64,
            sequences: SEQUENCES,
            context: self.cache,
            can_truncate: self.can_truncate,
            can_fork: self.can_truncate,
            threads: 1,
        }
    }

    fn vocab(&self) -> Arc<dyn Vocab> {
        Arc::clone(&self.words) as Arc<dyn Vocab>
    }

    fn decode<'a>(&'a mut self, batch: &Batch) -> Result<Logits<'a>> {
        let wrong = |what: &str| Err(Error::new(ErrorKind::Backend, what));
        if batch.entries().len() > 64 {
            return wrong("the batch is too large");
        }
        self.rows.clear();
        for entry in batch.entries() {
            let sequence = &mut self.sequences[entry.sequence as usize];
            if entry.position != sequence.len() {
                return wrong("a token does not stand behind the ones before");
            }
            sequence.push(entry.token);
            if sequence.len() > self.info.context_length {
                return wrong("the context is full");
            }
            if entry.logits {
                let tokens = self.sequences[entry.sequence as usize].clone();
                let prompt = *self.prompts[entry.sequence as usize].get_or_insert(tokens.len());
                let mut logits = self.logits(&tokens, Some(prompt));
                if self.poisoned[entry.sequence as usize] {
                    logits.fill(f32::NAN);
                }
                self.rows.push(logits);
            }
        }
        let mut seen = self.seen.lock().unwrap();
        seen.decoded += batch.entries().len();
        seen.batches += 1;
        let sequences: std::collections::BTreeSet<_> = batch.entries().iter().map(|entry| entry.sequence).collect();
        seen.together = seen.together.max(sequences.len());
        Ok(Logits::new(self.rows.iter().map(Vec::as_slice).collect()))
    }

    fn truncate(&mut self, sequence: SeqId, len: usize) -> Result<usize> {
        let tokens = &mut self.sequences[sequence as usize];
        let cut = tokens.len() > len;
        let kept = if cut && !self.can_truncate { 0 } else { len.min(tokens.len()) };
        tokens.truncate(kept);
        self.poisoned[sequence as usize] &= kept > 0;
        if self.prompts[sequence as usize].is_some_and(|prompt| kept < prompt) {
            self.prompts[sequence as usize] = None;
        }
        self.seen.lock().unwrap().truncated.push(len);
        Ok(kept)
    }

    fn reserve(&mut self, tokens: usize) -> Result<bool> {
        let grows = tokens.min(CACHE) > self.cache;
        if grows {
            self.cache = tokens.min(CACHE);
            self.sequences.iter_mut().for_each(Vec::clear);
            self.prompts.fill(None);
        }
        Ok(grows)
    }

    fn state_key(&self) -> Option<StateKey> {
        let part = |text: &str| text.to_owned();
        let (file, engine, layout) = (part("random"), part("scripted"), part("a list"));
        Some(StateKey { model: "scripted.gguf".into(), file, engine, layout })
    }

    fn save(&mut self, sequence: SeqId, tokens: usize) -> Result<Vec<u8>> {
        let held = &self.sequences[sequence as usize];
        assert_eq!(held.len(), tokens, "a state is saved for the tokens it stands for");
        let text: Vec<String> = held.iter().map(ToString::to_string).collect();
        let end = if self.poisons { "poison" } else { "end" };
        Ok(format!("{} {end}", text.join(" ")).into_bytes())
    }

    fn restore(&mut self, sequence: SeqId, state: &[u8], tokens: usize) -> Result<bool> {
        let text = std::str::from_utf8(state).expect("nothing reaches an engine that did not come from it");
        let held: Vec<Token> = text.split(' ').filter_map(|token| token.parse().ok()).collect();
        assert_eq!(held.len(), tokens, "a state is restored for the tokens it stands for");
        self.sequences[sequence as usize] = held;
        self.prompts[sequence as usize] = None;
        self.poisoned[sequence as usize] = text.ends_with("poison");
        Ok(true)
    }

    fn fork(&mut self, from: SeqId, to: SeqId, len: usize) -> Result<bool> {
        self.sequences[to as usize] = self.sequences[from as usize][..len].to_vec();
        self.prompts[to as usize] = None;
        self.poisoned[to as usize] = self.poisoned[from as usize] && len > 0;
        Ok(true)
    }
}
