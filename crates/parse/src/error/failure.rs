//! What is known of a provider's failure: the facts that decide whether to try again, ask another, or give up.
//!
//! Whether to try again and whether to ask another are two flags, because an empty account is not worth a second try and
//! yet well worth another provider. The kind sets all facts; whoever knows more (a header, a part of the answer that had
//! been delivered) corrects them.

use std::fmt;
use std::time::Duration;

use serde::{Deserialize, Serialize};

/// The facts of one failure.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Failure {
    /// What went wrong.
    pub kind: FailureKind,
    /// The provider, by its name in the settings.
    pub provider: String,
    /// The model that was asked; empty where the question was about no model.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub model: String,
    /// The HTTP status, where there was an answer.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub status: Option<u16>,
    /// The provider's own code, as `insufficient_quota`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub code: Option<String>,
    /// What the provider calls this request, for its support.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub request_id: Option<String>,
    /// How long the provider asks to wait.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub retry_after: Option<Duration>,
    /// Whether the same request may go well at the same provider, and may be sent again without paying twice.
    pub retryable: bool,
    /// Whether another provider may do what this one could not. Never once a part of the answer has been delivered.
    pub failover_ok: bool,
    /// Whom the request or its answer had reached before it failed.
    #[serde(flatten)]
    pub reached: Reached,
    /// How often the request was sent.
    pub attempts: u32,
}

/// Whom a request or its answer had reached: who comes later had the earlier ones before.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(from = "Flags", into = "Flags")]
pub enum Reached {
    /// No byte of the request was sent.
    Nobody,
    /// A byte of the request may have been sent.
    Provider,
    /// A part of the answer had been delivered.
    Caller,
}

/// The same as it stands in JSON.
#[derive(Serialize, Deserialize)]
struct Flags {
    delivered: bool,
    #[serde(default)]
    left: bool,
}

impl From<Flags> for Reached {
    fn from(flags: Flags) -> Self {
        match flags {
            Flags { delivered: true, .. } => Self::Caller,
            Flags { left: true, .. } => Self::Provider,
            Flags { .. } => Self::Nobody,
        }
    }
}

impl From<Reached> for Flags {
    fn from(reached: Reached) -> Self {
        Self { delivered: reached >= Reached::Caller, left: reached >= Reached::Provider }
    }
}

/// The kinds of failure.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum FailureKind {
    /// The key is missing, wrong or out of date.
    Auth,
    /// The key may not do this.
    Permission,
    /// There is no such model or address.
    NotFound,
    /// The provider does not understand the request.
    InvalidRequest,
    /// The conversation is longer than the model's context.
    ContextOverflow,
    /// Too many requests or tokens in too short a time.
    RateLimit,
    /// The account is used up; waiting does not help.
    Quota,
    /// The provider has too much to do, or is broken for now.
    Overloaded,
    /// It took too long.
    Timeout(Wait),
    /// There was no connection, or it broke before the answer began.
    Network,
    /// The answer ended before the provider said that it was complete.
    Truncated,
    /// The answer is not what the provider's own rules say.
    Malformed,
    /// The provider will not answer this.
    ContentFilter,
    /// What was asked cannot be said to this provider or model.
    Unsupported,
    /// The caller went away.
    Cancelled,
    /// The door is shut: settings, `--offline`, or an address that is refused.
    EgressDenied,
    /// The answer is larger than is read.
    TooLarge,
}

/// What was waited for in vain.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Wait {
    /// A turn: the queue before the provider was too long.
    Queue,
    /// The connection.
    Connect,
    /// The answer's first byte.
    FirstByte,
    /// The next byte.
    Idle,
    /// The next piece of the answer; signs of life do not count.
    Progress,
    /// The end.
    Total,
}

impl Failure {
    /// A failure of this kind, with the facts that the kind implies.
    #[must_use]
    pub fn new(kind: FailureKind, provider: impl Into<String>) -> Self {
        Self {
            kind,
            provider: provider.into(),
            model: String::new(),
            status: None,
            code: None,
            request_id: None,
            retry_after: None,
            retryable: kind.is_retryable(),
            failover_ok: kind.allows_failover(),
            reached: if kind.may_have_left() { Reached::Provider } else { Reached::Nobody },
            attempts: 0,
        }
    }

    /// Whether a byte of the request may have been sent.
    #[must_use]
    pub fn left(&self) -> bool {
        self.reached >= Reached::Provider
    }

    /// Whether a part of the answer had been delivered.
    #[must_use]
    pub fn delivered(&self) -> bool {
        self.reached >= Reached::Caller
    }
}

impl FailureKind {
    /// Whether the same request may be sent again. A request that may have been answered, and so paid for, is not.
    #[must_use]
    pub fn is_retryable(self) -> bool {
        matches!(self, Self::RateLimit | Self::Overloaded | Self::Network | Self::Timeout(Wait::Connect))
    }

    /// Whether another provider may do better. Not where the request itself is at fault, the time is up, or the
    /// conversation must not leave.
    #[must_use]
    pub fn allows_failover(self) -> bool {
        !matches!(
            self,
            Self::InvalidRequest
                | Self::ContentFilter
                | Self::Cancelled
                | Self::EgressDenied
                | Self::Timeout(Wait::Total)
        )
    }

    /// Whether a request that failed so may have been sent. Whoever knows that there was no connection corrects it.
    #[must_use]
    pub fn may_have_left(self) -> bool {
        !matches!(self, Self::EgressDenied | Self::Unsupported | Self::Timeout(Wait::Queue | Wait::Connect))
    }

    /// Whether it speaks against the provider's health. What the caller did wrong does not.
    #[must_use]
    pub fn is_the_provider_s(self) -> bool {
        matches!(
            self,
            Self::Overloaded | Self::Network | Self::Truncated | Self::Malformed | Self::TooLarge | Self::Timeout(_)
        ) && self != Self::Timeout(Wait::Queue)
    }
}

impl fmt::Display for FailureKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Auth => "the key was refused",
            Self::Permission => "the key lacks permission",
            Self::NotFound => "not found",
            Self::InvalidRequest => "the request was refused",
            Self::ContextOverflow => "the conversation is too long",
            Self::RateLimit => "too many requests",
            Self::Quota => "the quota is used up",
            Self::Overloaded => "the provider is overloaded",
            Self::Timeout(Wait::Queue) => "the queue is too long",
            Self::Timeout(Wait::Connect) => "timed out while connecting",
            Self::Timeout(Wait::FirstByte) => "timed out waiting for the answer",
            Self::Timeout(Wait::Idle) => "the answer stalled",
            Self::Timeout(Wait::Progress) => "the answer made no progress",
            Self::Timeout(Wait::Total) => "the turn timed out",
            Self::Network => "the connection failed",
            Self::Truncated => "the answer was cut off",
            Self::Malformed => "invalid answer",
            Self::ContentFilter => "blocked by the content filter",
            Self::Unsupported => "not supported by the provider",
            Self::Cancelled => "cancelled",
            Self::EgressDenied => "sending to providers is not allowed",
            Self::TooLarge => "the answer is too large",
        })
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn whom_it_reached_is_two_flags_in_json() {
        for (reached, delivered, left) in
            [(Reached::Nobody, false, false), (Reached::Provider, false, true), (Reached::Caller, true, true)]
        {
            let failure = Failure { reached, ..Failure::new(FailureKind::Network, "p") };
            let json = serde_json::to_value(&failure).unwrap();
            assert_eq!((&json["delivered"], &json["left"]), (&json!(delivered), &json!(left)));
            assert_eq!(serde_json::from_value::<Failure>(json).unwrap(), failure);
        }
        // An older version said nothing of what was sent.
        let old = json!({"kind": "network", "provider": "p", "retryable": true, "failover_ok": true, "delivered": false, "attempts": 1});
        assert_eq!(serde_json::from_value::<Failure>(old).unwrap().reached, Reached::Nobody);
    }
}
