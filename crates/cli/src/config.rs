//! `callwright config`: the settings in effect, where each was set, and how to change them.

use std::path::{Path, PathBuf};

use clap::Subcommand;
use serde_json::json;

use crate::settings::{FILE, Refusal, Setting, commented, migrate, schema, settings_of};
use callwright_parse::error::{Error, ErrorKind, Result};

use super::{Exit, World, out};

/// The way out for whoever knows the folder.
pub(super) const TRUST: &str =
    "if you know that folder, `callwright config trust` lets its callwright.toml set everything";

/// Show the settings in effect and where each was set
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  callwright config                       every setting in effect, keys redacted
  callwright config init                  write a commented file of your own
  callwright config schema > schema.json  for your editor
  callwright config trust                 let this folder's callwright.toml set what it says now

Order of precedence: flags, environment, the project's callwright.toml, your own, the defaults. A project's file only
makes settings stricter, unless you trust it; `offline = true` holds wherever it is set. What was refused is listed.")]
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
    /// Trust a project: its callwright.toml, as it is now, may set everything
    Trust {
        /// A folder of the project; default: this one
        folder: Option<PathBuf>,
        /// List the projects that you trust
        #[arg(long, conflicts_with = "folder")]
        list: bool,
    },
    /// Take the trust in a project back
    Untrust {
        /// A folder of the project; default: this one
        folder: Option<PathBuf>,
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
        Some(What::Trust { list: true, .. }) => list(world)?,
        Some(What::Trust { folder, .. }) => trust(folder.as_deref(), world)?,
        Some(What::Untrust { folder }) => return untrust(folder.as_deref(), world),
        Some(What::Init { project, force }) => init(*project, *force, world)?,
        Some(What::Schema) => world.printer.json(schema())?,
        Some(What::Migrate { file }) => from_older(file, world)?,
    }
    Ok(Exit::Done)
}

fn show(world: &World) -> Result<()> {
    let settings: Vec<_> = world.settings.layers.iter().collect();
    let refused = world.settings.layers.refused();
    if world.printer.wants_json() {
        let told = |setting: &Setting| json!({"key": setting.key, "value": setting.value, "origin": setting.origin.to_string()});
        let refusal = |it: &Refusal| json!({"key": it.key, "value": it.value, "origin": it.origin.to_string(), "refused": it.why});
        let all = settings.iter().map(told).chain(refused.iter().map(refusal));
        return world.printer.json(&all.collect::<Vec<_>>());
    }
    let lines: Vec<_> = settings.iter().map(|setting| format!("{} = {}", setting.key, setting.value)).collect();
    let width = lines.iter().map(|line| line.chars().count()).max().unwrap_or(0).min(60);
    for (line, setting) in lines.iter().zip(&settings) {
        world.printer.hanging(4, &format!("{line:width$}  # {}", setting.origin))?;
    }
    for refusal in refused {
        world.printer.line(&format!("# {refusal}"))?;
    }
    if refused.iter().any(|refusal| refusal.needs_trust) {
        world.printer.hint(TRUST);
    }
    Ok(())
}

/// The project that a folder belongs to, and what its file says.
fn project(folder: Option<&Path>, world: &World) -> Result<(PathBuf, String)> {
    let folder = folder.unwrap_or(Path::new("."));
    let folder = folder.canonicalize().map_err(|cause| {
        Error::new(ErrorKind::Input, format!("cannot open the folder {}", folder.display())).because(cause)
    })?;
    let file = world.settings.project(&folder).ok_or_else(|| {
        Error::new(ErrorKind::Input, format!("no project: there is no {FILE} in {} or above it", folder.display()))
            .hint("`callwright config init --project` writes one")
    })?;
    let text = std::fs::read_to_string(&file)
        .map_err(|cause| Error::new(ErrorKind::Io, format!("cannot read {}", file.display())).because(cause))?;
    Ok((file, text))
}

fn trust(folder: Option<&Path>, world: &World) -> Result<()> {
    let (file, text) = project(folder, world)?;
    // What is trusted must be something that can be read.
    let settings = settings_of(&file)?;
    world.settings.trust()?.add(&file, text.as_bytes())?;
    for key in settings {
        world.printer.line(&key)?;
    }
    world.printer.note(&format!(
        "{} may set this from now on; once it changes, you are asked again. `callwright config untrust` takes it back",
        file.display()
    ));
    Ok(())
}

fn untrust(folder: Option<&Path>, world: &World) -> Result<Exit> {
    let (file, _) = project(folder, world)?;
    let was_trusted = world.settings.trust()?.remove(&file)?;
    world.printer.note(&format!(
        "{} {}",
        file.display(),
        if was_trusted { "is no longer trusted" } else { "was not trusted" }
    ));
    Ok(if was_trusted { Exit::Done } else { Exit::No })
}

fn list(world: &World) -> Result<()> {
    let trust = world.settings.trust()?;
    let state = |same| if same { "trusted" } else { "changed" };
    if world.printer.wants_json() {
        let told = |(path, same): (&Path, bool)| json!({"file": path, "state": state(same)});
        return world.printer.json(&trust.iter().map(told).collect::<Vec<_>>());
    }
    for (path, same) in trust.iter() {
        world.printer.line(&format!("{}  {}", state(same), path.display()))?;
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
