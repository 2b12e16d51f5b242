//! One process at a time for one file: a lock that the system drops when its holder dies.
//!
//! The lock file stays behind on purpose: deleting it would let two processes hold two locks of one name.

use std::fs::{self, File, OpenOptions, TryLockError};
use std::path::Path;

use callwright_parse::error::{Error, ErrorKind, Result};

/// How long one wait is, in milliseconds.
#[cfg(feature = "hub")]
const PAUSE: u64 = 100;

/// Held as long as this lives.
#[derive(Debug)]
pub(super) struct Lock {
    _file: File,
}

impl Lock {
    /// Waits for the lock; `waiting` is called once if there is something to wait for.
    #[cfg(feature = "hub")]
    pub(super) fn hold(path: &Path, waiting: impl FnOnce()) -> Result<Self> {
        let file = open(path).map_err(|cause| failed(path, cause))?;
        let mut waiting = Some(waiting);
        loop {
            match file.try_lock() {
                Ok(()) => return Ok(Self { _file: file }),
                Err(TryLockError::WouldBlock) => {
                    if let Some(waiting) = waiting.take() {
                        waiting();
                    }
                    std::thread::sleep(std::time::Duration::from_millis(PAUSE));
                }
                Err(TryLockError::Error(cause)) => return Err(failed(path, cause)),
            }
        }
    }

    /// The lock, if nobody holds it.
    pub(super) fn try_hold(path: &Path) -> Result<Option<Self>> {
        let file = open(path).map_err(|cause| failed(path, cause))?;
        match file.try_lock() {
            Ok(()) => Ok(Some(Self { _file: file })),
            Err(TryLockError::WouldBlock) => Ok(None),
            Err(TryLockError::Error(cause)) => Err(failed(path, cause)),
        }
    }
}

fn failed(path: &Path, cause: std::io::Error) -> Error {
    Error::new(ErrorKind::Io, format!("cannot lock `{}`", path.display())).because(cause)
}

fn open(path: &Path) -> std::io::Result<File> {
    if let Some(folder) = path.parent() {
        fs::create_dir_all(folder)?;
    }
    OpenOptions::new().create(true).truncate(false).write(true).open(path)
}
