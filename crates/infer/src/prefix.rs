//! The prefix cache: the state after the beginning of a prompt, kept on disk.
//!
//! System text and tools are the same from run to run, and reading them takes most of a short answer's time. The
//! cache's state after them is kept in a file named by all that it depends on: the engine's build, the model file and
//! the tokens. Files are written aside and renamed, so that several processes may share a folder; one that cannot be
//! read is a miss, and one that cannot be written is not kept. It must not know what tokens mean.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use sha2::{Digest, Sha256};

use super::backend::{Backend, SeqId, Token};

/// Prefixes that are read faster than a file is opened are not worth one.
const WORTH_KEEPING: usize = 64;
/// What the names of our files end with.
const ENDING: &str = "prefix";

/// The prefix cache on disk.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Prefixes {
    /// The folder, made when it is needed.
    pub folder: PathBuf,
    /// The most bytes that its files may take together; the least recently used go first.
    pub limit: u64,
}

impl Prefixes {
    /// Prefixes in this folder, at most two gigabytes of them.
    #[must_use]
    pub fn new(folder: impl Into<PathBuf>) -> Self {
        Self { folder: folder.into(), limit: 2 << 30 }
    }

    /// Restores a prefix into an empty sequence. Returns the number of tokens restored.
    pub(super) fn restore(&self, backend: &mut dyn Backend, sequence: SeqId, tokens: &[Token]) -> usize {
        let Some(file) = self.file(backend, tokens).filter(|file| file.is_file()) else { return 0 };
        if backend.restore(sequence, &file).is_ok_and(|restored| restored == tokens.len()) {
            // The time of the last use decides which files go; that it cannot be noted loses nothing.
            drop(fs::File::open(&file).and_then(|opened| opened.set_modified(SystemTime::now())));
            return tokens.len();
        }
        // A file that was cut off, or one of another build under the same name: it would only be tried again.
        drop(fs::remove_file(&file));
        // What it may have left in the cache must not stay there.
        drop(backend.truncate(sequence, 0));
        0
    }

    /// Whether this prefix is kept.
    pub(super) fn has(&self, backend: &dyn Backend, tokens: &[Token]) -> bool {
        self.file(backend, tokens).is_some_and(|file| file.is_file())
    }

    /// Whether this prefix should be kept and is not yet.
    pub(super) fn wants(&self, backend: &dyn Backend, tokens: &[Token]) -> bool {
        self.file(backend, tokens).is_some_and(|file| !file.exists())
    }

    /// Saves what a sequence holds, which is exactly these tokens.
    pub(super) fn keep(&self, backend: &mut dyn Backend, sequence: SeqId, tokens: &[Token]) {
        let Some(file) = self.file(backend, tokens) else { return };
        let aside = file.with_extension(format!("{}.part", std::process::id()));
        let written = fs::create_dir_all(&self.folder).is_ok()
            && backend.save(sequence, tokens, &aside).is_ok()
            && fs::rename(&aside, &file).is_ok();
        if !written {
            // A full disk, a folder without write access: the answer is the same without it.
            drop(fs::remove_file(&aside));
        }
        self.make_room();
    }

    fn file(&self, backend: &dyn Backend, tokens: &[Token]) -> Option<PathBuf> {
        if tokens.len() < WORTH_KEEPING {
            return None;
        }
        let mut hash = Sha256::new();
        hash.update(env!("CARGO_PKG_VERSION"));
        hash.update(backend.state_key()?);
        for token in tokens {
            hash.update(token.to_le_bytes());
        }
        let name = hash.finalize().iter().take(16).fold(0u128, |name, byte| name << 8 | u128::from(*byte));
        Some(self.folder.join(format!("{name:032x}.{ENDING}")))
    }

    /// Removes what was not used for the longest time until all fits.
    fn make_room(&self) {
        let Ok(entries) = fs::read_dir(&self.folder) else { return };
        let mut files: Vec<(SystemTime, u64, PathBuf)> =
            entries.flatten().filter_map(|entry| ours(&entry.path())).collect();
        files.sort_unstable();
        let mut total: u64 = files.iter().map(|(_, bytes, _)| bytes).sum();
        for (_, bytes, file) in files {
            if total <= self.limit {
                return;
            }
            total -= bytes;
            // Another process may have removed it first.
            drop(fs::remove_file(file));
        }
    }
}

fn ours(path: &Path) -> Option<(SystemTime, u64, PathBuf)> {
    let facts = path.metadata().ok().filter(fs::Metadata::is_file)?;
    let is_ours = path.extension().is_some_and(|extension| extension == ENDING || extension == "part");
    is_ours.then_some((facts.modified().ok()?, facts.len(), path.to_owned()))
}
