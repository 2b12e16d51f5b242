//! `callwright parse`: reads recorded text as the engine would, with no model at all.

use std::io::Read as _;
use std::path::PathBuf;
use std::sync::Arc;

use callwright_parse::chat::{Fix, FixKind, Response};
use callwright_parse::check::Level;
use callwright_parse::error::{Error, ErrorKind, Result};
use callwright_parse::read::Parser;
use callwright_record::Answer;

use super::{Exit, World, ask, tools};

/// Parse the tool calls in a model's output
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  callwright parse output.txt --tools tools.json
  pbpaste | callwright parse --tools tools.json --format hermes --json
  curl .. | callwright parse --tools '[{\"name\": \"add\", \"parameters\": {\"type\": \"object\"}}]'

A response of OpenAI's, Anthropic's or Ollama's API is taken as it came. Only calls that may be executed are printed on
stdout; the others are named on stderr, and --json has all of them. Without --tools nothing is checked.

Exit status 1: no valid call was found.")]
pub(super) struct Args {
    /// The file to parse, `-` for stdin
    #[arg(default_value = "-", value_name = "FILE")]
    file: PathBuf,
    /// The tools the model was offered: a JSON file, or the JSON itself (repeatable)
    #[arg(short = 'T', long, value_name = "FILE|JSON")]
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
    let unchecked = tools.is_empty();
    if unchecked {
        world.printer.note("no tools were given (--tools): calls are read, but not checked");
    }
    let (text, format) = answer(text(args)?, args, world);
    let parser = match format.as_str() {
        "auto" => Parser::auto(&formats, tools),
        name => Parser::new(formats.get(name)?, tools).unchecked(),
    };
    let mut parser = parser.level(args.level).after_prompt(&args.after_prompt);
    parser.push(&text);
    let mut parsed = parser.finish();
    let format = std::mem::take(&mut parsed.format);
    let detected = parsed.detected.take();
    let mut response = Response::from(parsed);
    response.format = format;
    let exit = if response.valid_calls().next().is_some() { Exit::Done } else { Exit::No };
    if world.printer.wants_json() {
        world.printer.json(&response)?;
    } else if response.calls.is_empty() && is_binary(&response) {
        world.printer.note("no tool call found: the input is binary, not text");
    } else {
        if let Some(detected) = detected {
            world.printer.aside(&match (response.format.is_empty(), response.calls.is_empty()) {
                (false, _) => format!("format {} (score {:.2}): {}", response.format, detected.score, detected.reason),
                (true, false) => "format unknown: calls were found by the tools' names".to_owned(),
                (true, true) => format!("no tool call found: {}", detected.reason),
            });
        }
        show(&response, world)?;
    }
    Ok(exit)
}

/// The text to parse, and by which format: the input itself, or the answer in it where it is a response of an API.
fn answer(input: Vec<u8>, args: &Args, world: &World) -> (Vec<u8>, String) {
    let mut answers = str::from_utf8(&input).map(Answer::all_of).unwrap_or_default().into_iter();
    let Some(Answer { text, format }) = answers.next() else { return (input, args.format.clone()) };
    if answers.len() > 0 {
        world.printer.warn(&format!("the response has {} further choices, which are not parsed", answers.len()));
    }
    (text.into_bytes(), format.unwrap_or_else(|| args.format.clone()))
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

/// Whether the text is no text at all: models write no NUL, and rarely half a letter.
fn is_binary(response: &Response) -> bool {
    let bad: usize = invalid(response).map(|fix| fix.span.len()).sum();
    response.raw.contains('\0') || bad * 10 > response.raw.len()
}

fn invalid(response: &Response) -> impl Iterator<Item = &Fix> {
    response.fixes.iter().filter(|fix| fix.kind == FixKind::InvalidUtf8)
}

/// What may be executed goes to stdout, all else is told.
fn show(response: &Response, world: &World) -> Result<()> {
    let printer = &world.printer;
    for call in response.valid_calls() {
        printer.line(&format!("{} {}", call.name, call.arguments_json()))?;
    }
    if !response.text.trim().is_empty() {
        printer.aside(&format!("text: {}", response.text.trim()));
    }
    // That nothing was checked has been said, and bytes are told once, however many.
    let told = |fix: &&Fix| !matches!(fix.kind, FixKind::Unchecked | FixKind::InvalidUtf8);
    for fix in response.fixes.iter().filter(told) {
        printer.aside(&format!("fixed: {fix}"));
    }
    let mut places = invalid(response);
    if let Some(first) = places.next() {
        let more = places.count();
        let more = if more > 0 { format!(", and in {more} more places") } else { String::new() };
        printer.aside(&format!("fixed: {first}{more}"));
    }
    for fault in &response.faults {
        let call = fault.call().and_then(|index| response.calls.get(index));
        printer.warn(&ask::warning(fault, call.map(|call| call.name.as_str())));
    }
    Ok(())
}
