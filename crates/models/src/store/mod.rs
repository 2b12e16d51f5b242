//! The models on this machine: where one is, and the doors to fetching, listing, removing and checking it.
//!
//! Sources are tried in a fixed order: a path, the shared Hugging Face cache, our own cache (models out of Python wheels,
//! the embedded one), and only for `pull` the network. Finding is quick and reads no weights; whoever opens the file
//! checks its header first.

mod list;
#[cfg_attr(not(feature = "hub"), path = "no_pull.rs")]
mod pull;
mod remove;
mod verify;

use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::hub_cache::Repo;
use super::{ModelName, ModelRow, Places, Wheel, quant};
use callwright_parse::error::{Error, ErrorKind, Result};

pub use list::Entry;
pub use remove::Removed;
pub use verify::Verdict;

/// Quants in the order in which one is chosen where none was named: small and quick on a processor first.
const PREFERRED: &[&str] = &[
    "Q4_K_M", "Q4_0", "Q8_0", "Q4_K_S", "Q5_K_M", "Q6_K", "IQ4_NL", "IQ4_XS", "Q5_K_S", "MXFP4", "Q3_K_M", "BF16",
    "F16",
];

/// Finds, fetches and keeps models.
///
/// ```
/// use callwright_parse::ErrorKind;
/// use callwright_models::{ModelName, Places, Registry, Store};
///
/// let places = Places::new("/nowhere/hub", "/nowhere/cache"); // no network: see Places::online
/// let name = ModelName::parse("smollm2:135m", Registry::builtin())?;
/// let missing = Store::new(places).locate(&name).unwrap_err();
/// assert_eq!(missing.kind(), ErrorKind::Offline);
/// assert!(missing.hint_text().is_some_and(|hint| hint.contains("`callwright pull smollm2:135m`")));
/// # Ok::<(), callwright_parse::Error>(())
/// ```
#[derive(Debug, Clone)]
pub struct Store {
    places: Places,
}

/// A model that is on this machine.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct Located {
    /// The file; of a model in several files the first.
    pub path: PathBuf,
    /// The name that it was found by.
    pub name: ModelName,
    /// The quant, as far as the name or the registry tells it.
    pub quant: Option<String>,
    /// Where it came from.
    pub source: Source,
}

/// Where a model came from.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Source {
    /// A path that the user gave.
    Path,
    /// The shared Hugging Face cache.
    HubCache,
    /// A Python wheel.
    Wheel,
    /// The binary.
    Embedded,
    /// The binary, from memory: its file could not be written to the cache.
    Memory,
}

impl Located {
    /// Whether this is what a pull of the name would bring, or what came instead (a wheel's quant).
    #[must_use]
    pub fn is_substitute(&self) -> bool {
        let asked = match &self.name {
            ModelName::Row { row, quant } => Some(quant.as_ref().unwrap_or(&row.default)),
            _ => None,
        };
        self.source == Source::Wheel && asked != self.quant.as_ref()
    }

    /// The registry's row of it, where there is one.
    #[must_use]
    pub fn row(&self) -> Option<&Arc<ModelRow>> {
        self.name.row()
    }

    /// All files of the model.
    #[must_use]
    pub fn parts(&self) -> Vec<PathBuf> {
        callwright_gguf::parts(&self.path)
    }
}

impl Source {
    /// Whether it is the binary's own model, which nobody else made.
    #[must_use]
    pub fn is_embedded(&self) -> bool {
        matches!(self, Self::Embedded | Self::Memory)
    }

    /// In one or two words, for lists.
    #[must_use]
    pub fn as_str(&self) -> &'static str {
        match self {
            Self::Path => "path",
            Self::HubCache => "hub cache",
            Self::Wheel => "wheel",
            Self::Embedded => "embedded",
            Self::Memory => "memory",
        }
    }
}

impl Store {
    /// A store over these places. Touches nothing yet.
    #[must_use]
    pub fn new(places: Places) -> Self {
        Self { places }
    }

    /// Where it looks.
    #[must_use]
    pub fn places(&self) -> &Places {
        &self.places
    }

    /// Finds a model on this machine. Never uses the network.
    pub fn locate(&self, name: &ModelName) -> Result<Located> {
        let found = match name {
            ModelName::Path(path) => return located_path(name, path),
            ModelName::Embedded => return self.embedded(name),
            ModelName::Row { row, quant } => self.find_row(name, row, quant.as_deref()),
            ModelName::Repo { repo, quant, revision } => {
                self.find_in_repo(name, repo, quant.as_deref(), revision.as_deref())
            }
        };
        found.ok_or_else(|| self.missing(name))
    }

    fn find_row(&self, name: &ModelName, row: &ModelRow, wanted: Option<&str>) -> Option<Located> {
        let quant = wanted.unwrap_or(&row.default);
        let repo = Repo::new(&self.places.hub_cache, &row.repo);
        if let Some(path) = row.files.get(quant).and_then(|file| whole(repo.find(&file.path, None)?)) {
            return Some(Located { path, name: name.clone(), quant: Some(quant.to_owned()), source: Source::HubCache });
        }
        let wheel = row.wheel.as_ref().filter(|wheel| wanted.is_none_or(|wanted| wanted == wheel.quant))?;
        let path = Some(self.wheel_file(wheel)).filter(|path| path.is_file())?;
        Some(Located { path, name: name.clone(), quant: Some(wheel.quant.clone()), source: Source::Wheel })
    }

    fn find_in_repo(
        &self,
        name: &ModelName,
        repo: &str,
        wanted: Option<&str>,
        revision: Option<&str>,
    ) -> Option<Located> {
        let repo = Repo::new(&self.places.hub_cache, repo);
        let shown = repo.shown();
        let files = shown.iter().map(|shown| shown.file.as_str()).filter(|file| repo.find(file, revision).is_some());
        let (file, quant) = choose(files, wanted)?;
        let path = whole(repo.find(&file, revision)?)?;
        Some(Located { path, name: name.clone(), quant, source: Source::HubCache })
    }

    /// Where a wheel's model is kept.
    fn wheel_file(&self, wheel: &Wheel) -> PathBuf {
        let folder = format!("{}-{}", wheel.package, wheel.version);
        self.places.cache.join("wheels").join(folder).join(wheel.file_name())
    }

    fn embedded(&self, name: &ModelName) -> Result<Located> {
        let unpacked = super::embedded::unpack(&self.places.cache);
        let (path, source) = match unpacked {
            Ok(path) => (path, Source::Embedded),
            // A home that is read-only, a full disk: the model is here all the same.
            Err(unwritable) => (super::embedded::in_memory().map_err(|_| unwritable)?, Source::Memory),
        };
        Ok(Located { path, name: name.clone(), quant: None, source })
    }

    /// The error for a missing model, with the command that pulls it.
    fn missing(&self, name: &ModelName) -> Error {
        let pull = format!("`callwright pull {name}`");
        if self.places.offline {
            let message = format!("the model `{name}` is not on this machine and the network is switched off");
            return Error::new(ErrorKind::Offline, message)
                .about(name.to_string())
                .hint(format!("allow the network (without --offline and HF_HUB_OFFLINE) and run {pull}"));
        }
        Error::new(ErrorKind::ModelMissing, format!("the model `{name}` is not on this machine"))
            .about(name.to_string())
            .hint(format!("run {pull}"))
    }
}

fn located_path(name: &ModelName, path: &Path) -> Result<Located> {
    if path.is_file() {
        let quant = path.to_str().and_then(quant::of_file);
        return Ok(Located { path: path.to_owned(), name: name.clone(), quant, source: Source::Path });
    }
    let shown = path.display();
    let message = if path.is_dir() { format!("`{shown}` is a folder") } else { format!("no such file: `{shown}`") };
    Err(Error::new(ErrorKind::ModelMissing, message)
        .about(name.to_string())
        .hint("name a .gguf file, `user/repo`, or a model that `callwright list --all` lists"))
}

/// The path again, where all files of the model are there.
fn whole(path: PathBuf) -> Option<PathBuf> {
    callwright_gguf::parts(&path).iter().all(|part| part.is_file()).then_some(path)
}

/// The file of the wanted quant among a repository's files, or else of the most preferred one.
pub(super) fn choose<'a>(
    files: impl Iterator<Item = &'a str>,
    wanted: Option<&str>,
) -> Option<(String, Option<String>)> {
    let models: Vec<_> =
        files.filter(|file| is_model(file)).map(|file| (file.to_owned(), quant::of_file(file))).collect();
    let of = |wanted: &str| {
        models.iter().find(|(_, quant)| quant.as_deref().is_some_and(|quant| quant::same(quant, wanted))).cloned()
    };
    match wanted {
        Some(wanted) => of(wanted),
        None => PREFERRED.iter().find_map(|quant| of(quant)).or_else(|| models.first().cloned()),
    }
}

/// Whether a repository's file is a model that can be opened: no projector, no importance matrix, no later part.
pub(super) fn is_model(file: &str) -> bool {
    let name = file.rsplit('/').next().unwrap_or(file).to_ascii_lowercase();
    let Some(stem) = name.strip_suffix(".gguf") else { return false };
    let later = stem.rsplit_once("-of-").is_some_and(|(rest, count)| {
        let part = rest.rsplit('-').next().unwrap_or_default();
        let number = |text: &str| text.len() == 5 && text.bytes().all(|byte| byte.is_ascii_digit());
        number(count) && number(part) && part != "00001"
    });
    !later && !name.starts_with("mmproj") && !name.contains("imatrix")
}
