//! Parts of an answer, in the order in which every dialect can write them.

/// A part of an answer. At most one call is open, and nothing else comes while it is.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Part {
    /// Reasoning goes on.
    Reasoning(String),
    /// Text goes on.
    Text(String),
    /// A call begins.
    Call {
        /// Counted from 0.
        index: usize,
        /// Letters and digits, random; surfaces put their own prefix before it.
        id: String,
        /// The offered tool, as the engine knows it.
        name: String,
    },
    /// The open call's arguments go on, as JSON text. They are whole JSON only once the call has ended well.
    Arguments {
        /// Whose.
        index: usize,
        /// What comes next of the JSON text.
        delta: String,
    },
    /// The open call ends.
    CallEnd {
        /// Which.
        index: usize,
        /// Whether it may be acted on. A call that was cut off stays incomplete JSON.
        whole: bool,
    },
}

/// Why an answer ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Finish {
    /// The model was done.
    Stop,
    /// It made calls.
    Calls,
    /// It ran into the limit of tokens, the context's end or the time limit.
    Length,
}
