//! Files that commands write: whole or not at all.
//!
//! What is written goes into a file beside the wanted one and takes its name once all of it is on the disk, so that
//! neither Ctrl-C nor a full disk leaves half a report where there was a whole one. Whoever writes holds a lock on that
//! part; one that a killed program left behind has none and is removed by whoever writes the same file next.

use std::fs::{self, File, OpenOptions};
use std::io::{self, BufWriter, Write};
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use callwright_parse::error::{Error, ErrorKind, Result};

/// How old a part without a lock is, at the least, when it counts as left behind.
const LEFT_BEHIND: Duration = Duration::from_secs(60);

/// Writes a file. Anything but a regular file (a pipe, a device) is written to directly.
pub(super) fn write(path: &Path, contents: impl FnOnce(&mut dyn Write) -> io::Result<()>) -> Result<()> {
    whole(path, 0o666, contents)
}

/// Writes a file that only its owner may read.
pub(super) fn private(path: &Path, contents: impl FnOnce(&mut dyn Write) -> io::Result<()>) -> Result<()> {
    whole(path, 0o600, contents)
}

fn whole(path: &Path, mode: u32, contents: impl FnOnce(&mut dyn Write) -> io::Result<()>) -> Result<()> {
    let failed =
        |cause: io::Error| Error::new(ErrorKind::Io, format!("cannot write {}", path.display())).because(cause);
    if path.symlink_metadata().is_ok_and(|found| !found.is_file()) {
        let open = OpenOptions::new().write(true).open(path).map_err(failed)?;
        return fill(open, contents).map(|_| ()).map_err(failed);
    }
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    for part in left_behind(path, &name) {
        // What cannot be removed costs space and is in nobody's way.
        let _ = fs::remove_file(part);
    }
    let part = path.with_file_name(format!(".{name}.{}.part", std::process::id()));
    let written = create(&part, mode)
        .and_then(|file| fill(file, contents))
        .and_then(|file| file.sync_all().map(|()| file))
        .and_then(|_held| fs::rename(&part, path));
    written.map_err(|cause| {
        // The first trouble is the one to tell; a part that cannot be removed either adds nothing to it.
        let _ = fs::remove_file(&part);
        failed(cause)
    })
}

/// A new file, locked where locks are to be had.
fn create(part: &Path, mode: u32) -> io::Result<File> {
    let mut options = OpenOptions::new();
    options.write(true).create(true).truncate(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, mode);
    #[cfg(not(unix))]
    let _ = mode;
    let file = options.open(part)?;
    let _ = file.try_lock();
    Ok(file)
}

/// The parts of this file that nobody writes to any more.
fn left_behind(path: &Path, name: &str) -> Vec<PathBuf> {
    let is_number = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    let is_part = |found: &str| {
        let rest = found.strip_prefix('.').and_then(|found| found.strip_prefix(name));
        rest.and_then(|rest| rest.strip_prefix('.')?.strip_suffix(".part")).is_some_and(is_number)
    };
    let is_old = |file: &File| {
        let changed = file.metadata().and_then(|found| found.modified()).ok();
        changed.and_then(|changed| SystemTime::now().duration_since(changed).ok()).is_some_and(|age| age > LEFT_BEHIND)
    };
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let entries = fs::read_dir(folder).into_iter().flatten().flatten();
    let parts = entries.filter(|entry| is_part(&entry.file_name().to_string_lossy())).map(|entry| entry.path());
    parts.filter(|part| File::open(part).is_ok_and(|file| is_old(&file) && file.try_lock().is_ok())).collect()
}

fn fill(file: File, contents: impl FnOnce(&mut dyn Write) -> io::Result<()>) -> io::Result<File> {
    let mut out = BufWriter::new(file);
    contents(&mut out)?;
    out.into_inner().map_err(io::IntoInnerError::into_error)
}

#[cfg(test)]
mod tests {
    use std::fs::{self, File};
    use std::time::{Duration, SystemTime};

    use super::{private, write};

    /// What a killed program left is taken away by whoever writes the same file next, and by nobody else.
    #[test]
    fn a_part_that_nobody_writes_to_is_removed() {
        let folder = tempfile::tempdir().unwrap();
        let part = |name: &str, age: u64| {
            let file = File::create(folder.path().join(name)).unwrap();
            file.set_modified(SystemTime::now() - Duration::from_secs(age)).unwrap();
            file
        };
        part(".settings.toml.4000000000.part", 100);
        part(".settings.toml.4000000001.part", 1);
        let held = part(".settings.toml.4000000002.part", 100);
        held.lock().unwrap();
        part(".other.toml.4000000000.part", 100);
        part(".settings.toml.x.part", 100);
        write(&folder.path().join("settings.toml"), |file| file.write_all(b"a = 1")).unwrap();
        let mut names: Vec<_> = fs::read_dir(folder.path())
            .unwrap()
            .flatten()
            .map(|entry| entry.file_name().into_string().unwrap())
            .collect();
        names.sort();
        let stay = [
            ".other.toml.4000000000.part",
            ".settings.toml.4000000001.part",
            ".settings.toml.4000000002.part",
            ".settings.toml.x.part",
            "settings.toml",
        ];
        assert_eq!(names, stay);
        assert_eq!(fs::read(folder.path().join("settings.toml")).unwrap(), b"a = 1");
    }

    #[cfg(unix)]
    #[test]
    fn a_private_file_is_its_owner_s_alone() {
        use std::os::unix::fs::PermissionsExt as _;
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("own");
        private(&path, |file| file.write_all(b"x")).unwrap();
        assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
    }
}
