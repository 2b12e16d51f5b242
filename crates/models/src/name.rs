//! What a user may write to name a model, and what was meant by it.
//!
//! `family:size[:quant]` is a row of the registry, `user/repo[:quant][@revision]` any repository of the hub, and what
//! ends in `.gguf`, begins like a path or is a file is a path. The registry decides nothing else: the name of a model
//! that is not there stays a name until a store looks for it.

use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::{ModelRow, Registry, quant};
use callwright_parse::error::{Error, ErrorKind, Result};

/// The name of the embedded model.
pub const EMBEDDED: &str = "embedded";

/// A model that was asked for.
///
/// ```
/// use callwright_models::{ModelName, Registry};
/// let registry = Registry::builtin();
/// let name = ModelName::parse("bartowski/SmolLM2-135M-Instruct-GGUF:q4_k_m@main", registry)?;
/// assert_eq!(name.to_string(), "bartowski/SmolLM2-135M-Instruct-GGUF:Q4_K_M@main");
/// assert!(matches!(ModelName::parse("smollm2:135m", registry)?, ModelName::Row { .. }));
/// assert!(ModelName::parse("smollm3:135m", registry).is_err());
/// # Ok::<(), callwright_parse::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub enum ModelName {
    /// A row of the registry.
    Row {
        /// The row.
        row: Arc<ModelRow>,
        /// One of its quants, where one was named.
        quant: Option<String>,
    },
    /// A repository of the hub.
    Repo {
        /// As `user/repo`.
        repo: String,
        /// The quant, in capitals, where one was named.
        quant: Option<String>,
        /// A branch, tag or commit; `main` where none was named.
        revision: Option<String>,
    },
    /// A file.
    Path(PathBuf),
    /// The model in the binary.
    Embedded,
}

impl ModelName {
    /// Reads a name. What it names need not be there, but a short name must be known.
    pub fn parse(text: &str, registry: &Registry) -> Result<Self> {
        let text = text.trim();
        if text == EMBEDDED {
            return Ok(Self::Embedded);
        }
        if looks_like_path(text) || Path::new(text).is_file() {
            return Ok(Self::Path(PathBuf::from(text)));
        }
        if text.contains('/') {
            return repo(text);
        }
        if let Some(row) = registry.get(text) {
            return Ok(Self::Row { row: Arc::clone(row), quant: None });
        }
        if let Some((row, wanted)) = text.rsplit_once(':').and_then(|(name, quant)| Some((registry.get(name)?, quant)))
        {
            return Ok(Self::Row { row: Arc::clone(row), quant: Some(row.quant(wanted)?.to_owned()) });
        }
        Err(unknown(text, registry))
    }

    /// The row of the registry, where there is one; the embedded model has its own.
    #[must_use]
    pub fn row(&self) -> Option<&Arc<ModelRow>> {
        match self {
            Self::Row { row, .. } => Some(row),
            Self::Embedded => Some(super::embedded::row()),
            _ => None,
        }
    }
}

impl fmt::Display for ModelName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Row { row, quant: None } => f.write_str(&row.name),
            Self::Row { row, quant: Some(quant) } => write!(f, "{}:{}", row.name, quant.to_lowercase()),
            Self::Repo { repo, quant, revision } => {
                f.write_str(repo)?;
                quant.as_ref().map_or(Ok(()), |quant| write!(f, ":{quant}"))?;
                revision.as_ref().map_or(Ok(()), |revision| write!(f, "@{revision}"))
            }
            Self::Path(path) => path.display().fmt(f),
            Self::Embedded => f.write_str(EMBEDDED),
        }
    }
}

fn looks_like_path(text: &str) -> bool {
    let ending = Path::new(text).extension().is_some_and(|ending| ending.eq_ignore_ascii_case("gguf"));
    let beginning = ["./", "../", "/", "\\"].iter().any(|beginning| text.starts_with(beginning));
    ending || beginning || text.contains('\\')
}

fn repo(text: &str) -> Result<ModelName> {
    let (rest, revision) = match text.split_once('@') {
        Some((rest, revision)) => (rest, Some(revision)),
        None => (text, None),
    };
    let (repo, quant) = match rest.split_once(':') {
        Some((repo, quant)) => (repo, Some(quant)),
        None => (rest, None),
    };
    let wrong = |what: &str| {
        Error::new(ErrorKind::Input, format!("invalid model name `{text}`: {what}"))
            .hint("use `user/repo`, `user/repo:q4_k_m`, `user/repo:q4_k_m@revision`, or the path of a .gguf file")
    };
    if !is_repo(repo) {
        return Err(wrong(&format!("`{repo}` is not a repository")));
    }
    if quant.is_some_and(|quant| !quant::is_quant(quant)) {
        return Err(wrong(&format!("`{}` is not a quant", quant.unwrap_or_default())));
    }
    if revision.is_some_and(|revision| !is_file(revision)) {
        return Err(wrong(&format!("`{}` is not a revision", revision.unwrap_or_default())));
    }
    let quant = quant.map(str::to_uppercase);
    Ok(ModelName::Repo { repo: repo.to_owned(), quant, revision: revision.map(str::to_owned) })
}

fn unknown(text: &str, registry: &Registry) -> Error {
    let nearest = registry.nearest(text);
    let hint = if nearest.is_empty() {
        "`callwright list --all` lists known names; `user/repo` and the path of a .gguf file work too".to_owned()
    } else {
        format!("did you mean `{}`? `callwright list --all` lists known names", nearest.join("`, `"))
    };
    Error::new(ErrorKind::ModelMissing, format!("unknown model `{text}`")).about(text).hint(hint)
}

/// Whether this is `user/repo` in the hub's alphabet: two plain words.
pub(super) fn is_repo(text: &str) -> bool {
    text.split('/').count() == 2 && is_file(text) && !text.contains("--")
}

/// Whether this is a relative path of plain words, which can become part of an address and of a file's path: no empty
/// words, nothing that climbs up, nothing that an address would read as something else.
pub(super) fn is_file(text: &str) -> bool {
    let plain = |c: char| c.is_ascii_alphanumeric() || ['-', '_', '.', '+', '='].contains(&c);
    let word = |word: &str| !word.is_empty() && word.chars().all(plain) && word.chars().any(|c| c != '.');
    text.len() <= 255 && text.split('/').all(word)
}
