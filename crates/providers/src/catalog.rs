//! The providers that are known by name: `providers.toml`, and the user's `[providers.NAME]` on top.
//!
//! The file is part of the binary. A user's row of a new name is added; one of a known name is laid over it field by
//! field, so that `key = ".."` alone is enough to change the key's variable.

use std::collections::BTreeMap;
use std::sync::{Arc, OnceLock};

use toml::Table;

use super::ProviderRow;
use callwright_models::{alike, laid_over, rows, table};
use callwright_parse::error::{Error, ErrorKind, Result};

const BUILTIN: &str = include_str!("../providers.toml");

/// Every provider that has a name. Built once, never changed.
#[derive(Debug, Clone, Default)]
pub struct Catalog {
    rows: BTreeMap<String, Arc<ProviderRow>>,
    /// What is wrong with rows that cannot be used.
    broken: BTreeMap<String, Unusable>,
}

/// Why a row cannot be used, for all who will ask for it.
#[derive(Debug, Clone)]
pub(super) struct Unusable {
    why: String,
    hint: Option<String>,
}

impl Unusable {
    pub(super) fn because(error: &Error) -> Self {
        Self { why: error.to_string(), hint: error.hint_text().map(str::to_owned) }
    }

    pub(super) fn error(&self) -> Error {
        let error = Error::new(ErrorKind::Config, &self.why);
        match &self.hint {
            Some(hint) => error.hint(hint),
            None => error,
        }
    }
}

impl Catalog {
    /// The providers of the binary's own `providers.toml`.
    ///
    /// ```
    /// use callwright_providers::{Ability, Catalog};
    /// let row = Catalog::builtin().get("anthropic")?;
    /// assert_eq!(row.dialect, "anthropic");
    /// assert!(row.capabilities("claude-haiku-4-5").can(Ability::Tools));
    /// # Ok::<(), callwright_parse::Error>(())
    /// ```
    #[must_use]
    pub fn builtin() -> &'static Self {
        static CATALOG: OnceLock<Catalog> = OnceLock::new();
        // The tests hold that the file can be read; a binary with a broken one knows no names.
        CATALOG.get_or_init(|| Self::with_rows(Table::new(), "providers.toml").unwrap_or_default())
    }

    /// The same with these rows on top; `origin` names them in errors.
    ///
    /// ```
    /// use callwright_providers::Catalog;
    /// let rows = "[mine]\nkind = \"local\"\ndialect = \"openai_chat\"\nbase_url = \"http://127.0.0.1:8080/v1\"";
    /// let catalog = Catalog::with_rows(rows.parse().unwrap(), "callwright.toml")?;
    /// assert_eq!(catalog.get("Mine")?.name, "mine");
    /// # Ok::<(), callwright_parse::Error>(())
    /// ```
    pub fn with_rows(own: Table, origin: &str) -> Result<Self> {
        let own = own.into_iter().map(|(name, value)| (name.to_lowercase(), value)).collect();
        Ok(Self { rows: rows(laid_over(table(BUILTIN, "providers.toml")?, own), origin)?, broken: BTreeMap::new() })
    }

    /// The same, where a row that cannot be used is in nobody's way: it is an error only for those who ask for it.
    ///
    /// ```
    /// use callwright_providers::Catalog;
    /// let catalog = Catalog::forgiving("[mine]\nbase_url = \"http://127.0.0.1:8080\"".parse().unwrap(), "callwright.toml")?;
    /// assert!(catalog.get("openai").is_ok());
    /// assert!(catalog.get("mine").unwrap_err().to_string().contains("missing field `kind`"));
    /// # Ok::<(), callwright_parse::Error>(())
    /// ```
    pub fn forgiving(own: Table, origin: &str) -> Result<Self> {
        let own: Table = own.into_iter().map(|(name, value)| (name.to_lowercase(), value)).collect();
        let mut catalog = Self::default();
        for (name, row) in laid_over(table(BUILTIN, "providers.toml")?, own.clone()) {
            match rows(Table::from_iter([(name.clone(), row)]), origin) {
                Ok(row) => catalog.rows.extend(row),
                Err(error) if own.contains_key(&name) => {
                    let hint = format!(
                        "mend [providers.{name}] in {origin}: a provider of your own needs `kind` (cloud, local or hybrid), \
                         `base_url`, and `dialect` or `raw`"
                    );
                    catalog.broken.insert(name, Unusable::because(&error.hint(hint)));
                }
                Err(error) => return Err(error),
            }
        }
        Ok(catalog)
    }

    /// The names of the rows that cannot be used, each with what is wrong with it.
    pub fn broken(&self) -> impl Iterator<Item = (&str, &str)> {
        self.broken.iter().map(|(name, broken)| (name.as_str(), broken.why.as_str()))
    }

    /// The provider of this name, in any case.
    pub fn get(&self, name: &str) -> Result<&Arc<ProviderRow>> {
        self.rows.get(&name.to_lowercase()).ok_or_else(|| {
            if let Some(broken) = self.broken.get(&name.to_lowercase()) {
                return broken.error();
            }
            let error = Error::new(ErrorKind::Config, format!("unknown provider `{name}`"));
            match alike(&name.to_lowercase(), self.rows.keys().map(String::as_str)).first() {
                Some(alike) => error.hint(format!("did you mean `{alike}`?")),
                None => error.hint("`callwright providers` lists known providers"),
            }
        })
    }

    /// Every provider, by name.
    pub fn iter(&self) -> impl Iterator<Item = &Arc<ProviderRow>> {
        self.rows.values()
    }
}
