//! Why a model file cannot be used: one sentence, its cause, and the way out where the file itself shows it.

use std::fmt;
use std::io;
use std::path::Path;

use super::reader::Flaw;

/// Why a header could not be read.
#[derive(Debug)]
pub struct Error {
    kind: ErrorKind,
    message: String,
    hint: Option<String>,
    cause: Option<io::Error>,
}

/// What kind of trouble it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum ErrorKind {
    /// There is no such file.
    Missing,
    /// The file is there and could not be read.
    Unreadable,
    /// The file is not a GGUF file that an engine could run.
    Corrupt,
}

impl Error {
    pub(super) fn new(kind: ErrorKind, message: String) -> Self {
        Self { kind, message, hint: None, cause: None }
    }

    pub(super) fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }

    pub(super) fn because(mut self, cause: io::Error) -> Self {
        self.cause = Some(cause);
        self
    }

    /// The error of a source called `shown`.
    pub(super) fn of_flaw(shown: &Path, flaw: &Flaw) -> Self {
        let kind = if matches!(flaw, Flaw::Unreadable(_)) { ErrorKind::Unreadable } else { ErrorKind::Corrupt };
        Self::new(kind, format!("`{}` {flaw}", shown.display()))
    }

    /// Its kind.
    #[must_use]
    pub fn kind(&self) -> ErrorKind {
        self.kind
    }

    /// What caused it, where the system said so.
    #[must_use]
    pub fn into_cause(self) -> Option<io::Error> {
        self.cause
    }

    /// What to do about it, where the file shows it.
    #[must_use]
    pub fn hint_text(&self) -> Option<&str> {
        self.hint.as_deref()
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl std::error::Error for Error {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        self.cause.as_ref().map(|cause| cause as &(dyn std::error::Error + 'static))
    }
}
