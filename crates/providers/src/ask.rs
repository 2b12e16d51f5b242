//! What a provider is asked, and why.

use std::sync::Arc;

use callwright_parse::chat::{Reason, Request};

/// One turn to be made by a provider.
///
/// ```
/// use callwright_parse::chat::Request;
/// use callwright_providers::{Ask, Reason};
/// let ask = Ask::new(Request::new("What is 17 + 23?"), "gpt-6-luna", Reason::User).in_conversation("monday");
/// assert_eq!(ask.model, "gpt-6-luna");
/// ```
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct Ask {
    /// The conversation, the tools and the limits. `limits.deadline` bounds the whole turn, retries included.
    pub request: Arc<Request>,
    /// The model, by the provider's name for it.
    pub model: String,
    /// Why a provider is asked; recorded in the audit.
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
