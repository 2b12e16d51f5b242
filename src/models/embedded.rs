//! The model that is part of the binary: a small tool caller, so that the first call needs no download.
//!
//! llama.cpp opens files, not memory, so it is written to the cache once, beside its final name and renamed, and its
//! bytes are compared on every use: a cache is a place where anything can happen to a file.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::OnceLock;

use super::checksum;
use crate::error::{Error, ErrorKind, Result};

/// The model's bytes. This line alone says which file it is.
static BYTES: &[u8] = include_bytes!("../../fixtures/models/tiny.gguf");

/// The SHA-256 of the embedded model.
pub(super) fn sha256() -> &'static str {
    static SUM: OnceLock<String> = OnceLock::new();
    SUM.get_or_init(|| checksum::of_bytes(BYTES))
}

/// The embedded model as a file in this cache, written there if need be.
pub(super) fn unpack(cache: &Path) -> Result<PathBuf> {
    let folder = cache.join("embedded");
    let path = folder.join(format!("{}.gguf", &sha256()[..16]));
    if is_intact(&path) {
        return Ok(path);
    }
    // The process id keeps two that start at once apart; whoever renames last puts the same bytes there.
    let new = path.with_extension(format!("{}.new", std::process::id()));
    fs::create_dir_all(&folder).and_then(|()| fs::write(&new, BYTES)).and_then(|()| fs::rename(&new, &path)).map_err(
        |cause| {
            let _ = fs::remove_file(&new);
            Error::new(ErrorKind::Io, format!("cannot write the embedded model to `{}`", folder.display()))
                .because(cause)
                .hint("make the folder writable, or set CALLWRIGHT_CACHE to another one")
        },
    )?;
    Ok(path)
}

fn is_intact(path: &Path) -> bool {
    fs::metadata(path).is_ok_and(|metadata| metadata.len() == BYTES.len() as u64)
        && fs::read(path).is_ok_and(|bytes| bytes == BYTES)
}
