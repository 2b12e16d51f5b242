//! Files that hold what people asked, were answered, or pay with: for their owner's eyes alone.
//!
//! Prefix states, the ledger, the audit, recordings and settings go through here and nowhere else, so that the umask
//! decides about none of them. On Unix a file is 0600 and a folder 0700, also one that was there before with wider
//! rights. On Windows both inherit the rights of the user's own folders, and nothing is changed. It must not know what
//! the files are for.

use std::fs::{self, DirBuilder, File, OpenOptions};
use std::io::{self, BufWriter, Write};
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

/// What the names of files end with that are still being written.
pub const PART: &str = ".part";

/// A part that nobody has written to for so long was left by a program that died.
const STALE: Duration = Duration::from_hours(1);

/// Makes a folder that is ours alone, with those above it, or takes from the one that is there what others may do in it.
///
/// A folder that many share on purpose (with the sticky bit, as the system's folder for temporary files) stays as it is.
pub fn own_folder(folder: &Path) -> io::Result<()> {
    make(folder)?;
    tighten_folder(folder);
    Ok(())
}

/// Makes the folder of a file where it is missing; one that is there may be shared with others and stays as it is.
pub fn folder_of(file: &Path) -> io::Result<()> {
    parent(file).map_or(Ok(()), make)
}

/// Opens a file to read it and to write at its end; it is made where it is missing.
pub fn append(path: &Path) -> io::Result<File> {
    let mut options = OpenOptions::new();
    options.create(true).append(true).read(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, FILE);
    let file = match options.open(path) {
        // A pipe or a terminal that may only be written to.
        Err(denied) if denied.kind() == io::ErrorKind::PermissionDenied => options.read(false).open(path)?,
        opened => opened?,
    };
    tighten_file(&file);
    Ok(file)
}

/// Writes a file whole or not at all: beside its place first, onto the disk, then to its name.
///
/// Programs that write one file at once each leave a whole one, and the last stays.
pub fn replace(path: &Path, contents: impl FnOnce(&mut dyn Write) -> io::Result<()>) -> io::Result<()> {
    whole(path, None, contents)
}

/// The same for a file that is nobody's secret, such as a report: the umask says who may read it.
pub fn publish(path: &Path, contents: impl FnOnce(&mut dyn Write) -> io::Result<()>) -> io::Result<()> {
    #[cfg(unix)]
    let readers = Some(std::os::unix::fs::PermissionsExt::from_mode(0o666));
    #[cfg(not(unix))]
    let readers = None;
    whole(path, readers, contents)
}

fn whole(
    path: &Path,
    readers: Option<fs::Permissions>,
    contents: impl FnOnce(&mut dyn Write) -> io::Result<()>,
) -> io::Result<()> {
    let folder = parent(path).unwrap_or(Path::new("."));
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    let prefix = format!(".{name}.");
    let mut builder = tempfile::Builder::new();
    builder.prefix(&prefix).suffix(PART);
    // A temporary file is its owner's alone unless told otherwise.
    if let Some(readers) = readers {
        builder.permissions(readers);
    }
    let part = builder.tempfile_in(folder)?;
    let mut out = BufWriter::new(part);
    contents(&mut out)?;
    let part = out.into_inner().map_err(io::IntoInnerError::into_error)?;
    part.as_file().sync_all()?;
    part.persist(path).map_err(|failed| failed.error)?;
    // Without this a crash of the machine may bring the old name back. Not every system can sync a folder.
    drop(File::open(folder).and_then(|folder| folder.sync_all()));
    remove_stale(folder, &prefix);
    Ok(())
}

/// Removes the parts of a file that a program which died has left.
fn remove_stale(folder: &Path, start: &str) {
    for entry in fs::read_dir(folder).into_iter().flatten().flatten() {
        let name = entry.file_name();
        let is_part = name.to_str().is_some_and(|name| name.starts_with(start) && name.ends_with(PART));
        let written = entry.metadata().and_then(|facts| facts.modified());
        let age = written.ok().and_then(|written| SystemTime::now().duration_since(written).ok());
        if is_part && age.is_some_and(|age| age > STALE) {
            // Another program may have removed it first.
            drop(fs::remove_file(entry.path()));
        }
    }
}

/// The folder that a path names a file in, where it names one.
fn parent(path: &Path) -> Option<&Path> {
    path.parent().filter(|folder| !folder.as_os_str().is_empty())
}

fn make(folder: &Path) -> io::Result<()> {
    let mut builder = DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, FOLDER);
    builder.create(folder)
}

/// What a file's owner may do, and nobody else.
#[cfg(unix)]
const FILE: u32 = 0o600;
/// The same of a folder.
#[cfg(unix)]
const FOLDER: u32 = 0o700;
/// What the group and all others may do.
#[cfg(unix)]
const OTHERS: u32 = 0o077;

/// Takes from others what they may do with a file. A file of somebody else refuses, and is theirs to guard.
#[cfg(unix)]
fn tighten_file(file: &File) {
    use std::os::unix::fs::PermissionsExt as _;
    let Some(facts) = file.metadata().ok().filter(fs::Metadata::is_file) else { return };
    if facts.permissions().mode() & OTHERS != 0 {
        drop(file.set_permissions(fs::Permissions::from_mode(FILE)));
    }
}

#[cfg(unix)]
fn tighten_folder(folder: &Path) {
    use std::os::unix::fs::PermissionsExt as _;
    const SHARED: u32 = 0o1000;
    let Ok(facts) = fs::metadata(folder) else { return };
    let mode = facts.permissions().mode();
    if mode & OTHERS != 0 && mode & SHARED == 0 {
        drop(fs::set_permissions(folder, fs::Permissions::from_mode(FOLDER)));
    }
}

#[cfg(not(unix))]
fn tighten_file(_file: &File) {}

#[cfg(not(unix))]
fn tighten_folder(_folder: &Path) {}

/// The files in a folder whose names end like this; none where it cannot be read.
#[must_use]
pub fn ending_in(folder: &Path, ending: &str) -> Vec<PathBuf> {
    let entries = fs::read_dir(folder).into_iter().flatten().flatten().map(|entry| entry.path());
    let ours =
        |path: &PathBuf| path.file_name().and_then(|name| name.to_str()).is_some_and(|name| name.ends_with(ending));
    entries.filter(ours).filter(|path| path.is_file()).collect()
}

#[cfg(unix)]
#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt as _;

    use super::*;

    fn mode(path: &Path) -> u32 {
        fs::metadata(path).unwrap().permissions().mode() & 0o7777
    }

    fn allow(path: &Path, mode: u32) {
        fs::set_permissions(path, fs::Permissions::from_mode(mode)).unwrap();
    }

    #[test]
    fn what_is_made_is_private() {
        let home = tempfile::tempdir().unwrap();
        let folder = home.path().join("data/callwright");
        own_folder(&folder).unwrap();
        append(&folder.join("usage.jsonl")).unwrap().write_all(b"{}\n").unwrap();
        replace(&folder.join("callwright.toml"), |out| out.write_all(b"key")).unwrap();
        publish(&home.path().join("report.html"), |out| out.write_all(b"report")).unwrap();
        File::create(home.path().join("other")).unwrap();
        assert_eq!(mode(&home.path().join("report.html")), mode(&home.path().join("other")), "as the umask says");
        assert_eq!((mode(&home.path().join("data")), mode(&folder)), (0o700, 0o700));
        assert_eq!((mode(&folder.join("usage.jsonl")), mode(&folder.join("callwright.toml"))), (0o600, 0o600));
        assert_eq!(fs::read_dir(&folder).unwrap().count(), 2, "nothing is left beside them");
    }

    #[test]
    fn what_was_open_to_others_is_closed() {
        let home = tempfile::tempdir().unwrap();
        let (folder, shared) = (home.path().join("callwright"), home.path().join("shared"));
        let file = folder.join("usage.jsonl");
        fs::create_dir(&folder).unwrap();
        fs::create_dir(&shared).unwrap();
        for path in [&file, &folder.join("settings")] {
            fs::write(path, "old\n").unwrap();
            allow(path, 0o666);
        }
        allow(&folder, 0o777);
        allow(&shared, 0o1777);
        own_folder(&folder).unwrap();
        own_folder(&shared).unwrap();
        append(&file).unwrap().write_all(b"new\n").unwrap();
        replace(&folder.join("settings"), |out| out.write_all(b"new")).unwrap();
        assert_eq!((mode(&folder), mode(&shared)), (0o700, 0o1777), "a folder that all share stays so");
        assert_eq!((mode(&file), mode(&folder.join("settings"))), (0o600, 0o600));
        assert_eq!(fs::read_to_string(&file).unwrap(), "old\nnew\n");
        folder_of(&shared.join("a/b")).unwrap();
        assert_eq!(mode(&shared.join("a")), 0o700);
    }

    #[test]
    fn a_file_is_replaced_whole_or_not_at_all() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("state");
        replace(&file, |out| out.write_all(b"whole")).unwrap();
        let failed = replace(&file, |out| {
            out.write_all(b"half")?;
            Err(io::Error::from(io::ErrorKind::StorageFull))
        });
        assert_eq!(failed.unwrap_err().kind(), io::ErrorKind::StorageFull);
        assert_eq!((fs::read(&file).unwrap(), fs::read_dir(folder.path()).unwrap().count()), (b"whole".to_vec(), 1));
        // Of two parts, one was left long ago, and one is being written.
        for (age, name) in [(5, ".state.1.part"), (0, ".state.2.part")] {
            let part = File::create(folder.path().join(name)).unwrap();
            part.set_modified(SystemTime::now() - Duration::from_hours(age)).unwrap();
        }
        replace(&file, |out| out.write_all(b"again")).unwrap();
        assert_eq!(ending_in(folder.path(), PART), [folder.path().join(".state.2.part")]);
    }
}
