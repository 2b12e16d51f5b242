//! The words that models use for the parts of a call's JSON object.
//!
//! One table for all formats, as data (`grammars/keys.toml`), since models mix up each other's words.

use std::sync::LazyLock;

use serde::Deserialize;

/// The alias table.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Keys {
    pub(crate) name: Vec<String>,
    pub(crate) arguments: Vec<String>,
    pub(crate) id: Vec<String>,
    pub(crate) envelope: Vec<String>,
    pub(crate) aside: Vec<String>,
}

impl Keys {
    /// The table. Empty if the built-in file is wrong; `tests/rows.rs` sees to it that it is not.
    pub(crate) fn table() -> &'static Self {
        static TABLE: LazyLock<Keys> =
            LazyLock::new(|| toml::from_str(include_str!("../../grammars/keys.toml")).unwrap_or_default());
        &TABLE
    }
}

/// Whether a key is one of these words, whatever its case.
pub(crate) fn is(words: &[String], key: &str) -> bool {
    words.iter().any(|word| word.eq_ignore_ascii_case(key))
}
