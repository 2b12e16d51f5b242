//! The models that are known by name: `models.toml`, and the user's own file on top.
//!
//! The file is part of the binary, so names work without a network. A user's file has the same form. A row of a new name
//! is added; a row of a known name is laid over it field by field, `files` quant by quant, so that `format = ".."` alone
//! is enough to correct one.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::{Arc, OnceLock};

use toml::{Table, Value};

use super::Row;
use crate::error::{Error, ErrorKind, Result};

const BUILTIN: &str = include_str!("../../models.toml");

/// At least this alike (Jaro-Winkler) counts as a slip of the pen.
const ALIKE: f64 = 0.7;

/// Every model that has a name. Built once, never changed.
#[derive(Debug, Clone, Default)]
pub struct Registry {
    rows: BTreeMap<String, Arc<Row>>,
}

impl Registry {
    /// The models of the binary's own `models.toml`.
    ///
    /// ```
    /// let row = callwright::models::Registry::builtin().get("smollm2:135m").expect("a row of models.toml");
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
        let mut tables = table(BUILTIN, "models.toml")?;
        for (name, value) in table(&text, &shown)? {
            lay_over(tables.entry(name).or_insert_with(|| Value::Table(Table::new())), value);
        }
        Self::from_tables(tables, &shown)
    }

    /// The models of one text in the form of `models.toml`; `origin` names it in errors.
    pub fn parse(text: &str, origin: &str) -> Result<Self> {
        Self::from_tables(table(text, origin)?, origin)
    }

    fn from_tables(tables: Table, origin: &str) -> Result<Self> {
        let mut rows = BTreeMap::new();
        for (name, value) in tables {
            let wrong = |why: String| {
                Error::new(ErrorKind::Config, format!("the row `{name}` of `{origin}` is wrong: {why}"))
                    .hint("the head of models.toml says what a row holds")
            };
            let mut row: Row = value.try_into().map_err(|cause: toml::de::Error| wrong(cause.message().to_owned()))?;
            row.name.clone_from(&name);
            if let Some(flaw) = row.flaw() {
                return Err(wrong(flaw));
            }
            rows.insert(name, Arc::new(row));
        }
        Ok(Self { rows })
    }

    /// The model with this name, in any case.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<&Arc<Row>> {
        self.rows.get(name).or_else(|| self.rows.get(&name.to_lowercase()))
    }

    /// Every model, by name.
    pub fn iter(&self) -> impl Iterator<Item = &Arc<Row>> {
        self.rows.values()
    }

    /// The names that this one may have meant: its family where it is one, else the most alike; at most 5.
    ///
    /// ```
    /// assert_eq!(callwright::models::Registry::builtin().nearest("smolm2:135m")[0], "smollm2:135m");
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

fn table(text: &str, origin: &str) -> Result<Table> {
    text.parse::<Table>().map_err(|cause| {
        Error::new(ErrorKind::Config, format!("`{origin}` is no TOML")).because(cause.to_string().trim().to_owned())
    })
}

/// The names that are written like this one, the most alike first.
pub(crate) fn alike<'a>(name: &str, known: impl Iterator<Item = &'a str>) -> Vec<&'a str> {
    let mut ranked: Vec<_> = known.map(|known| (strsim::jaro_winkler(known, name), known)).collect();
    ranked.sort_by(|(one, _), (other, _)| other.total_cmp(one));
    ranked.into_iter().filter(|(score, _)| *score >= ALIKE).map(|(_, known)| known).collect()
}

/// Tables are merged key by key; all else is replaced.
pub(crate) fn lay_over(below: &mut Value, above: Value) {
    match (below, above) {
        (Value::Table(below), Value::Table(above)) => {
            for (key, value) in above {
                match below.get_mut(&key) {
                    Some(there) => lay_over(there, value),
                    None => drop(below.insert(key, value)),
                }
            }
        }
        (below, above) => *below = above,
    }
}
