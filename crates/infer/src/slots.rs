//! Which of the cache's sequences a job gets, and what it need not compute because another has it already.
//!
//! System text and tools are the same from job to job. A finished job leaves its tokens in the cache; the next one
//! takes over the sequence that begins most like its own prompt, or a copy of its beginning where much would be lost
//! otherwise. Room is counted so that no running job can run out of cache. It must not know what tokens mean.

use super::backend::{Backend, SeqId, Token};
use super::draft;
use super::sequence::Sequence;
use callwright_parse::error::Result;

/// A sequence is copied and not taken over where more of its tokens than this would be lost.
const WORTH_KEEPING: usize = 256;
/// A job waits for another that is about to read the same beginning, where that saves more tokens than this.
const WORTH_WAITING: usize = 64;

/// The sequences that no job uses.
#[derive(Debug, Default)]
pub(super) struct Slots {
    /// The last one used stands last.
    idle: Vec<Sequence>,
    /// Sequences that were never used begin here.
    fresh: SeqId,
    /// Cache positions that all jobs of a moment needed together and did not get; 0 where none were missing.
    lacked: usize,
    /// Whether the cache failed to grow when asked to.
    is_full_size: bool,
}

/// A running job's sequence.
#[derive(Debug, Clone, Copy)]
pub(super) struct Taken<'a> {
    pub(super) sequence: &'a Sequence,
    /// Tokens that it may come to.
    pub(super) reserved: usize,
    /// Whether it is still reading its prompt.
    pub(super) reads: bool,
}

impl Slots {
    /// The cache positions that a job of so many tokens may come to need.
    pub(super) fn need(backend: &dyn Backend, prompt: usize, max_tokens: usize) -> usize {
        let all = prompt.saturating_add(max_tokens).saturating_add(draft::LONGEST);
        all.min(backend.limits().context.max(backend.model().context_length))
    }

    /// A sequence that begins with as many of these tokens as any, and how many those are. None where the job has to
    /// wait for others. `hoped`: what this job and all that wait with it need together.
    pub(super) fn take(
        &mut self,
        backend: &mut dyn Backend,
        tokens: &[Token],
        (need, hoped): (usize, usize),
        running: &[Taken<'_>],
    ) -> Result<Option<(Sequence, usize)>> {
        let limits = backend.limits();
        let reserved: usize = running.iter().map(|taken| taken.reserved).sum();
        if running.len() >= limits.sequences {
            return Ok(None);
        }
        if running.is_empty() {
            let wanted = hoped.max(std::mem::take(&mut self.lacked));
            match backend.reserve(wanted) {
                Ok(true) => self.idle.iter_mut().for_each(Sequence::emptied),
                Err(error) if need > limits.context => return Err(error),
                // There is room for this job; the others wait until it is done.
                _ => {}
            }
            self.is_full_size |= backend.limits().context < wanted;
        } else if reserved + need > limits.context {
            self.lacked = self.lacked.max(reserved + hoped);
            return Ok(None);
        } else if self.lacked > limits.context && !self.is_full_size {
            // The cache can only grow while it is unused, so no new job is admitted until it has grown.
            return Ok(None);
        }
        let source = self.source(tokens, running);
        if limits.can_fork && source.will_have > source.common + WORTH_WAITING {
            return Ok(None);
        }
        let taken = self.give(backend, &source, running)?;
        let room = backend.limits().context.saturating_sub(reserved + need);
        self.evict(backend, room);
        Ok(Some(taken))
    }

    /// Takes a sequence back when its job has ended.
    pub(super) fn put(&mut self, sequence: Sequence) {
        self.idle.push(sequence);
    }

    /// Empties all, after trouble.
    pub(super) fn clear(&mut self, backend: &mut dyn Backend) {
        self.idle.iter_mut().for_each(|sequence| sequence.clear(backend));
    }

    fn source(&self, tokens: &[Token], running: &[Taken<'_>]) -> Source {
        let idle = self.idle.iter().enumerate().map(|(at, sequence)| (Place::Idle(at), sequence.common(tokens)));
        let busy = running.iter().enumerate().map(|(at, taken)| (Place::Running(at), taken.sequence.common(tokens)));
        let best = idle.chain(busy).filter(|(_, common)| *common > 0).max_by_key(|(_, common)| *common);
        let begins = |taken: &Taken<'_>| {
            let same = taken.sequence.tokens().iter().zip(tokens).take_while(|(one, other)| one == other);
            same.count()
        };
        let will_have = running.iter().filter(|taken| taken.reads).map(begins).max().unwrap_or(0);
        let (place, common) = best.map_or((None, 0), |(place, common)| (Some(place), common));
        Source { place, common, will_have }
    }

    fn give(&mut self, backend: &mut dyn Backend, source: &Source, running: &[Taken<'_>]) -> Result<(Sequence, usize)> {
        let can_fork = backend.limits().can_fork;
        let from = match source.place {
            Some(Place::Idle(at)) if !can_fork || self.idle[at].len() - source.common <= WORTH_KEEPING => {
                return Ok((self.idle.remove(at), source.common));
            }
            Some(Place::Idle(at)) => Some(self.idle[at].id()),
            Some(Place::Running(at)) => Some(running[at].sequence.id()),
            None => None,
        };
        let mut sequence = self.unused(backend, from);
        let copied = match from.filter(|from| can_fork && *from != sequence.id()) {
            Some(from) if backend.fork(from, sequence.id(), source.common)? => source.common,
            // The sequence that was to be copied is the only one left: it is taken over.
            _ if from == Some(sequence.id()) => source.common,
            _ => {
                sequence.clear(backend);
                0
            }
        };
        Ok((sequence, copied))
    }

    /// A sequence that was never used, else the one not used for the longest time, `other` last of all.
    fn unused(&mut self, backend: &mut dyn Backend, other: Option<SeqId>) -> Sequence {
        if (self.fresh as usize) < backend.limits().sequences {
            self.fresh += 1;
            return Sequence::new(self.fresh - 1);
        }
        let oldest = self.idle.iter().position(|sequence| Some(sequence.id()) != other);
        let mut sequence =
            if self.idle.is_empty() { Sequence::default() } else { self.idle.remove(oldest.unwrap_or(0)) };
        if Some(sequence.id()) != other {
            sequence.clear(backend);
        }
        sequence
    }

    /// Empties idle sequences until the others hold no more than this.
    fn evict(&mut self, backend: &mut dyn Backend, room: usize) {
        let mut held: usize = self.idle.iter().map(Sequence::held).sum();
        for sequence in &mut self.idle {
            if held <= room {
                return;
            }
            held -= sequence.held();
            sequence.clear(backend);
        }
    }
}

/// What a job's prompt can be taken from.
struct Source {
    place: Option<Place>,
    /// Tokens that the cache has.
    common: usize,
    /// Tokens that it will have when a running job has read its prompt.
    will_have: usize,
}

#[derive(Clone, Copy)]
enum Place {
    Idle(usize),
    Running(usize),
}
