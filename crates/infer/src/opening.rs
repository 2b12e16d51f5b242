//! What opening a model file means for every engine: is it there, how much context at first, what its states depend on.
//!
//! Engines that run in this process differ in how they compute and in nothing that a user sees. It must not know any
//! of them.

use std::fs::File;
use std::io::{self, Read as _, Seek as _, SeekFrom};
use std::path::Path;

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
#[must_use]
pub fn lengths(asked: Option<usize>, trained: usize) -> (usize, usize) {
    let most = asked.unwrap_or(trained).clamp(1, trained);
    (most, if asked.is_some() { most } else { most.min(CONTEXT) })
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

/// What tells a file's contents from others, without reading gigabytes: its length, when it was changed, and a hash of
/// its beginning and its end.
fn identity(path: &Path) -> io::Result<String> {
    const EDGE: u64 = 1 << 16;
    let mut file = File::open(path)?;
    let facts = file.metadata()?;
    let mut edges = Vec::new();
    file.by_ref().take(EDGE).read_to_end(&mut edges)?;
    file.seek(SeekFrom::Start(facts.len().saturating_sub(EDGE)))?;
    file.take(EDGE).read_to_end(&mut edges)?;
    Ok(format!("{} bytes of {:?}, {:x}", facts.len(), facts.modified().ok(), Sha256::digest(&edges)))
}

/// A model's name: as the file says, else as the file is called.
pub fn name(said: Option<&str>, path: &Path) -> String {
    let stem = || path.file_stem().map(|stem| stem.to_string_lossy().into_owned()).unwrap_or_default();
    said.filter(|name| !name.is_empty()).map_or_else(stem, str::to_owned)
}
