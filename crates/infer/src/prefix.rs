//! The prefix cache: the state after the beginning of a prompt, kept on disk.
//!
//! System text and tools are the same from run to run, and reading them takes most of a short answer's time. The
//! cache's state after them is kept in a file named by all that it depends on: the engine's build, the model file and
//! the tokens. Files are for their owner's eyes alone, whole or not there, so that several processes may share a folder;
//! one that is not what its name says is removed and is a miss, and one that cannot be written is not kept. It must not
//! know what tokens mean.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use sha2::{Digest, Sha256};

use super::backend::{Backend, SeqId, StateKey, Token};
use super::state;

/// Prefixes that are read faster than a file is opened are not worth one.
const WORTH_KEEPING: usize = 64;
/// What the names of our files end with.
const ENDING: &str = ".prefix";

/// The prefix cache on disk.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Prefixes {
    /// The folder, made when it is needed.
    pub folder: PathBuf,
    /// The most bytes that its files may take together; the least recently used go first.
    pub limit: u64,
}

/// What a removal of states has freed, or would free.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Freed {
    /// Files.
    pub files: usize,
    /// Bytes that they had.
    pub bytes: u64,
}

impl Prefixes {
    /// Prefixes in this folder, at most two gigabytes of them.
    #[must_use]
    pub fn new(folder: impl Into<PathBuf>) -> Self {
        Self { folder: folder.into(), limit: 2 << 30 }
    }

    /// Removes the states of which this is said, given the model file of each, where it is known; with `really` unset they
    /// stay and are only counted.
    pub fn remove(&self, really: bool, goes: impl Fn(Option<&Path>) -> bool) -> Freed {
        let mut freed = Freed::default();
        for (_, bytes, file) in self.files() {
            if goes(state::model(&file).as_deref()) && (!really || fs::remove_file(file).is_ok()) {
                freed.files += 1;
                freed.bytes += bytes;
            }
        }
        freed
    }

    /// Restores a prefix into an empty sequence. Returns whether it did, or what is wrong with the file that was there.
    pub(super) fn restore(&self, backend: &mut dyn Backend, sequence: SeqId, tokens: &[Token]) -> Result<bool, String> {
        let Some((key, file)) = self.file(backend, tokens).filter(|(_, file)| file.is_file()) else { return Ok(false) };
        let read = state::read(&file, &key, tokens, self.limit).and_then(|state| {
            let fits = backend.restore(sequence, &state, tokens.len()).map_err(|error| error.to_string())?;
            if fits { Ok(()) } else { Err("the engine does not take it".to_owned()) }
        });
        match read {
            Ok(()) => {
                // The time of the last use decides which files go; that it cannot be noted loses nothing.
                drop(fs::File::open(&file).and_then(|opened| opened.set_modified(SystemTime::now())));
                Ok(true)
            }
            Err(flaw) => {
                // What it may have left in the cache must not stay there.
                drop(backend.truncate(sequence, 0));
                Err(removed(&file, &flaw))
            }
        }
    }

    /// Removes the state of a prefix that was read and turned out to be of no use. Says what was done.
    pub(super) fn forget(&self, backend: &dyn Backend, tokens: &[Token], flaw: &str) -> Option<String> {
        self.file(backend, tokens).map(|(_, file)| removed(&file, flaw))
    }

    /// Whether this prefix is kept.
    pub(super) fn has(&self, backend: &dyn Backend, tokens: &[Token]) -> bool {
        self.file(backend, tokens).is_some_and(|(_, file)| file.is_file())
    }

    /// Whether this prefix should be kept and is not yet.
    pub(super) fn wants(&self, backend: &dyn Backend, tokens: &[Token]) -> bool {
        self.file(backend, tokens).is_some_and(|(_, file)| !file.exists())
    }

    /// Saves what a sequence holds, which is exactly these tokens.
    pub(super) fn keep(&self, backend: &mut dyn Backend, sequence: SeqId, tokens: &[Token]) {
        let Some((key, file)) = self.file(backend, tokens) else { return };
        let fits = |state: &Vec<u8>| state.len() as u64 <= self.limit;
        let Some(state) = backend.save(sequence, tokens.len()).ok().filter(fits) else { return };
        // A full disk, a folder without write access: the answer is the same without it.
        let written = callwright_files::own_folder(&self.folder)
            .and_then(|()| callwright_files::replace(&file, |out| state::write(out, &key, tokens, &state)));
        drop(written);
        self.make_room();
    }

    fn file(&self, backend: &dyn Backend, tokens: &[Token]) -> Option<(StateKey, PathBuf)> {
        if tokens.len() < WORTH_KEEPING {
            return None;
        }
        let key = backend.state_key()?;
        let mut hash = Sha256::new();
        hash.update(state::digest(&key));
        for token in tokens {
            hash.update(token.to_le_bytes());
        }
        let name = hash.finalize().iter().take(16).fold(0u128, |name, byte| name << 8 | u128::from(*byte));
        Some((key, self.folder.join(format!("{name:032x}{ENDING}"))))
    }

    /// Removes what was not used for the longest time until all fits.
    fn make_room(&self) {
        let mut files = self.files();
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

    /// Our files, and those that are being written: when each was used last, and its bytes.
    fn files(&self) -> Vec<(SystemTime, u64, PathBuf)> {
        let endings = [ENDING, callwright_files::PART];
        let all = endings.iter().flat_map(|ending| callwright_files::ending_in(&self.folder, ending));
        let facts = |file: PathBuf| {
            let facts = file.metadata().ok()?;
            Some((facts.modified().ok()?, facts.len(), file))
        };
        all.filter_map(facts).collect()
    }
}

/// Removes a state that is of no use, and says so.
fn removed(file: &Path, flaw: &str) -> String {
    // It would only be tried again. Where it cannot be removed, it is a miss again.
    drop(fs::remove_file(file));
    format!("a saved prompt state was removed, {flaw} ({})", file.display())
}
