//! What each byte of a model's raw output is.
//!
//! The segments of a parse lie end to end and cover the text (law 1): nothing that a model said is lost, not even
//! the markers around a call.

use std::ops::Range;

use serde::{Deserialize, Serialize};

/// A run of bytes of the raw text and what it is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Segment {
    /// What the bytes are.
    #[serde(flatten)]
    pub kind: SegmentKind,
    /// Where they are, in bytes of the raw text.
    pub span: Range<usize>,
}

/// What a run of bytes is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "kind")]
#[non_exhaustive]
pub enum SegmentKind {
    /// Text for the user.
    Text,
    /// The model's reasoning, without its tags.
    Reasoning,
    /// Tags, markers and blanks that frame what stands between them.
    Framing,
    /// A call, markers aside: name, arguments and what binds them.
    Call {
        /// The call's index in the result.
        index: usize,
    },
    /// Something that began as a call and could not be read; a fault tells why.
    Malformed,
}
