//! Our trouble: a file, the network, a bad setting. A model's mistake is never an [`Error`] but a
//! [`Fault`](crate::chat::Fault).
//!
//! An error says in one sentence what went wrong, keeps its cause, names the model or provider where there is one,
//! and carries a hint: the next step for the one who reads it. Where a provider failed, [`Failure`] has the facts that
//! decide whether to try again or to ask another.

mod failure;

use std::error::Error as StdError;
use std::fmt;

pub use failure::{Failure, FailureKind, Reached, Wait};

/// What went wrong, why, and the way out.
#[derive(Debug)]
pub struct Error {
    repr: Box<Repr>,
}

#[derive(Debug)]
struct Repr {
    kind: ErrorKind,
    message: String,
    subject: Option<String>,
    hint: Option<String>,
    failure: Option<Failure>,
    source: Option<Box<dyn StdError + Send + Sync>>,
}

/// The crate's result.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// The kinds of trouble, for callers that act on them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum ErrorKind {
    /// What was asked cannot be: a bad argument, a tool list that is none.
    Input,
    /// A tool's schema is no schema, or says what cannot be checked.
    Schema,
    /// A format file is wrong.
    Format,
    /// A chat template cannot be compiled or rendered.
    Template,
    /// A decoding grammar cannot be compiled.
    Grammar,
    /// The model is unknown or not there.
    ModelMissing,
    /// The model's file is not what it should be.
    ModelCorrupt,
    /// The prompt does not fit the model's context.
    ContextFull,
    /// The inference engine failed.
    Backend,
    /// There is not enough memory.
    Memory,
    /// The network or a server failed.
    Network,
    /// The network was needed and is switched off.
    Offline,
    /// A file could not be read or written.
    Io,
    /// A setting is wrong.
    Config,
    /// The queue is full.
    Busy,
    /// The caller went away or the deadline passed.
    Cancelled,
    /// A provider failed; [`Error::failure`] has the facts.
    Provider,
}

impl ErrorKind {
    /// Whether the same thing may go well when it is tried again.
    #[must_use]
    pub fn is_retryable(self) -> bool {
        matches!(self, Self::Network | Self::Busy)
    }
}

impl Error {
    /// An error of this kind. The message is one sentence, lower-case, without a full stop.
    ///
    /// ```
    /// use callwright_parse::{Error, ErrorKind};
    /// let error = Error::new(ErrorKind::ModelMissing, "no model is called `lama`").hint("did you mean `llama3.2:1b`?");
    /// assert_eq!(error.to_string(), "no model is called `lama`");
    /// assert_eq!(error.hint_text(), Some("did you mean `llama3.2:1b`?"));
    /// ```
    #[must_use]
    pub fn new(kind: ErrorKind, message: impl Into<String>) -> Self {
        let repr = Repr { kind, message: message.into(), subject: None, hint: None, failure: None, source: None };
        Self { repr: Box::new(repr) }
    }

    /// A provider's failure. The message is one sentence; the facts say what may be done about it.
    ///
    /// ```
    /// use callwright_parse::error::{Error, Failure, FailureKind};
    /// let error = Error::provider(Failure::new(FailureKind::Quota, "openai"), "the account has no credit left");
    /// let failure = error.failure().expect("a provider failed");
    /// assert!(!failure.retryable && failure.failover_ok);
    /// ```
    #[must_use]
    pub fn provider(failure: Failure, message: impl Into<String>) -> Self {
        let mut error = Self::new(ErrorKind::Provider, message).about(failure.provider.as_str());
        error.repr.failure = Some(failure);
        error
    }

    /// The same error with what caused it.
    #[must_use]
    pub fn because(mut self, source: impl Into<Box<dyn StdError + Send + Sync>>) -> Self {
        self.repr.source = Some(source.into());
        self
    }

    /// The same error with the next step for the reader.
    #[must_use]
    pub fn hint(mut self, hint: impl Into<String>) -> Self {
        self.repr.hint = Some(hint.into());
        self
    }

    /// The same error about this model or provider.
    #[must_use]
    pub fn about(mut self, subject: impl Into<String>) -> Self {
        self.repr.subject = Some(subject.into());
        self
    }

    /// Its kind.
    #[must_use]
    pub fn kind(&self) -> ErrorKind {
        self.repr.kind
    }

    /// Whether the very same thing may go well when it is tried again.
    #[must_use]
    pub fn is_retryable(&self) -> bool {
        self.failure().map_or_else(|| self.kind().is_retryable(), |failure| failure.retryable)
    }

    /// The facts of a provider's failure.
    #[must_use]
    pub fn failure(&self) -> Option<&Failure> {
        self.repr.failure.as_ref()
    }

    /// The same error with other facts, for whoever knows more of them.
    #[must_use]
    pub fn with_failure(mut self, change: impl FnOnce(&mut Failure)) -> Self {
        if let Some(failure) = &mut self.repr.failure {
            change(failure);
        }
        self
    }

    /// The next step, where there is one.
    #[must_use]
    pub fn hint_text(&self) -> Option<&str> {
        self.repr.hint.as_deref()
    }

    /// The model or provider that it is about.
    #[must_use]
    pub fn subject(&self) -> Option<&str> {
        self.repr.subject.as_deref()
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.repr.message)
    }
}

impl StdError for Error {
    fn source(&self) -> Option<&(dyn StdError + 'static)> {
        self.repr.source.as_deref().map(|source| source as &(dyn StdError + 'static))
    }
}
