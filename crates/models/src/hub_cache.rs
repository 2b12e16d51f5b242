//! One repository in the shared Hugging Face cache, in the layout of `huggingface_hub`.
//!
//! `models--user--repo/blobs/<etag>` holds the bytes, `snapshots/<commit>/<path>` a link to them, `refs/<revision>` the
//! commit that a branch stood at. Python's tools, llama.cpp and we share it, so a model is on a disk once. What we add is
//! one folder, `.callwright`, in which files grow until they are checked; the others never look there.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

const PREFIX: &str = "models--";
const STAGING: &str = ".callwright";

/// A repository's folder, there or not.
#[derive(Debug, Clone)]
pub(super) struct Repo {
    /// As `user/repo`.
    pub(super) name: String,
    folder: PathBuf,
}

/// A file as a snapshot shows it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Shown {
    /// The path in the repository, with slashes.
    pub(super) file: String,
    /// The commit of the snapshot.
    pub(super) commit: String,
    /// Where the snapshot has it.
    pub(super) path: PathBuf,
}

impl Repo {
    pub(super) fn new(cache: &Path, name: &str) -> Self {
        Self { name: name.to_owned(), folder: cache.join(format!("{PREFIX}{}", name.replace('/', "--"))) }
    }

    /// Every repository of the cache.
    pub(super) fn all(cache: &Path) -> Vec<Self> {
        let mut repos: Vec<_> = names(cache)
            .into_iter()
            .filter_map(|folder| folder.strip_prefix(PREFIX).map(|name| name.replacen("--", "/", 1)))
            .map(|name| Self::new(cache, &name))
            .collect();
        repos.sort_by(|one, other| one.name.cmp(&other.name));
        repos
    }

    pub(super) fn folder(&self) -> &Path {
        &self.folder
    }

    /// Where a file is downloaded to until it is checked.
    pub(super) fn staging(&self, file: &str) -> PathBuf {
        self.folder.join(STAGING).join(flat(file))
    }

    /// The files that are staged, by the names of their staging folders.
    pub(super) fn staged(&self) -> Vec<String> {
        names(&self.folder.join(STAGING))
    }

    /// The lock of a file, beside those of `huggingface_hub`.
    pub(super) fn lock(&self, file: &str) -> PathBuf {
        let name = self.folder.file_name().unwrap_or_default();
        let locks = self.folder.with_file_name(".locks").join(name);
        locks.join(format!("callwright--{}.lock", flat(file)))
    }

    /// Removes what was staged of a file; a folder that others stage in stays.
    pub(super) fn clear_staging(&self, file: &str) {
        // What cannot be removed costs space and breaks nothing: the next pull of the file meets it again.
        let _ = fs::remove_dir_all(self.staging(file));
        let _ = fs::remove_dir(self.folder.join(STAGING));
    }

    #[cfg(feature = "hub")]
    pub(super) fn blob(&self, etag: &str) -> PathBuf {
        self.folder.join("blobs").join(etag)
    }

    /// Where the file is, at this revision; where none is asked for, at `main` or else in any snapshot.
    ///
    /// Another tool may have moved `main` on for another file; the one that is here still is the one that was pulled.
    pub(super) fn find(&self, file: &str, revision: Option<&str>) -> Option<PathBuf> {
        let at = |commit: &str| Some(self.snapshot(commit).join(file)).filter(|path| path.is_file());
        if let Some(found) = self.commit(revision.unwrap_or("main")).and_then(|commit| at(&commit)) {
            return Some(found);
        }
        if revision.is_some() { None } else { self.commits().iter().find_map(|commit| at(commit)) }
    }

    /// The files of all snapshots.
    pub(super) fn shown(&self) -> Vec<Shown> {
        let mut shown = Vec::new();
        for commit in self.commits() {
            let root = self.snapshot(&commit);
            let mut open = vec![root.clone()];
            while let Some(folder) = open.pop() {
                for name in names(&folder) {
                    let path = folder.join(name);
                    // A link is a file of the hub, never a folder to walk into.
                    if path.is_dir() && !path.is_symlink() {
                        open.push(path);
                    } else if let Some(file) = path.strip_prefix(&root).ok().and_then(Path::to_str) {
                        shown.push(Shown { file: file.replace('\\', "/"), commit: commit.clone(), path: path.clone() });
                    }
                }
            }
        }
        shown.sort_by(|one, other| (&one.file, &one.commit).cmp(&(&other.file, &other.commit)));
        shown
    }

    pub(super) fn snapshot(&self, commit: &str) -> PathBuf {
        self.folder.join("snapshots").join(commit)
    }

    fn commits(&self) -> BTreeSet<String> {
        names(&self.folder.join("snapshots")).into_iter().collect()
    }

    /// The commit of a branch or tag, or of the beginning of its own number.
    fn commit(&self, revision: &str) -> Option<String> {
        if let Ok(commit) = fs::read_to_string(self.folder.join("refs").join(revision)) {
            return Some(commit.trim().to_owned());
        }
        let mut matching =
            self.commits().into_iter().filter(|commit| revision.len() >= 7 && commit.starts_with(revision));
        matching.next().filter(|_| matching.next().is_none())
    }
}

/// A path as one name.
fn flat(file: &str) -> String {
    file.replace('/', "--")
}

/// The names in a folder; none where it cannot be read.
fn names(folder: &Path) -> Vec<String> {
    let entries = fs::read_dir(folder).into_iter().flatten().flatten();
    entries.filter_map(|entry| entry.file_name().into_string().ok()).collect()
}
