//! What left this machine: one line of JSON for each send, written before the first byte goes out.
//!
//! A send that cannot be recorded does not happen. Bodies are kept only where the settings ask for them; the hash says
//! later whether a given text was sent.

use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

use callwright_parse::error::{Error, ErrorKind, Result};
use callwright_record::lines;

/// Where sends are recorded.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Audit {
    file: PathBuf,
    bodies: Bodies,
}

/// Whether the audit keeps what was sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Bodies {
    /// Only its length and hash.
    #[default]
    LeftOut,
    /// All of it, keys blotted out.
    Kept,
}

/// One send.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Line {
    /// When, in UTC, as `2026-11-21T09:30:00Z`.
    pub time: String,
    /// The provider.
    pub provider: String,
    /// The model; empty where the send was about none.
    pub model: String,
    /// The host.
    pub host: String,
    /// Why the machine was left.
    pub reason: String,
    /// Bytes of the body.
    pub bytes: usize,
    /// SHA-256 of the body.
    pub sha256: String,
    /// The body, where it is kept.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub body: Option<String>,
}

impl Audit {
    /// Appends to this file, which is made where it is not there, readable by its owner alone.
    #[must_use]
    pub fn new(file: impl Into<PathBuf>, bodies: Bodies) -> Self {
        Self { file: file.into(), bodies }
    }

    /// The sends that a file has, oldest first. A missing file has none; an invalid line is skipped.
    pub fn read(file: &Path) -> Result<Vec<Line>> {
        match lines::read(file) {
            Ok(lines) => Ok(lines),
            Err(cause) if cause.kind() == std::io::ErrorKind::NotFound => Ok(Vec::new()),
            Err(cause) => Err(Error::new(ErrorKind::Io, "cannot read the audit").because(cause)),
        }
    }

    pub(super) fn bodies(&self) -> Bodies {
        self.bodies
    }

    pub(super) fn record(&self, line: &Line) -> Result<()> {
        self.append(line).map_err(|cause| {
            let hint = format!("make `{}` writable, or choose another folder", self.file.display());
            Error::new(ErrorKind::Io, "cannot write the audit, so nothing is sent").because(cause).hint(hint)
        })
    }

    fn append(&self, line: &Line) -> std::io::Result<()> {
        callwright_files::folder_of(&self.file)?;
        lines::write(&mut lines::open(&self.file)?, line)
    }
}

impl Line {
    /// The hash of a body as it stands in a line.
    #[must_use]
    pub fn hash(body: &[u8]) -> String {
        format!("{:x}", Sha256::digest(body))
    }
}
