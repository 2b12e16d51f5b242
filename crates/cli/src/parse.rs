//! `callwright parse`: reads recorded text as the engine would, with no model at all.

use std::io::Read as _;
use std::path::PathBuf;
use std::sync::Arc;

use callwright_parse::chat::Response;
use callwright_parse::check::Level;
use callwright_parse::error::{Error, ErrorKind, Result};
use callwright_parse::read::Parser;

use super::{Exit, World, ask, tools};

/// Parse the tool calls in a model's output
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  callwright parse output.txt --tools tools.json
  pbpaste | callwright parse --tools tools.json --format hermes --json

Exit status 1: no valid call was found.")]
pub(super) struct Args {
    /// The file to parse, `-` for stdin
    #[arg(default_value = "-", value_name = "FILE")]
    file: PathBuf,
    /// The tools the model was offered: a JSON file (repeatable)
    #[arg(short = 'T', long, value_name = "FILE")]
    tools: Vec<PathBuf>,
    /// Tool-call format; `auto` detects it
    #[arg(long, value_name = "NAME", default_value = "auto")]
    format: String,
    /// How the prompt ended, which may have opened reasoning or a call
    #[arg(long, value_name = "TEXT", default_value = "", hide_default_value = true, allow_hyphen_values = true)]
    after_prompt: String,
    /// How many deviations from the format to tolerate
    #[arg(long, value_name = "LEVEL", default_value = "standard", value_parser = super::level())]
    level: Level,
}

pub(super) fn run(args: &Args, world: &World) -> Result<Exit> {
    let formats = world.settings.formats()?;
    let tools = Arc::new(tools::compile(&args.tools, args.level, world)?);
    let parser = match args.format.as_str() {
        "auto" => Parser::auto(&formats, tools),
        name => Parser::new(formats.get(name)?, tools),
    };
    let mut parser = parser.level(args.level).after_prompt(&args.after_prompt);
    parser.push(&text(args)?);
    let mut parsed = parser.finish();
    let format = std::mem::take(&mut parsed.format);
    if let Some(detected) = parsed.detected.take() {
        world.printer.aside(&match (format.is_empty(), parsed.calls.is_empty()) {
            (false, _) => format!("format {format} (score {:.2}): {}", detected.score, detected.reason),
            (true, false) => "format unknown: calls were found by the tools' names".to_owned(),
            (true, true) => format!("no tool call found: {}", detected.reason),
        });
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
        printer.line(&format!("{} {}", call.name, call.arguments_json()))?;
    }
    if !response.text.trim().is_empty() {
        printer.aside(&format!("text: {}", response.text.trim()));
    }
    for fix in &response.fixes {
        printer.aside(&format!("fixed: {fix}"));
    }
    for fault in &response.faults {
        let call = fault.call().and_then(|index| response.calls.get(index));
        printer.warn(&ask::warning(fault, call.map(|call| call.name.as_str())));
    }
    Ok(())
}
