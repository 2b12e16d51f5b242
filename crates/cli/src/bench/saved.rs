//! Reports that are kept, and what changed since one of them.

use std::fs;
use std::path::{Path, PathBuf};

use crate::{World, out};
use callwright_bench::{CaseOutcome, Change, Comparison, Report};
use callwright_parse::error::{Error, ErrorKind, Result};

/// How many changed cases of a kind are named.
const NAMED: usize = 20;

/// Where the report of this name is kept.
fn file(name: &str, world: &World) -> Result<PathBuf> {
    let plain = |c: char| c.is_alphanumeric() || matches!(c, '-' | '_' | '.' | '@' | '+');
    if name.is_empty() || name.starts_with('.') || !name.chars().all(plain) {
        return Err(Error::new(ErrorKind::Input, format!("invalid report name `{name}`"))
            .hint("use letters, digits, `-`, `_` and `.`"));
    }
    Ok(folder(world).join(format!("{name}.json")))
}

fn folder(world: &World) -> PathBuf {
    world.settings.data.join("reports")
}

/// Keeps a report.
pub(super) fn save(name: &str, report: &Report, world: &World) -> Result<()> {
    let file = file(name, world)?;
    world.settings.close_data();
    out::own_folder(&folder(world))?;
    out::keep(&file, |out| serde_json::to_writer(out, report).map_err(Into::into))?;
    world.printer.note(&format!("saved as `{name}`: {}", file.display()));
    Ok(())
}

/// The report that a file holds, or that was kept under this name.
pub(super) fn load(old: &str, world: &World) -> Result<Report> {
    let path = if Path::new(old).is_file() { PathBuf::from(old) } else { file(old, world)? };
    let text = match fs::read(&path) {
        Err(cause) if cause.kind() == std::io::ErrorKind::NotFound => {
            let kept = kept(world);
            let hint = if kept.is_empty() {
                "no report is saved yet: use --save NAME first".to_owned()
            } else {
                format!("saved reports: {}", kept.join(", "))
            };
            return Err(Error::new(ErrorKind::Input, format!("no saved report `{old}`")).hint(hint));
        }
        read => {
            read.map_err(|cause| Error::new(ErrorKind::Io, format!("cannot read {}", path.display())).because(cause))?
        }
    };
    serde_json::from_slice(&text).map_err(|cause| {
        Error::new(ErrorKind::Input, format!("{} is not a report of `callwright bench parse`", path.display()))
            .because(cause)
    })
}

fn kept(world: &World) -> Vec<String> {
    let entries = fs::read_dir(folder(world)).into_iter().flatten().flatten();
    let name = |entry: fs::DirEntry| entry.file_name().to_str()?.strip_suffix(".json").map(|name| format!("`{name}`"));
    let mut names: Vec<_> = entries.filter_map(name).collect();
    names.sort();
    names
}

/// Says what changed.
pub(super) fn print(old: &str, comparison: &Comparison, world: &World) -> Result<()> {
    let printer = &world.printer;
    printer.line(&format!(
        "\ncompared with {old}: {} better, {} worse, {} changed otherwise, {} the same (p = {:.3})",
        comparison.better.len(),
        comparison.worse.len(),
        comparison.other.len(),
        comparison.same,
        comparison.p,
    ))?;
    if comparison.gone + comparison.fresh > 0 {
        printer.line(&format!(
            "cases only in the old report: {}, only in the new one: {}",
            comparison.gone, comparison.fresh
        ))?;
    }
    for (sign, changes) in [("+", &comparison.better), ("-", &comparison.worse)] {
        let named = if printer.is_verbose() { usize::MAX } else { NAMED };
        for change in changes.iter().take(named) {
            printer.line(&format!("{sign} {}", told(change)))?;
        }
        if changes.len() > named {
            printer.line(&format!("{sign} and {} more (--verbose lists all)", changes.len() - named))?;
        }
    }
    Ok(())
}

fn told(change: &Change) -> String {
    let state = |outcome: CaseOutcome, class: Option<callwright_bench::Class>| match class {
        Some(class) if !outcome.is_right() => format!("{} ({})", outcome.name(), class.name()),
        _ => outcome.name().to_owned(),
    };
    let before = state(change.before, change.class_before);
    let after = state(change.after, change.class_after);
    let case = [&change.id, &change.model, &change.category].map(String::as_str);
    let case = case.into_iter().filter(|name| !name.is_empty()).collect::<Vec<_>>().join(" ");
    format!("{case}: {before} -> {after}").replace(char::is_control, "·")
}
