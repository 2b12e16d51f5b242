//! `callwright doctor`: is everything there that a turn needs, and if not, what to do.

use std::io::Write as _;
use std::path::Path;

use indicatif::DecimalBytes;
use serde::Serialize;

use crate::settings::VARIABLES;
use callwright_parse::chat::counted;
use callwright_parse::error::Result;

use super::{Exit, World, version};

/// Check what callwright needs on this machine
#[derive(Debug, clap::Args)]
#[command(after_help = "Exit status 1: something is missing; each failed check says what to do.")]
pub(super) struct Args {
    /// List every environment variable callwright reads
    #[arg(long)]
    variables: bool,
}

/// One thing that was looked at.
#[derive(Debug, Serialize)]
struct Finding {
    what: &'static str,
    ok: bool,
    found: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    hint: Option<String>,
}

pub(super) fn run(args: &Args, world: &World) -> Result<Exit> {
    if args.variables {
        return variables(world);
    }
    let mut findings = vec![version(), engine(), processor(), models(world), formats(world)];
    findings.extend(folders(world));
    findings.push(network(world));
    if world.printer.wants_json() {
        world.printer.json(&findings)?;
    } else {
        for finding in &findings {
            let mark = if finding.ok { "ok " } else { "BAD" };
            world.printer.hanging(16, &format!("{mark}  {:10} {}", finding.what, finding.found))?;
            if let Some(hint) = &finding.hint {
                world.printer.hanging(16, &format!("     {:10} hint: {hint}", ""))?;
            }
        }
    }
    Ok(if findings.iter().all(|finding| finding.ok) { Exit::Done } else { Exit::No })
}

fn good(what: &'static str, found: impl Into<String>) -> Finding {
    Finding { what, ok: true, found: found.into(), hint: None }
}

fn bad(what: &'static str, error: &callwright_parse::Error) -> Finding {
    Finding { what, ok: false, found: error.to_string(), hint: error.hint_text().map(str::to_owned) }
}

fn version() -> Finding {
    good("version", format!("callwright {}", version::short()))
}

fn engine() -> Finding {
    let engines = version::engines();
    if !engines.is_empty() {
        return good("engine", format!("{}, in process", engines.join(" and ")));
    }
    let hint = "build with the default features to run models: cargo install callwright-cli".to_owned();
    Finding { what: "engine", ok: false, found: "none built in".to_owned(), hint: Some(hint) }
}

fn processor() -> Finding {
    let cores = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
    good("processor", format!("{}, {}", version::cpu(), counted(cores, "core")))
}

fn models(world: &World) -> Finding {
    match world.settings.registry() {
        Ok(registry) => {
            let here = world.settings.store().list(&registry);
            let names: Vec<_> = here.iter().map(|entry| entry.located.name.to_string()).collect();
            good("models", format!("{} on this machine: {}", names.len(), names.join(", ")))
        }
        Err(error) => bad("models", &error),
    }
}

fn formats(world: &World) -> Finding {
    match world.settings.formats() {
        Ok(formats) => good("formats", format!("{} tool-call formats", formats.iter().count())),
        Err(error) => bad("formats", &error),
    }
}

/// What is written to, with what each needs room for.
fn folders(world: &World) -> [Finding; 4] {
    let (places, settings) = (&world.settings.places, &world.settings);
    [
        folder("models", &places.hub_cache, 0),
        folder("cache", &places.cache, LITTLE),
        folder("data", &settings.data, LITTLE),
        folder("settings", &settings.config, 0),
    ]
}

/// Less than this is no room for the built-in model and what a few runs keep.
const LITTLE: u64 = 16 << 20;

/// Whether a file can be written in a folder, or where the folder would be made, found out by writing one.
fn folder(what: &'static str, folder: &Path, needed: u64) -> Finding {
    let there = folder.ancestors().find(|folder| folder.exists()).unwrap_or(folder);
    let shown = folder.display();
    let probe = || {
        let mut file = tempfile::Builder::new().prefix(".callwright-").tempfile_in(there)?;
        file.write_all(&[0; 4096])?;
        file.as_file().sync_all()
    };
    let elsewhere = "or name another folder (`callwright doctor --variables` lists how)";
    let bad = |found: String, what_to_do: &str| Finding {
        what,
        ok: false,
        found,
        hint: Some(format!("{what_to_do}, {elsewhere}")),
    };
    let probed: std::io::Result<()> = probe();
    match (probed, free(there)) {
        (Err(cause), _) => bad(format!("{shown} cannot be written: {cause}"), "make it writable"),
        (Ok(()), Some(free)) if free < needed => {
            bad(format!("{shown} has only {} free", DecimalBytes(free)), "make room on its disk")
        }
        (Ok(()), Some(free)) => good(what, format!("{shown}, writable, {} free", DecimalBytes(free))),
        (Ok(()), None) => good(what, format!("{shown}, writable")),
    }
}

/// How many bytes may still be written to the disk of a folder, where the system tells.
#[cfg(unix)]
fn free(folder: &Path) -> Option<u64> {
    let facts = rustix::fs::statvfs(folder).ok()?;
    facts.f_bavail.checked_mul(facts.f_frsize)
}

#[cfg(not(unix))]
fn free(_folder: &Path) -> Option<u64> {
    None
}

fn network(world: &World) -> Finding {
    let fallback = &world.settings.file.fallback;
    if world.settings.offline {
        return good("network", "off: no downloads, no providers");
    }
    let pull = if world.settings.places.offline { "not used for `pull`" } else { "used only for `pull`" };
    let asked = fallback.chain.join(", ");
    good(
        "network",
        if fallback.enabled { format!("{pull}, and to ask {asked} (fallback is on)") } else { pull.to_owned() },
    )
}

fn variables(world: &World) -> Result<Exit> {
    if world.printer.wants_json() {
        let table: serde_json::Map<_, _> =
            VARIABLES.iter().map(|(name, meaning)| ((*name).to_owned(), (*meaning).into())).collect();
        world.printer.json(&table)?;
    } else {
        for (name, meaning) in VARIABLES {
            world.printer.hanging(21, &format!("{name:20} {meaning}"))?;
        }
    }
    Ok(Exit::Done)
}
