//! What a caller can see happen, in one stream.
//!
//! Deltas are provisional and carry their attempt; [`Event::CallFinished`] is sent only when the turn has settled, so
//! it is the only one that may be acted on. Command line, server, page, recorder and metrics consume events and
//! nothing else.

use serde::{Deserialize, Serialize};

use super::{Call, Fault, Fix, Response, Usage};

/// Something that happened in a turn.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "event")]
#[non_exhaustive]
pub enum Event {
    /// The prompt is being read.
    Prefill {
        /// Tokens read so far.
        done: usize,
        /// Tokens in all.
        total: usize,
    },
    /// A tool's schema cannot be used, so the tool is not offered; the others are.
    ToolRefused {
        /// The tool's name.
        name: String,
        /// Why.
        reason: String,
    },
    /// Calls of this attempt are held to the grammar as they are generated: what has come of one is not taken back, though
    /// the limit of tokens may still cut it off.
    Held {
        /// Which attempt.
        attempt: usize,
    },
    /// The conversation was too long and was shortened before it was sent: the caller's own copy is as it was.
    Shortened {
        /// The attempt.
        attempt: usize,
        /// Results of which only the ends are left.
        results: usize,
        /// Messages that were left out.
        messages: usize,
        /// Tokens before.
        before: usize,
        /// Tokens now.
        after: usize,
    },
    /// Text for the user.
    Text {
        /// The attempt, counted from 0.
        attempt: usize,
        /// The next piece.
        delta: String,
    },
    /// Reasoning, without tags.
    Reasoning {
        /// The attempt.
        attempt: usize,
        /// The next piece.
        delta: String,
    },
    /// A call has begun and its tool is known.
    CallStarted {
        /// The attempt.
        attempt: usize,
        /// The call's index in the result.
        index: usize,
        /// The tool's name.
        name: String,
    },
    /// Arguments of a call, as canonical JSON.
    Arguments {
        /// The attempt.
        attempt: usize,
        /// The call's index.
        index: usize,
        /// The next piece; all pieces together are the arguments object.
        delta: String,
    },
    /// Something was tolerated.
    Fixed {
        /// The attempt.
        attempt: usize,
        /// What.
        fix: Fix,
    },
    /// The model did something wrong.
    Faulty {
        /// The attempt.
        attempt: usize,
        /// What.
        fault: Fault,
    },
    /// An attempt was given up: what it sent does not count.
    AttemptWithdrawn {
        /// The attempt.
        attempt: usize,
        /// Why.
        reason: WithdrawReason,
    },
    /// A call is complete, checked, and the turn has settled.
    CallFinished {
        /// The call's index.
        index: usize,
        /// The call.
        call: Call,
    },
    /// Tokens spent.
    Usage {
        /// In all attempts.
        usage: Usage,
    },
    /// The turn has ended.
    Finished {
        /// All of it.
        response: Box<Response>,
    },
}

/// Why an attempt was given up.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum WithdrawReason {
    /// It had faults and the model is asked again.
    Reask,
    /// It had faults and a provider is asked.
    Fallback,
}
