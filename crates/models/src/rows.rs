//! Files in which everything that has a name is a table: `models.toml`, and `providers.toml`.
//!
//! A user's file of the same form extends the built-in one: a row of a new name is added, one of a known name is
//! laid over it field by field. It must not know what rows hold.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde::de::DeserializeOwned;
use toml::{Table, Value};

use callwright_parse::error::{Error, ErrorKind, Result};

/// At least this similar (Jaro-Winkler) counts as a typo.
const ALIKE: f64 = 0.7;

/// A row of such a file.
pub trait Named: DeserializeOwned {
    /// What errors call it.
    const CALLED: &'static str;
    /// The file whose head says what a row holds.
    const FILE: &'static str;

    /// Gives the row its name.
    fn set_name(&mut self, name: &str);

    /// Says what is wrong with the row, as part of a sentence.
    fn flaw(&self) -> Option<String>;
}

/// The rows of a file; `origin` names it in errors.
pub fn rows<R: Named>(tables: Table, origin: &str) -> Result<BTreeMap<String, Arc<R>>> {
    let mut rows = BTreeMap::new();
    for (name, value) in tables {
        let wrong = |why: &str| {
            Error::new(ErrorKind::Config, format!("invalid {} `{name}` in `{origin}`: {why}", R::CALLED))
                .hint(format!("the comment at the top of {} describes the fields of a row", R::FILE))
        };
        let mut row: R = value.try_into().map_err(|cause: toml::de::Error| wrong(cause.message()))?;
        row.set_name(&name);
        if let Some(flaw) = row.flaw() {
            return Err(wrong(&flaw));
        }
        rows.insert(name, Arc::new(row));
    }
    Ok(rows)
}

/// A text as tables; `origin` names it in errors.
pub fn table(text: &str, origin: &str) -> Result<Table> {
    text.parse::<Table>().map_err(|cause| {
        Error::new(ErrorKind::Config, format!("`{origin}` is not valid TOML"))
            .because(cause.to_string().trim().to_owned())
    })
}

/// These rows with others on top.
#[must_use]
pub fn laid_over(mut rows: Table, above: Table) -> Table {
    for (name, value) in above {
        lay_over(rows.entry(name).or_insert_with(|| Value::Table(Table::new())), value);
    }
    rows
}

/// Tables are merged key by key; all else is replaced.
fn lay_over(below: &mut Value, above: Value) {
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

/// Names similar to this one, closest first.
pub fn alike<'a>(name: &str, known: impl Iterator<Item = &'a str>) -> Vec<&'a str> {
    let mut ranked: Vec<_> = known.map(|known| (strsim::jaro_winkler(known, name), known)).collect();
    ranked.sort_by(|(one, _), (other, _)| other.total_cmp(one));
    ranked.into_iter().filter(|(score, _)| *score >= ALIKE).map(|(_, known)| known).collect()
}
