//! Why a request is not answered, in no dialect.

use axum::http::StatusCode;
use callwright::{Error, ErrorKind};

/// A request that is not answered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Refusal {
    /// Why, as surfaces tell apart.
    pub(crate) why: Why,
    /// One sentence, with the way out where there is one.
    pub(crate) message: String,
}

/// The kinds of refusals.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Why {
    /// The request cannot be read, or asks for what cannot be.
    Invalid,
    /// The key is missing or wrong.
    Unauthorized,
    /// Host or Origin is not one that may ask.
    Forbidden,
    /// No such address.
    NotFound,
    /// No such model.
    NoModel,
    /// A response that is referred to is not kept any more.
    NoResponse,
    /// The address does not answer this method.
    Method,
    /// The body is larger than allowed.
    TooLarge,
    /// The conversation does not fit into the window.
    Overflow {
        /// Its tokens.
        prompt: usize,
        /// All that fit, with the answer.
        window: usize,
    },
    /// Too many requests wait.
    Busy,
    /// The model is still loading, or the server is ending.
    Unavailable,
    /// Our own trouble.
    Internal,
}

impl Refusal {
    /// A refusal of this kind.
    pub(crate) fn new(why: Why, message: impl Into<String>) -> Self {
        Self { why, message: message.into() }
    }

    /// A request that cannot be read.
    pub(crate) fn invalid(message: impl Into<String>) -> Self {
        Self::new(Why::Invalid, message)
    }

    /// What an engine's error is to a client; overflow is told by whoever can count.
    pub(crate) fn of(error: &Error) -> Self {
        let why = match error.kind() {
            ErrorKind::Input | ErrorKind::Schema | ErrorKind::Template | ErrorKind::Grammar => Why::Invalid,
            ErrorKind::ModelMissing => Why::NoModel,
            ErrorKind::Busy => Why::Busy,
            _ => Why::Internal,
        };
        let hint = error.hint_text().map(|hint| format!("; {hint}")).unwrap_or_default();
        Self::new(why, format!("{error}{hint}"))
    }

    /// The HTTP status.
    pub(crate) fn status(&self) -> StatusCode {
        match self.why {
            Why::Invalid | Why::Overflow { .. } | Why::NoResponse => StatusCode::BAD_REQUEST,
            Why::Unauthorized => StatusCode::UNAUTHORIZED,
            Why::Forbidden => StatusCode::FORBIDDEN,
            Why::NotFound | Why::NoModel => StatusCode::NOT_FOUND,
            Why::Method => StatusCode::METHOD_NOT_ALLOWED,
            Why::TooLarge => StatusCode::PAYLOAD_TOO_LARGE,
            Why::Busy => StatusCode::TOO_MANY_REQUESTS,
            Why::Unavailable => StatusCode::SERVICE_UNAVAILABLE,
            Why::Internal => StatusCode::INTERNAL_SERVER_ERROR,
        }
    }
}
