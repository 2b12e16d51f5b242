//! `callwright rm`: gives back the disk space of models.

use indicatif::DecimalBytes;

use callwright_parse::error::Result;

use super::{Exit, World};

/// Remove models from this machine
#[derive(Debug, clap::Args)]
#[command(visible_alias = "remove")]
#[command(after_help = "Examples:
  callwright rm smollm2:135m
  callwright rm bartowski/Qwen2.5-7B-Instruct-GGUF:q4_k_m qwen3:4b

Only the files of the model are removed, and the prompt states saved with it. Other quants, and what other tools keep in the same cache, stay. A file given
by its path is yours and is never removed.")]
pub(super) struct Args {
    /// The models to remove
    #[arg(required = true, value_name = "MODEL")]
    models: Vec<String>,
}

pub(super) fn run(args: &Args, world: &World) -> Result<Exit> {
    let names = args.models.iter().map(|name| world.settings.model(name)).collect::<Result<Vec<_>>>()?;
    let store = world.settings.store();
    let mut told = Vec::new();
    for name in &names {
        let removed = store.remove(name)?;
        // The states of prompts that were read with it are of no use without it.
        let states = world
            .settings
            .prefixes()
            .remove(true, |model| model.is_some_and(|model| removed.files.iter().any(|file| file == model)));
        world.printer.note(&format!("removed {name}: {} freed", DecimalBytes(removed.bytes + states.bytes)));
        let files: Vec<_> = removed.files.iter().map(|file| file.display().to_string()).collect();
        told.push(serde_json::json!({"name": name.to_string(), "bytes": removed.bytes, "files": files, "states": states.files, "state_bytes": states.bytes}));
    }
    if world.printer.wants_json() {
        world.printer.json(&told)?;
    }
    Ok(Exit::Done)
}
