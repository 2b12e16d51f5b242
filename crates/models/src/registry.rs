//! The models that are known by name: `models.toml`, and the user's own file on top.
//!
//! The file is part of the binary, so names work without a network. A user's file has the same form. A row of a new name
//! is added; a row of a known name is laid over it field by field, `files` quant by quant, so that `format = ".."` alone
//! is enough to correct one.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::{Arc, OnceLock};

use super::ModelRow;
use super::rows::{alike, laid_over, rows, table};
use callwright_parse::error::{Error, ErrorKind, Result};

const BUILTIN: &str = include_str!("../models.toml");

/// Every model that has a name. Built once, never changed.
#[derive(Debug, Clone, Default)]
pub struct Registry {
    rows: BTreeMap<String, Arc<ModelRow>>,
}

impl Registry {
    /// The models of the binary's own `models.toml`.
    ///
    /// ```
    /// let row = callwright_models::Registry::builtin().get("smollm2:135m").expect("a row of models.toml");
    /// assert_eq!(row.context_length, 8192);
    /// ```
    #[must_use]
    pub fn builtin() -> &'static Self {
        static REGISTRY: OnceLock<Registry> = OnceLock::new();
        // The tests hold that the file can be read; a binary with a broken one knows no names.
        REGISTRY.get_or_init(|| Self::parse(BUILTIN, "models.toml").unwrap_or_default())
    }

    /// The same with the user's file on top. A file that is not there adds nothing.
    pub fn with_file(path: &Path) -> Result<Self> {
        let shown = path.display().to_string();
        let text = match std::fs::read_to_string(path) {
            Ok(text) => text,
            Err(cause) if cause.kind() == std::io::ErrorKind::NotFound => return Ok(Self::builtin().clone()),
            Err(cause) => {
                return Err(Error::new(ErrorKind::Config, format!("cannot read `{shown}`")).because(cause));
            }
        };
        let tables = laid_over(table(BUILTIN, "models.toml")?, table(&text, &shown)?);
        Ok(Self { rows: rows(tables, &shown)? })
    }

    /// The models of one text in the form of `models.toml`; `origin` names it in errors.
    pub fn parse(text: &str, origin: &str) -> Result<Self> {
        Ok(Self { rows: rows(table(text, origin)?, origin)? })
    }

    /// The model with this name, in any case.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<&Arc<ModelRow>> {
        self.rows.get(name).or_else(|| self.rows.get(&name.to_lowercase()))
    }

    /// Every model, by name.
    pub fn iter(&self) -> impl Iterator<Item = &Arc<ModelRow>> {
        self.rows.values()
    }

    /// Names that were probably meant: those of its family where it names one, else the closest; at most 5.
    ///
    /// ```
    /// assert_eq!(callwright_models::Registry::builtin().nearest("smolm2:135m")[0], "smollm2:135m");
    /// ```
    #[must_use]
    pub fn nearest(&self, name: &str) -> Vec<&str> {
        let name = name.to_lowercase();
        let family = name.split(':').next().unwrap_or(&name);
        let siblings = self.rows.keys().filter(|known| known.split(':').next() == Some(family));
        let alike = alike(&name, self.rows.keys().map(String::as_str));
        let siblings: Vec<_> = siblings.map(String::as_str).collect();
        let mut nearest: Vec<_> = if siblings.is_empty() || name.contains(':') { alike } else { siblings };
        nearest.truncate(5);
        nearest
    }
}
