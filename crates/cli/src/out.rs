//! Files that commands write: whole or not at all.
//!
//! What is written goes into a file beside the wanted one and takes its name once all of it is on the disk, so that
//! neither Ctrl-C nor a full disk leaves half a report where there was a whole one.

use std::fs::{self, File};
use std::io::{self, BufWriter, Write};
use std::path::Path;

use callwright_parse::error::{Error, ErrorKind, Result};

/// Writes a file that is the user's alone.
pub(super) fn keep(path: &Path, contents: impl FnOnce(&mut dyn Write) -> io::Result<()>) -> Result<()> {
    if path.symlink_metadata().is_ok_and(|found| !found.is_file()) {
        return write(path, contents);
    }
    callwright_files::replace(path, contents)
        .map_err(|cause| Error::new(ErrorKind::Io, format!("cannot write {}", path.display())).because(cause))
}

/// Makes a folder that is the user's alone, or closes to others the one that is there.
pub(super) fn own_folder(folder: &Path) -> Result<()> {
    callwright_files::own_folder(folder)
        .map_err(|cause| Error::new(ErrorKind::Io, format!("cannot create {}", folder.display())).because(cause))
}

/// Writes a file. Anything but a regular file (a pipe, a device) is written to directly.
pub(super) fn write(path: &Path, contents: impl FnOnce(&mut dyn Write) -> io::Result<()>) -> Result<()> {
    let failed =
        |cause: io::Error| Error::new(ErrorKind::Io, format!("cannot write {}", path.display())).because(cause);
    if path.symlink_metadata().is_ok_and(|found| !found.is_file()) {
        let open = fs::OpenOptions::new().write(true).open(path).map_err(failed)?;
        return fill(open, contents).map(|_| ()).map_err(failed);
    }
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    let part = path.with_file_name(format!(".{name}.{}.part", std::process::id()));
    let written = File::create(&part)
        .and_then(|file| fill(file, contents))
        .and_then(|file| file.sync_all())
        .and_then(|()| fs::rename(&part, path));
    written.map_err(|cause| {
        // The first trouble is the one to tell; a part that cannot be removed either adds nothing to it.
        let _ = fs::remove_file(&part);
        failed(cause)
    })
}

/// Writes a file that only its owner may read, in a folder that only its owner may enter.
pub(super) fn private(path: &Path, contents: impl FnOnce(&mut dyn Write) -> io::Result<()>) -> Result<()> {
    let failed =
        |cause: io::Error| Error::new(ErrorKind::Io, format!("cannot write {}", path.display())).because(cause);
    let mut folder = fs::DirBuilder::new();
    let mut options = fs::OpenOptions::new();
    #[cfg(unix)]
    {
        use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _};
        folder.mode(0o700);
        options.mode(0o600);
    }
    if let Some(parent) = path.parent() {
        folder.recursive(true).create(parent).map_err(failed)?;
    }
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    let part = path.with_file_name(format!(".{name}.{}.part", std::process::id()));
    let written = options
        .write(true)
        .create_new(true)
        .open(&part)
        .and_then(|file| fill(file, contents))
        .and_then(|file| file.sync_all())
        .and_then(|()| fs::rename(&part, path));
    written.map_err(|cause| {
        let _ = fs::remove_file(&part);
        failed(cause)
    })
}

fn fill(file: File, contents: impl FnOnce(&mut dyn Write) -> io::Result<()>) -> io::Result<File> {
    let mut out = BufWriter::new(file);
    contents(&mut out)?;
    out.into_inner().map_err(io::IntoInnerError::into_error)
}
