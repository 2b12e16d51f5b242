//! One job: prompt, then token after token, until something ends it.
//!
//! It is written once for all engines. A turn says which tokens the cache lacks; once their logits are there it chooses
//! a token and lets the phase that the output is in decide what the token means: free text, text watched for a call,
//! reasoning, or a call held by a grammar. Several turns share a backend, so a turn never calls it. It must not know
//! what calls look like.

use std::sync::Arc;
use std::time::{Duration, Instant};

use super::backend::Token;
use super::bias::{LogitBias, LogitBiases};
use super::draft::{self, Costs, Plan, Trust};
use super::draft_model::DraftModel;
use super::generator::{Chunk, Drafts, End, Job};
use super::local::{Order, Outlet};
use super::outbox::Outbox;
use super::phase::{Next, Phase};
use super::sample::Sampler;
use super::sequence::Sequence;
use super::vocab::Lexicon;
use callwright_constrain::{Constraint, Mask, Matcher};
use callwright_parse::chat::FinishReason;
use callwright_parse::error::{Error, ErrorKind, Result};

/// A running job.
pub(super) struct ActiveJob {
    pub(super) sequence: Sequence,
    pub(super) lexicon: Arc<Lexicon>,
    pub(super) job: Job,
    received: Instant,
    outlet: Outlet,
    sampler: Sampler,
    biases: LogitBiases,
    pub(super) outbox: Outbox,
    /// Where each token of the output ends, in bytes.
    ends: Vec<usize>,
    /// Tokens of the prompt.
    prompt: usize,
    /// Tokens of prompt and output together.
    room: usize,
    pub(super) end: End,
    /// The grammar at its beginning.
    pub(super) grammar: Option<Matcher>,
    pub(super) phase: Phase,
    /// The n-gram draft for the next tokens, and how well drafting goes.
    ngram_draft: Vec<Token>,
    trust: Trust,
    /// How many drafts the draft model made last.
    told: usize,
    /// Cache positions that it may come to need.
    pub(super) reserved: usize,
    /// Tokens of the prompt that are to be kept on disk; 0 for none.
    pub(super) keep: usize,
    /// When the reading of the prompt began, and when it was done.
    started: Instant,
    read: Option<Instant>,
    /// Whether the output has begun; where the grammar forces its first tokens, they join the prompt's last ones.
    begun: bool,
}

impl ActiveJob {
    /// A turn over a sequence that holds the prompt, of which so many tokens are cached; prompt and output have this room,
    /// and cache positions are reserved for both.
    pub(super) fn new(
        order: Order,
        (sequence, cached): (Sequence, usize),
        lexicon: &Arc<Lexicon>,
        (room, reserved): (usize, usize),
    ) -> Self {
        let Order { job, received, outlet, .. } = order;
        let mut end = End::default();
        end.usage.prompt_tokens = sequence.len();
        end.usage.cached_tokens = cached;
        Self {
            prompt: sequence.len(),
            sequence,
            lexicon: Arc::clone(lexicon),
            received,
            outlet,
            sampler: Sampler::new(job.sampling),
            biases: LogitBiases::new(&job.sampling, &job.logit_bias),
            outbox: Outbox::new(&job.stop),
            ends: Vec::new(),
            room,
            end,
            grammar: None,
            phase: Phase::Free,
            ngram_draft: Vec::new(),
            trust: Trust::default(),
            told: 0,
            reserved,
            keep: 0,
            started: Instant::now(),
            read: None,
            begun: false,
            job,
        }
    }

    /// What may come next.
    pub(super) fn constraint(&self) -> Option<&Constraint> {
        self.job.constraint.as_ref()
    }

    /// Whether the prompt is still being read.
    pub(super) fn reads(&self) -> bool {
        !self.begun
    }

    /// Tokens of the prompt that the cache lacks. The last one is computed with what the grammar forces behind it.
    pub(super) fn unread(&self) -> usize {
        self.sequence.missing() - 1
    }

    /// Tokens to be read until those that are to be kept are there; no bound where they are, or none are.
    pub(super) fn until_kept(&self) -> usize {
        let read = self.sequence.len() - self.sequence.missing();
        if self.keep > read { self.keep - read } else { usize::MAX }
    }

    /// Notes how far the prompt has been read, and reports it.
    pub(super) fn tell_progress(&mut self) {
        if self.read.is_some() {
            return;
        }
        let (done, total) = (self.sequence.len() - self.unread(), self.prompt);
        self.outlet.send(Ok(Chunk::Prefill { done: done.min(total), total }));
        if done >= total {
            self.read = Some(Instant::now());
        }
    }

    /// Whether the caller is gone or the time is up.
    pub(super) fn is_interrupted(&self) -> bool {
        interrupted(&self.outlet, &self.job, self.received)
    }

    /// Ends the job: sends the rest, and returns the sequence.
    pub(super) fn finish(mut self, result: Result<FinishReason>) -> Sequence {
        let reason = match result {
            Ok(reason) => reason,
            Err(error) => {
                self.outlet.send(Err(error));
                return self.sequence;
            }
        };
        if let Some(rest) = self.outbox.take_rest() {
            self.outlet.send(Ok(Chunk::Text(rest)));
        }
        self.end.reason = reason;
        self.end.usage.completion_tokens = self.ends.len();
        let read = self.read.unwrap_or_else(Instant::now);
        self.end.timings.prefill_ms = milliseconds(read - self.started);
        self.end.timings.decode_ms = milliseconds(read.elapsed());
        self.outlet.send(Ok(Chunk::End(self.end)));
        self.sequence
    }

    /// Begins to write, under this grammar. A reason where there is nothing to write.
    pub(super) fn begin(&mut self, grammar: Option<Matcher>) -> Result<Option<FinishReason>> {
        self.begun = true;
        self.grammar = grammar;
        self.phase = self.first_phase()?;
        self.settle()
    }

    /// Chooses the next token by the logits after the last one. A reason where that ends the output.
    pub(super) fn step(&mut self, logits: &[f32]) -> Result<Option<FinishReason>> {
        let next = match std::mem::replace(&mut self.phase, Phase::Free) {
            Phase::Free => self.free(logits)?,
            Phase::Watched(watch) => self.watched(watch, logits)?,
            Phase::Opening => self.opening(logits)?,
            Phase::Thinking(close) => self.thinking(close, Some(logits))?,
            Phase::Held(held) => self.held(held, Some(logits))?,
        };
        match next {
            Next::Go(phase) => self.phase = phase,
            Next::End(reason) => return Ok(Some(reason)),
        }
        self.settle()
    }

    /// Does all that needs no logits.
    fn settle(&mut self) -> Result<Option<FinishReason>> {
        loop {
            let complete = matches!(&self.phase, Phase::Held(held) if held.is_complete());
            if self.left() == 0 && !complete {
                // Calls that might have been followed by more, and were not, are complete.
                let whole = if let Phase::Held(held) = &mut self.phase { held.may_end() } else { false };
                return Ok(Some(if whole { FinishReason::Stop } else { FinishReason::Length }));
            }
            let next = match std::mem::replace(&mut self.phase, Phase::Free) {
                Phase::Held(held) if complete => self.held(held, None)?,
                Phase::Thinking(close) if self.is_short() => self.thinking(close, None)?,
                phase => {
                    self.phase = phase;
                    return Ok(None);
                }
            };
            match next {
                Next::Go(phase) => self.phase = phase,
                Next::End(reason) => return Ok(Some(reason)),
            }
        }
    }

    /// Makes n-gram drafts, as many as pay, and returns how many are wanted from the draft model: some where there is no
    /// n-gram draft, or where the model's are better.
    pub(super) fn plan(&mut self, costs: &Costs, draft_model: Plan) -> usize {
        let (own, theirs) = match self.job.drafts {
            _ if self.reads() => return 0,
            Drafts::Auto => (self.trust.plan(costs, 0.0), draft_model),
            Drafts::Fixed(drafts) => (Plan::fixed(drafts), Plan::fixed(drafts)),
            Drafts::Off => return 0,
        };
        let most = self.left().saturating_sub(1);
        let draft = draft::ngram_draft(self.sequence.tokens(), own.drafts.min(most)).to_vec();
        self.ngram_draft = self.fitting(draft);
        let better = self.ngram_draft.is_empty() || theirs.gain > own.gain;
        // The first token does not wait: a draft model has to read the prompt first.
        let wanted = better && self.is_open() && self.end.timings.first_token_ms > 0.0;
        if wanted { theirs.drafts.min(most) } else { 0 }
    }

    /// The drafts to try: those of the draft model that may come next; where it made none, the n-gram drafts.
    pub(super) fn drafts(&mut self, told: Vec<Token>) -> Vec<Token> {
        let ngram_draft = std::mem::take(&mut self.ngram_draft);
        self.told = told.len();
        if told.is_empty() { ngram_draft } else { self.fitting(told) }
    }

    /// Whether drafts are worth trying.
    fn is_open(&self) -> bool {
        if let Phase::Held(held) = &self.phase { held.is_open() } else { true }
    }

    /// As many of these drafts as may come next.
    fn fitting(&mut self, mut drafts: Vec<Token>) -> Vec<Token> {
        if let Phase::Held(held) = &mut self.phase {
            drafts.truncate(held.fitting(&drafts));
        }
        drafts
    }

    /// How long the last mask took; nothing where none was needed.
    pub(super) fn mask_time(&self) -> Duration {
        if let Phase::Held(held) = &self.phase { held.mask_time() } else { Duration::ZERO }
    }

    /// Makes the mask for the next choice before its logits are there.
    pub(super) fn prepare_mask(&mut self) {
        if let Phase::Held(held) = &mut self.phase {
            held.prepare_mask();
        }
    }

    /// Notes how many of its drafts were accepted.
    pub(super) fn learn(&mut self, drafts: usize, costs: &Costs, draft_model: Option<&mut DraftModel>) {
        let accepted = self.sequence.accepted();
        match (std::mem::take(&mut self.told), draft_model) {
            // A draft that the grammar rules out counts as rejected, too.
            (told @ 1.., Some(draft_model)) => draft_model.learn(told, accepted, costs),
            _ => self.trust.saw(drafts, accepted),
        }
        self.end.usage.accepted_tokens += accepted;
    }

    /// Tokens that may still follow.
    pub(super) fn left(&self) -> usize {
        let context = self.room.saturating_sub(self.sequence.len());
        self.job.limits.max_tokens.saturating_sub(self.ends.len()).min(context)
    }

    /// The next token, one of the mask's; without a mask it is free text.
    pub(super) fn choose(&mut self, logits: &[f32], mask: Option<&Mask>, biases: &[LogitBias]) -> Result<Token> {
        if self.end.timings.first_token_ms == 0.0 {
            self.end.timings.first_token_ms = milliseconds(self.received.elapsed());
        }
        let free = if mask.is_none() { &self.sequence.tokens()[self.prompt..] } else { &[] };
        let mut all = self.biases.after(free);
        all.extend_from_slice(biases);
        let chosen = self.sampler.choose(logits, mask, &all);
        chosen.ok_or_else(|| Error::new(ErrorKind::Backend, "the engine returned logits that are not numbers"))
    }

    pub(super) fn ends_answer(&self, token: Token) -> bool {
        self.lexicon.vocab().is_end(token)
    }

    /// Makes a token part of the output.
    pub(super) fn append(&mut self, token: Token) {
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

    /// Removes all but the first tokens of the output.
    pub(super) fn cut(&mut self, tokens: usize) {
        self.ends.truncate(tokens);
        self.sequence.cut(self.prompt + tokens);
        self.outbox.cut(self.ends.last().copied().unwrap_or(0));
    }

    /// Tokens of the output with the bytes that each stands for.
    pub(super) fn output(&self) -> (&[Token], &[usize]) {
        (&self.sequence.tokens()[self.prompt..], &self.ends)
    }

    pub(super) fn send(&mut self, limit: usize) {
        if let Some(bytes) = self.outbox.take(limit) {
            self.outlet.send(Ok(Chunk::Text(bytes)));
        }
    }
}

/// Whether a job's caller is gone or its time is up.
pub(super) fn interrupted(outlet: &Outlet, job: &Job, received: Instant) -> bool {
    outlet.is_gone() || job.limits.deadline.is_some_and(|deadline| received.elapsed() >= deadline)
}

pub(super) fn milliseconds(time: Duration) -> f64 {
    time.as_secs_f64() * 1000.0
}
