//! What is on this machine: every model file of the caches, known to the registry or not.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::SystemTime;

use super::{Located, Source, Store, is_model};
use crate::hub_cache::Repo;
use crate::{ModelName, ModelRow, Registry, quant};

/// A model on this machine.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct Entry {
    /// What is there.
    pub located: Located,
    /// The size of all its files, in bytes.
    pub bytes: u64,
    /// When it came.
    pub modified: Option<SystemTime>,
}

impl Store {
    /// Every model of the caches, by name, and the embedded one first.
    #[must_use]
    pub fn list(&self, registry: &Registry) -> Vec<Entry> {
        let mut entries = Vec::new();
        // Unpacked here and now: it is a few megabytes and the listing should show a file that is there.
        entries.extend(self.embedded(&ModelName::Embedded).ok().map(Entry::of));
        let mut models: Vec<_> = self.hub_entries(registry).into_iter().chain(self.wheel_entries(registry)).collect();
        models.sort_by_key(|entry| entry.located.name.to_string());
        entries.extend(models);
        entries
    }

    fn hub_entries(&self, registry: &Registry) -> Vec<Entry> {
        let mut entries = Vec::new();
        for repo in Repo::all(&self.places.hub_cache) {
            let mut seen = BTreeSet::new();
            for shown in repo.shown().into_iter().filter(|shown| is_model(&shown.file)) {
                let complete = callwright_gguf::parts(&shown.path).iter().all(|part| part.is_file());
                if complete && seen.insert(shown.file.clone()) {
                    let quant = quant::of_file(&shown.file);
                    let name = hub_name(registry, &repo.name, &shown.file, quant.as_deref());
                    entries.push(Entry::of(Located { path: shown.path, name, quant, source: Source::HubCache }));
                }
            }
        }
        entries
    }

    fn wheel_entries(&self, registry: &Registry) -> Vec<Entry> {
        let here = |row: &Arc<ModelRow>| {
            let wheel = row.wheel.as_ref()?;
            let path = Some(self.wheel_file(wheel)).filter(|path| path.is_file())?;
            let name = ModelName::Row { row: Arc::clone(row), quant: Some(wheel.quant.clone()) };
            Some(Entry::of(Located { path, name, quant: Some(wheel.quant.clone()), source: Source::Wheel }))
        };
        registry.iter().filter_map(here).collect()
    }
}

/// What a file of the cache is called: by the registry where it has it, else by its repository.
fn hub_name(registry: &Registry, repo: &str, file: &str, quant: Option<&str>) -> ModelName {
    let known = registry.iter().filter(|row| row.repo == repo).find_map(|row| {
        let (quant, _) = row.files.iter().find(|(_, known)| known.path == file)?;
        let quant = Some(quant).filter(|quant| **quant != row.default).cloned();
        Some(ModelName::Row { row: Arc::clone(row), quant })
    });
    known.unwrap_or_else(|| ModelName::Repo { repo: repo.to_owned(), quant: quant.map(str::to_owned), revision: None })
}

impl Entry {
    fn of(located: Located) -> Self {
        let files = located.parts();
        let bytes = files.iter().map(|file| size(file)).sum();
        Self { bytes, modified: modified(&located.path), located }
    }

    /// All files of the model.
    #[must_use]
    pub fn files(&self) -> Vec<PathBuf> {
        self.located.parts()
    }
}

pub(super) fn size(path: &Path) -> u64 {
    fs::metadata(path).map_or(0, |metadata| metadata.len())
}

fn modified(path: &Path) -> Option<SystemTime> {
    fs::metadata(path).and_then(|metadata| metadata.modified()).ok()
}
