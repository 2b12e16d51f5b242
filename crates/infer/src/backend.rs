//! The interface of an engine: token ids in, logits out, and a cache that can be cut, copied and kept.
//!
//! A backend knows no text, tool or schema, so that sampling, constraint, stops and prefix reuse are written once,
//! over this trait, for every engine. It need not be `Send`: it is opened on the thread that runs it. It must not
//! know how tokens are chosen.

use std::path::PathBuf;
use std::sync::Arc;

use super::generator::ModelInfo;
use super::vocab::Vocab;
use callwright_parse::error::{Error, ErrorKind, Result};

/// A token's number in the model's vocabulary.
pub type Token = u32;

/// One of the sequences that a backend's cache holds side by side.
pub type SeqId = u32;

/// An engine that turns tokens into logits.
pub trait Backend {
    /// The model that it runs.
    fn model(&self) -> &ModelInfo;

    /// What it can do.
    fn limits(&self) -> Limits;

    /// The model's vocabulary; shared with other threads.
    fn vocab(&self) -> Arc<dyn Vocab>;

    /// Computes a batch of at most [`Limits::batch`] tokens and returns one row for each entry that asked for logits,
    /// in the batch's order.
    fn decode<'a>(&'a mut self, batch: &Batch) -> Result<Logits<'a>>;

    /// Truncates a sequence to its first `len` tokens. Returns the number of tokens kept; 0 means: prefill again.
    fn truncate(&mut self, sequence: SeqId, len: usize) -> Result<usize>;

    /// Makes room for this many tokens in all sequences together, as far as the engine can. Returns true if the cache was
    /// emptied for that.
    fn reserve(&mut self, _tokens: usize) -> Result<bool> {
        Ok(false)
    }

    /// Makes `to` begin with the first `len` tokens of `from`. False where the engine cannot.
    fn fork(&mut self, _from: SeqId, _to: SeqId, _len: usize) -> Result<bool> {
        Ok(false)
    }

    /// What its saved states depend on: its build, its settings, the model file. None where it saves none.
    fn state_key(&self) -> Option<StateKey> {
        None
    }

    /// The state of a sequence that holds exactly so many tokens, in the engine's own bytes.
    fn save(&mut self, _sequence: SeqId, _tokens: usize) -> Result<Vec<u8>> {
        Err(Error::new(ErrorKind::Backend, "this engine cannot save the state of a sequence"))
    }

    /// Restores an empty sequence from what [`Backend::save`] gave for so many tokens. False where that does not fit.
    fn restore(&mut self, _sequence: SeqId, _state: &[u8], _tokens: usize) -> Result<bool> {
        Ok(false)
    }
}

/// What saved states depend on: each part that differs makes them another's.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct StateKey {
    /// The model's file.
    pub model: PathBuf,
    /// What tells that file from another one that lay there before.
    pub file: String,
    /// The engine and its version.
    pub engine: String,
    /// How its cache is laid out.
    pub layout: String,
}

/// What a backend can do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// The most tokens of one [`Backend::decode`].
    pub batch: usize,
    /// Sequences that the cache holds side by side.
    pub sequences: usize,
    /// Tokens that the cache holds in all, as it is now.
    pub context: usize,
    /// Whether a sequence can be cut anywhere.
    pub can_truncate: bool,
    /// Whether a sequence can be copied.
    pub can_fork: bool,
    /// Processors of this machine that it keeps busy while it computes.
    pub threads: usize,
}

/// Tokens to be computed together.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Batch {
    entries: Vec<Entry>,
}

/// One token of a batch.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Entry {
    /// The token.
    pub token: Token,
    /// Its place in its sequence, counted from 0.
    pub position: usize,
    /// Its sequence.
    pub sequence: SeqId,
    /// Whether the logits after it are wanted.
    pub logits: bool,
}

impl Batch {
    /// Adds a token.
    pub fn push(&mut self, entry: Entry) {
        self.entries.push(entry);
    }

    /// Empties the batch and keeps its memory.
    pub fn clear(&mut self) {
        self.entries.clear();
    }

    /// The tokens, in order.
    #[must_use]
    pub fn entries(&self) -> &[Entry] {
        &self.entries
    }
}

/// Rows of logits, borrowed from the backend until its next call.
#[derive(Debug, Clone, Default)]
pub struct Logits<'a> {
    rows: Vec<&'a [f32]>,
}

impl<'a> Logits<'a> {
    /// These rows, one for each entry that asked for logits.
    #[must_use]
    pub fn new(rows: Vec<&'a [f32]>) -> Self {
        Self { rows }
    }

    /// The rows, in the batch's order.
    #[must_use]
    pub fn rows(&self) -> &[&'a [f32]] {
        &self.rows
    }

    /// The last row, after the last token that asked for logits.
    #[must_use]
    pub fn last(&self) -> Option<&'a [f32]> {
        self.rows.last().copied()
    }
}
