//! Layers of settings, each setting with the place where it was set.
//!
//! Tables are merged key by key, all else is replaced as a whole: a list that a project names is its list, not the
//! user's with something added. What a project's file may set at all, `rules.rs` says; what it may not is set aside and
//! told.

use std::collections::BTreeMap;
use std::fmt;
use std::path::{Path, PathBuf};

use toml::{Table, Value};

use super::file::File;
use super::refusal::Refusal;
use super::rules::{self, Rule, Verdict};
use super::tree::{flat, put, showable, shown};
use super::trust::Trust;
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

/// A file with settings, as it was read.
pub(super) struct Read {
    pub(super) table: Table,
    pub(super) text: String,
}

/// One setting and who set it.
#[derive(Debug, Clone)]
struct Set {
    value: Value,
    origin: Origin,
    /// The file of the project that named it, where nobody vouches for that.
    project: Option<PathBuf>,
}

/// All layers, merged.
#[derive(Debug, Clone)]
pub struct Layers {
    leaves: BTreeMap<Vec<String>, Set>,
    refused: Vec<Refusal>,
}

/// Named sets of settings in one file.
struct Profiles {
    named: Table,
    path: PathBuf,
    bound: bool,
}

impl Layers {
    /// The defaults.
    pub(super) fn builtin() -> Result<Self> {
        let mut layers = Self { leaves: BTreeMap::new(), refused: Vec::new() };
        layers.lay(parsed(BUILTIN, Path::new("builtin.toml"))?, &Origin::Builtin);
        Ok(layers)
    }

    /// Applies a table on top of what is there.
    pub(super) fn lay(&mut self, table: Table, origin: &Origin) {
        for (path, value) in flat(table) {
            self.set(path, value, origin.clone());
        }
    }

    /// Applies the table of a project that nobody vouches for, as far as the rules let it.
    fn lay_bound(&mut self, table: Table, origin: &Origin, file: &Path) {
        let folder = file.parent().unwrap_or(Path::new("."));
        for (path, value) in flat(table) {
            let before = self.leaves.get(&path).map(|set| &set.value);
            let (value, refused) = match rules::judged(&path, before, value.clone(), folder) {
                Verdict::Taken(value) => (Some(value), None),
                Verdict::Refused(instead, why) => (instead, Some((value, why))),
            };
            if let Some((value, why)) = refused {
                let stops = rules::stops(&path, &value);
                let (key, origin, why) = (String::new(), origin.clone(), why.to_owned());
                let needs_trust = !matches!(rules::rule(&path), Rule::Holds(_));
                self.refuse(&path, Refusal { key, value, origin, why, stops, needs_trust });
            }
            if let Some(value) = value {
                self.set(path.clone(), value, origin.clone());
                if let Some(set) = self.leaves.get_mut(&path) {
                    set.project = Some(file.to_owned());
                }
            }
        }
    }

    /// Sets one key; what was said for good stays.
    pub(super) fn set(&mut self, path: Vec<String>, value: Value, origin: Origin) {
        if let (Rule::Holds(said), Some(before)) = (rules::rule(&path), self.leaves.get(&path))
            && before.value.as_bool() == Some(said)
            && value.as_bool() == Some(!said)
        {
            let why = format!("`{}` was said here, and that holds: {}", before.value, before.origin);
            let key = String::new();
            return self.refuse(&path, Refusal { key, value, origin, why, stops: false, needs_trust: false });
        }
        self.leaves.insert(path, Set { value, origin, project: None });
    }

    fn refuse(&mut self, path: &[String], mut refusal: Refusal) {
        refusal.key = shown(path);
        refusal.value = showable(path, &refusal.value);
        if !self.refused.contains(&refusal) {
            self.refused.push(refusal);
        }
    }

    /// What was set and does not apply.
    #[must_use]
    pub fn refused(&self) -> &[Refusal] {
        &self.refused
    }

    /// The file of the project that set a key, where nobody vouches for that project.
    pub(super) fn project_of(&self, key: &str) -> Option<&Path> {
        self.leaves.get(&[key.to_owned()][..])?.project.as_deref()
    }

    fn profile(&mut self, name: &str, profiles: &[Profiles]) -> Result<()> {
        let mut found = false;
        for Profiles { named, path, bound } in profiles {
            if let Some(Value::Table(table)) = named.get(name) {
                let origin = Origin::Profile(name.to_owned(), path.clone());
                if *bound {
                    self.lay_bound(table.clone(), &origin, path);
                } else {
                    self.lay(table.clone(), &origin);
                }
                found = true;
            }
        }
        let known = profiles.iter().flat_map(|profiles| profiles.named.keys().map(String::as_str));
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
        for (path, set) in &self.leaves {
            put(&mut root, path, set.value.clone());
        }
        root.try_into().map_err(|cause: toml::de::Error| {
            let wrong = self.leaves.values().map(|set| &set.origin).filter(|origin| **origin != Origin::Builtin);
            let places: Vec<_> = wrong.map(ToString::to_string).collect();
            Error::new(ErrorKind::Config, format!("invalid setting: {}", cause.message()))
                .hint(format!("it was set here: {}", places.join(", ")))
        })
    }

    /// Every setting in effect, with the place where it was set.
    pub fn iter(&self) -> impl Iterator<Item = Setting> {
        self.leaves.iter().map(|(path, Set { value, origin, .. })| Setting {
            key: shown(path),
            value: showable(path, value),
            origin: origin.clone(),
        })
    }
}

/// The file of the project that a folder belongs to, if it has one; the user's own file is none.
pub(super) fn project(folder: &Path, config: &Path) -> Option<PathBuf> {
    let user = config.join(FILE);
    folder.ancestors().map(|folder| folder.join(FILE)).find(|file| file.is_file() && *file != user)
}

/// All layers, from the lowest to the highest.
pub(super) fn all(
    variable: &dyn Fn(&str) -> Option<String>,
    (config, data): (&Path, &Path),
    folder: &Path,
    flags: &Flags,
) -> Result<Layers> {
    let mut layers = Layers::builtin()?;
    let mut profiles = Vec::new();
    let mut take = |mut table: Table, path: &Path, bound: bool| {
        if let Some(Value::Table(named)) = table.remove("profile") {
            profiles.push(Profiles { named, path: path.to_owned(), bound });
        }
        table
    };
    let user = config.join(FILE);
    if let Some(Read { table, .. }) = read(&user)? {
        layers.lay(take(table, &user, false), &Origin::User(user.clone()));
    }
    if let Some(path) = project(folder, config)
        && let Some(Read { table, text }) = read(&path)?
    {
        let bound = !flags.trust && !Trust::read(data)?.holds(&path, text.as_bytes());
        let (table, origin) = (take(table, &path, bound), Origin::Project(path.clone()));
        if bound {
            layers.lay_bound(table, &origin, &path);
        } else {
            layers.lay(table, &origin);
        }
    }
    // A profile that nobody named yet may open a way out, too.
    for Profiles { named, path, .. } in profiles.iter().filter(|profiles| profiles.bound) {
        let mut tried = layers.clone();
        for (name, table) in named {
            if let Value::Table(table) = table {
                tried.lay_bound(table.clone(), &Origin::Profile(name.clone(), path.clone()), path);
            }
        }
        let known = layers.refused.len();
        layers.refused.extend(tried.refused.into_iter().skip(known).filter(|refusal| refusal.stops));
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
    match layers.refused.iter().find(|refusal| refusal.stops) {
        Some(Refusal { key, value, origin, why, .. }) if !flags.only_look => {
            let message = format!("{why}: `{key} = {value}` ({origin})");
            Err(Error::new(ErrorKind::Config, message).hint(
                "if you know that folder, `callwright config trust` lets its file set this; or set it in your own file \
                 or on the command line",
            ))
        }
        _ => Ok(layers),
    }
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

/// What a settings file says, as one would write it, a line for each key.
pub fn settings_of(path: &Path) -> Result<Vec<String>> {
    let table = read(path)?.map(|read| read.table).unwrap_or_default();
    let line = |(path, value): (Vec<String>, Value)| format!("{} = {}", shown(&path), showable(&path, &value));
    Ok(flat(table).into_iter().map(line).collect())
}

/// Whether a file is not there: also where what should be its folder is a file.
pub(super) fn is_missing(cause: &std::io::Error) -> bool {
    matches!(cause.kind(), std::io::ErrorKind::NotFound | std::io::ErrorKind::NotADirectory)
}

/// A settings file, checked on its own so that errors name the file and line.
pub(super) fn read(path: &Path) -> Result<Option<Read>> {
    let text = match std::fs::read_to_string(path) {
        Ok(text) => text,
        Err(cause) if is_missing(&cause) => return Ok(None),
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
    Ok(Some(Read { table, text }))
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
