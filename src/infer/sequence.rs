//! One sequence of tokens and how much of it the backend's cache holds.
//!
//! Everything that changes the text (a new prompt that begins like the last one, a cut, forced tokens) only changes
//! the list of tokens; what the cache lacks is computed when logits are next needed, in one batch where possible. It
//! must not know why tokens are there.

use super::backend::{Backend, Batch, Entry, Logits, SeqId, Token};
use crate::error::{Error, ErrorKind, Result};

/// Tokens computed between two looks at whether the caller is still there.
const CHUNK: usize = 256;

/// A sequence of tokens over a backend's cache.
#[derive(Debug, Default)]
pub(crate) struct Sequence {
    id: SeqId,
    tokens: Vec<Token>,
    /// Tokens whose cache entries are right.
    valid: usize,
    /// Positions that the cache holds for the sequence, right or not.
    held: usize,
    batch: Batch,
}

impl Sequence {
    /// Goes over to a new list of tokens and says how many of them need not be computed again.
    pub(crate) fn restart(&mut self, backend: &mut dyn Backend, tokens: Vec<Token>) -> Result<usize> {
        let common = self.tokens[..self.valid].iter().zip(&tokens).take_while(|(old, new)| old == new).count();
        self.valid = common;
        self.tokens = tokens;
        self.settle(backend)?;
        Ok(self.valid)
    }

    /// Tokens in all.
    pub(crate) fn len(&self) -> usize {
        self.tokens.len()
    }

    /// The tokens from this place on.
    pub(crate) fn from(&self, place: usize) -> &[Token] {
        self.tokens.get(place..).unwrap_or_default()
    }

    /// Adds a token.
    pub(crate) fn push(&mut self, token: Token) {
        self.tokens.push(token);
    }

    /// Cuts the sequence back to its first `len` tokens.
    pub(crate) fn cut(&mut self, len: usize) {
        self.tokens.truncate(len);
        self.valid = self.valid.min(len);
    }

    /// Computes a chunk of what the cache lacks, but not the last token, and says how much is left before it.
    pub(crate) fn catch_up(&mut self, backend: &mut dyn Backend) -> Result<usize> {
        let limit = CHUNK.min(backend.limits().batch.max(1));
        let end = self.tokens.len().saturating_sub(1).min(self.valid + limit);
        if end > self.valid {
            self.compute(backend, end, false)?;
        }
        Ok(self.tokens.len().saturating_sub(1) - self.valid)
    }

    /// Computes what the cache lacks, all of it, and gives the logits after the last token.
    pub(crate) fn logits<'a>(&mut self, backend: &'a mut dyn Backend) -> Result<&'a [f32]> {
        self.settle(backend)?;
        let batch = backend.limits().batch.max(1);
        while self.tokens.len() - self.valid > batch {
            self.compute(backend, self.valid + batch, false)?;
        }
        let logits = self.compute(backend, self.tokens.len(), true)?;
        logits.last().ok_or_else(|| Error::new(ErrorKind::Backend, "the engine gave no logits"))
    }

    /// Takes note that the cache is empty.
    pub(crate) fn emptied(&mut self) {
        self.valid = 0;
        self.held = 0;
    }

    /// Forgets what is cached, after trouble: whatever comes next is computed from the beginning.
    pub(crate) fn forget(&mut self, backend: &mut dyn Backend) {
        self.valid = 0;
        self.tokens.clear();
        // A backend that cannot even empty a sequence will say so when it is used next.
        self.held = backend.truncate(self.id, 0).unwrap_or(self.held);
    }

    /// Cuts the cache back to what is right, and so far that the last token is computed again: its logits are gone.
    fn settle(&mut self, backend: &mut dyn Backend) -> Result<()> {
        let wanted = self.valid.min(self.tokens.len().saturating_sub(1));
        if self.held > wanted {
            self.held = backend.truncate(self.id, wanted)?.min(wanted);
        }
        self.valid = self.held.min(wanted);
        Ok(())
    }

    fn compute<'a>(&mut self, backend: &'a mut dyn Backend, end: usize, logits: bool) -> Result<Logits<'a>> {
        self.batch.clear();
        for (position, token) in self.tokens.iter().enumerate().take(end).skip(self.valid) {
            let logits = logits && position + 1 == end;
            self.batch.push(Entry { token: *token, position, sequence: self.id, logits });
        }
        let rows = backend.decode(&self.batch)?;
        self.valid = end;
        self.held = end;
        Ok(rows)
    }
}
