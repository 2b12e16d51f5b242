//! Providers as the settings have them: rows, keys, and how far the door is open.
//!
//! Keys are values here and nowhere printed. A configured provider opens nothing: the gate is open only for whoever
//! asks for it by name, or while `[fallback]` is on, and never when the network is off.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::{FILE, File, Settings, first_line};
use callwright_models::Secret;
use callwright_parse::error::{Error, ErrorKind, Result};
use callwright_providers::{Audit, Bodies, Catalog, Gate, ProviderRow, Providers, Rules};

/// The keys of the environment, by the provider that each is for.
pub(super) fn keys(
    file: &File,
    config: &Path,
    value: &dyn Fn(&str) -> Option<String>,
) -> Result<BTreeMap<String, Secret>> {
    let catalog = catalog(file, config)?;
    let key = |row: &Arc<ProviderRow>| Some((row.name.clone(), Secret::new(value(row.key.as_deref()?)?)));
    Ok(catalog.iter().filter_map(key).collect())
}

/// Rows of the user's own that cannot be used break only what uses them.
fn catalog(file: &File, config: &Path) -> Result<Catalog> {
    Catalog::forgiving(file.providers.clone(), &config.join(FILE).display().to_string())
}

impl Settings {
    /// The built-in providers with the user's own on top.
    pub fn catalog(&self) -> Result<Catalog> {
        catalog(&self.file, &self.config)
    }

    /// The key of a provider; its variable takes precedence over its file.
    pub fn key(&self, row: &ProviderRow) -> Result<Option<Secret>> {
        if let Some(key) = self.keys.get(&row.name) {
            return Ok(Some(key.clone()));
        }
        let Some(file) = &row.key_file else { return Ok(None) };
        // A path that begins nowhere begins where the settings are.
        let file = self.config.join(file);
        first_line(&file).map(|key| Some(Secret::new(key))).ok_or_else(|| {
            Error::new(ErrorKind::Config, format!("cannot read the key of `{}` from `{}`", row.name, file.display()))
                .hint("put the key on the first line of that file, or set its variable")
        })
    }

    /// The audit file: what left this machine.
    #[must_use]
    pub fn audit(&self) -> PathBuf {
        self.data.join("audit.jsonl")
    }

    /// The egress gate, open as far as the settings allow; for a provider that was named.
    #[must_use]
    pub fn gate(&self) -> Gate {
        let bodies = if self.file.egress.audit_bodies { Bodies::Kept } else { Bodies::LeftOut };
        let mut rules = Rules::recorded_in(Audit::new(self.audit(), bodies));
        rules.offline = self.offline;
        rules.proxy.clone_from(&self.file.egress.proxy);
        Gate::open(rules)
    }

    /// Every provider, behind this gate. One whose key file cannot be read counts as having no key, except that its own check
    /// says so.
    pub fn providers(&self, gate: &Arc<Gate>) -> Result<Providers> {
        Providers::open(&self.catalog()?, &|row| Ok(self.key(row).ok().flatten()), gate)
    }
}
