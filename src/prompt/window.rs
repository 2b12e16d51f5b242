//! Whether a prompt fits into what the model attends to.

use crate::error::{Error, ErrorKind, Result};

/// The least room for an answer: a call of a tool without arguments.
const ANSWER: usize = 16;

/// How many tokens are left for the answer.
///
/// ```
/// assert_eq!(callwright::prompt::window::room(3000, 4096), 1096);
/// ```
#[must_use]
pub fn room(prompt_tokens: usize, context_length: usize) -> usize {
    context_length.saturating_sub(prompt_tokens)
}

/// Refuses a prompt that leaves no room for an answer.
///
/// ```
/// use callwright::{ErrorKind, prompt::window};
/// assert!(window::fits(100, 2048).is_ok());
/// assert_eq!(window::fits(2048, 2048).unwrap_err().kind(), ErrorKind::ContextFull);
/// ```
pub fn fits(prompt_tokens: usize, context_length: usize) -> Result<()> {
    if room(prompt_tokens, context_length) >= ANSWER {
        return Ok(());
    }
    let message = format!(
        "the prompt has {prompt_tokens} tokens, and with the answer only {context_length} fit into the context"
    );
    Err(Error::new(ErrorKind::ContextFull, message)
        .hint("send fewer messages or tools, or ask for a longer context (`--context-length`) if the model has one"))
}
