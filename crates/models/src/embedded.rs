//! The model that is part of the binary: a small tool caller, so that the first call needs no download.
//!
//! llama.cpp opens files, not memory, so it is written to the cache once, beside its final name and renamed, and its
//! bytes are compared on every use: a cache is a place where anything can happen to a file. Where the cache cannot be
//! written it becomes a file in memory, or one among the temporary files on systems without those.

use std::collections::BTreeMap;
use std::fs;
#[cfg(target_os = "linux")]
use std::fs::File;
use std::io::{self, Cursor, Write as _};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};

use tempfile::TempPath;

use super::{EMBEDDED, ModelRow, PromptStyle, checksum};
use callwright_gguf::Header;
use callwright_parse::error::{Error, ErrorKind, Result};

/// The model's bytes. This line alone says which file it is.
static BYTES: &[u8] = include_bytes!("../tiny.gguf");

/// The SHA-256 of the embedded model.
pub(super) fn sha256() -> &'static str {
    static SUM: OnceLock<String> = OnceLock::new();
    SUM.get_or_init(|| checksum::of_bytes(BYTES))
}

/// Its row, as if it were a model of the hub.
pub(super) fn row() -> &'static Arc<ModelRow> {
    static ROW: OnceLock<Arc<ModelRow>> = OnceLock::new();
    ROW.get_or_init(|| {
        let header = Header::from_reader(Cursor::new(BYTES), BYTES.len() as u64).ok();
        let header = header.as_ref();
        Arc::new(ModelRow {
            name: EMBEDDED.to_owned(),
            repo: String::new(),
            files: BTreeMap::new(),
            default: header.map_or_else(String::new, |header| header.quant.clone()),
            context_length: header.and_then(|header| header.context_length).unwrap_or(0),
            parameters: header.map(|header| header.parameters),
            format: "hermes".to_owned(),
            prompt: PromptStyle::Native,
            licence: env!("CARGO_PKG_LICENSE").to_owned(),
            wheel: None,
        })
    })
}

/// The embedded model as a file in this cache, written there if need be.
pub(super) fn unpack(cache: &Path) -> Result<PathBuf> {
    let folder = cache.join("embedded");
    let path = folder.join(format!("{}.gguf", &sha256()[..16]));
    if is_intact(&path) {
        return Ok(path);
    }
    let write = || callwright_files::publish(&path, |out| out.write_all(BYTES));
    fs::create_dir_all(&folder).and_then(|()| write()).map_err(|cause| {
        Error::new(ErrorKind::Io, format!("cannot write the embedded model to `{}`", folder.display()))
            .because(cause)
            .hint("make the folder writable, or set CALLWRIGHT_CACHE to another folder")
    })?;
    Ok(path)
}

/// The embedded model as a file that no cache holds, the same for the whole process.
pub(super) fn in_memory() -> io::Result<PathBuf> {
    static FILE: Mutex<Option<(PathBuf, Held)>> = Mutex::new(None);
    let mut held = FILE.lock().unwrap_or_else(PoisonError::into_inner);
    if let Some((path, _)) = &*held {
        return Ok(path.clone());
    }
    let made = memory_file().or_else(|_| temporary_file())?;
    Ok(held.insert(made).0.clone())
}

/// What keeps a file there as long as it lives.
enum Held {
    #[cfg(target_os = "linux")]
    Memory(#[expect(dead_code, reason = "it is there as long as it is open")] File),
    Temporary(#[expect(dead_code, reason = "it is there until it is dropped")] TempPath),
}

#[cfg(target_os = "linux")]
fn memory_file() -> io::Result<(PathBuf, Held)> {
    use std::os::fd::AsRawFd as _;
    let mut file = File::from(rustix::fs::memfd_create("callwright-embedded", rustix::fs::MemfdFlags::CLOEXEC)?);
    file.write_all(BYTES)?;
    let path = PathBuf::from(format!("/proc/self/fd/{}", file.as_raw_fd()));
    // Without the system's folder of processes it is open, and has no name.
    if is_intact(&path) { Ok((path, Held::Memory(file))) } else { Err(io::ErrorKind::NotFound.into()) }
}

#[cfg(not(target_os = "linux"))]
fn memory_file() -> io::Result<(PathBuf, Held)> {
    Err(io::ErrorKind::Unsupported.into())
}

/// Where the system keeps what is needed for a while. It stays there when the process ends.
fn temporary_file() -> io::Result<(PathBuf, Held)> {
    let mut file = tempfile::Builder::new().prefix("callwright-").suffix(".gguf").tempfile()?;
    file.write_all(BYTES)?;
    let path = file.into_temp_path();
    Ok((path.to_path_buf(), Held::Temporary(path)))
}

fn is_intact(path: &Path) -> bool {
    fs::metadata(path).is_ok_and(|metadata| metadata.len() == BYTES.len() as u64)
        && fs::read(path).is_ok_and(|bytes| bytes == BYTES)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_model_needs_no_cache() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("no folder");
        fs::write(&file, "").unwrap();
        assert!(unpack(&file).is_err());
        let path = in_memory().unwrap();
        assert!(is_intact(&path) && Header::read(&path).is_ok());
        assert_eq!(in_memory().unwrap(), path, "once in a process");
        #[cfg(target_os = "linux")]
        assert!(path.starts_with("/proc/self/fd"), "{}", path.display());
        let (path, _held) = temporary_file().unwrap();
        assert!(is_intact(&path));
    }
}
