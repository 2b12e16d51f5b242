//! `callwright prune`: gives back the disk space of saved prompt states.

use indicatif::DecimalBytes;

use callwright_parse::error::Result;

use super::{Exit, World};

/// Remove saved prompt states of models that are gone
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  callwright prune --dry-run
  callwright prune --all

The state after system prompt and tools is kept on disk, so that the next run need not read them again. Together these
files take at most 2 GB, and what was not used for the longest time goes first. Removing them costs only time.")]
pub(super) struct Args {
    /// Remove the states of all models
    #[arg(long)]
    all: bool,
    /// Only say what would be removed
    #[arg(long)]
    dry_run: bool,
}

pub(super) fn run(args: &Args, world: &World) -> Result<Exit> {
    let prefixes = world.settings.prefixes();
    // A file that names no model is half a state, or none of ours.
    let goes = |model: Option<&std::path::Path>| args.all || model.is_none_or(|model| !model.exists());
    let freed = prefixes.remove(!args.dry_run, goes);
    let done = if args.dry_run { "would remove" } else { "removed" };
    let (files, bytes) = (freed.files, DecimalBytes(freed.bytes));
    world.printer.note(&format!("{done} {files} saved prompt state(s): {bytes} freed"));
    if world.printer.wants_json() {
        let folder = prefixes.folder.display().to_string();
        world.printer.json(&serde_json::json!({
            "folder": folder, "files": files, "bytes": freed.bytes, "dry_run": args.dry_run,
        }))?;
    }
    Ok(Exit::Done)
}
