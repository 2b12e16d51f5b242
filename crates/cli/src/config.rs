//! `callwright config`: the settings in effect, where each was set, and how to change them.

use std::path::{Path, PathBuf};

use clap::Subcommand;
use serde_json::json;

use crate::settings::{FILE, commented, migrate, schema};
use callwright_parse::error::{Error, ErrorKind, Result};

use super::{Exit, World, out};

/// Show the settings in effect and where each was set
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  callwright config                       every setting in effect, keys redacted
  callwright config init                  write a commented file of your own
  callwright config schema > schema.json  for your editor

Order of precedence: flags, environment, the project's callwright.toml, your own, the defaults.")]
pub(super) struct Args {
    #[command(subcommand)]
    what: Option<What>,
}

#[derive(Debug, Subcommand)]
enum What {
    /// Write a commented settings file: your own, or one for this folder
    Init {
        /// Write it for this folder and those below
        #[arg(long)]
        project: bool,
        /// Replace an existing file
        #[arg(long)]
        force: bool,
    },
    /// Print the JSON Schema of callwright.toml
    Schema,
    /// Print older settings (JSON with `provider`, `model`, `api_key`) as callwright.toml
    Migrate {
        /// The older file
        file: PathBuf,
    },
}

pub(super) fn run(args: &Args, world: &World) -> Result<Exit> {
    match &args.what {
        None => show(world)?,
        Some(What::Init { project, force }) => init(*project, *force, world)?,
        Some(What::Schema) => world.printer.json(schema())?,
        Some(What::Migrate { file }) => from_older(file, world)?,
    }
    Ok(Exit::Done)
}

fn show(world: &World) -> Result<()> {
    let settings: Vec<_> = world.settings.layers.iter().collect();
    if world.printer.wants_json() {
        let told = |setting: &crate::settings::Setting| json!({"key": setting.key, "value": setting.value, "origin": setting.origin.to_string()});
        return world.printer.json(&settings.iter().map(told).collect::<Vec<_>>());
    }
    let lines: Vec<_> = settings.iter().map(|setting| format!("{} = {}", setting.key, setting.value)).collect();
    let width = lines.iter().map(|line| line.chars().count()).max().unwrap_or(0).min(60);
    for (line, setting) in lines.iter().zip(&settings) {
        world.printer.hanging(4, &format!("{line:width$}  # {}", setting.origin))?;
    }
    Ok(())
}

fn init(project: bool, force: bool, world: &World) -> Result<()> {
    let path = if project { PathBuf::from(FILE) } else { world.settings.config.join(FILE) };
    if path.exists() && !force {
        return Err(Error::new(ErrorKind::Config, format!("{} already exists", path.display()))
            .hint("edit it, or replace it with --force"));
    }
    if !project {
        out::own_folder(&world.settings.config)?;
    }
    out::keep(&path, |file| file.write_all(commented().as_bytes()))?;
    world.printer.line(&path.display().to_string())
}

fn from_older(file: &Path, world: &World) -> Result<()> {
    let text = std::fs::read_to_string(file)
        .map_err(|cause| Error::new(ErrorKind::Io, format!("cannot read {}", file.display())).because(cause))?;
    let migrated = migrate(&text)?;
    for (variable, field) in &migrated.keys {
        world.printer.note(&format!("the key is not copied: put the value of `{field}` into {variable}"));
    }
    for field in &migrated.left_out {
        world.printer.warn(&format!("`{field}` has no counterpart and is dropped"));
    }
    world.printer.write(&migrated.toml)
}
