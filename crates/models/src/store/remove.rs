//! Gives back the disk space of one model, and of nothing else.
//!
//! A repository's folder is shared with other tools and other quants. So its links go from every snapshot, then the
//! bytes that no link of any snapshot shows any more, then folders that are empty; what others pulled stays.

use std::collections::BTreeSet;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use super::list::size;
use super::{Source, Store, choose};
use crate::hub_cache::{Repo, Shown};
use crate::lock::Lock;
use crate::{Located, ModelName};
use callwright_parse::error::{Error, ErrorKind, Result};

/// What was removed.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
#[non_exhaustive]
pub struct Removed {
    /// The files that are gone; links are not counted.
    pub files: Vec<PathBuf>,
    /// How many bytes they had.
    pub bytes: u64,
}

impl Store {
    /// Removes a model from the caches. A file that the user named by its path is the user's and stays.
    pub fn remove(&self, name: &ModelName) -> Result<Removed> {
        let located = match name {
            ModelName::Path(path) => {
                let message = format!("`{}` is your own file", path.display());
                return Err(Error::new(ErrorKind::Input, message).hint("delete it like any other file"));
            }
            ModelName::Embedded => {
                return Err(Error::new(ErrorKind::Input, "the embedded model is part of the program"));
            }
            _ => match self.locate(name) {
                Ok(located) => located,
                Err(missing) => return self.remove_staged(name)?.ok_or(missing),
            },
        };
        let removed = match located.source {
            Source::HubCache => self.remove_from_hub_cache(&located),
            _ => remove_wheel(&located),
        };
        removed.map_err(|cause| Error::new(ErrorKind::Io, format!("cannot remove `{name}`")).because(cause))
    }

    /// Removes what an interrupted pull left of a model, where there is something.
    fn remove_staged(&self, name: &ModelName) -> Result<Option<Removed>> {
        let (repo, wanted) = match name {
            ModelName::Row { row, quant } => (&row.repo, Some(quant.as_ref().unwrap_or(&row.default))),
            ModelName::Repo { repo, quant, .. } => (repo, quant.as_ref()),
            _ => return Ok(None),
        };
        let repo = Repo::new(&self.places.hub_cache, repo);
        let staged = repo.staged();
        let Some((file, _)) = choose(staged.iter().map(String::as_str), wanted.map(String::as_str)) else {
            return Ok(None);
        };
        let Some(_lock) = Lock::try_hold(&repo.lock(&file))? else {
            let message = format!("`{name}` is being pulled by another process");
            return Err(Error::new(ErrorKind::Busy, message).hint("stop that process first"));
        };
        let mut removed = Removed::default();
        for path in files(&repo.staging(&file)) {
            removed.bytes += size(&path);
            removed.files.push(path);
        }
        repo.clear_staging(&file);
        if is_bare(repo.folder()) {
            // A folder that stays for some other reason costs nothing.
            let _ = fs::remove_dir_all(repo.folder());
        }
        Ok(Some(removed))
    }

    fn remove_from_hub_cache(&self, located: &Located) -> io::Result<Removed> {
        let repo = match &located.name {
            ModelName::Row { row, .. } => &row.repo,
            ModelName::Repo { repo, .. } => repo,
            _ => return Ok(Removed::default()),
        };
        let repo = Repo::new(&self.places.hub_cache, repo);
        let shown = repo.shown();
        let Some(first) = shown.iter().find(|shown| shown.path == located.path) else { return Ok(Removed::default()) };
        let names: BTreeSet<_> = callwright_gguf::parts(Path::new(&first.file)).into_iter().collect();
        let (going, staying): (Vec<_>, Vec<_>) = shown.iter().partition(|shown| names.contains(Path::new(&shown.file)));

        let kept: BTreeSet<_> = staying.iter().filter_map(|shown| bytes_of(shown)).collect();
        let freed: BTreeSet<_> =
            going.iter().filter_map(|shown| bytes_of(shown)).filter(|path| !kept.contains(path)).collect();
        // The links go first: a blob without a link is lost space, a link without a blob is a broken model.
        for shown in going {
            fs::remove_file(&shown.path)?;
        }
        let mut removed = Removed::default();
        for path in freed {
            removed.bytes += size(&path);
            // On systems without links the snapshot held the bytes and they are gone already.
            if path.exists() {
                fs::remove_file(&path)?;
            }
            removed.files.push(path);
        }
        drop_empty(&repo.folder().join("snapshots"))?;
        if staying.is_empty() && is_bare(repo.folder()) {
            fs::remove_dir_all(repo.folder())?;
        }
        Ok(removed)
    }
}

fn remove_wheel(located: &Located) -> io::Result<Removed> {
    let bytes = size(&located.path);
    fs::remove_file(&located.path)?;
    if let Some(folder) = located.path.parent() {
        drop_empty(folder)?;
    }
    Ok(Removed { files: vec![located.path.clone()], bytes })
}

/// The file that holds the bytes, where there is one.
fn bytes_of(shown: &Shown) -> Option<PathBuf> {
    fs::canonicalize(&shown.path).ok()
}

/// Removes the empty folders below and at the end this one.
fn drop_empty(folder: &Path) -> io::Result<()> {
    let Ok(entries) = fs::read_dir(folder) else { return Ok(()) };
    let mut empty = true;
    for entry in entries {
        let entry = entry?;
        if entry.file_type()?.is_dir() {
            drop_empty(&entry.path())?;
            empty &= !entry.path().exists();
        } else {
            empty = false;
        }
    }
    if empty { fs::remove_dir(folder) } else { Ok(()) }
}

/// Whether a repository's folder holds no bytes of any model, not even of a running pull.
fn is_bare(folder: &Path) -> bool {
    let no_files = |folder: PathBuf| fs::read_dir(folder).map_or(true, |mut entries| entries.next().is_none());
    no_files(folder.join("blobs"))
        && no_files(folder.join("snapshots"))
        && files(&folder.join(".callwright")).is_empty()
}

/// The files below a folder; links are none.
fn files(folder: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    let mut open = vec![folder.to_owned()];
    while let Some(folder) = open.pop() {
        for path in fs::read_dir(folder).into_iter().flatten().flatten().map(|entry| entry.path()) {
            match fs::symlink_metadata(&path) {
                Ok(metadata) if metadata.is_dir() => open.push(path),
                Ok(metadata) if metadata.is_file() => found.push(path),
                _ => {}
            }
        }
    }
    found
}
