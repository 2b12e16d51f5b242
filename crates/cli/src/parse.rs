//! `callwright parse`: reads recorded text as the engine would, with no model at all.

use std::io::Read as _;
use std::path::PathBuf;
use std::sync::Arc;

use callwright_parse::chat::Response;
use callwright_parse::check::{Level, ToolSet};
use callwright_parse::error::{Error, ErrorKind, Result};
use callwright_parse::read::Parser;

use super::{Exit, World, tools};

/// Read the tool calls out of a model's text
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  callwright parse output.txt --tools tools.json
  pbpaste | callwright parse --tools tools.json --format hermes --json

Exit status 1: no valid call was found.")]
pub(super) struct Args {
    /// The text, `-` for stdin
    #[arg(default_value = "-", value_name = "FILE")]
    file: PathBuf,
    /// The tools that the model was offered: a JSON file (repeatable)
    #[arg(short = 'T', long, value_name = "FILE")]
    tools: Vec<PathBuf>,
    /// The format that calls are written in; `auto` finds it out from the text
    #[arg(long, value_name = "NAME", default_value = "auto")]
    format: String,
    /// How much is tolerated
    #[arg(long, value_name = "LEVEL", default_value = "standard", value_parser = super::level())]
    level: Level,
}

pub(super) fn run(args: &Args, world: &World) -> Result<Exit> {
    let formats = world.settings.formats()?;
    let tools = Arc::new(ToolSet::compile(&tools::read(&args.tools)?)?);
    let parser = match args.format.as_str() {
        "auto" => Parser::auto(&formats, tools),
        name => Parser::new(formats.get(name)?, tools),
    };
    let mut parser = parser.level(args.level);
    parser.push(&text(args)?);
    let mut parsed = parser.finish();
    let format = std::mem::take(&mut parsed.format);
    if let Some(detected) = parsed.detected.take() {
        let name = if format.is_empty() { "no format" } else { format.as_str() };
        world.printer.aside(&format!("format {name} ({:.2}): {}", detected.score, detected.reason));
    }
    let mut response = Response::from(parsed);
    response.format = format;
    let exit = if response.valid_calls().next().is_some() { Exit::Done } else { Exit::No };
    if world.printer.wants_json() {
        world.printer.json(&response)?;
    } else {
        show(&response, world)?;
    }
    Ok(exit)
}

fn text(args: &Args) -> Result<Vec<u8>> {
    let mut bytes = Vec::new();
    let read = if args.file.as_os_str() == "-" {
        std::io::stdin().lock().read_to_end(&mut bytes).map(|_| bytes)
    } else {
        std::fs::read(&args.file)
    };
    read.map_err(|cause| Error::new(ErrorKind::Io, format!("cannot read {}", args.file.display())).because(cause))
}

fn show(response: &Response, world: &World) -> Result<()> {
    let printer = &world.printer;
    for call in &response.calls {
        let arguments = serde_json::Value::Object(call.arguments.clone());
        printer.line(&format!("{} {arguments}", call.name))?;
    }
    if !response.text.trim().is_empty() {
        printer.aside(&format!("text: {}", response.text.trim()));
    }
    for fix in &response.fixes {
        let note = fix.note.as_deref().map(|note| format!(" ({note})")).unwrap_or_default();
        printer.aside(&format!("fixed {:?} at bytes {}..{}{note}", fix.kind, fix.span.start, fix.span.end));
    }
    for fault in &response.faults {
        printer.warn(&fault.to_string());
    }
    Ok(())
}
