//! The one token loop: prompt, then token after token, until something ends it.
//!
//! It is written once for all engines. Each step makes the cache catch up with the tokens, chooses one, and lets the
//! phase that the output is in decide what the token means: free text, text watched for a call, reasoning, or a call
//! held by a grammar. It must not know what calls look like.

use std::sync::Arc;
use std::thread;
use std::time::{Duration, Instant};

use super::backend::{Backend, Token};
use super::generator::{Chunk, End, Job, ModelInfo};
use super::held::{Held, Taken};
use super::local::{Order, Outlet};
use super::outbox::Outbox;
use super::sample::{Bias, Sampler};
use super::sequence::Sequence;
use super::vocab::Lexicon;
use crate::chat::FinishReason;
use crate::constrain::{Constraint, Mask, Matcher, Mode, Scout, Sight, Thinking};
use crate::error::{Error, ErrorKind, Result};

/// Grammars that are kept ready: compiling one takes milliseconds, and callers keep to a few tool sets.
const GRAMMARS: usize = 16;

/// The owner of a backend, with what it keeps from job to job.
pub(crate) struct Worker {
    backend: Box<dyn Backend>,
    lexicon: Arc<Lexicon>,
    sequence: Sequence,
    grammars: Vec<(Constraint, Matcher)>,
}

impl Worker {
    pub(crate) fn new(backend: Box<dyn Backend>, lexicon: Arc<Lexicon>) -> Self {
        Self { backend, lexicon, sequence: Sequence::default(), grammars: Vec::new() }
    }

    pub(crate) fn model(&self) -> ModelInfo {
        self.backend.model().clone()
    }

    /// Does a job and sends all that comes of it.
    pub(crate) fn carry_out(&mut self, order: Order) {
        let Order { job, tokens, received, outlet } = order;
        match self.run(&job, tokens, received, &outlet) {
            Ok(end) => outlet.send(Ok(Chunk::End(end))),
            Err(error) => {
                // Whatever broke, the next job must not build on it.
                self.sequence.forget(&mut *self.backend);
                outlet.send(Err(error));
            }
        }
    }

    fn run(&mut self, job: &Job, tokens: Vec<Token>, received: Instant, outlet: &Outlet) -> Result<End> {
        let mut end = End::default();
        end.usage.prompt_tokens = tokens.len();
        let started = Instant::now();
        if self.backend.reserve(tokens.len().saturating_add(job.limits.max_tokens))? {
            self.sequence.emptied();
        }
        end.usage.cached_tokens = self.sequence.restart(&mut *self.backend, tokens)?;
        let matcher = self.prefill(job, received, outlet)?;
        end.timings.prefill_ms = milliseconds(started.elapsed());
        let mut turn = Turn {
            prompt: self.sequence.len(),
            room: self.backend.limits().context,
            backend: &mut *self.backend,
            sequence: &mut self.sequence,
            lexicon: &self.lexicon,
            job,
            received,
            outlet,
            sampler: Sampler::new(job.sampling),
            outbox: Outbox::new(&job.stop),
            ends: Vec::new(),
            end,
        };
        let decoding = Instant::now();
        turn.end.reason = turn.decode(matcher.as_ref())?;
        if let Some(rest) = turn.outbox.take_rest() {
            outlet.send(Ok(Chunk::Text(rest)));
        }
        turn.end.usage.completion_tokens = turn.ends.len();
        turn.end.timings.decode_ms = milliseconds(decoding.elapsed());
        Ok(turn.end)
    }

    /// Reads the prompt but for its last token, while the grammar is compiled beside it.
    fn prefill(&mut self, job: &Job, received: Instant, outlet: &Outlet) -> Result<Option<Matcher>> {
        let Self { backend, lexicon, sequence, grammars } = self;
        let known = job.constraint.as_ref().and_then(|constraint| known(grammars, constraint));
        thread::scope(|scope| {
            let wanted = job.constraint.as_ref().filter(|_| known.is_none());
            let compiling =
                wanted.map(|constraint| scope.spawn(|| constraint.matcher(lexicon.factory()?, lexicon.specials())));
            let total = sequence.len();
            loop {
                let left = sequence.catch_up(&mut **backend)?;
                outlet.send(Ok(Chunk::Prefill { done: total - left, total }));
                if left == 0 || interrupted(job, received, outlet) {
                    break;
                }
            }
            let (Some(compiling), Some(constraint)) = (compiling, wanted) else { return Ok(known) };
            let compiled =
                compiling.join().map_err(|_| Error::new(ErrorKind::Grammar, "compiling the grammar broke off"))??;
            if grammars.len() == GRAMMARS {
                grammars.remove(0);
            }
            let matcher = compiled.fork();
            grammars.push((constraint.clone(), compiled));
            Ok(Some(matcher))
        })
    }
}

/// A copy of a grammar that is ready; the last one used is thrown out last.
fn known(grammars: &mut Vec<(Constraint, Matcher)>, constraint: &Constraint) -> Option<Matcher> {
    let at = grammars.iter().position(|(ready, _)| ready.grammar() == constraint.grammar())?;
    let grammar = grammars.remove(at);
    constraint.adopt(&grammar.0);
    let matcher = grammar.1.fork();
    grammars.push(grammar);
    Some(matcher)
}

fn interrupted(job: &Job, received: Instant, outlet: &Outlet) -> bool {
    outlet.is_gone() || job.limits.deadline.is_some_and(|deadline| received.elapsed() >= deadline)
}

fn milliseconds(time: Duration) -> f64 {
    time.as_secs_f64() * 1000.0
}

/// One job in the making.
pub(super) struct Turn<'a> {
    backend: &'a mut dyn Backend,
    sequence: &'a mut Sequence,
    pub(super) lexicon: &'a Lexicon,
    job: &'a Job,
    received: Instant,
    outlet: &'a Outlet,
    sampler: Sampler,
    pub(super) outbox: Outbox,
    /// Where each token of the output ends, in bytes.
    ends: Vec<usize>,
    /// Tokens of the prompt.
    prompt: usize,
    /// Tokens of prompt and output together.
    room: usize,
    pub(super) end: End,
}

/// What the output is in.
enum Phase {
    /// Text that nothing holds.
    Free,
    /// Text watched for the beginning of a call; the scout saw the output from this byte on.
    Watched(Box<Scout>, usize),
    /// Reasoning may begin.
    Opening,
    /// Reasoning, until this text.
    Thinking(String),
    /// A call.
    Held(Box<Held>),
}

/// What a step leads to.
enum Next {
    Go(Phase),
    End(FinishReason),
}

impl Turn<'_> {
    fn decode(&mut self, matcher: Option<&Matcher>) -> Result<FinishReason> {
        let grammar = matcher.zip(self.job.constraint.as_ref());
        let mut phase = self.first_phase(grammar)?;
        loop {
            if interrupted(self.job, self.received, self.outlet) {
                return Ok(FinishReason::Cancelled);
            }
            if self.left() == 0 && !matches!(&phase, Phase::Held(held) if held.is_complete()) {
                return Ok(FinishReason::Length);
            }
            let next = match phase {
                Phase::Free => self.free(None)?,
                Phase::Watched(scout, from) => self.watched(scout, from, grammar)?,
                Phase::Opening => self.opening(grammar)?,
                Phase::Thinking(close) => self.thinking(close, grammar)?,
                Phase::Held(held) => self.held(held, grammar)?,
            };
            match next {
                Next::Go(next) => phase = next,
                Next::End(reason) => return Ok(reason),
            }
        }
    }

    fn first_phase(&mut self, grammar: Option<(&Matcher, &Constraint)>) -> Result<Phase> {
        let Some((matcher, constraint)) = grammar else { return Ok(Phase::Free) };
        let Mode::FromStart(thinking) = constraint.mode() else {
            return Ok(Phase::Watched(Box::new(constraint.scout(true)), 0));
        };
        if let Some(opened) = thinking.iter().find(|thinking| thinking.opened) {
            return Ok(Phase::Thinking(opened.close.clone()));
        }
        if thinking.iter().any(|thinking| self.knows(thinking)) {
            return Ok(Phase::Opening);
        }
        Ok(Phase::Held(Box::new(Held::begin(self, matcher.fork(), constraint)?)))
    }

    /// Models that reason have a token for the tag; others are not asked whether they would.
    fn knows(&self, thinking: &Thinking) -> bool {
        self.lexicon.vocab().tokenize(thinking.open.as_bytes(), true).len() == 1
    }

    /// Free text: anything goes, and stop texts end it.
    fn free(&mut self, hold_from: Option<usize>) -> Result<Next> {
        let token = self.choose(None, &[])?;
        if self.ends_answer(token) {
            return Ok(Next::End(FinishReason::Stop));
        }
        self.append(token);
        Ok(self.after_free(hold_from))
    }

    fn after_free(&mut self, hold_from: Option<usize>) -> Next {
        if let Some(at) = self.outbox.find_stop() {
            self.outbox.cut(at);
            return Next::End(FinishReason::Stop);
        }
        self.send(hold_from.unwrap_or(usize::MAX));
        Next::Go(Phase::Free)
    }

    fn watched(
        &mut self,
        mut scout: Box<Scout>,
        from: usize,
        grammar: Option<(&Matcher, &Constraint)>,
    ) -> Result<Next> {
        let token = self.choose(None, &[])?;
        if self.ends_answer(token) {
            return Ok(Next::End(FinishReason::Stop));
        }
        let before = self.outbox.text().len();
        self.append(token);
        let (hold, call) = match scout.push(&self.outbox.text()[before..]) {
            Sight::Nothing => (None, None),
            Sight::Perhaps { from: at } => (Some(from + at), None),
            Sight::Call { from: at } => (Some(from + at), Some(from + at)),
        };
        match (self.after_free(hold), call, grammar) {
            (Next::End(reason), ..) => Ok(Next::End(reason)),
            (_, Some(at), Some((matcher, constraint))) => {
                let begun = Held::from_text(self, matcher, constraint, at)?;
                self.send(usize::MAX);
                Ok(Next::Go(Phase::Held(Box::new(begun))))
            }
            _ => Ok(Next::Go(Phase::Watched(scout, from))),
        }
    }

    /// Before a demanded call: the model may reason first, and shows it by its first tokens.
    fn opening(&mut self, grammar: Option<(&Matcher, &Constraint)>) -> Result<Next> {
        let Some((matcher, constraint)) = grammar else { return Ok(Next::Go(Phase::Free)) };
        let Mode::FromStart(thinking) = constraint.mode() else { return Ok(Next::Go(Phase::Free)) };
        let token = self.choose(None, &[])?;
        let mut text = self.outbox.text().to_vec();
        text.extend(self.lexicon.vocab().piece(token));
        let opened = thinking.iter().find(|thinking| text.starts_with(thinking.open.as_bytes()));
        let may_open = thinking.iter().any(|thinking| thinking.open.as_bytes().starts_with(&text));
        if self.ends_answer(token) || self.reserve() || (opened.is_none() && !may_open) {
            self.cut(0);
            return Ok(Next::Go(Phase::Held(Box::new(Held::begin(self, matcher.fork(), constraint)?))));
        }
        self.append(token);
        let Some(opened) = opened else { return Ok(Next::Go(Phase::Opening)) };
        self.send(usize::MAX);
        Ok(Next::Go(Phase::Thinking(opened.close.clone())))
    }

    /// Reasoning before a demanded call. It is ended where the call would get no room.
    fn thinking(&mut self, close: String, grammar: Option<(&Matcher, &Constraint)>) -> Result<Next> {
        let Some((matcher, constraint)) = grammar else { return Ok(Next::Go(Phase::Free)) };
        let token = if self.reserve() { None } else { Some(self.choose(None, &[])?) };
        match token.filter(|token| !self.ends_answer(*token)) {
            Some(token) => self.append(token),
            None => self.append_text(&format!("\n{close}")),
        }
        self.outbox.skip_stops();
        self.send(usize::MAX);
        let text = self.outbox.text();
        let tail = &text[text.len().saturating_sub(close.len() + 32)..];
        let Some(at) = memchr::memmem::find(tail, close.as_bytes()) else {
            return Ok(Next::Go(Phase::Thinking(close)));
        };
        if at + close.len() == tail.len() {
            self.append_text("\n\n");
        }
        Ok(Next::Go(Phase::Held(Box::new(Held::begin(self, matcher.fork(), constraint)?))))
    }

    /// Whether what is left should be kept for the call.
    fn reserve(&self) -> bool {
        self.left() <= (self.job.limits.max_tokens / 3).clamp(64, 512)
    }

    fn held(&mut self, mut held: Box<Held>, grammar: Option<(&Matcher, &Constraint)>) -> Result<Next> {
        let taken = if held.is_complete() { Taken::Complete } else { held.step(self)? };
        self.outbox.skip_stops();
        self.send(usize::MAX);
        match (taken, grammar) {
            (Taken::Goes, _) => Ok(Next::Go(Phase::Held(held))),
            (Taken::Complete, Some((_, constraint))) if *constraint.mode() == Mode::Watch && constraint.parallel() => {
                Ok(Next::Go(Phase::Watched(Box::new(constraint.scout(false)), self.outbox.text().len())))
            }
            (Taken::Complete | Taken::Ended, _) => Ok(Next::End(FinishReason::Stop)),
        }
    }

    /// Tokens that may still follow.
    pub(super) fn left(&self) -> usize {
        let context = self.room.saturating_sub(self.sequence.len());
        self.job.limits.max_tokens.saturating_sub(self.ends.len()).min(context)
    }

    /// The next token, one of the mask's.
    pub(super) fn choose(&mut self, mask: Option<&Mask>, bias: &Bias) -> Result<Token> {
        let logits = self.sequence.logits(self.backend)?;
        let chosen = self.sampler.choose(logits, mask, bias);
        chosen.ok_or_else(|| Error::new(ErrorKind::Backend, "the engine gave logits that are no numbers"))
    }

    pub(super) fn ends_answer(&self, token: Token) -> bool {
        self.lexicon.vocab().is_end(token)
    }

    /// Makes a token part of the output.
    pub(super) fn append(&mut self, token: Token) {
        if self.ends.is_empty() {
            self.end.timings.first_token_ms = milliseconds(self.received.elapsed());
        }
        self.sequence.push(token);
        self.outbox.push(&self.lexicon.vocab().piece(token));
        self.ends.push(self.outbox.text().len());
    }

    /// Makes a text part of the output, in the model's own tokens.
    pub(super) fn append_text(&mut self, text: &str) {
        for token in self.lexicon.vocab().tokenize(text.as_bytes(), true) {
            self.append(token);
        }
    }

    /// Takes all but the first tokens of the output back.
    pub(super) fn cut(&mut self, tokens: usize) {
        self.ends.truncate(tokens);
        self.sequence.cut(self.prompt + tokens);
        self.outbox.cut(self.ends.last().copied().unwrap_or(0));
    }

    /// Tokens of the output with the bytes that each stands for.
    pub(super) fn output(&self) -> (&[Token], &[usize]) {
        (self.sequence.from(self.prompt), &self.ends)
    }

    fn send(&mut self, limit: usize) {
        if let Some(bytes) = self.outbox.take(limit) {
            self.outlet.send(Ok(Chunk::Text(bytes)));
        }
    }
}
