//! What comes of a value that was looked through, for the call around it.

use std::ops::Range;

/// What comes of a value.
#[derive(Debug)]
pub(crate) enum Next {
    /// The text so far does not say.
    Wait,
    /// The text ended inside.
    Cut,
    /// The call ends, and nothing stands where the value should.
    Blank { end: usize },
    /// It ends at `at`, its tags at `end`.
    Closed { at: usize, end: usize, stray: Option<Range<usize>>, torn: bool },
    /// The next parameter begins at `at`, with nothing but perhaps words to close this one.
    Param { at: usize, words: bool },
    /// The value ends at `at` and the call at `end`.
    Over { at: usize, end: usize, closed: bool, doubtful: bool },
}
