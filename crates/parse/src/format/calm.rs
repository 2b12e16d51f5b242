//! A value that goes on: until one of a few bytes comes, nothing can be told of it that was not clear before.
//!
//! Most chunks of a long argument hold none of them. Whoever hands the text in may keep such a chunk back and hand it in
//! with a later one: by law 2 the steps are the same.

use super::bytes::ByteSet;
use super::scan::Literals;

/// What may end the calm inside a value.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Calm<'f> {
    /// Nothing is told of the value before it is complete, which it is not before one of these bytes.
    Silent(&'f ByteSet),
    /// The arguments are told as they come.
    Telling(&'f Turns),
}

/// Bytes at which an object of arguments may take a turn.
#[derive(Debug, Clone, Default)]
pub(crate) struct Turns {
    /// A marker may begin.
    pub(crate) markers: ByteSet,
    /// The object may end: its bracket, or a marker.
    pub(crate) ends: ByteSet,
    /// One of its strings, lists and objects may end.
    pub(crate) values: ByteSet,
}

impl Turns {
    /// Those of a format whose calls these markers end.
    pub(crate) fn of(enders: &Literals) -> Self {
        let markers = enders.firsts().clone();
        let ends = markers.clone().and(b"}])");
        Self { values: ends.clone().and(b"\""), ends, markers }
    }
}
