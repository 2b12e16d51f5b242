//! The vocabulary: what goes into a turn and what comes out of it, as plain serde data.
//!
//! Everything else in the crate speaks in these types, so they know nothing of ours: no files, no models, no
//! formats. What a caller can see happen is an [`Event`]; what a turn ends with is a [`Response`]. A model's
//! mistake is a [`Fault`], what we tolerated a [`Fix`]: values in the result, never errors.

mod answer;
mod attempt;
mod call;
mod counted;
mod digits;
mod event;
mod fault;
mod fix;
mod image;
mod input;
mod message;
mod prompt;
mod request;
mod response;
mod segment;
mod specials;
mod tool;

pub use answer::{Answer, AnswerSchema};
pub use attempt::{Attempt, Cost, LOCAL, Money, Outcome, Reason};
pub use call::{Call, CallId};
pub use counted::counted;
pub use digits::{Digits, Exact, Exactness, Inexact};
pub use event::{Event, WithdrawReason};
pub use fault::Fault;
pub use fix::{Fix, FixKind};
pub use image::{IMAGE_TOKENS, Image, ImageType};
pub use input::{Input, TextGrammar};
pub use message::{Message, Part, Role};
pub use prompt::{Piece, Prompt};
pub use request::{Limits, Overflow, Request, Sampling};
pub use response::{BYTES_A_TOKEN, FinishReason, Response, Timings, Usage};
pub use segment::{Segment, SegmentKind};
pub use specials::{Run, Specials};
pub use tool::{Tool, ToolChoice};

/// The arguments of a call: parameter names to values, in the order in which the model wrote them.
pub type Arguments = serde_json::Map<String, serde_json::Value>;
