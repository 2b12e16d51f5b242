//! Files that commands write: whole or not at all.
//!
//! Neither Ctrl-C nor a full disk leaves half a report where there was a whole one. How that is done, and how a file is
//! kept from others, is `callwright-files`'s; this says what went wrong.

use std::fs::OpenOptions;
use std::io::{self, BufWriter, Write};
use std::path::Path;

use callwright_parse::error::{Error, ErrorKind, Result};

/// Writes a file that is the user's alone.
pub(super) fn keep(path: &Path, contents: impl FnOnce(&mut dyn Write) -> io::Result<()>) -> Result<()> {
    written(path, contents, |path, contents| callwright_files::replace(path, contents))
}

/// Makes a folder that is the user's alone, or closes to others the one that is there.
pub(super) fn own_folder(folder: &Path) -> Result<()> {
    callwright_files::own_folder(folder)
        .map_err(|cause| Error::new(ErrorKind::Io, format!("cannot create {}", folder.display())).because(cause))
}

/// Writes a file that others may read as far as the umask lets them.
pub(super) fn write(path: &Path, contents: impl FnOnce(&mut dyn Write) -> io::Result<()>) -> Result<()> {
    written(path, contents, |path, contents| callwright_files::publish(path, contents))
}

/// Anything but a regular file (a pipe, a device) is written to directly.
fn written<C: FnOnce(&mut dyn Write) -> io::Result<()>>(
    path: &Path,
    contents: C,
    whole: impl FnOnce(&Path, C) -> io::Result<()>,
) -> Result<()> {
    let written = if path.symlink_metadata().is_ok_and(|found| !found.is_file()) {
        OpenOptions::new().write(true).open(path).map(BufWriter::new).and_then(|mut out| {
            contents(&mut out)?;
            out.flush()
        })
    } else {
        whole(path, contents)
    };
    written.map_err(|cause| Error::new(ErrorKind::Io, format!("cannot write {}", path.display())).because(cause))
}
