//! `callwright verify`: whether the models on this machine are still what was published.

use serde::Serialize;

use callwright_models::{ModelName, Verdict};
use callwright_parse::error::{ErrorKind, Result};

use super::bar::Bar;
use super::{Exit, World};

/// Check models against their published SHA-256
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  callwright verify                 every model on this machine
  callwright verify smollm2:135m

The SHA-256 of each file is computed and compared with the one the hub announced when it was pulled, which the cache
keeps as the file's name. No network is used.

Exit status 1: a file has changed.")]
pub(super) struct Args {
    /// The models to check; all if none is named
    #[arg(value_name = "MODEL")]
    models: Vec<String>,
}

/// What was found of one file.
#[derive(Debug, Serialize)]
struct Finding {
    name: String,
    state: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    sha256: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    expected: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    error: Option<String>,
}

pub(super) fn run(args: &Args, world: &World) -> Result<Exit> {
    let names = if args.models.is_empty() {
        let here = world.settings.store().list(&world.settings.registry()?);
        here.into_iter().map(|entry| entry.located.name).collect()
    } else {
        args.models.iter().map(|name| world.settings.model(name)).collect::<Result<Vec<_>>>()?
    };
    let mut findings = Vec::new();
    for name in &names {
        findings.extend(check(name, world)?);
    }
    if world.printer.wants_json() {
        world.printer.json(&findings)?;
    } else {
        for finding in &findings {
            world.printer.line(&line(finding))?;
        }
    }
    let bad: Vec<_> = findings.iter().filter(|finding| finding.expected.is_some() || finding.error.is_some()).collect();
    // A file that was given by its path is not ours to remove, and comes from where nobody here knows.
    let pulled = |finding: &&&Finding| !names.iter().any(|name| is_path(name) && name.to_string() == finding.name);
    if let Some(finding) = bad.iter().find(pulled) {
        world
            .printer
            .hint(&format!("`callwright rm {0}`, then `callwright pull {0}` downloads it again", finding.name));
    }
    Ok(if bad.is_empty() { Exit::Done } else { Exit::No })
}

fn is_path(name: &ModelName) -> bool {
    matches!(name, ModelName::Path(_))
}

fn check(name: &ModelName, world: &World) -> Result<Vec<Finding>> {
    let told = name.to_string();
    let finding = |state| Finding { name: told.clone(), state, sha256: None, expected: None, error: None };
    match world.settings.store().verify(name, &mut Bar::new(world.printer)) {
        Ok(verdicts) => Ok(verdicts
            .into_iter()
            .map(|verdict| match verdict {
                Verdict::Intact { sha256 } => Finding { sha256: Some(sha256), ..finding("intact") },
                Verdict::Unknown { sha256 } => Finding { sha256: Some(sha256), ..finding("unknown") },
                Verdict::Altered { expected, found } => {
                    Finding { sha256: Some(found), expected: Some(expected), ..finding("altered") }
                }
            })
            .collect()),
        // One damaged file is an answer about that file and no reason to leave the others unread.
        Err(error) if error.kind() == ErrorKind::ModelCorrupt => {
            Ok(vec![Finding { error: Some(error.to_string()), ..finding("damaged") }])
        }
        Err(error) => Err(error),
    }
}

fn line(finding: &Finding) -> String {
    let Finding { name, sha256, expected, error, .. } = finding;
    let sum = sha256.as_deref().unwrap_or_default();
    match (finding.state, expected, error) {
        (state, _, Some(error)) => format!("{state:8} {name}: {error}"),
        (state, Some(expected), _) => format!("{state:8} {name}: the sha256 is {sum}, expected {expected}"),
        ("unknown", ..) => format!("unknown  {name}: no published sha256 to compare with; it is {sum}"),
        (state, ..) => format!("{state:8} {name}: {sum}"),
    }
}
