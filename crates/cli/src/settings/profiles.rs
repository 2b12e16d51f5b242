//! The profiles that the user's own file has, by name: for completions. It must not know what is in them.

use super::{FILE, Settings, layers};

impl Settings {
    /// The names of the user's profiles; none where the file cannot be read.
    #[must_use]
    pub fn profiles(&self) -> Vec<String> {
        let table = layers::read(&self.config.join(FILE)).ok().flatten().unwrap_or_default();
        let profiles = table.get("profile").and_then(toml::Value::as_table);
        profiles.into_iter().flat_map(|profiles| profiles.keys().cloned()).collect()
    }
}
