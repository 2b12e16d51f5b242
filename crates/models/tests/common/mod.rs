//! A clean corner with a hub of its own, for tests of pulls.

#![allow(unreachable_pub, clippy::expect_used, reason = "tests stop where they cannot go on")]

use callwright_models::{ModelName, Places, Registry, Store};
use callwright_test_support::gguf;
use callwright_test_support::hub::Hub;
use tempfile::TempDir;

/// The repository of the hub's model, and its file.
pub const REPO: &str = "maker/Small-GGUF";
pub const FILE: &str = "Small-Q8_0.gguf";

/// A hub with one model, and folders for what is pulled.
pub struct Corner {
    pub folder: TempDir,
    pub hub: Hub,
    pub model: Vec<u8>,
}

impl Corner {
    pub fn new() -> Self {
        let hub = Hub::start();
        let model = gguf::model(64_000);
        hub.put(REPO, FILE, &model);
        hub.put(REPO, "README.md", b"# Small");
        Self { folder: tempfile::tempdir().expect("a folder"), hub, model }
    }

    pub fn places(&self) -> Places {
        let root = self.folder.path();
        let mut places = Places::new(root.join("hub"), root.join("cache")).online(&self.hub.endpoint);
        places.patience = 20;
        places
    }

    pub fn store(&self) -> Store {
        Store::new(self.places())
    }

    pub fn repo(&self) -> std::path::PathBuf {
        self.folder.path().join("hub/models--maker--Small-GGUF")
    }
}

pub fn name(text: &str) -> ModelName {
    ModelName::parse(text, Registry::builtin()).expect("a name")
}
