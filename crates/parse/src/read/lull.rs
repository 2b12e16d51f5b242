//! Chunks that can wait: the fast path of a stream.
//!
//! Inside a long value almost every chunk says only that the value goes on. Law 2 lets a text be cut anywhere, so such a
//! chunk may as well be read together with a later one; all that is owed at once is what it makes certain: nothing, or
//! in a string of the arguments the chunk itself. So it is put aside unread and undecoded, and a value is read in long
//! pieces although it comes in short ones.

use super::deltas::Deltas;
use crate::format::{ByteSet, Calm};

/// No more waits than this: the text is kept once, and what waits is kept besides.
const LONGEST: usize = 4096;

/// What waits, and what may join it.
#[derive(Debug, Default)]
pub(super) struct Lull {
    waiting: Vec<u8>,
    /// How much more may wait; nothing where each byte must be read.
    room: usize,
    /// A chunk with one of these bytes must be read.
    stops: ByteSet,
    /// The arguments go out as they come.
    flows: bool,
}

/// Whether bytes were put aside.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kept {
    /// They were, and make nothing certain.
    Silent,
    /// They were, and are part of a string that is told as it comes.
    Flowing,
    /// They must be read.
    Not,
}

impl Lull {
    /// Puts these bytes aside, if they may wait.
    pub(super) fn keeps(&mut self, bytes: &[u8]) -> Kept {
        if bytes.len() > self.room || !self.stops.is_clear_of(bytes) {
            return Kept::Not;
        }
        self.waiting.extend_from_slice(bytes);
        self.room -= bytes.len();
        if self.flows { Kept::Flowing } else { Kept::Silent }
    }

    /// What waits.
    pub(super) fn waiting(&self) -> &[u8] {
        &self.waiting
    }

    /// Ends the lull: what has waited is to be read.
    pub(super) fn end(&mut self) -> Vec<u8> {
        self.room = 0;
        std::mem::take(&mut self.waiting)
    }

    /// Begins a lull where all is read that has come, the reader is calm and the arguments stand so. What has been
    /// waited in before is used again.
    pub(super) fn begin(&mut self, mut waited: Vec<u8>, calm: Option<Calm<'_>>, arguments: Option<&Deltas>) {
        waited.clear();
        self.waiting = waited;
        let stops = calm.and_then(|calm| match (calm, arguments) {
            (Calm::Silent(ends), _) => Some((ends, false)),
            (Calm::Telling(turns), None) => Some((&turns.ends, false)),
            (Calm::Telling(turns), Some(deltas)) => deltas.stops(turns),
        });
        if let Some((stops, flows)) = stops {
            self.stops.clone_from(stops);
            (self.flows, self.room) = (flows, LONGEST);
        }
    }
}
