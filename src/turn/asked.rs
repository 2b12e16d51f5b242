//! One provider about to be asked: what is sent, and what it may cost and did.

use std::sync::Arc;

use serde_json::json;

use callwright_parse::chat::{BYTES_A_TOKEN, Cost, IMAGE_TOKENS, Message, Money, Reason, Request, Response, Usage};
use callwright_parse::error::{Error, Failure, FailureKind, Wait};
use callwright_providers::price::Price;
use callwright_providers::{Kind, Provider, Tokens};

/// One provider, about to be asked.
pub(super) struct Asked {
    pub(super) provider: Arc<dyn Provider>,
    pub(super) model: String,
    pub(super) request: Request,
    pub(super) reason: Reason,
    pub(super) price: Option<Price>,
    /// The most that it may cost.
    pub(super) worst: Option<Money>,
}

impl Asked {
    /// What an answer costs.
    pub(super) fn cost(&self, counted: Option<Tokens>, response: &Response) -> Cost {
        let Some(price) = &self.price else {
            return unpriced(self.provider.info().kind);
        };
        match counted {
            Some(tokens) => {
                let written = usize::try_from(tokens.cache_written).unwrap_or(usize::MAX);
                Cost::Counted(price.cost(tokens.into(), written))
            }
            None => Cost::Estimated(price.cost(self.estimated(response), 0)),
        }
    }

    /// Tokens, where the provider counted none.
    pub(super) fn estimated(&self, response: &Response) -> Usage {
        let calls: usize = response.calls.iter().map(|call| json!(call).to_string().len()).sum();
        Usage {
            prompt_tokens: bytes(&self.request.messages, &self.request).div_ceil(BYTES_A_TOKEN),
            completion_tokens: (calls + response.text.len() + response.reasoning.len()).div_ceil(BYTES_A_TOKEN),
            ..Usage::default()
        }
    }
}

/// The cost of a provider whose price is unknown.
pub(super) fn unpriced(kind: Kind) -> Cost {
    if kind == Kind::Local { Cost::Nothing } else { Cost::Unknown }
}

/// Bytes of what is sent, as JSON. A picture counts as the text that would come to as many tokens.
pub(super) fn bytes(messages: &[Message], request: &Request) -> usize {
    let length = |text: serde_json::Result<String>| text.map_or(0, |text| text.len());
    let letters: usize = messages.iter().flat_map(Message::images).map(|image| image.url().len()).sum();
    let pictures = messages.iter().flat_map(Message::images).count() * IMAGE_TOKENS * BYTES_A_TOKEN;
    let said = length(serde_json::to_string(messages)).saturating_sub(letters);
    said + pictures + length(serde_json::to_string(&request.tools))
}

/// Whether a failed request may have been seen by another machine.
pub(super) fn may_have_left(error: &Error, provider: &dyn Provider) -> bool {
    provider.info().kind != Kind::Local && error.failure().is_none_or(Failure::left)
}

/// What a failed request may have cost: nothing where it was refused, the worst where it may have been answered.
pub(super) fn may_have_cost(error: &Error, worst: Option<Money>) -> Cost {
    let answered = |kind: FailureKind| {
        matches!(
            kind,
            FailureKind::Truncated
                | FailureKind::Malformed
                | FailureKind::TooLarge
                | FailureKind::Timeout(Wait::FirstByte | Wait::Idle | Wait::Progress | Wait::Total)
        )
    };
    match error.failure() {
        Some(failure) if !failure.delivered() && !answered(failure.kind) => Cost::Nothing,
        _ => worst.map_or(Cost::Unknown, Cost::Estimated),
    }
}
