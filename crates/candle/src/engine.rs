//! candle as a backend: a model, and the cache beside it.
//!
//! It must not know how tokens are chosen.

use std::fs;
use std::io::{BufWriter, Read, Write};
use std::path::Path;
use std::sync::Arc;

use super::attention::Place;
use super::cache::Cache;
use super::model::{Model, Row};
use super::tokenizer::Tokenizer;
use callwright_infer::ModelInfo;
use callwright_infer::Vocab;
use callwright_infer::backend::{Backend, Batch, Limits, Logits, SeqId, Token};
use callwright_infer::opening;
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
    pub(super) state_key: Option<String>,
    /// The last batch's logits, one row after the other.
    pub(super) logits: Vec<f32>,
}

/// What saved states begin with; the number changes with their layout.
const MAGIC: &[u8; 16] = b"callwright kv 1\n";

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

    fn state_key(&self) -> Option<String> {
        self.state_key.clone()
    }

    fn save(&mut self, sequence: SeqId, tokens: &[Token], file: &Path) -> Result<()> {
        let sequence = self.sequence(sequence)?;
        if self.cache.length(sequence) < tokens.len() {
            return Err(Error::new(ErrorKind::Backend, "the sequence is shorter than the tokens to save"));
        }
        let write = || {
            let mut out = BufWriter::new(fs::File::create(file)?);
            out.write_all(MAGIC)?;
            out.write_all(&(tokens.len() as u64).to_le_bytes())?;
            for token in tokens {
                out.write_all(&token.to_le_bytes())?;
            }
            self.cache.write_to(sequence, tokens.len(), &mut out)?;
            out.flush()
        };
        write().map_err(|cause: std::io::Error| {
            Error::new(ErrorKind::Io, format!("cannot write the cache to `{}`", file.display())).because(cause)
        })
    }

    fn restore(&mut self, sequence: SeqId, file: &Path) -> Result<usize> {
        let sequence = self.sequence(sequence)?;
        self.cache.truncate(sequence, 0);
        // A file that cannot be read, or one that is cut off, is a miss.
        let Some((tokens, state)) = read(file, self.length) else { return Ok(0) };
        Ok(if self.cache.restore(sequence, tokens, &state)? { tokens } else { 0 })
    }
}

/// How many tokens a file holds, and their keys and values. None where it is another kind of file or holds too many.
fn read(file: &Path, most: usize) -> Option<(usize, Vec<u8>)> {
    let mut opened = fs::File::open(file).ok()?;
    let (mut magic, mut count) = ([0; MAGIC.len()], [0; 8]);
    opened.read_exact(&mut magic).ok()?;
    opened.read_exact(&mut count).ok()?;
    let tokens = usize::try_from(u64::from_le_bytes(count)).ok().filter(|tokens| *tokens <= most)?;
    let mut names = vec![0; tokens * size_of::<Token>()];
    opened.read_exact(&mut names).ok()?;
    let mut state = Vec::new();
    opened.read_to_end(&mut state).ok()?;
    (magic == *MAGIC).then_some((tokens, state))
}
