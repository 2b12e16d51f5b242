//! One sequence of tokens and how much of it the backend's cache holds.
//!
//! Everything that changes the text (a new prompt that begins like the last one, a cut, forced tokens) only changes
//! the list of tokens; what the cache lacks is put into the next batch. Draft tokens may follow the last one:
//! where the text then goes on as drafted, the cache has it already. It must not know why tokens are there.

use super::backend::{Backend, Batch, Entry, SeqId, Token};
use callwright_parse::error::Result;

/// A sequence of tokens over a backend's cache.
#[derive(Debug, Default)]
pub(crate) struct Sequence {
    id: SeqId,
    tokens: Vec<Token>,
    /// Tokens whose cache entries are right.
    valid: usize,
    /// Positions that the cache holds for the sequence, right or not.
    held: usize,
    /// Drafts that the cache holds behind the valid tokens, as long as the text may still go on with them.
    drafted: Vec<Token>,
    /// How many drafts of the last batch were accepted.
    accepted: usize,
    /// The place of the last batch's first row of logits, and how many rows there were.
    rows: (usize, usize),
}

/// What a sequence put into a batch.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Filled {
    /// Tokens of the sequence, without drafts.
    pub(crate) tokens: usize,
    /// Drafts.
    pub(crate) drafts: usize,
    /// Rows of logits that were asked for.
    pub(crate) rows: usize,
}

impl Sequence {
    pub(crate) fn new(id: SeqId) -> Self {
        Self { id, ..Self::default() }
    }

    pub(crate) fn id(&self) -> SeqId {
        self.id
    }

    /// Tokens in all.
    pub(crate) fn len(&self) -> usize {
        self.tokens.len()
    }

    /// Positions that the cache holds.
    pub(crate) fn held(&self) -> usize {
        self.held
    }

    /// All tokens.
    pub(crate) fn tokens(&self) -> &[Token] {
        &self.tokens
    }

    /// How many of these tokens the cache holds already.
    pub(crate) fn common(&self, tokens: &[Token]) -> usize {
        self.tokens[..self.valid].iter().zip(tokens).take_while(|(old, new)| old == new).count()
    }

    /// Goes over to a new list of tokens, of which the cache is known to hold the first `valid` ones and perhaps others
    /// behind them. Says how many need not be computed again.
    pub(crate) fn restart(&mut self, backend: &mut dyn Backend, tokens: Vec<Token>, valid: usize) -> Result<usize> {
        self.drafted.clear();
        self.tokens = tokens;
        self.valid = valid;
        self.held = self.held.max(valid);
        self.settle(backend)?;
        Ok(self.valid)
    }

    /// Adds a token.
    pub(crate) fn push(&mut self, token: Token) {
        if self.drafted.first() == Some(&token) && self.valid == self.tokens.len() {
            self.drafted.remove(0);
            self.valid += 1;
            self.accepted += 1;
        } else {
            self.drafted.clear();
        }
        self.tokens.push(token);
    }

    /// Cuts the sequence back to its first `len` tokens.
    pub(crate) fn cut(&mut self, len: usize) {
        if len < self.tokens.len() {
            self.drafted.clear();
            self.tokens.truncate(len);
            self.valid = self.valid.min(len);
        }
    }

    /// Tokens that the cache lacks. The last token counts among them while its logits are not at hand.
    pub(crate) fn missing(&self) -> usize {
        self.tokens.len() - self.valid.min(self.tokens.len().saturating_sub(1))
    }

    /// The row of the last batch that holds the logits after the last token, where there is one.
    pub(crate) fn row(&self) -> Option<usize> {
        let (first, rows) = self.rows;
        let row = self.tokens.len().checked_sub(1)?.checked_sub(first)?;
        (self.valid == self.tokens.len() && row < rows).then_some(row)
    }

    /// Puts what the cache lacks into a batch, at most `most` tokens of it. Where that is all, logits after the last
    /// token are asked for, and after each of the drafts that follow it.
    pub(crate) fn fill(
        &mut self,
        backend: &mut dyn Backend,
        batch: &mut Batch,
        most: usize,
        drafts: &[Token],
    ) -> Result<Filled> {
        self.settle(backend)?;
        let (from, all) = (self.valid, self.tokens.len());
        let end = all.min(from + most);
        for (position, token) in self.tokens.iter().enumerate().take(end).skip(from) {
            let logits = position + 1 == all;
            batch.push(Entry { token: *token, position, sequence: self.id, logits });
        }
        let whole = end == all;
        let drafts = if whole { &drafts[..drafts.len().min(most - (end - from))] } else { &[] };
        for (position, token) in (all..).zip(drafts) {
            batch.push(Entry { token: *token, position, sequence: self.id, logits: true });
        }
        self.valid = end;
        self.held = end + drafts.len();
        self.drafted = drafts.to_vec();
        self.accepted = 0;
        self.rows = if whole { (all - 1, 1 + drafts.len()) } else { (0, 0) };
        Ok(Filled { tokens: end - from, drafts: drafts.len(), rows: self.rows.1 })
    }

    /// How many drafts of the last batch were accepted.
    pub(crate) fn accepted(&self) -> usize {
        self.accepted
    }

    /// Notes that the rows of the last batch are gone.
    pub(crate) fn forget_rows(&mut self) {
        self.rows = (0, 0);
    }

    /// Notes that the cache is empty.
    pub(crate) fn emptied(&mut self) {
        (self.valid, self.held, self.rows) = (0, 0, (0, 0));
        self.drafted.clear();
    }

    /// Empties what the cache holds of the sequence, and keeps its tokens.
    pub(crate) fn forget(&mut self, backend: &mut dyn Backend) {
        let held = self.held;
        self.emptied();
        if held > 0 {
            // A backend that cannot even empty a sequence will say so when it is used next.
            self.held = backend.truncate(self.id, 0).unwrap_or(held);
        }
    }

    /// Empties the sequence, in the cache too.
    pub(crate) fn clear(&mut self, backend: &mut dyn Backend) {
        self.forget(backend);
        self.tokens.clear();
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
}
