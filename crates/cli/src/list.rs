//! `callwright list`: the models on this machine, and those that have a name.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::{SystemTime, UNIX_EPOCH};

use comfy_table::Table;
use indicatif::{DecimalBytes, HumanDuration};
use serde::Serialize;
use serde_json::json;

use callwright_models::{Entry, ModelRow};
use callwright_parse::error::Result;
use callwright_parse::format::Format;

use super::{Exit, World};

/// List the models on this machine
#[derive(Debug, clap::Args)]
#[command(visible_alias = "ls")]
#[command(after_help = "Examples:
  callwright list
  callwright list --all            every model that can be pulled by name, too
  callwright list --formats        the tool-call formats and who uses them
  callwright list --json | jq -r '.[].path'

TOOLS says how a model is told about tools: `native` by its own chat template, `prompted` by text in the system
message, `?` if unknown (see `callwright show`).")]
pub(super) struct Args {
    /// Also list models that can be pulled by name
    #[arg(short, long)]
    all: bool,
    /// List the tool-call formats instead
    #[arg(long, conflicts_with = "all")]
    formats: bool,
}

/// One line.
#[derive(Debug, Serialize)]
struct Line {
    name: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    format: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    quant: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    bytes: Option<u64>,
    tools: &'static str,
    /// Seconds since 1970.
    #[serde(skip_serializing_if = "Option::is_none")]
    modified: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    source: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    path: Option<String>,
}

pub(super) fn run(args: &Args, world: &World) -> Result<Exit> {
    if args.formats {
        return formats(world);
    }
    let registry = world.settings.registry()?;
    let entries = world.settings.store().list(&registry);
    let mut lines: Vec<_> = entries.iter().map(here).collect();
    if args.all {
        let known: BTreeSet<_> = entries.iter().filter_map(|entry| entry.located.row()).map(|row| &row.name).collect();
        lines.extend(registry.iter().filter(|row| !known.contains(&row.name)).map(elsewhere));
    }
    if world.printer.wants_json() {
        world.printer.json(&lines)?;
        return Ok(Exit::Done);
    }
    world.printer.line(&table(&lines))?;
    if !args.all {
        world.printer.aside("`callwright list --all` also lists models that can be pulled by name");
    }
    Ok(Exit::Done)
}

fn formats(world: &World) -> Result<Exit> {
    let formats = world.settings.formats()?;
    if world.printer.wants_json() {
        let told = |format: &Arc<Format>| json!({"name": format.name(), "used_by": format.row().models});
        world.printer.json(&formats.iter().map(told).collect::<Vec<_>>())?;
        return Ok(Exit::Done);
    }
    let mut table = Table::new();
    table.set_header(["FORMAT", "USED BY"]);
    for format in formats.iter() {
        table.add_row([format.name(), &format.row().models.join(", ")]);
    }
    world.printer.line(&super::table::plain(table))?;
    world.printer.aside("`callwright show FORMAT` shows one with examples");
    Ok(Exit::Done)
}

fn here(entry: &Entry) -> Line {
    let located = &entry.located;
    let row = located.row();
    let since = |time: SystemTime| time.duration_since(UNIX_EPOCH).map(|since| since.as_secs()).ok();
    Line {
        name: located.name.to_string(),
        format: row.map(|row| row.format.clone()),
        quant: located.quant.clone(),
        bytes: Some(entry.bytes),
        tools: row.map_or("?", tools),
        modified: entry.modified.and_then(since),
        source: Some(located.source.as_str()),
        path: Some(located.path.display().to_string()),
    }
}

fn elsewhere(row: &Arc<ModelRow>) -> Line {
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a positive number of gigabytes")]
    let bytes = row.files.get(&row.default).and_then(|file| file.gb).map(|gb| (gb * 1e9) as u64);
    Line {
        name: row.name.clone(),
        format: Some(row.format.clone()),
        quant: Some(row.default.clone()),
        bytes,
        tools: tools(row),
        modified: None,
        source: None,
        path: None,
    }
}

fn tools(row: &Arc<ModelRow>) -> &'static str {
    if row.prompt.prompted().is_some() { "prompted" } else { "native" }
}

fn table(lines: &[Line]) -> String {
    let mut table = Table::new();
    table.set_header(["NAME", "FORMAT", "QUANT", "SIZE", "TOOLS", "MODIFIED"]);
    for line in lines {
        let dash = || "-".to_owned();
        table.add_row([
            line.name.clone(),
            line.format.clone().unwrap_or_else(dash),
            line.quant.clone().unwrap_or_else(dash),
            line.bytes.map_or_else(dash, |bytes| DecimalBytes(bytes).to_string()),
            line.tools.to_owned(),
            line.modified.map_or_else(|| "not pulled".to_owned(), ago),
        ]);
    }
    super::table::plain(table)
}

fn ago(seconds: u64) -> String {
    let then = UNIX_EPOCH + std::time::Duration::from_secs(seconds);
    SystemTime::now()
        .duration_since(then)
        .map_or_else(|_| "now".to_owned(), |age| format!("{} ago", HumanDuration(age)))
}
