//! candle as a backend: a model, and the cache beside it.
//!
//! It must not know how tokens are chosen.

use std::sync::Arc;

use super::attention::Place;
use super::cache::Cache;
use super::model::{Model, Row};
use super::tokenizer::Tokenizer;
use callwright_infer::backend::{Backend, Batch, Limits, Logits, SeqId};
use callwright_infer::opening;
use callwright_infer::{ModelInfo, StateKey, Vocab};
use callwright_parse::error::{Error, ErrorKind, Result};

/// Tokens of one batch: a whole chunk of a prompt.
const BATCH: usize = 512;

/// A loaded model, ready to compute.
#[derive(Debug)]
pub(super) struct Candle {
    pub(super) model: Model,
    pub(super) cache: Cache,
    pub(super) vocab: Arc<Tokenizer>,
    pub(super) info: ModelInfo,
    /// Tokens that the cache may hold now.
    pub(super) length: usize,
    /// What the states that it saves depend on.
    pub(super) state_key: Option<StateKey>,
    /// The last batch's logits, one row after the other.
    pub(super) logits: Vec<f32>,
}

impl Candle {
    /// A sequence of the cache.
    fn sequence(&self, id: SeqId) -> Result<usize> {
        let sequence = usize::try_from(id).ok().filter(|sequence| *sequence < self.cache.sequences());
        sequence.ok_or_else(|| Error::new(ErrorKind::Backend, "the batch names a sequence that does not exist"))
    }

    /// Makes room for a batch and gives its tokens with their places.
    fn place(&mut self, batch: &Batch) -> Result<Vec<Row>> {
        if batch.entries().len() > BATCH {
            return Err(Error::new(ErrorKind::Backend, format!("the batch has more than {BATCH} tokens")));
        }
        let mut rows = Vec::with_capacity(batch.entries().len());
        for entry in batch.entries() {
            let sequence = self.sequence(entry.sequence)?;
            if entry.token as usize >= self.vocab.size() {
                return Err(Error::new(ErrorKind::Backend, "the batch names a token that does not exist"));
            }
            if entry.position != self.cache.length(sequence) {
                return Err(Error::new(ErrorKind::Backend, "the batch does not continue its sequence"));
            }
            self.cache.push(sequence)?;
            let place = Place { sequence, position: entry.position };
            rows.push(Row { token: entry.token, place, wanted: entry.logits });
        }
        Ok(rows)
    }
}

impl Backend for Candle {
    fn model(&self) -> &ModelInfo {
        &self.info
    }

    fn limits(&self) -> Limits {
        Limits {
            batch: BATCH,
            sequences: self.cache.sequences(),
            context: self.length,
            can_truncate: true,
            can_fork: true,
            threads: candle_core::utils::get_num_threads(),
        }
    }

    fn vocab(&self) -> Arc<dyn Vocab> {
        Arc::clone(&self.vocab) as Arc<dyn Vocab>
    }

    fn decode<'a>(&'a mut self, batch: &Batch) -> Result<Logits<'a>> {
        let rows = self.place(batch)?;
        if rows.is_empty() {
            return Ok(Logits::default());
        }
        self.logits = self.model.compute(&rows, &mut self.cache)?;
        Ok(Logits::new(self.logits.chunks_exact(self.vocab.size()).collect()))
    }

    fn truncate(&mut self, sequence: SeqId, len: usize) -> Result<usize> {
        let sequence = self.sequence(sequence)?;
        Ok(self.cache.truncate(sequence, len))
    }

    /// Memory is taken when it is written to, so that nothing has to be made anew.
    fn reserve(&mut self, tokens: usize) -> Result<bool> {
        self.length = self.length.max(tokens.min(opening::most(self.info.context_length)));
        Ok(false)
    }

    fn fork(&mut self, from: SeqId, to: SeqId, len: usize) -> Result<bool> {
        let (from, to) = (self.sequence(from)?, self.sequence(to)?);
        self.cache.fork(from, to, len);
        Ok(true)
    }

    fn state_key(&self) -> Option<StateKey> {
        self.state_key.clone()
    }

    fn save(&mut self, sequence: SeqId, tokens: usize) -> Result<Vec<u8>> {
        let sequence = self.sequence(sequence)?;
        if self.cache.length(sequence) != tokens {
            return Err(Error::new(ErrorKind::Backend, "the sequence is not as long as the state to save"));
        }
        Ok(self.cache.bytes(sequence))
    }

    fn restore(&mut self, sequence: SeqId, state: &[u8], tokens: usize) -> Result<bool> {
        let sequence = self.sequence(sequence)?;
        self.cache.truncate(sequence, 0);
        if tokens > self.length { Ok(false) } else { self.cache.restore(sequence, tokens, state) }
    }
}
