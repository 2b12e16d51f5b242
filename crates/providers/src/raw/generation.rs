//! One output, over as many completions as it takes.
//!
//! Other engines hold an output to a grammar from its first byte or not at all. So where a call is the model's own choice
//! it writes freely, is watched, and is stopped where a call begins; the call is another completion, of the prompt followed
//! by the text so far, and is held to the grammar. The same applies where the prompt opens reasoning and a call is required.
//! All computed tokens count, including those computed twice.

use std::collections::VecDeque;
use std::sync::Arc;

use futures_util::stream;
use serde_json::Value;
use tokio::time::Instant;

use super::super::breaker::Probe;
use super::super::limits::Admission;
use super::super::retry::Tries;
use super::reading::Output;
use super::written::Written;
use super::{RawEngine, Wanted, Wire, opened};
use callwright_constrain::{Constraint, Gbnf, Mode, Watch};
use callwright_infer::{Chunk, Chunks, End, Job};
use callwright_parse::chat::{BYTES_A_TOKEN, FinishReason};
use callwright_parse::error::{Error, Result};

/// An output under way.
struct Generation {
    wire: Arc<Wire>,
    job: Job,
    grammar: Option<Gbnf>,
    prompt: Value,
    deadline: Instant,
    begun: Instant,
    /// What was written, and how much of it was delivered.
    written: Written,
    sent: usize,
    phase: Phase,
    output: Option<Output>,
    ready: VecDeque<Chunk>,
    end: End,
    turn: Admission,
    _probe: Probe,
}

/// What the output is in.
enum Phase {
    /// Free text.
    Free,
    /// Text that is watched for the beginning of a call.
    Watched(Watch),
    /// Thinking, until this text.
    Thinking(String),
    /// Calls.
    Held,
}

enum State {
    Asked(Arc<Wire>, Job),
    Running(Box<Generation>),
    Over,
}

/// The chunks of an output. Nothing is sent before they are read; dropping them stops the engine.
pub(super) fn chunks(wire: Arc<Wire>, job: Job) -> Chunks {
    Box::pin(stream::unfold(State::Asked(wire, job), |state| async move {
        let mut generation = match state {
            State::Over => return None,
            State::Running(generation) => generation,
            State::Asked(wire, job) => match Generation::begin(wire, job).await {
                Ok(generation) => Box::new(generation),
                Err(error) => return Some((Err(error), State::Over)),
            },
        };
        match generation.next().await {
            Ok(Chunk::End(end)) => {
                generation.wire.breakers.record(&generation.wire.info.name, true);
                generation.turn.spent((end.usage.prompt_tokens + end.usage.completion_tokens) as u64);
                Some((Ok(Chunk::End(end)), State::Over))
            }
            Ok(chunk) => Some((Ok(chunk), State::Running(generation))),
            Err(error) => Some((Err(error), State::Over)),
        }
    }))
}

impl Wire {
    /// Waits until it may be asked again; the error, where it may not. Servers close connections that are kept for the
    /// next request whenever they like.
    async fn again(&self, error: Error, tries: &mut Tries) -> Result<()> {
        if let Some(failure) = error.failure() {
            self.breakers.told(&self.info.name, failure.kind);
        }
        tries.wait(error, &self.budget).await
    }

    fn tries(&self, deadline: Instant) -> Tries {
        Tries::new(self.parts.row.limits.retries, self.clocks.patience, deadline)
    }

    /// When a request must have been answered.
    fn until(&self, deadline: Instant) -> Instant {
        deadline.min(Instant::now() + self.clocks.first_byte)
    }
}

impl Generation {
    async fn begin(wire: Arc<Wire>, job: Job) -> Result<Self> {
        let begun = Instant::now();
        let deadline = wire.clocks.deadline(job.limits);
        wire.budget.earn();
        let fail = |trouble| wire.fail(trouble, None);
        let probe = wire.breakers.probe(&wire.info.name).map_err(fail)?;
        let tokens = job.prompt.text().len().div_ceil(BYTES_A_TOKEN) + job.limits.max_tokens;
        let turn = wire.limits.enter(tokens as u64, deadline).await.map_err(fail)?;
        let mut tries = wire.tries(deadline);
        let prompt = loop {
            match wire.prompt(&job.prompt, wire.until(deadline)).await {
                Ok(prompt) => break prompt,
                Err(error) => wire.again(error, &mut tries).await?,
            }
        };
        let constraint = job.constraint.as_ref();
        let grammar = constraint.and_then(Constraint::gbnf).cloned();
        let mut end = End::default();
        let phase = match (constraint, &grammar) {
            (Some(constraint), Some(_)) => match opened(constraint) {
                Some(close) => Phase::Thinking(close.to_owned()),
                None if *constraint.mode() == Mode::Watch => Phase::Watched(constraint.watch(0)),
                None => Phase::Held,
            },
            (Some(_), None) => {
                end.warnings.push("the engine cannot enforce calls of this format: they are only checked".to_owned());
                Phase::Free
            }
            (None, _) => Phase::Free,
        };
        let (written, sent, output, ready) = (Written::default(), 0, None, VecDeque::new());
        Ok(Self {
            wire,
            job,
            grammar,
            prompt,
            deadline,
            begun,
            written,
            sent,
            phase,
            output,
            ready,
            end,
            turn,
            _probe: probe,
        })
    }

    async fn next(&mut self) -> Result<Chunk> {
        loop {
            if let Some(chunk) = self.ready.pop_front() {
                return Ok(chunk);
            }
            let Some(output) = &mut self.output else {
                self.output = Some(self.ask().await?);
                continue;
            };
            match output.next().await {
                Ok(Chunk::Text(bytes)) => self.take(&bytes),
                Ok(Chunk::End(end)) => {
                    self.output = None;
                    self.add(&end);
                    self.ended(end.reason);
                }
                Ok(other) => return Ok(other),
                Err(trouble) => {
                    self.wire.breakers.told(&self.wire.info.name, trouble.kind);
                    return Err(self.wire.fail(trouble, Some(&self.job.prompt)));
                }
            }
        }
    }

    /// Reports what a call is not held to.
    fn tell(&mut self) {
        let told = self.grammar.as_mut().map(|grammar| std::mem::take(&mut grammar.told)).unwrap_or_default();
        if !told.is_empty() {
            let told: Vec<&str> = told.into_iter().collect();
            self.end.warnings.push(format!("not enforced by the engine, only checked: {}", told.join(", ")));
        }
    }

    /// Requests what comes next.
    async fn ask(&mut self) -> Result<Output> {
        let wire = Arc::clone(&self.wire);
        let held = matches!(self.phase, Phase::Held);
        let thinks = matches!(self.phase, Phase::Thinking(_));
        if held {
            self.tell();
        }
        // Reasoning leaves room for the call.
        let spare = if thinks { self.job.limits.max_tokens / 3 } else { 0 };
        let (max_tokens, deadline) = (self.left().saturating_sub(spare).max(1), self.deadline);
        let mut tries = wire.tries(deadline);
        loop {
            let prompt =
                match wire.prompt_and(&self.job.prompt, &self.prompt, &self.written, wire.until(deadline)).await {
                    Ok(prompt) => prompt,
                    Err(error) => {
                        wire.again(error, &mut tries).await?;
                        continue;
                    }
                };
            let wanted = Wanted {
                job: &self.job,
                prompt: &prompt,
                grammar: self.grammar.as_ref().map(|grammar| grammar.text.as_str()).filter(|_| held),
                max_tokens,
                // Inside a call and in reasoning, stop texts do not apply.
                stops: !held && !thinks,
                deadline,
            };
            match wire.exchange(&wanted).await {
                Ok(output) => return Ok(output),
                Err(error) => wire.again(error, &mut tries).await?,
            }
        }
    }

    fn take(&mut self, bytes: &[u8]) {
        let before = self.written.len();
        if self.end.timings.first_token_ms <= 0.0 {
            self.end.timings.first_token_ms = self.begun.elapsed().as_secs_f64() * 1000.0;
        }
        // What the grammar let through is not looked at again where tokens are not told apart anyway.
        let granted = matches!(self.phase, Phase::Held) && self.wire.engine != RawEngine::LlamaServer;
        if granted || self.wire.special.iter().any(|token| token.as_bytes() == bytes) {
            self.written.push_markup(bytes);
        } else {
            self.written.push(bytes);
        }
        let mut shown = self.written.len();
        match &mut self.phase {
            Phase::Free | Phase::Held => {}
            Phase::Watched(watch) => {
                let seen = watch.push(bytes);
                shown = seen.held_from.unwrap_or(shown);
                if let Some(at) = seen.call_from {
                    self.hold(at);
                }
            }
            Phase::Thinking(close) => {
                let from = before.saturating_sub(close.len());
                if let Some(at) = memchr::memmem::find(&self.written.text()[from..], close.as_bytes()) {
                    let close = std::mem::take(close);
                    self.close(from + at, &close);
                    shown = self.written.len();
                }
            }
        }
        self.show(shown);
    }

    /// Holds the output from this byte on: what came there is written again.
    fn hold(&mut self, from: usize) {
        self.stop(from);
        self.phase = Phase::Held;
        self.finish_if_spent();
    }

    /// Ends the reasoning at this byte and holds what follows to the grammar, however it came to end.
    fn close(&mut self, at: usize, close: &str) {
        self.stop(at);
        self.written.push_markup(close.as_bytes());
        self.written.push(b"\n\n");
        self.phase = Phase::Held;
        self.show(self.written.len());
        self.finish_if_spent();
    }

    /// Stops the completion and forgets what came from this byte on.
    fn stop(&mut self, from: usize) {
        if let Some(output) = self.output.take() {
            self.add(&output.stopped());
        }
        self.written.truncate(from);
    }

    fn show(&mut self, until: usize) {
        if until > self.sent {
            self.ready.push_front(Chunk::Text(self.written.text()[self.sent..until].to_vec()));
            self.sent = until;
        }
    }

    /// What comes after a completion that the engine says is over.
    fn ended(&mut self, reason: FinishReason) {
        let watched = self.job.constraint.as_ref().filter(|constraint| *constraint.mode() == Mode::Watch);
        match (&self.phase, watched) {
            (Phase::Thinking(close), _) => {
                // It reasoned for too long, or stopped in the middle: the call comes all the same.
                let close = close.clone();
                self.written.push(b"\n");
                self.close(self.written.len(), &close);
            }
            // Text, or another call, may follow one that the model made by itself.
            (Phase::Held, Some(constraint)) if constraint.parallel() && reason == FinishReason::Stop => {
                self.phase = Phase::Watched(constraint.watch(self.written.len()));
                self.finish_if_spent();
            }
            _ => self.finish(reason),
        }
    }

    fn finish_if_spent(&mut self) {
        if self.left() == 0 {
            self.finish(FinishReason::Length);
        }
    }

    fn finish(&mut self, reason: FinishReason) {
        self.end.reason = reason;
        self.ready.push_back(Chunk::End(std::mem::take(&mut self.end)));
        self.show(self.written.len());
    }

    fn add(&mut self, end: &End) {
        self.end.usage = self.end.usage.plus(end.usage);
        self.end.timings.prefill_ms += end.timings.prefill_ms;
        self.end.timings.decode_ms += end.timings.decode_ms;
    }

    /// Tokens that may still be written.
    fn left(&self) -> usize {
        self.job.limits.max_tokens.saturating_sub(self.end.usage.completion_tokens)
    }
}
