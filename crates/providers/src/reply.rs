//! What a provider answers: pieces as they come, and the whole once the provider has said that it is complete.
//!
//! Calls are final only in [`Whole`]. A reply that was cut off, or breaks its own protocol, ends with an error instead,
//! so that no part of a call is ever taken for a call.

use std::pin::Pin;

use futures_core::Stream;
use serde::{Deserialize, Serialize};

use callwright_parse::chat::{Call, Fault, FinishReason, Usage};
use callwright_parse::error::{Failure, Result};

/// The pieces of one reply. The last item is [`Reply::End`] or an error, and nothing follows it. Dropping the stream
/// closes the connection at once, so that the provider stops.
pub type Replies = Pin<Box<dyn Stream<Item = Result<Reply>> + Send>>;

/// A piece of a reply.
#[derive(Debug, Clone, PartialEq)]
pub enum Reply {
    /// The next text for the user.
    Text(String),
    /// The next piece of what the model thinks.
    Reasoning(String),
    /// A call has begun and its tool is known. Provisional.
    CallStarted {
        /// The call's index in the reply.
        index: usize,
        /// The tool, by the name that it was offered under.
        name: String,
    },
    /// The next piece of a call's arguments, as JSON text. Provisional.
    Arguments {
        /// The call's index.
        index: usize,
        /// The piece.
        delta: String,
    },
    /// The reply is complete.
    End(Box<Whole>),
}

/// A complete reply.
#[derive(Debug, Clone, PartialEq, Default)]
#[non_exhaustive]
pub struct Whole {
    /// The calls, in order, each with an id of its own. Not yet checked against the tools.
    pub calls: Vec<Call>,
    /// All text.
    pub text: String,
    /// All that the model thought, as far as the provider tells.
    pub reasoning: String,
    /// Why the model stopped, in our words.
    pub finish_reason: FinishReason,
    /// Why the model stopped, in the provider's words.
    pub finish: String,
    /// Faults visible here: calls that a length limit cut off are reported, and never handed out.
    pub faults: Vec<Fault>,
    /// What the provider counted; absent where it did not say.
    pub tokens: Option<Tokens>,
    /// The model that answered, by the provider's name for it.
    pub model: String,
    /// The provider that answered.
    pub served_by: String,
    /// The host that answered.
    pub host: String,
    /// Whether that host is another machine.
    pub left_machine: bool,
    /// What the provider calls this request.
    pub request_id: Option<String>,
    /// What could not be said to this provider, or was odd in its answer. Never silent, never fatal.
    pub warnings: Vec<String>,
    /// What went wrong before this reply, at the same provider.
    pub retried: Vec<Failure>,
}

/// The tokens that a provider counted for one reply.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default)]
#[non_exhaustive]
pub struct Tokens {
    /// All tokens of the prompt, those of the cache included.
    pub input: u64,
    /// Of these, tokens that were read from the provider's cache.
    pub cache_read: u64,
    /// Of these, tokens that were written to the provider's cache.
    pub cache_written: u64,
    /// All tokens of the answer, reasoning included.
    pub output: u64,
    /// Of these, tokens of reasoning.
    pub reasoning: u64,
}

/// More tokens than any model writes in one answer.
const LONGEST_ANSWER: u64 = 2_000_000;

impl Tokens {
    /// Whether a request of at most so many tokens can have come to this, with a model of this context length.
    pub(super) fn is_plausible(self, most: u64, context: Option<u64>) -> bool {
        let Self { input, cache_read, cache_written, output, reasoning } = self;
        let Some(all) = input.checked_add(output) else { return false };
        let parts = cache_read.saturating_add(cache_written) <= input && reasoning <= output;
        parts && input <= most && output <= LONGEST_ANSWER && context.is_none_or(|context| all <= context)
    }
}

impl From<Tokens> for Usage {
    fn from(tokens: Tokens) -> Self {
        let count = |tokens: u64| usize::try_from(tokens).unwrap_or(usize::MAX);
        Self {
            prompt_tokens: count(tokens.input),
            cached_tokens: count(tokens.cache_read),
            completion_tokens: count(tokens.output),
            ..Self::default()
        }
    }
}

#[cfg(test)]
mod tests {
    use super::Tokens;

    #[test]
    fn what_cannot_be_is_not_believed() {
        let tokens = |input, output| Tokens { input, output, ..Tokens::default() };
        assert!(tokens(500, 40).is_plausible(2000, None) && tokens(500, 40).is_plausible(2000, Some(540)));
        assert!(!tokens(500, 41).is_plausible(2000, Some(540)), "more than the context");
        assert!(!tokens(2001, 0).is_plausible(2000, None), "more than a token for each byte");
        assert!(!tokens(u64::MAX, 1).is_plausible(u64::MAX, None) && !tokens(1, u64::MAX).is_plausible(2000, None));
        assert!(!Tokens { cache_read: 501, ..tokens(500, 1) }.is_plausible(2000, None));
        assert!(!Tokens { reasoning: 2, ..tokens(500, 1) }.is_plausible(2000, None));
    }
}
