//! What left this machine: one line of JSON for each send, written before the first byte goes out, and another one when
//! it is known what became of it.
//!
//! A send that cannot be recorded does not happen. One without a second line may have happened: the program ended, or
//! did not wait for the answer. Bodies are kept only where the settings ask for them; the hash says later whether a given
//! text was sent.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

use callwright_parse::error::{Error, ErrorKind, Result};
use callwright_record::lines::{self, Found, Lines};

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

/// What became of a send.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Became {
    /// Not known: it may have been sent.
    #[default]
    Unknown,
    /// It was sent.
    Sent,
    /// Its address is out of reach by our rules: no connection was made.
    Refused,
    /// There was no connection: no byte of it was sent.
    Failed,
}

impl Became {
    /// The word for it.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Unknown => "unknown",
            Self::Sent => "sent",
            Self::Refused => "refused",
            Self::Failed => "failed",
        }
    }
}

/// One send.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Line {
    /// Names the send in its file; empty in files of older versions.
    #[serde(default)]
    pub id: String,
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
    /// What became of it.
    #[serde(default)]
    pub became: Became,
}

/// A line of the file.
#[derive(Debug, Deserialize)]
#[serde(untagged)]
enum Entry {
    Send(Box<Line>),
    End(End),
}

/// What became of a send, in a line of its own.
#[derive(Debug, Serialize, Deserialize)]
struct End {
    of: String,
    became: Became,
}

impl Audit {
    /// Appends to this file, which is made where it is not there, readable by its owner alone.
    #[must_use]
    pub fn new(file: impl Into<PathBuf>, bodies: Bodies) -> Self {
        Self { file: file.into(), bodies }
    }

    /// The sends that a file has, oldest first, and how many lines could not be read. A missing file has none.
    pub fn read(file: &Path) -> Result<Found<Line>> {
        let read: Found<Entry> = match lines::read(file) {
            Ok(found) => found,
            Err(cause) if cause.kind() == std::io::ErrorKind::NotFound => Found { lines: Vec::new(), skipped: 0 },
            Err(cause) => return Err(Error::new(ErrorKind::Io, "cannot read the audit").because(cause)),
        };
        let mut found = Found { lines: Vec::new(), skipped: read.skipped };
        let mut places = BTreeMap::new();
        for entry in read.lines {
            match entry {
                Entry::Send(line) => {
                    places.insert(line.id.clone(), found.lines.len());
                    found.lines.push(*line);
                }
                Entry::End(End { of, became }) => {
                    if let Some(line) = places.get(&of).and_then(|at: &usize| found.lines.get_mut(*at)) {
                        line.became = became;
                    }
                }
            }
        }
        Ok(found)
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

    /// Records what became of a send. Where that cannot be written it stays unknown: it may have been sent.
    pub(super) fn ended(&self, line: &Line, became: Became) {
        let _ = self.append(&End { of: line.id.clone(), became });
    }

    fn append(&self, line: &impl Serialize) -> std::io::Result<()> {
        callwright_files::folder_of(&self.file)?;
        Lines::open(&self.file)?.add(line)
    }
}

impl Line {
    /// The hash of a body as it stands in a line.
    #[must_use]
    pub fn hash(body: &[u8]) -> String {
        format!("{:x}", Sha256::digest(body))
    }
}
