//! The projects that the user trusts: a file of the data folder, which nobody else may read.
//!
//! What is trusted is a project's `callwright.toml` at its place and as it was when it was looked at: a changed file is
//! asked about again, as direnv does it. It must not know what the file sets.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use sha2::{Digest as _, Sha256};

use super::layers;
use crate::out;
use callwright_parse::error::{Error, ErrorKind, Result};

/// The trusted files, by their places, each with the SHA-256 of what it said.
#[derive(Debug, Clone)]
pub struct Trust {
    file: PathBuf,
    kept: BTreeMap<String, String>,
}

impl Trust {
    /// What was kept in this data folder.
    pub fn read(data: &Path) -> Result<Self> {
        let file = data.join("trusted.json");
        let kept = match std::fs::read(&file) {
            Ok(bytes) => serde_json::from_slice(&bytes).map_err(|cause| {
                Error::new(ErrorKind::Config, format!("{} is not a list of trusted files", file.display()))
                    .because(cause)
                    .hint("remove it, and trust again what you trust")
            })?,
            Err(cause) if layers::is_missing(&cause) => BTreeMap::new(),
            Err(cause) => {
                return Err(Error::new(ErrorKind::Io, format!("cannot read {}", file.display())).because(cause));
            }
        };
        Ok(Self { file, kept })
    }

    /// Whether this file is trusted with this content.
    #[must_use]
    pub fn holds(&self, path: &Path, content: &[u8]) -> bool {
        let place = place(path).ok();
        place.and_then(|place| self.kept.get(&place)).is_some_and(|hash| *hash == hash_of(content))
    }

    /// Trusts this file with this content.
    pub fn add(&mut self, path: &Path, content: &[u8]) -> Result<()> {
        self.kept.insert(place(path)?, hash_of(content));
        self.write()
    }

    /// Takes the trust in a file back; false where there was none.
    pub fn remove(&mut self, path: &Path) -> Result<bool> {
        let was_there = self.kept.remove(&place(path)?).is_some();
        if was_there {
            self.write()?;
        }
        Ok(was_there)
    }

    /// The trusted files, and whether each still says what was trusted.
    pub fn iter(&self) -> impl Iterator<Item = (&Path, bool)> {
        self.kept.iter().map(|(path, hash)| {
            let same = std::fs::read(path).is_ok_and(|content| hash_of(&content) == *hash);
            (Path::new(path), same)
        })
    }

    fn write(&self) -> Result<()> {
        if let Some(folder) = self.file.parent() {
            out::own_folder(folder)?;
        }
        out::keep(&self.file, |file| Ok(serde_json::to_writer_pretty(file, &self.kept)?))
    }
}

/// Where a file really lies; one that is gone is looked for where it was.
fn place(path: &Path) -> Result<String> {
    let path = path.canonicalize().unwrap_or_else(|_| path.to_owned());
    path.into_os_string().into_string().map_err(|path| {
        let shown = path.display().to_string();
        Error::new(ErrorKind::Config, format!("cannot trust `{shown}`: its path is not valid UTF-8"))
    })
}

fn hash_of(content: &[u8]) -> String {
    format!("{:x}", Sha256::digest(content))
}
