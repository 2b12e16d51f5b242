//! What the model did wrong, as a value.
//!
//! A fault is never an error of ours: a turn with faults still carries its text, its raw output and the calls that
//! could be read. Each fault says which call it is about, so that a repair can quote it back to the model.

use std::fmt;
use std::ops::Range;

use serde::{Deserialize, Serialize};

/// One mistake of a model. `call` is the index of the call in the result that carries the fault.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "kind")]
#[non_exhaustive]
pub enum Fault {
    /// No tool with this name was offered.
    UnknownTool {
        /// The call.
        call: usize,
        /// The name that the model wrote.
        name: String,
        /// Offered names that are close to it, closest first.
        suggestions: Vec<String>,
    },
    /// A required argument is not there.
    MissingArgument {
        /// The call.
        call: usize,
        /// The parameter's name.
        name: String,
    },
    /// An argument does not satisfy the tool's schema.
    Invalid {
        /// The call.
        call: usize,
        /// JSON pointer into the arguments, `""` for all of them.
        path: String,
        /// What the schema wants, in one sentence.
        message: String,
    },
    /// Arguments are nested deeper than the limit.
    TooDeep {
        /// The call.
        call: usize,
    },
    /// The text began like a call and could not be read as one.
    Unreadable {
        /// Where in the raw text.
        span: Range<usize>,
        /// What is wrong, in one sentence.
        message: String,
    },
    /// Something that looks like a call and stands in prose, so that it was not taken for one. No reason to ask again.
    InProse {
        /// Where in the raw text.
        span: Range<usize>,
        /// What it is and why it was left, in one sentence.
        message: String,
    },
    /// The text ended inside a call; what was cut off is never completed.
    Truncated {
        /// Where in the raw text.
        span: Range<usize>,
        /// The tool's name, where it had been said.
        name: Option<String>,
    },
    /// The call was closed by the decoder only because the token budget ended; it must not be executed.
    ForcedClose {
        /// The call.
        call: usize,
    },
    /// The answer's text is not the JSON that was asked for.
    WrongAnswer {
        /// What is wrong, in one sentence.
        message: String,
    },
    /// A call had to be made and none was.
    NoCall,
    /// More calls than the caller allowed, or a call where none was allowed.
    NotAllowed {
        /// The call.
        call: usize,
    },
}

impl Fault {
    /// The call that carries the fault, where there is one.
    #[must_use]
    pub fn call(&self) -> Option<usize> {
        match self {
            Self::UnknownTool { call, .. }
            | Self::MissingArgument { call, .. }
            | Self::Invalid { call, .. }
            | Self::TooDeep { call }
            | Self::ForcedClose { call }
            | Self::NotAllowed { call } => Some(*call),
            Self::Unreadable { .. }
            | Self::InProse { .. }
            | Self::Truncated { .. }
            | Self::WrongAnswer { .. }
            | Self::NoCall => None,
        }
    }

    /// The same fault of the call with this index.
    #[must_use]
    pub(crate) fn of_call(mut self, index: usize) -> Self {
        match &mut self {
            Self::UnknownTool { call, .. }
            | Self::MissingArgument { call, .. }
            | Self::Invalid { call, .. }
            | Self::TooDeep { call }
            | Self::ForcedClose { call }
            | Self::NotAllowed { call } => *call = index,
            Self::Unreadable { .. }
            | Self::InProse { .. }
            | Self::Truncated { .. }
            | Self::WrongAnswer { .. }
            | Self::NoCall => {}
        }
        self
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::UnknownTool { name, suggestions, .. } if suggestions.is_empty() => {
                write!(f, "unknown tool `{name}`")
            }
            Self::UnknownTool { name, suggestions, .. } => {
                write!(f, "unknown tool `{name}`; did you mean `{}`?", suggestions.join("`, `"))
            }
            Self::MissingArgument { name, .. } => write!(f, "`{name}` is missing"),
            Self::Invalid { path, message, .. } if path.is_empty() => f.write_str(message),
            Self::Invalid { path, message, .. } => {
                let argument = path.trim_start_matches('/');
                match message.strip_prefix("value ") {
                    Some(rest) => write!(f, "`{argument}` {rest}"),
                    None => write!(f, "`{argument}`: {message}"),
                }
            }
            Self::TooDeep { .. } => f.write_str("the arguments are nested too deeply"),
            Self::Unreadable { message, .. } | Self::InProse { message, .. } => f.write_str(message),
            Self::Truncated { name: Some(name), .. } => write!(f, "the text ended inside the call of `{name}`"),
            Self::Truncated { name: None, .. } => f.write_str("the text ended inside a call"),
            Self::WrongAnswer { message } => write!(f, "the answer is not what was asked for: {message}"),
            Self::ForcedClose { .. } => f.write_str("the call was cut off by the token limit"),
            Self::NoCall => f.write_str("a tool call was required, but none was made"),
            Self::NotAllowed { .. } => f.write_str("this call was not allowed"),
        }
    }
}
