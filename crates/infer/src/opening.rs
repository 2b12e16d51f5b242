//! What opening a model file means for every engine: is it there, how much context at first, what its states depend on.
//!
//! Engines that run in this process differ in how they compute and in nothing that a user sees. It must not know any
//! of them.

use std::fs::{File, Metadata};
use std::io::{self, Read as _, Seek as _, SeekFrom};
use std::path::{Path, PathBuf};

use sha2::{Digest as _, Sha256};

use super::backend::StateKey;
use super::generator::ModelInfo;
use callwright_parse::error::{Error, ErrorKind, Result};

/// The usual context where none was asked for: enough for many tools, and small enough for laptops.
pub const CONTEXT: usize = 4096;
/// Sequences that share the cache: as many jobs are done at once, or kept for others that begin alike.
pub const SEQUENCES: usize = 16;
/// The most tokens that the cache holds for several jobs, where one alone may not have more.
const SHARED: usize = 32_768;
/// Models of fewer bytes read a prompt faster than its state comes from disk.
const SMALL: u64 = 16 << 20;

/// The shortest context: a question of a few words, and a call.
const FEWEST: usize = 64;
/// The longest: positions are signed numbers of 32 bits.
const LONGEST: usize = i32::MAX as usize;

/// The context length that is meant by this number, where one was asked for: 0 is the model's own. Fails where no prompt
/// and answer would fit, or no engine could count so far.
pub fn context_length(asked: Option<usize>) -> Result<Option<usize>> {
    match asked {
        None | Some(0) => Ok(None),
        Some(tokens @ FEWEST..=LONGEST) => Ok(Some(tokens)),
        Some(tokens) => {
            let message = format!("a context of {tokens} tokens: it must hold from {FEWEST} to {LONGEST}");
            let hint =
                "0 is the context that the model was trained with; leave it out to take memory only as it is needed";
            Err(Error::new(ErrorKind::Input, message).hint(hint))
        }
    }
}

/// Fails where the processors of this machine are too few for so many threads: all would wait for one another.
pub fn require_threads(asked: Option<usize>) -> Result<()> {
    let processors = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
    match asked {
        Some(threads) if threads == 0 || threads > processors => {
            let message = format!("{threads} threads to compute with: this machine has 1 to {processors}");
            let hint = "leave the number out, and as many are used as work best";
            Err(Error::new(ErrorKind::Input, message).hint(hint))
        }
        _ => Ok(()),
    }
}

/// Fails if there is no such file.
pub fn require_file(path: &Path) -> Result<()> {
    if path.is_file() {
        return Ok(());
    }
    let message = format!("no model file at `{}`", path.display());
    Err(Error::new(ErrorKind::ModelMissing, message).hint("`callwright list` lists the models on this machine"))
}

/// The most tokens that the cache may come to hold, where one job may have so many.
#[must_use]
pub fn most(context_length: usize) -> usize {
    context_length.max(SHARED.min(4 * context_length))
}

/// The tokens that one job may have, and those that there is room for at first.
pub fn lengths(asked: Option<usize>, trained: usize) -> Result<(usize, usize)> {
    let trained = trained.clamp(FEWEST, LONGEST);
    let asked = context_length(asked)?;
    let most = asked.map_or(trained, |asked| asked.min(trained));
    Ok((most, if asked.is_some() { most } else { most.min(CONTEXT) }))
}

/// What a saved state depends on, where keeping it pays: the engine, how its cache is laid out, the model file.
#[must_use]
pub fn state_key(engine: &str, layout: &str, path: &Path, info: &ModelInfo) -> Option<StateKey> {
    if info.bytes <= SMALL {
        return None;
    }
    let model = path.canonicalize().unwrap_or_else(|_| path.to_owned());
    let file = identity(&model).ok()?;
    Some(StateKey { model, file, engine: engine.to_owned(), layout: layout.to_owned() })
}

/// A name for what was found out about a model file by this engine: another file, or another engine, has another one.
pub fn name_of_findings(engine: &str, files: &[PathBuf]) -> io::Result<String> {
    let mut hash = Sha256::new();
    hash.update(format!("{} {engine}", env!("CARGO_PKG_VERSION")));
    for file in files {
        let path = file.canonicalize()?;
        hash.update(format!(" {} {}", path.display(), identity(&path)?));
    }
    Ok(format!("{:x}", hash.finalize()))
}

/// What tells a file's contents from others, without reading gigabytes: its length, when it was changed, which file of
/// the disk it is, and a hash of its beginning and its end.
fn identity(path: &Path) -> io::Result<String> {
    const EDGE: u64 = 1 << 16;
    let mut file = File::open(path)?;
    let facts = file.metadata()?;
    let mut edges = Vec::new();
    file.by_ref().take(EDGE).read_to_end(&mut edges)?;
    file.seek(SeekFrom::Start(facts.len().saturating_sub(EDGE)))?;
    file.take(EDGE).read_to_end(&mut edges)?;
    let (length, changed, edges) = (facts.len(), facts.modified().ok(), Sha256::digest(&edges));
    Ok(format!("{length} bytes of {changed:?} {:?}, {edges:x}", place(&facts)))
}

/// The number of the file on its disk, where the system has such.
#[cfg_attr(not(unix), expect(unused_variables, reason = "no number is known"))]
#[allow(clippy::unnecessary_wraps, reason = "not every system numbers files")]
fn place(facts: &Metadata) -> Option<(u64, u64)> {
    #[cfg(unix)]
    return Some((std::os::unix::fs::MetadataExt::dev(facts), std::os::unix::fs::MetadataExt::ino(facts)));
    #[cfg(not(unix))]
    None
}

/// A model's name: as the file says, else as the file is called.
pub fn name(said: Option<&str>, path: &Path) -> String {
    let stem = || path.file_stem().map(|stem| stem.to_string_lossy().into_owned()).unwrap_or_default();
    said.filter(|name| !name.is_empty()).map_or_else(stem, str::to_owned)
}
