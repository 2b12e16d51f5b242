//! Which engine runs a model: those in this build, and the one to use.
//!
//! Each is a feature of the crate, so that a build may have both, one, or none. It must not know how they are opened.

use std::fmt;
use std::str::FromStr;

use callwright_parse::error::{Error, ErrorKind, Result};

/// An engine that runs models in this process.
///
/// ```
/// use callwright::BackendName;
/// let llama: Result<BackendName, _> = "llama".parse();
/// assert_eq!(llama.is_ok(), BackendName::built_in().contains(&BackendName::Llama));
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum BackendName {
    /// llama.cpp: the feature `llama`.
    Llama,
    /// candle: the feature `candle`.
    Candle,
}

impl BackendName {
    /// The engines in this build; the first is the default.
    #[must_use]
    pub fn built_in() -> &'static [Self] {
        &[
            #[cfg(feature = "llama")]
            Self::Llama,
            #[cfg(feature = "candle")]
            Self::Candle,
        ]
    }

    /// Its name, as features and `--backend` have it.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Llama => "llama",
            Self::Candle => "candle",
        }
    }

    /// The engine and its version, where it may end the process over a model file.
    pub(super) fn that_may_end(self) -> Option<&'static str> {
        match self {
            #[cfg(feature = "llama")]
            Self::Llama => Some(callwright_llama::VERSION),
            _ => None,
        }
    }

    /// The error for an engine that this build does not include.
    pub(super) fn missing(self) -> Error {
        missing(self.name())
    }

    /// The one that is asked for, else the first that is built in.
    pub(super) fn choose(asked: Option<Self>) -> Result<Self> {
        let built_in = Self::built_in();
        match asked {
            Some(asked) if !built_in.contains(&asked) => Err(asked.missing()),
            Some(asked) => Ok(asked),
            None => built_in.first().copied().ok_or_else(|| {
                Error::new(ErrorKind::Backend, "this build of callwright cannot run models")
                    .hint("build it with the feature `llama`, or `candle`")
            }),
        }
    }
}

fn missing(name: &str) -> Error {
    let there: Vec<_> = BackendName::built_in().iter().map(|backend| backend.name()).collect();
    let there = if there.is_empty() { "none".to_owned() } else { there.join(", ") };
    Error::new(ErrorKind::Backend, format!("this build of callwright does not include the engine `{name}`"))
        .hint(format!("engines in this build: {there}; others are features of the crate"))
}

impl fmt::Display for BackendName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl FromStr for BackendName {
    type Err = Error;

    /// Reads the name of an engine that is built in.
    fn from_str(name: &str) -> Result<Self> {
        let found = Self::built_in().iter().find(|backend| backend.name() == name);
        found.copied().ok_or_else(|| missing(name))
    }
}
