//! Which settings there are: read from the schema of the file's types, so that they are written down once.
//!
//! An unknown key is refused with the closest known one as a hint, because a misspelt `enabled` that is passed over
//! would be a promise broken in silence.

use std::sync::OnceLock;

use serde_json::Value as Json;
use toml::{Table, Value};

use super::file::File;
use callwright_models::alike;

/// The schema of `callwright.toml`.
#[must_use]
pub fn schema() -> &'static Json {
    static SCHEMA: OnceLock<Json> = OnceLock::new();
    SCHEMA.get_or_init(|| schemars::schema_for!(File).to_value())
}

/// An unknown key.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Unknown {
    /// Its path, itself last.
    pub(super) path: Vec<String>,
    /// The known key closest to it.
    pub(super) nearest: Option<String>,
}

/// The first unknown key of a table.
pub(super) fn unknown(table: &Table) -> Option<Unknown> {
    stray(table, schema(), &mut Vec::new())
}

fn stray(table: &Table, schema: &Json, path: &mut Vec<String>) -> Option<Unknown> {
    let schema = followed(schema);
    let known = schema["properties"].as_object();
    for (key, value) in table {
        path.push(key.clone());
        let below = known.and_then(|known| known.get(key)).or_else(|| schema.get("additionalProperties"));
        match (below, value) {
            (None | Some(Json::Bool(false)), _) => {
                let names = known.into_iter().flat_map(|known| known.keys());
                return Some(Unknown { path: path.clone(), nearest: nearest(key, names.map(String::as_str)) });
            }
            (Some(below @ Json::Object(_)), Value::Table(table)) => {
                if let Some(found) = stray(table, below, path) {
                    return Some(found);
                }
            }
            _ => {}
        }
        path.pop();
    }
    None
}

/// The name closest to this one, if any is close.
pub(super) fn nearest<'n>(name: &str, known: impl Iterator<Item = &'n str>) -> Option<String> {
    alike(name, known).first().map(|name| (*name).to_owned())
}

/// A setting that has one value.
#[derive(Debug, Clone)]
pub(super) struct Leaf {
    pub(super) path: Vec<String>,
    schema: &'static Json,
}

/// Every setting that has one value, those of providers and profiles left out.
pub(super) fn leaves() -> Vec<Leaf> {
    let mut found = Vec::new();
    gather(schema(), &mut Vec::new(), &mut found);
    found
}

fn gather(schema: &'static Json, path: &mut Vec<String>, found: &mut Vec<Leaf>) {
    let schema = followed(schema);
    match schema["properties"].as_object() {
        Some(properties) => {
            for (key, below) in properties {
                path.push(key.clone());
                gather(below, path, found);
                path.pop();
            }
        }
        None if schema.get("additionalProperties").is_none() => found.push(Leaf { path: path.clone(), schema }),
        None => {}
    }
}

impl Leaf {
    /// The variable that sets it.
    pub(super) fn variable(&self) -> String {
        format!("CALLWRIGHT_{}", self.path.join("_").to_uppercase())
    }

    /// A value written without TOML's quotes; list entries are separated by commas.
    pub(super) fn value(&self, text: &str) -> Value {
        read(text, self.schema)
    }
}

/// The setting of this path.
pub(super) fn leaf(path: &[String]) -> Option<Leaf> {
    leaves().into_iter().find(|leaf| leaf.path == path)
}

fn read(text: &str, schema: &Json) -> Value {
    let types = &schema["type"];
    let is = |name: &str| types == name || types.as_array().is_some_and(|all| all.iter().any(|one| one == name));
    let literal = || text.parse::<Value>().ok();
    if is("boolean") {
        return super::is_yes(text).map_or_else(|| Value::from(text), Value::from);
    }
    if is("array") {
        let entries = text.split(',').map(str::trim).filter(|entry| !entry.is_empty());
        let list = || Value::Array(entries.map(Value::from).collect());
        return literal().filter(Value::is_array).unwrap_or_else(list);
    }
    if is("integer") || is("number") {
        return literal().unwrap_or_else(|| Value::from(text));
    }
    Value::from(text.trim_matches('"'))
}

/// What a reference refers to.
fn followed(schema: &Json) -> &Json {
    let optional = schema["anyOf"].as_array().and_then(|any| any.iter().find(|one| one.get("$ref").is_some()));
    let named = optional.unwrap_or(schema)["$ref"].as_str();
    match named {
        Some("#") => self::schema(),
        Some(name) => self::schema().pointer(name.trim_start_matches('#')).unwrap_or(schema),
        None => schema,
    }
}
