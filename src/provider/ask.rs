//! What a provider is asked, and why.

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::chat::Request;

/// One turn to be made by a provider.
///
/// ```
/// use callwright::chat::Request;
/// use callwright::provider::{Ask, Reason};
/// let ask = Ask::new(Request::new("What is 17 + 23?"), "gpt-6-luna", Reason::User).in_conversation("monday");
/// assert_eq!(ask.model, "gpt-6-luna");
/// ```
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct Ask {
    /// The conversation, the tools and the limits. `limits.deadline` bounds the whole turn, tries included.
    pub request: Arc<Request>,
    /// The model, by the provider's name for it.
    pub model: String,
    /// Why the machine is left; it stands in the audit.
    pub reason: Reason,
    /// What conversation this belongs to: turns of one conversation go to the same endpoint while it is well. Absent,
    /// the conversation's own beginning says it.
    pub conversation: Option<String>,
}

impl Ask {
    /// This request to this model.
    #[must_use]
    pub fn new(request: impl Into<Arc<Request>>, model: impl Into<String>, reason: Reason) -> Self {
        Self { request: request.into(), model: model.into(), reason, conversation: None }
    }

    /// The same as a part of this conversation.
    #[must_use]
    pub fn in_conversation(mut self, conversation: impl Into<String>) -> Self {
        self.conversation = Some(conversation.into());
        self
    }
}

/// Why a provider is asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Reason {
    /// The caller chose the provider.
    User,
    /// The local model made no valid call, repairs included.
    NoValidCall,
    /// The local model called a tool that was not offered.
    UnknownTool,
    /// The local model's output was cut off.
    Truncated,
    /// The conversation does not fit the local model.
    ContextOverflow,
    /// The local model was too slow.
    Timeout,
    /// The local model is not there.
    ModelMissing,
    /// The rules of the settings call the request complex.
    Complex,
    /// The request asks for accuracy.
    Accuracy,
    /// `callwright providers test`.
    Check,
}

impl Reason {
    /// The reason as it stands in the audit.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::User => "user",
            Self::NoValidCall => "no_valid_call",
            Self::UnknownTool => "unknown_tool",
            Self::Truncated => "truncated",
            Self::ContextOverflow => "context_overflow",
            Self::Timeout => "timeout",
            Self::ModelMissing => "model_missing",
            Self::Complex => "complex",
            Self::Accuracy => "accuracy",
            Self::Check => "check",
        }
    }
}
