//! From a model's name to an engine: where its file is, how it is prompted, what its calls look like.
//!
//! Loading takes seconds, so it runs on a thread of its own and `build` waits for it. Nothing here reads the
//! environment or opens a socket unless [`Builder::pull`] was asked for.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Instant;

use super::{Engine, Stages};
use crate::check::Level;
use crate::error::{Error, ErrorKind, Result};
use crate::format::{Format, Formats};
use crate::infer::Generator;
use crate::prompt::{Prompter, Style};

/// Whether the decoding grammar holds the model's output to the tools' schemas.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Enforce {
    /// It does, once a call begins or where one must be made.
    #[default]
    On,
    /// The model writes freely; calls are read and checked all the same.
    Off,
}

/// Gathers what an engine needs.
#[derive(Debug, Default)]
#[must_use = "nothing happens before `build`"]
pub struct Builder {
    source: Option<Source>,
    format: Option<String>,
    formats: Option<Formats>,
    level: Level,
    enforce: Enforce,
    #[cfg(feature = "llama")]
    local: super::local::Local,
}

#[derive(Debug)]
enum Source {
    Generator(Box<dyn Generator>),
    #[cfg(feature = "llama")]
    Name(String),
}
