//! Layers of settings, each setting with the place where it was set.
//!
//! Tables are merged key by key, all else is replaced as a whole: a list that a project names is its list, not the
//! user's with something added.

use std::collections::BTreeMap;
use std::fmt;
use std::path::{Path, PathBuf};

use toml::{Table, Value};

use super::file::File;
use super::{FILE, Flags, keys};
use callwright_parse::error::{Error, ErrorKind, Result};

const BUILTIN: &str = include_str!("builtin.toml");

/// Where a setting comes from; later ones override earlier ones.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Origin {
    /// The defaults.
    Builtin,
    /// The user's file.
    User(PathBuf),
    /// The project's file.
    Project(PathBuf),
    /// A profile of one of these files.
    Profile(String, PathBuf),
    /// A variable of the environment.
    Environment(String),
    /// The command line.
    Flag,
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Builtin => f.write_str("built-in"),
            Self::User(path) => write!(f, "user: {}", path.display()),
            Self::Project(path) => write!(f, "project: {}", path.display()),
            Self::Profile(name, path) => write!(f, "profile {name}: {}", path.display()),
            Self::Environment(variable) => write!(f, "environment: {variable}"),
            Self::Flag => f.write_str("command line"),
        }
    }
}

/// One setting in effect.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct Setting {
    /// Its key, such as `fallback.enabled`.
    pub key: String,
    /// Its value; keys of providers are not shown.
    pub value: Value,
    /// Where it was set.
    pub origin: Origin,
}

/// All layers, merged.
#[derive(Debug, Clone)]
pub struct Layers {
    leaves: BTreeMap<Vec<String>, (Value, Origin)>,
}

impl Layers {
    /// The defaults.
    pub(super) fn builtin() -> Result<Self> {
        let mut layers = Self { leaves: BTreeMap::new() };
        layers.lay(parsed(BUILTIN, Path::new("builtin.toml"))?, &Origin::Builtin);
        Ok(layers)
    }

    /// Applies a table on top of what is there.
    pub(super) fn lay(&mut self, table: Table, origin: &Origin) {
        for (path, value) in flat(table) {
            self.set(path, value, origin.clone());
        }
    }

    pub(super) fn set(&mut self, path: Vec<String>, value: Value, origin: Origin) {
        self.leaves.insert(path, (value, origin));
    }

    fn profile(&mut self, name: &str, profiles: &[(Table, PathBuf)]) -> Result<()> {
        let mut found = false;
        for (named, path) in profiles {
            if let Some(Value::Table(table)) = named.get(name) {
                self.lay(table.clone(), &Origin::Profile(name.to_owned(), path.clone()));
                found = true;
            }
        }
        let known = profiles.iter().flat_map(|(named, _)| named.keys().map(String::as_str));
        let hint = match keys::nearest(name, known) {
            Some(nearest) => format!("did you mean `{nearest}`?"),
            None => format!("add `[profile.{name}]` to {FILE}"),
        };
        let missing = || Error::new(ErrorKind::Config, format!("no profile `{name}`")).hint(hint);
        if found { Ok(()) } else { Err(missing()) }
    }

    /// The merged settings.
    pub(super) fn file(&self) -> Result<File> {
        let mut root = Table::new();
        for (path, (value, _)) in &self.leaves {
            put(&mut root, path, value.clone());
        }
        root.try_into().map_err(|cause: toml::de::Error| {
            let wrong = self.leaves.values().map(|(_, origin)| origin).filter(|origin| **origin != Origin::Builtin);
            let places: Vec<_> = wrong.map(ToString::to_string).collect();
            Error::new(ErrorKind::Config, format!("invalid setting: {}", cause.message()))
                .hint(format!("it was set here: {}", places.join(", ")))
        })
    }

    /// Every setting in effect, with the place where it was set.
    pub fn iter(&self) -> impl Iterator<Item = Setting> {
        self.leaves.iter().map(|(path, (value, origin))| Setting {
            key: shown(path),
            value: if is_secret(path, value) { Value::from("(redacted)") } else { value.clone() },
            origin: origin.clone(),
        })
    }
}

/// All layers, from the lowest to the highest.
pub(super) fn all(
    variable: &dyn Fn(&str) -> Option<String>,
    config: &Path,
    folder: &Path,
    flags: &Flags,
) -> Result<Layers> {
    let mut layers = Layers::builtin()?;
    let user = config.join(FILE);
    let project = folder.ancestors().map(|folder| folder.join(FILE)).find(|file| file.is_file() && *file != user);
    let mut profiles = Vec::new();
    for (path, is_project) in [(Some(user), false), (project, true)] {
        let Some(path) = path else { continue };
        let Some(mut table) = read(&path)? else { continue };
        if is_project {
            without_ways_out(&table, &path)?;
        }
        if let Some(Value::Table(named)) = table.remove("profile") {
            profiles.push((named, path.clone()));
        }
        layers.lay(table, &if is_project { Origin::Project(path) } else { Origin::User(path) });
    }
    if let Some(name) = flags.profile.clone().or_else(|| variable("CALLWRIGHT_PROFILE")) {
        layers.profile(&name, &profiles)?;
    }
    for leaf in keys::leaves() {
        let name = leaf.variable();
        if let Some(text) = variable(&name) {
            layers.set(leaf.path.clone(), leaf.value(&text), Origin::Environment(name));
        }
    }
    for pair in &flags.set {
        let (path, value) = said(pair)?;
        layers.set(path, value, Origin::Flag);
    }
    if flags.offline {
        layers.set(vec!["offline".to_owned()], Value::from(true), Origin::Flag);
    }
    Ok(layers)
}

/// A folder that was merely unpacked must not be able to send conversations out, nor say where to. It may forbid it.
fn without_ways_out(table: &Table, path: &Path) -> Result<()> {
    let profiles = table.get("profile").and_then(Value::as_table).into_iter().flatten();
    let mut tables = profiles.filter_map(|(_, profile)| profile.as_table()).chain([table]);
    let shut = Table::from_iter([("enabled".to_owned(), Value::from(false))]);
    let way_out = |(key, value): (&String, &Value)| match key.as_str() {
        "provider" | "providers" | "egress" => true,
        "fallback" => value.as_table() != Some(&shut),
        _ => false,
    };
    if tables.any(|table| table.iter().any(way_out)) {
        let message = format!("{}: a project's file must not set what leaves this machine", path.display());
        return Err(Error::new(ErrorKind::Config, message).hint(
            "put `[fallback]`, `provider`, `[providers]` and `[egress]` into your own file (`callwright config init`); a \
             project's file may only say `fallback = { enabled = false }`",
        ));
    }
    Ok(())
}

/// `KEY=VALUE` of the command line.
fn said(pair: &str) -> Result<(Vec<String>, Value)> {
    let Some((key, text)) = pair.split_once('=') else {
        return Err(Error::new(ErrorKind::Input, format!("--set {pair}: expected KEY=VALUE"))
            .hint("for example: --set fallback.enabled=false"));
    };
    let path: Vec<String> = key.trim().split('.').map(str::to_owned).collect();
    if let Some(leaf) = keys::leaf(&path) {
        return Ok((path, leaf.value(text)));
    }
    let known: Vec<_> = keys::leaves().iter().map(|leaf| leaf.path.join(".")).collect();
    let error = Error::new(ErrorKind::Input, format!("--set {pair}: unknown setting `{key}`"));
    Err(match keys::nearest(key, known.iter().map(String::as_str)) {
        Some(nearest) => error.hint(format!("did you mean `{nearest}`?")),
        None => error.hint("`callwright config` lists the settings"),
    })
}

/// A settings file, checked on its own so that errors name the file and line.
pub(super) fn read(path: &Path) -> Result<Option<Table>> {
    let text = match std::fs::read_to_string(path) {
        Ok(text) => text,
        Err(cause) if cause.kind() == std::io::ErrorKind::NotFound => return Ok(None),
        Err(cause) => {
            return Err(Error::new(ErrorKind::Config, format!("cannot read {}", path.display())).because(cause));
        }
    };
    let table = parsed(&text, path)?;
    if let Some(keys::Unknown { path: key, nearest }) = keys::unknown(&table) {
        let line = line(&text, &key).map_or_else(String::new, |line| format!(":{line}"));
        let message = format!("{}{line}: unknown setting `{}`", path.display(), shown(&key));
        let hint = nearest.map_or_else(
            || "`callwright config schema` describes every key".to_owned(),
            |nearest| format!("did you mean `{nearest}`?"),
        );
        return Err(Error::new(ErrorKind::Config, message).hint(hint));
    }
    let mut alone = Layers::builtin()?;
    alone.lay(table.clone(), &Origin::Builtin);
    let wrong = |cause: Error| {
        Error::new(ErrorKind::Config, format!("{}: {cause}", path.display()))
            .hint("`callwright config schema` describes every key")
    };
    alone.file().map_err(wrong)?;
    Ok(Some(table))
}

fn parsed(text: &str, path: &Path) -> Result<Table> {
    text.parse::<Table>().map_err(|cause| {
        Error::new(ErrorKind::Config, format!("{} is not valid TOML", path.display()))
            .because(cause.to_string().trim().to_owned())
    })
}

/// The text of a new settings file, with everything in comments.
#[must_use]
pub fn commented() -> String {
    let line = |line: &str| match line.as_bytes().first() {
        None | Some(b'#' | b'[') => format!("{line}\n"),
        Some(_) => format!("# {line}\n"),
    };
    BUILTIN.lines().map(line).collect()
}

/// The line of a key, counted from 1.
fn line(text: &str, path: &[String]) -> Option<usize> {
    let parsed = toml::de::DeTable::parse(text).ok()?;
    let mut table = parsed.get_ref();
    let (last, way) = path.split_last()?;
    for key in way {
        table = table.get(key.as_str())?.get_ref().as_table()?;
    }
    let (key, _) = table.get_key_value(last.as_str())?;
    Some(text[..key.span().start].matches('\n').count() + 1)
}

fn flat(table: Table) -> Vec<(Vec<String>, Value)> {
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

fn put(table: &mut Table, path: &[String], value: Value) {
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
fn shown(path: &[String]) -> String {
    let bare = |key: &str| key.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"_-".contains(&byte));
    let written = path.iter().map(|key| if bare(key) { key.clone() } else { format!("{key:?}") });
    written.collect::<Vec<_>>().join(".")
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
