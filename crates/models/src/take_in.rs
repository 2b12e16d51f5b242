//! Putting a checked file into the shared cache, so that every other tool finds it there.
//!
//! Each step is one rename or one link, in an order in which a stop between any two leaves nothing that looks whole and
//! is not: bytes first, then the link that shows them, then the branch's commit.

use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};

use super::hub_cache::Repo;
use callwright_parse::error::{Error, ErrorKind, Result};

impl Repo {
    /// Takes a checked file in: moves it among the blobs, shows it in the commit's snapshot, notes the revision.
    pub(super) fn take_in(
        &self,
        checked: &Path,
        etag: &str,
        file: &str,
        revision: &str,
        commit: &str,
    ) -> Result<PathBuf> {
        let blob = self.blob(etag);
        let path = self.snapshot(commit).join(file);
        // What was renamed before it reached the disk may be empty after a power cut.
        let settled = || if checked == blob { Ok(()) } else { File::open(checked)?.sync_all() };
        let moved = || if checked == blob { Ok(()) } else { fs::rename(checked, &blob) };
        let done = create_parent(&blob)
            .and_then(|()| settled())
            .and_then(|()| moved())
            .and_then(|()| self.show(&blob, &path))
            .and_then(|()| self.note_revision(revision, commit));
        match done {
            Ok(()) => Ok(path),
            Err(cause) => {
                let message = format!("cannot put `{file}` into the cache `{}`", self.folder().display());
                Err(Error::new(ErrorKind::Io, message).because(cause))
            }
        }
    }

    fn show(&self, blob: &Path, path: &Path) -> io::Result<()> {
        create_parent(path)?;
        if path.is_symlink() || path.exists() {
            fs::remove_file(path)?;
        }
        let depth = path.strip_prefix(self.folder()).map_or(0, |inner| inner.components().count());
        let mut target: PathBuf = std::iter::repeat_n("..", depth.saturating_sub(1)).collect();
        target.push("blobs");
        target.push(blob.file_name().unwrap_or_default());
        // Where links are not available (Windows without the privilege), the snapshot holds the file itself.
        link(&target, path).or_else(|_| fs::rename(blob, path))
    }

    fn note_revision(&self, revision: &str, commit: &str) -> io::Result<()> {
        if revision == commit {
            return Ok(());
        }
        let path = self.folder().join("refs").join(revision);
        create_parent(&path)?;
        callwright_files::publish(&path, |out| out.write_all(commit.as_bytes()))
    }
}

#[cfg(unix)]
fn link(target: &Path, path: &Path) -> io::Result<()> {
    std::os::unix::fs::symlink(target, path)
}

#[cfg(windows)]
fn link(target: &Path, path: &Path) -> io::Result<()> {
    std::os::windows::fs::symlink_file(target, path)
}

#[cfg(not(any(unix, windows)))]
fn link(_target: &Path, _path: &Path) -> io::Result<()> {
    Err(io::ErrorKind::Unsupported.into())
}

fn create_parent(path: &Path) -> io::Result<()> {
    path.parent().map_or(Ok(()), fs::create_dir_all)
}
