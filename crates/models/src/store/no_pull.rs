//! Stands in for `pull` in a build without the feature `hub`: what is here is found, and nothing is fetched.

use super::{Located, Store};
use crate::{ModelName, Progress};
use callwright_parse::error::{Error, ErrorKind, Result};

impl Store {
    /// Finds a model on this machine.
    ///
    /// # Errors
    ///
    /// `ModelMissing` where it is not on this machine: this build cannot download.
    pub fn pull(&self, name: &ModelName, _: &mut dyn Progress) -> Result<Located> {
        self.locate(name).map_err(|missing| match missing.kind() {
            ErrorKind::ModelMissing => Error::new(ErrorKind::ModelMissing, missing.to_string())
                .about(name.to_string())
                .hint("this build cannot download: build callwright with the feature `hub`, or give a .gguf file"),
            _ => missing,
        })
    }
}
