//! A file of settings as its single values, each with the path of its keys; and how both are written for people.
//!
//! Keys of providers are never written.

use toml::{Table, Value};

/// The single values of a table.
pub(super) fn flat(table: Table) -> Vec<(Vec<String>, Value)> {
    let mut found = Vec::new();
    for (key, value) in table {
        match value {
            Value::Table(below) => {
                let deeper = flat(below).into_iter();
                found.extend(deeper.map(|(path, value)| ([vec![key.clone()], path].concat(), value)));
            }
            value => found.push((vec![key], value)),
        }
    }
    found
}

/// Puts a value into a table, below the tables that its path names.
pub(super) fn put(table: &mut Table, path: &[String], value: Value) {
    match path {
        [] => {}
        [key] => drop(table.insert(key.clone(), value)),
        [key, rest @ ..] => {
            let below = table.entry(key.clone()).or_insert_with(|| Value::Table(Table::new()));
            if let Value::Table(below) = below {
                put(below, rest, value);
            }
        }
    }
}

/// The key as one would write it.
pub(super) fn shown(path: &[String]) -> String {
    let bare = |key: &str| key.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"_-".contains(&byte));
    let written = path.iter().map(|key| if bare(key) { key.clone() } else { format!("{key:?}") });
    written.collect::<Vec<_>>().join(".")
}

/// The value as it may be shown.
pub(super) fn showable(path: &[String], value: &Value) -> Value {
    if is_secret(path, value) { Value::from("(redacted)") } else { value.clone() }
}

/// Whether the value is a key or the like. The name of the variable or file that holds one is not.
fn is_secret(path: &[String], value: &Value) -> bool {
    let Some(key) = path.last().map(|key| key.to_lowercase()) else { return false };
    let named = ["key", "token", "secret", "password", "auth"].iter().any(|name| key.contains(name));
    let variable =
        |text: &str| text.bytes().all(|byte| byte.is_ascii_uppercase() || byte.is_ascii_digit() || byte == b'_');
    let elsewhere = ["_file", "_header"].iter().any(|end| key.ends_with(end)) || value.as_str().is_some_and(variable);
    // A proxy's address may hold a password.
    let address = value.as_str().is_some_and(|text| text.contains("://") && text.contains('@'));
    address || (path.iter().any(|part| part == "providers") && named && !elsewhere)
}
