//! What became of a recording: one outcome for the tables, one class of failure for those who fix it.

use serde::{Deserialize, Serialize};

/// What became of a recording. Every scored recording has exactly one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum CaseOutcome {
    /// Right, exactly as written.
    Strict,
    /// Right, after something was fixed.
    Repaired,
    /// Calls were expected and none was found.
    Missed,
    /// No call was expected and one was found.
    Phantom,
    /// Calls without any fault that are not the expected ones: the number that matters for safety.
    Wrong,
    /// Calls with a fault, which are never executed, or a text that was not parsed as it should be.
    Faulty,
    /// The recording does not say which calls are expected.
    Unjudged,
}

impl CaseOutcome {
    /// Whether this is what was expected.
    #[must_use]
    pub fn is_right(self) -> bool {
        matches!(self, Self::Strict | Self::Repaired)
    }

    /// Whether it was judged and is not what was expected.
    #[must_use]
    pub fn is_failure(self) -> bool {
        !self.is_right() && self != Self::Unjudged
    }

    /// Its name, as in JSON.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Strict => "strict",
            Self::Repaired => "repaired",
            Self::Missed => "missed",
            Self::Phantom => "phantom",
            Self::Wrong => "wrong",
            Self::Faulty => "faulty",
            Self::Unjudged => "unjudged",
        }
    }
}

/// Why a recording failed: the first of these that applies.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Class {
    /// Parsing it in pieces gives another result than parsing it whole.
    StreamMismatch,
    /// The parts do not tile the text, or text is left for the user that should not be, or is missing.
    WrongSpan,
    /// A call was invented from prose or code.
    PhantomCall,
    /// The text ends inside the call.
    Truncated,
    /// The call cannot be read, even after repair.
    BadSyntax,
    /// A tool was called that was not offered.
    UnknownTool,
    /// A call is there, or was expected, and none was found.
    NoCallMissed,
    /// More or fewer calls than expected.
    WrongCount,
    /// Another of the offered tools.
    WrongTool,
    /// An expected argument is missing.
    MissingArgument,
    /// An unexpected argument.
    UnexpectedArgument,
    /// A value of another type.
    WrongType,
    /// A value that is not among the accepted ones.
    WrongValue,
    /// The recording itself cannot be judged: its answer or its schema is incomplete.
    Unanswerable,
}

impl Class {
    /// Its name, as in JSON.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::StreamMismatch => "stream_mismatch",
            Self::WrongSpan => "wrong_span",
            Self::PhantomCall => "phantom_call",
            Self::Truncated => "truncated",
            Self::BadSyntax => "bad_syntax",
            Self::UnknownTool => "unknown_tool",
            Self::NoCallMissed => "no_call_missed",
            Self::WrongCount => "wrong_count",
            Self::WrongTool => "wrong_tool",
            Self::MissingArgument => "missing_argument",
            Self::UnexpectedArgument => "unexpected_argument",
            Self::WrongType => "wrong_type",
            Self::WrongValue => "wrong_value",
            Self::Unanswerable => "unanswerable",
        }
    }
}

/// Where calls differ from what was expected.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Mismatch {
    /// How.
    pub class: Class,
    /// The call, by its index among those that were found.
    pub call: Option<usize>,
    /// The parameter.
    pub parameter: Option<String>,
    /// In words.
    pub message: String,
}

impl Mismatch {
    pub(super) fn new(class: Class, message: impl Into<String>) -> Self {
        Self { class, call: None, parameter: None, message: message.into() }
    }

    pub(super) fn at(mut self, parameter: &str) -> Self {
        self.parameter = Some(parameter.to_owned());
        self
    }

    pub(super) fn of_call(mut self, call: usize) -> Self {
        self.call = self.call.or(Some(call));
        self
    }
}
