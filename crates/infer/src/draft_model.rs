//! A draft model: a second, smaller model with the same vocabulary that drafts what the first will write.
//!
//! What appears nowhere in the text cannot be copied from it by an n-gram draft; a model ten times smaller often knows it
//! all the same. Its likeliest tokens go into the large model's batch like n-gram drafts, for all running jobs at once. It
//! reads a text one piece at a time, so that no job waits long, and its cost is weighed against what it saves. Its
//! failures cost time and no job. It must not know jobs, grammars or samplers: it sees tokens, and is told which were
//! accepted.

use std::fmt;
use std::sync::Arc;
use std::time::Instant;

use super::backend::{Backend, Batch, SeqId, Token};
use super::draft::{Account, Costs, LONGEST, Plan, Trust, blended, number};
use super::sample::likeliest;
use super::sequence::Sequence;
use super::vocab::{Vocab, token_id};
use callwright_parse::error::{Error, ErrorKind, Result};

/// Tokens it reads at once while others wait for it.
const READ: usize = 256;
/// Another text's beginning is copied where that saves reading more tokens than this.
const WORTH_COPYING: usize = 64;
/// Tokens of a text that are new since the last step; more than this is prefill and says nothing of what a draft costs.
const NEW: usize = LONGEST + 2;

/// One step in this many goes without drafts, so that the cost of a plain token stays known.
const PLAIN: usize = 64;

/// A model that drafts for another: `callwright::Builder::draft` opens one beside the model it drafts for.
pub struct DraftModel {
    backend: Box<dyn Backend>,
    vocab: Arc<dyn Vocab>,
    /// Tokens both models have.
    common: usize,
    /// What its cache holds, by the number of the large model's sequence.
    sequences: Vec<Sequence>,
    batch: Batch,
    trust: Trust,
    account: Account,
    /// Steps in which [`plan`](Self::plan) was called.
    steps: usize,
    /// Texts it drafted for last time.
    asked: usize,
    /// Milliseconds a draft takes, weighted towards the latest; 0 where none was made.
    each: f32,
}

/// A text that the large model is writing.
#[derive(Debug, Clone, Copy)]
pub(super) struct Text<'a> {
    /// Its sequence there.
    sequence: SeqId,
    tokens: &'a [Token],
    /// Drafts wanted; 0 where the text only has to stay in the cache.
    most: usize,
}

impl<'a> Text<'a> {
    pub(super) fn of(sequence: &'a Sequence, most: usize) -> Self {
        Self { sequence: sequence.id(), tokens: sequence.tokens(), most }
    }
}

impl DraftModel {
    /// A draft model for a large one. Refused where the two vocabularies differ, or where one of the models cannot remove
    /// tokens from its cache.
    pub fn new(backend: Box<dyn Backend>, large: &dyn Backend) -> Result<Self> {
        let (small, other) = (&backend.model().name, &large.model().name);
        let refused = |message: String| {
            Error::new(ErrorKind::Input, message)
                .hint("use a smaller model of the same family, which has the same vocabulary, or no draft model")
        };
        if let Some(name) = [(&*backend, small), (large, other)].iter().find(|(one, _)| !one.limits().can_truncate) {
            return Err(refused(format!(
                "`{small}` cannot draft for `{other}`: `{}` cannot remove tokens from its cache",
                name.1
            )));
        }
        let (vocab, theirs) = (backend.vocab(), large.vocab());
        // Vocabularies of one family differ in the padding at their ends.
        let common = vocab.size().min(theirs.size());
        if let Some(token) = (0..token_id(common)).find(|token| vocab.piece(*token) != theirs.piece(*token)) {
            let [ours, theirs] = [vocab, theirs].map(|vocab| String::from_utf8_lossy(&vocab.piece(token)).into_owned());
            return Err(refused(format!(
                "`{small}` cannot draft for `{other}`: their vocabularies differ (token {token} is {ours:?} and {theirs:?})"
            )));
        }
        Ok(Self {
            backend,
            vocab,
            common,
            sequences: Vec::new(),
            batch: Batch::default(),
            trust: Trust::default(),
            account: Account::default(),
            steps: 0,
            asked: 0,
            each: 0.0,
        })
    }

    /// How many of its drafts pay in the next step, for each text.
    pub(super) fn plan(&mut self, costs: &Costs) -> Plan {
        self.steps += 1;
        match costs.in_tokens(self.each) {
            _ if self.steps.is_multiple_of(PLAIN) => Plan::default(),
            Some(each) if self.account.is_open() => self.trust.plan(costs, each),
            _ => Plan::default(),
        }
    }

    /// Notes how many drafts were made for a text and how many of them were accepted.
    pub(super) fn learn(&mut self, drafts: usize, accepted: usize, costs: &Costs) {
        self.trust.saw(drafts, accepted);
        // Texts drafted for together save the same time together.
        self.account.add(costs.saved(drafts, accepted) / number(self.asked.max(1)));
    }

    /// Drafts for each of these texts. Empty where none is wanted, and where a text does not fit or has not been read to its
    /// end yet.
    pub(super) fn draft(&mut self, texts: &[Text<'_>], costs: &Costs) -> Result<Vec<Vec<Token>>> {
        if texts.iter().all(|text| text.most == 0) {
            return Ok(vec![Vec::new(); texts.len()]);
        }
        let began = Instant::now();
        let told = self.go_on(texts).map_err(|cause| {
            let message =
                format!("the draft model `{}` failed and is switched off: {cause}", self.backend.model().name);
            Error::new(ErrorKind::Backend, message).because(cause)
        })?;
        if let Some(tokens) = costs.in_tokens(began.elapsed().as_secs_f32() * 1000.0) {
            self.account.add(-tokens);
        }
        Ok(told)
    }

    fn go_on(&mut self, texts: &[Text<'_>]) -> Result<Vec<Vec<Token>>> {
        let mut told = vec![Vec::new(); texts.len()];
        let mut open = Vec::new();
        for (at, text) in texts.iter().enumerate().filter(|(_, text)| text.most > 0) {
            if self.turn_to(text, texts)? {
                open.push(at);
            }
        }
        let place = |at: usize| texts[at].sequence as usize;
        // The text with most to read comes last, so that the others need not wait for it.
        open.sort_by_key(|at| self.sequences[place(*at)].missing());
        let reads = open.last().is_some_and(|at| self.sequences[place(*at)].missing() > NEW);
        self.asked = open.len();
        let (began, mut steps) = (Instant::now(), 0);
        while !open.is_empty() {
            let Self { backend, sequences, batch, .. } = self;
            batch.clear();
            let most = READ.min(backend.limits().batch);
            let mut read = Vec::new();
            for at in open {
                let room = most - batch.entries().len();
                let filled = sequences[place(at)].fill(&mut **backend, batch, room, &[])?;
                if filled.rows > 0 {
                    read.push(at);
                }
            }
            let logits = backend.decode(batch)?;
            steps += 1;
            open = Vec::new();
            for (at, row) in read.into_iter().zip(logits.rows()) {
                let token = likeliest(&row[..row.len().min(self.common)], None, &[]);
                // The end-of-answer token is not drafted.
                let Some(token) = token.filter(|token| !self.vocab.is_end(*token)) else { continue };
                told[at].push(token);
                if told[at].len() < texts[at].most {
                    sequences[place(at)].push(token);
                    open.push(at);
                }
            }
        }
        if !reads && steps > 0 {
            self.each = blended(self.each, began.elapsed() / steps);
        }
        Ok(told)
    }

    /// Assigns a text to its sequence, with as much of it as the cache holds somewhere. False where there is no room.
    fn turn_to(&mut self, text: &Text<'_>, all: &[Text<'_>]) -> Result<bool> {
        if !self.make_room(text, all)? {
            return Ok(false);
        }
        let at = text.sequence as usize;
        let own = self.sequences[at].common(text.tokens);
        let lacks_much = text.tokens.len() > own + WORTH_COPYING && self.backend.limits().can_fork;
        let others = self.sequences.iter().filter(|_| lacks_much);
        let best = others.map(|sequence| (sequence.common(text.tokens), sequence.id())).max();
        let common = match best.filter(|(common, _)| *common > own + WORTH_COPYING) {
            Some((common, from)) => {
                self.sequences[at].clear(&mut *self.backend);
                if self.backend.fork(from, text.sequence, common)? { common } else { 0 }
            }
            None => own,
        };
        self.sequences[at].restart(&mut *self.backend, text.tokens.to_vec(), common)?;
        Ok(true)
    }

    /// Whether the cache has room for a text and its drafts; texts that are no longer being written make way.
    fn make_room(&mut self, text: &Text<'_>, all: &[Text<'_>]) -> Result<bool> {
        let at = text.sequence as usize;
        let length = text.tokens.len() + text.most;
        if at >= self.backend.limits().sequences || length > self.backend.model().context_length {
            return Ok(false);
        }
        for id in self.sequences.len()..=at {
            self.sequences.push(Sequence::new(token_id(id)));
        }
        let written = |sequence: &Sequence| all.iter().any(|text| text.sequence == sequence.id());
        // What others hold, and what those will hold that are written and perhaps not read yet.
        let needed = |sequences: &[Sequence]| {
            let others = sequences.iter().filter(|sequence| sequence.id() != text.sequence);
            let come_to = |one: &Sequence| if written(one) { one.held().max(one.len() + LONGEST) } else { one.held() };
            length + others.map(come_to).sum::<usize>()
        };
        let is_empty = self.sequences.iter().all(|sequence| sequence.held() == 0);
        // Room for all texts at once, because a cache that grows is emptied.
        let hoped = all.iter().map(|text| text.tokens.len() + LONGEST).sum();
        let wanted = needed(&self.sequences).max(hoped);
        if (is_empty || wanted > self.backend.limits().context) && self.backend.reserve(wanted)? {
            self.sequences.iter_mut().for_each(Sequence::emptied);
        }
        let room = self.backend.limits().context;
        for other in 0..self.sequences.len() {
            if other != at && !written(&self.sequences[other]) && needed(&self.sequences) > room {
                self.sequences[other].clear(&mut *self.backend);
            }
        }
        Ok(needed(&self.sequences) <= room)
    }
}

impl fmt::Debug for DraftModel {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("DraftModel").field("model", self.backend.model()).finish_non_exhaustive()
    }
}
