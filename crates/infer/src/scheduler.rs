//! Many jobs over one backend: who gets a sequence, and what goes into the next batch.
//!
//! Each round makes one batch: first what every writing turn needs for its next token, with its drafts, then a piece
//! of the prompts that are being read, so that a long prompt does not stall the others. New jobs join between rounds.
//! It must not know how tokens are chosen.

use std::collections::VecDeque;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc::Receiver;
use std::time::Instant;

use super::ahead;
use super::backend::{Backend, Batch, Token};
use super::draft::Costs;
use super::draft_model::{DraftModel, Text};
use super::generator::{Chunk, End, ModelInfo};
use super::grammars::Grammars;
use super::local::Order;
use super::prefix::Prefixes;
use super::sequence::{Filled, Sequence};
use super::slots::{Slots, Taken};
use super::turn::{ActiveJob, interrupted};
use super::vocab::Lexicon;
use callwright_parse::chat::FinishReason;
use callwright_parse::error::{Error, Result};

/// Prompt tokens computed in one round; callers may leave between rounds.
const READ: usize = 256;
/// The same where others are writing meanwhile.
const READ_BESIDE: usize = 128;

/// The owner of a backend, with what it keeps from job to job.
pub(crate) struct Scheduler {
    backend: Box<dyn Backend>,
    draft_model: Option<DraftModel>,
    lexicon: Arc<Lexicon>,
    grammars: Grammars,
    slots: Slots,
    prefixes: Option<Prefixes>,
    waiting: VecDeque<Order>,
    /// How many jobs are waiting.
    backlog: Arc<AtomicUsize>,
    turns: Vec<ActiveJob>,
    costs: Costs,
    batch: Batch,
    /// What came from disk and may still be in the cache.
    recalled: Vec<Vec<Token>>,
    /// What became of states from disk, until an answer tells it.
    notes: Vec<String>,
}

/// What a turn put into the batch, and where its rows of logits begin.
struct Share {
    turn: usize,
    filled: Filled,
    row: usize,
}

impl Scheduler {
    pub(crate) fn new(
        (backend, draft_model): (Box<dyn Backend>, Option<DraftModel>),
        lexicon: Arc<Lexicon>,
        backlog: Arc<AtomicUsize>,
        prefixes: Option<Prefixes>,
    ) -> Self {
        Self {
            prefixes,
            backend,
            draft_model,
            lexicon,
            grammars: Grammars::default(),
            slots: Slots::default(),
            waiting: VecDeque::new(),
            backlog,
            turns: Vec::new(),
            costs: Costs::default(),
            batch: Batch::default(),
            recalled: Vec::new(),
            notes: Vec::new(),
        }
    }

    pub(crate) fn model(&self) -> ModelInfo {
        self.backend.model().clone()
    }

    /// Works until no caller is left.
    pub(crate) fn work(mut self, orders: &Receiver<Order>) {
        loop {
            if self.turns.is_empty() && self.waiting.is_empty() {
                let Ok(order) = orders.recv() else { return };
                self.waiting.push_back(order);
            }
            self.waiting.extend(orders.try_iter());
            self.round();
        }
    }

    fn round(&mut self) {
        self.let_go();
        self.admit();
        self.begin_writing();
        if let Err(error) = self.compute() {
            self.break_off(&error);
        }
    }

    /// Ends jobs whose caller is gone or whose time is up.
    fn let_go(&mut self) {
        self.waiting.retain(|order| {
            let gone = interrupted(&order.outlet, &order.job, order.received);
            if gone {
                self.backlog.fetch_sub(1, Ordering::Relaxed);
                let reason = FinishReason::Cancelled;
                order.outlet.send(Ok(Chunk::End(End { reason, ..End::default() })));
            }
            !gone
        });
        for turn in self.turns.extract_if(.., |turn| turn.is_interrupted()) {
            self.slots.put(turn.finish(Ok(FinishReason::Cancelled)));
        }
    }

    /// Assigns sequences to waiting jobs, in order of arrival.
    fn admit(&mut self) {
        while let Some(order) = self.waiting.front() {
            let backend = &mut *self.backend;
            let need_of = |order: &Order| Slots::need(backend, order.tokens.len(), order.job.limits.max_tokens);
            let need = need_of(order);
            let together = self.waiting.iter().take(backend.limits().sequences).map(need_of).sum();
            let running: Vec<_> = self.turns.iter().map(running).collect();
            let taken = self.slots.take(backend, &order.tokens, (need, together), &running);
            if matches!(taken, Ok(None)) {
                return;
            }
            let Some(mut order) = self.waiting.pop_front() else { return };
            self.backlog.fetch_sub(1, Ordering::Relaxed);
            let tokens = std::mem::take(&mut order.tokens);
            let begun = taken.and_then(|taken| {
                let (mut sequence, common) = taken.unwrap_or_default();
                match self.prepare(&order, &mut sequence, tokens, common) {
                    Ok(cached) => Ok((sequence, cached)),
                    Err(error) => {
                        sequence.clear(&mut *self.backend);
                        self.slots.put(sequence);
                        Err(error)
                    }
                }
            });
            let shared = order.shared;
            match begun {
                Ok((sequence, cached)) => {
                    let room = self.backend.model().context_length.min(self.backend.limits().context);
                    let mut turn = ActiveJob::new(order, (sequence, cached), &self.lexicon, (room, need));
                    turn.keep = self.to_keep(&turn, shared, cached);
                    turn.end.notes.append(&mut self.notes);
                    turn.tell_progress();
                    self.turns.push(turn);
                }
                Err(error) => order.outlet.send(Err(error)),
            }
        }
    }

    /// Gives a sequence the prompt, of which the cache holds so many tokens, and has the grammar compiled meanwhile. Returns how
    /// many tokens of the prompt need not be computed.
    fn prepare(&mut self, order: &Order, sequence: &mut Sequence, tokens: Vec<Token>, common: usize) -> Result<usize> {
        let common = self.recall(sequence, &tokens[..order.shared], common);
        let cached = sequence.restart(&mut *self.backend, tokens, common)?;
        if let Some(constraint) = &order.job.constraint {
            self.grammars.prepare(constraint, &self.lexicon)?;
        }
        Ok(cached)
    }

    /// Starts decoding for turns whose prompts are read, except for the last piece, and whose grammars are ready.
    fn begin_writing(&mut self) {
        let mut index = 0;
        while index < self.turns.len() {
            let busy = self.turns.iter().any(|turn| !turn.reads() || turn.unread() > 0);
            let turn = &mut self.turns[index];
            // The last piece of a prompt is read together with what the grammar forces after it and the drafts.
            let last = turn.unread() <= READ_BESIDE && turn.until_kept() == usize::MAX;
            if !turn.reads() || !last {
                index += 1;
                continue;
            }
            let grammar = match turn.constraint().cloned() {
                // While there is work to do, nothing waits for a grammar.
                Some(constraint) => match self.grammars.take(&constraint, &self.lexicon, !busy) {
                    Ok(None) => {
                        index += 1;
                        continue;
                    }
                    other => other,
                },
                None => Ok(None),
            };
            match grammar.and_then(|grammar| turn.begin(grammar)) {
                Ok(None) => index += 1,
                Ok(Some(reason)) => self.end(index, Ok(reason)),
                Err(error) => self.end(index, Err(error)),
            }
        }
    }

    /// Fills a batch, computes it, and continues the turns that have their logits now.
    fn compute(&mut self) -> Result<()> {
        let shares = self.fill()?;
        if self.batch.entries().is_empty() {
            return Ok(());
        }
        let began = Instant::now();
        let logits = ahead::decode(&mut *self.backend, &self.batch, &mut self.turns)?;
        if let ([share], true) = (shares.as_slice(), shares.iter().all(|share| share.filled.rows > 0)) {
            self.costs.saw(share.filled.tokens + share.filled.drafts, began.elapsed());
        }
        let no_numbers = |row: &&[f32]| row.iter().all(|logit| logit.is_nan());
        if !self.recalled.is_empty() && logits.rows().iter().any(no_numbers) {
            self.disown();
            return Ok(());
        }
        let (mut ended, mut reading) = (Vec::new(), Vec::new());
        for share in &shares {
            let turn = &mut self.turns[share.turn];
            turn.tell_progress();
            if turn.reads() {
                reading.push(share.turn);
                continue;
            }
            let rows = logits.rows().get(share.row..share.row + share.filled.rows).unwrap_or_default();
            if let Some(result) = go_on(turn, rows).transpose() {
                ended.push((share.turn, result));
            }
            turn.learn(share.filled.drafts, &self.costs, self.draft_model.as_mut());
            turn.sequence.forget_rows();
        }
        for turn in reading {
            self.keep(turn);
        }
        ended.sort_by_key(|(turn, _)| std::cmp::Reverse(*turn));
        for (turn, result) in ended {
            self.end(turn, result);
        }
        // The last turn this time goes first next time.
        if let Some(last) = self.turns.len().checked_sub(1) {
            self.turns.rotate_left(last.min(1));
        }
        Ok(())
    }

    /// What the draft model drafts for each turn, where drafts are wanted.
    fn ask_draft_model(&mut self) -> Vec<Vec<Token>> {
        let Self { draft_model, turns, costs, .. } = self;
        if !self.backend.limits().can_truncate {
            return vec![Vec::new(); turns.len()];
        }
        let plan = draft_model.as_mut().map(|draft_model| draft_model.plan(costs)).unwrap_or_default();
        let wanted: Vec<usize> = turns.iter_mut().map(|turn| turn.plan(costs, plan)).collect();
        let texts = turns.iter().zip(wanted);
        let texts: Vec<Text<'_>> = texts.map(|(turn, most)| Text::of(&turn.sequence, most)).collect();
        match draft_model.as_mut().map(|draft_model| draft_model.draft(&texts, costs)) {
            Some(Ok(told)) => return told,
            // Only time is lost: the jobs go on without it.
            Some(Err(error)) => {
                *draft_model = None;
                for turn in turns.iter_mut() {
                    turn.end.asides.push(error.to_string());
                }
            }
            None => {}
        }
        vec![Vec::new(); turns.len()]
    }

    fn fill(&mut self) -> Result<Vec<Share>> {
        let told = self.ask_draft_model();
        let Self { backend, turns, batch, .. } = self;
        let limits = backend.limits();
        let (mut shares, mut row) = (Vec::new(), 0);
        batch.clear();
        for (index, (turn, told)) in turns.iter_mut().zip(told).enumerate().filter(|(_, (turn, _))| !turn.reads()) {
            let room = limits.batch.saturating_sub(batch.entries().len());
            if room == 0 {
                break;
            }
            let drafts = turn.drafts(told);
            let filled = turn.sequence.fill(&mut **backend, batch, room, &drafts)?;
            shares.push(Share { turn: index, filled, row });
            row += filled.rows;
        }
        let reads = |turn: &ActiveJob| turn.reads() && turn.unread() > 0;
        let mut readers = turns.iter().filter(|turn| reads(turn)).count();
        let mut left = if shares.is_empty() { READ } else { READ_BESIDE };
        left = left.min(limits.batch.saturating_sub(batch.entries().len()));
        for (index, turn) in turns.iter_mut().enumerate().filter(|(_, turn)| reads(turn)) {
            let most = left.div_ceil(readers).min(turn.unread()).min(turn.until_kept());
            readers -= 1;
            if most == 0 {
                continue;
            }
            let filled = turn.sequence.fill(&mut **backend, batch, most, &[])?;
            left -= filled.tokens;
            shares.push(Share { turn: index, filled, row });
        }
        Ok(shares)
    }

    /// Restores the beginning of a prompt from disk, if more of it is there than in the cache. Returns what the cache has
    /// of it then.
    fn recall(&mut self, sequence: &mut Sequence, beginning: &[Token], common: usize) -> usize {
        let Some(prefixes) = &self.prefixes else { return common };
        if common >= beginning.len() || !prefixes.has(&*self.backend, beginning) {
            return common;
        }
        sequence.clear(&mut *self.backend);
        match prefixes.restore(&mut *self.backend, sequence.id(), beginning) {
            Ok(true) => {
                if !self.recalled.iter().any(|known| known == beginning) {
                    self.recalled.push(beginning.to_vec());
                }
                return beginning.len();
            }
            Ok(false) => {}
            Err(told) => self.notes.push(told),
        }
        0
    }

    /// Removes the states that came from disk, because the engine computes no numbers behind them, and empties the cache,
    /// to which they may have been copied: all that runs is read again.
    fn disown(&mut self) {
        for tokens in std::mem::take(&mut self.recalled) {
            let prefixes = self.prefixes.as_ref();
            let told =
                prefixes.and_then(|own| own.forget(&*self.backend, &tokens, "the engine computes nothing from it"));
            if let Some(turn) = self.turns.first_mut() {
                turn.end.notes.extend(told);
            }
        }
        self.slots.clear(&mut *self.backend);
        for turn in &mut self.turns {
            turn.sequence.forget(&mut *self.backend);
        }
    }

    /// How many tokens of a prompt are to be kept on disk once they are read; 0 for none.
    fn to_keep(&self, turn: &ActiveJob, shared: usize, cached: usize) -> usize {
        let beginning = &turn.sequence.tokens()[..shared];
        let wanted =
            cached < shared && self.prefixes.as_ref().is_some_and(|prefixes| prefixes.wants(&*self.backend, beginning));
        if wanted { shared } else { 0 }
    }

    /// Keeps the beginning of a prompt, where just that was read.
    fn keep(&mut self, turn: usize) {
        let turn = &mut self.turns[turn];
        let Some(prefixes) = self.prefixes.as_ref().filter(|_| turn.keep > 0 && turn.until_kept() == usize::MAX) else {
            return;
        };
        let beginning = &turn.sequence.tokens()[..turn.keep];
        prefixes.keep(&mut *self.backend, turn.sequence.id(), beginning);
        turn.keep = 0;
    }

    fn end(&mut self, turn: usize, result: Result<FinishReason>) {
        let sequence = self.turns.remove(turn).finish(result);
        self.slots.put(sequence);
    }

    /// Whatever broke, no job must build on it.
    fn break_off(&mut self, error: &Error) {
        for turn in self.turns.drain(..) {
            let copy = Error::new(error.kind(), error.to_string()).about(&self.backend.model().name);
            self.slots.put(turn.finish(Err(copy)));
        }
        self.slots.clear(&mut *self.backend);
    }
}

fn running(turn: &ActiveJob) -> Taken<'_> {
    Taken { sequence: &turn.sequence, reserved: turn.reserved, reads: turn.reads() || turn.unread() > 0 }
}

/// Lets a turn choose one token for each row that its text still agrees with.
fn go_on(turn: &mut ActiveJob, rows: &[&[f32]]) -> Result<Option<FinishReason>> {
    let mut at = 0;
    while let Some(row) = rows.get(at) {
        if let Some(reason) = turn.step(row)? {
            return Ok(Some(reason));
        }
        match turn.sequence.row() {
            Some(next) if next > at => at = next,
            _ => break,
        }
    }
    Ok(None)
}
