//! `callwright grammar`: the decoding grammar that a request would be held to.

use std::path::PathBuf;

use callwright_constrain::{Constraint, Relaxation};
use callwright_parse::chat::ToolChoice;
use callwright_parse::check::Level;
use callwright_parse::error::Result;

use serde_json::json;

use super::{Exit, World, tools};

/// Print the decoding grammar of a tool list in a format
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  callwright grammar --tools tools.json
  callwright grammar --tools tools.json --format tool_use --tool-choice get_weather

The grammar is in llguidance's Lark dialect, with the tools' schemas inside. Parts of a schema that
are checked but not enforced are listed on stderr.")]
pub(super) struct Args {
    /// The tools on offer: a JSON file (repeatable)
    #[arg(short = 'T', long, value_name = "FILE", required = true)]
    tools: Vec<PathBuf>,
    /// The format to write calls in
    #[arg(long, value_name = "NAME", default_value = "hermes")]
    format: String,
    /// auto, required, or the name of the tool that must be called
    #[arg(long, value_name = "CHOICE", default_value = "required")]
    tool_choice: ToolChoice,
    /// At most one call per turn
    #[arg(long)]
    single_call: bool,
}

pub(super) fn run(args: &Args, world: &World) -> Result<Exit> {
    let format = world.settings.formats()?.get(&args.format)?;
    let tools = tools::compile(&args.tools, Level::Standard, world)?;
    let Some(constraint) = Constraint::compile(&format, &tools, &args.tool_choice, !args.single_call, "")? else {
        world.printer.note("nothing to enforce: no tool may be called");
        return Ok(Exit::No);
    };
    let relaxed = constraint.prove()?;
    for Relaxation { tool, cause } in relaxed {
        world.printer.note(&format!("tool `{tool}` is only partly enforced: {cause}"));
    }
    if world.printer.wants_json() {
        let relaxed: Vec<_> = relaxed.iter().map(|told| json!({"tool": told.tool, "cause": told.cause})).collect();
        let told = json!({"format": format.name(), "lark": constraint.grammar(), "relaxed": relaxed});
        world.printer.json(&told)?;
    } else {
        world.printer.line(constraint.grammar().trim_end())?;
    }
    Ok(Exit::Done)
}
