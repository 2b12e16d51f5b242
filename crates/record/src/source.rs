//! Files and folders to recordings, whatever kind they are.
//!
//! What a line is, its keys say, not its file's name: people rename files. Lines of one kind that belong together (a
//! benchmark's questions, answers and results) are joined once all files have been read. A line that is none of the
//! kinds is kept with its place and its reason; the caller decides whether that is the end.

use std::fmt;
use std::io::Read as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::{Recording, bfcl, folder, lines, openai};
use callwright_parse::error::{Error, ErrorKind, Result};

/// All that was read.
#[derive(Debug, Default)]
pub struct Records {
    /// The recordings, in the order of the files.
    pub rows: Vec<Sourced>,
    /// The invalid lines.
    pub bad: Vec<BadLine>,
    /// Files of a folder that are no recordings, by their names.
    pub unread: Vec<PathBuf>,
    parts: bfcl::Parts,
}

/// A recording and where it stands.
#[derive(Debug, Clone)]
pub struct Sourced {
    /// The recording.
    pub recording: Recording,
    /// Where it stands.
    pub place: Place,
}

/// A line of a file, counted from 1.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Place {
    /// The file.
    pub file: Arc<str>,
    /// The line, or the entry of a JSON list.
    pub line: usize,
}

/// A line that could not be used.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct BadLine {
    /// Where it stands.
    #[serde(flatten)]
    pub place: Place,
    /// What is wrong with it, in one sentence.
    pub reason: String,
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.file, self.line)
    }
}

impl fmt::Display for BadLine {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.place, self.reason)
    }
}

impl Records {
    /// Reads these files and folders; `-` is stdin. Files may be compressed with gzip.
    pub fn read(paths: &[PathBuf]) -> Result<Self> {
        let mut records = Self::default();
        for path in paths {
            if path.is_dir() {
                folder::read(path, &mut records)?;
            } else {
                records.file(path)?;
            }
        }
        std::mem::take(&mut records.parts).join(&mut records);
        Ok(records)
    }

    pub(super) fn file(&mut self, path: &Path) -> Result<()> {
        let bytes = contents(path)?;
        let file: Arc<str> = path.display().to_string().into();
        let start = bytes.iter().position(|byte| !byte.is_ascii_whitespace());
        // A JSON list, or one object over several lines, is not a JSON Lines file.
        let first = bytes.split(|byte| *byte == b'\n').find(|line| !line.trim_ascii().is_empty()).unwrap_or_default();
        let whole = match start.map(|start| bytes[start]) {
            Some(b'[') => true,
            Some(b'{') => serde_json::from_slice::<serde::de::IgnoredAny>(first).is_err(),
            _ => false,
        };
        if let (true, Ok(value)) = (whole, serde_json::from_slice::<Value>(&bytes)) {
            let entries = if let Value::Array(entries) = value { entries } else { vec![value] };
            for (index, entry) in entries.into_iter().enumerate() {
                self.entry(entry, Place { file: Arc::clone(&file), line: index + 1 });
            }
            return Ok(());
        }
        for (line, text) in lines::numbered(&bytes) {
            let place = Place { file: Arc::clone(&file), line };
            match serde_json::from_slice(text) {
                Ok(value) => self.entry(value, place),
                Err(cause) => {
                    self.bad(place.clone(), format!("not JSON: {cause}"));
                    // A recording right behind half of another one.
                    if let Ok((recording, _)) = lines::value(text) {
                        self.rows.push(Sourced { recording, place });
                    }
                }
            }
        }
        Ok(())
    }

    /// Takes in one JSON value, as what its keys say that it is.
    fn entry(&mut self, entry: Value, place: Place) {
        let Value::Object(entry) = entry else { return self.bad(place, "not a JSON object".to_owned()) };
        let has = |key: &str| entry.contains_key(key);
        let read = if has("output") {
            own(entry).map(|recording| self.rows.push(Sourced { recording, place: place.clone() }))
        } else if bfcl::is_part(&entry) {
            self.parts.add(entry, &place)
        } else if openai::is_log(&entry) {
            openai::read(&entry, &place).map(|found| {
                self.rows.extend(found.into_iter().map(|recording| Sourced { recording, place: place.clone() }));
            })
        } else {
            let keys: Vec<_> = entry.keys().take(6).map(String::as_str).collect();
            Err(format!("not a recording: its keys are {}", keys.join(", ")))
        };
        if let Err(reason) = read {
            self.bad(place, reason);
        }
    }

    pub(super) fn bad(&mut self, place: Place, reason: String) {
        self.bad.push(BadLine { place, reason });
    }
}

/// A recording of our own.
fn own(entry: Map<String, Value>) -> std::result::Result<Recording, String> {
    Recording::deserialize(Value::Object(entry)).map_err(|cause| format!("no recording: {cause}"))
}

/// The bytes of a file, unpacked where it is compressed: the first bytes say so, not the name.
fn contents(path: &Path) -> Result<Vec<u8>> {
    let failed = |what: &str, cause: std::io::Error| {
        Error::new(ErrorKind::Io, format!("cannot {what} {}", path.display())).because(cause)
    };
    let mut bytes = Vec::new();
    if path.as_os_str() == "-" {
        std::io::stdin().lock().read_to_end(&mut bytes).map_err(|cause| failed("read", cause))?;
    } else {
        bytes = std::fs::read(path).map_err(|cause| failed("read", cause))?;
    }
    if bytes.starts_with(&[0x1f, 0x8b]) {
        let mut plain = Vec::new();
        flate2::read::MultiGzDecoder::new(bytes.as_slice())
            .read_to_end(&mut plain)
            .map_err(|cause| failed("unpack", cause))?;
        return Ok(plain);
    }
    Ok(bytes)
}
