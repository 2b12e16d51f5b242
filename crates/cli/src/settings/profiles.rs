//! The profiles that the user's own file has, by name: for completions. It must not know what is in them.

use super::{FILE, Settings, layers};

impl Settings {
    /// The names of the user's profiles; none where the file cannot be read.
    #[must_use]
    pub fn profiles(&self) -> Vec<String> {
        let read = layers::read(&self.config.join(FILE)).ok().flatten();
        let profiles = read.as_ref().and_then(|read| read.table.get("profile")?.as_table());
        profiles.into_iter().flat_map(|profiles| profiles.keys().cloned()).collect()
    }
}
