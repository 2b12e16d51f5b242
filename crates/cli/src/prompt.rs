//! `callwright prompt`: what a model is really asked, without loading it.
//!
//! Most questions of the kind "why does it not call my tool" are answered by looking at the prompt.

use std::path::PathBuf;
use std::time::SystemTime;

use callwright_parse::chat::{Message, ToolChoice};
use callwright_parse::error::{Error, ErrorKind, Result};
use callwright_prompt::{Clock, Prompter, Template, TemplateTokens};

use super::words::Words;
use super::{Exit, World, tools};

/// Print the prompt a model gets for a question
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  callwright prompt smollm2:135m 'What is the weather in Oslo?' --tools tools.json
  callwright prompt ./model.gguf 'Hello' --json
  callwright prompt --template chat_template.jinja --format hermes 'Hello' --tools tools.json

The text is printed as the model gets it, special tokens included. With --json it is split into pieces: `markup` comes
from the template, `verbatim` is a special token spelled out in a message and kept as plain text.")]
pub(super) struct Args {
    /// The model (a name from `callwright list`, user/repo[:quant], or a .gguf file) and the question
    #[arg(num_args = 0.., value_names = ["MODEL", "PROMPT"])]
    words: Vec<String>,
    /// Tools on offer: a JSON file (repeatable)
    #[arg(short = 'T', long, value_name = "FILE")]
    tools: Vec<PathBuf>,
    /// auto, none, required, or the name of the tool that must be called
    #[arg(long, value_name = "CHOICE", default_value = "auto")]
    tool_choice: ToolChoice,
    /// System prompt
    #[arg(short, long, value_name = "TEXT")]
    system: Option<String>,
    /// Tool-call format, instead of the model's own
    #[arg(long, value_name = "NAME")]
    format: Option<String>,
    /// Use the chat template in this file instead of a model's
    #[arg(long, value_name = "FILE")]
    template: Option<PathBuf>,
}

pub(super) fn run(args: &Args, world: &World) -> Result<Exit> {
    let (model, question) = match Words::of(&args.words, args.template.is_some(), "prompt", world)? {
        Words::Question(Some(_), _) if args.template.is_some() => {
            return Err(Error::new(ErrorKind::Input, "give either --template or a model, not both")
                .hint("`callwright prompt --template FILE PROMPT` or `callwright prompt MODEL PROMPT`"));
        }
        Words::Question(model, question) => (model, question),
        Words::Nothing | Words::Model(_) => {
            return Err(Error::new(ErrorKind::Input, "no question was given")
                .hint("for example: callwright prompt smollm2:135m 'What is the weather in Oslo?'"));
        }
    };
    let prompter = match &args.template {
        Some(file) => of_file(args, file, world)?,
        None => of_model(args, model, world)?,
    };
    let prompter = prompter.now(Clock::of(SystemTime::now()));
    let mut messages: Vec<Message> = args.system.iter().map(Message::system).collect();
    messages.push(Message::user(question));
    let prompt = prompter.prompt(&messages, &tools::read(&args.tools)?, &args.tool_choice)?;
    if world.printer.wants_json() {
        world.printer.json(&serde_json::json!({
            "format": prompter.format().name(),
            "tools_told_in_words": prompter.tells_tools(),
            "abilities": prompter.abilities(),
            "text": prompt.text(),
            "pieces": prompt.pieces,
        }))?;
        return Ok(Exit::Done);
    }
    world.printer.write(&prompt.text())?;
    if !prompt.text().ends_with('\n') {
        world.printer.write("\n")?;
    }
    let plain = prompt.runs(prompter.known_specials()).iter().filter(|run| !run.special).count();
    if plain > 0 {
        world.printer.aside("special tokens in messages are kept as plain text");
    }
    Ok(Exit::Done)
}

fn of_file(args: &Args, file: &std::path::Path, world: &World) -> Result<Prompter> {
    let source = std::fs::read_to_string(file).map_err(|cause| {
        Error::new(ErrorKind::Io, format!("cannot read the template {}", file.display())).because(cause)
    })?;
    let template = Template::compile(&source, TemplateTokens::default())?;
    let formats = world.settings.formats()?;
    Prompter::of_template(template, &formats, args.format.as_deref())
}

fn of_model(args: &Args, name: Option<&str>, world: &World) -> Result<Prompter> {
    let name = match name {
        Some(name) => world.settings.model(name)?,
        None => callwright_models::ModelName::Embedded,
    };
    let located = world.pull(&name)?;
    let header = callwright_models::header(&located.path).map_err(|error| error.about(located.name.to_string()))?;
    let row = located.row().map(std::sync::Arc::as_ref);
    Prompter::of_model(&header, row, &world.settings.formats()?, args.format.as_deref())
        .map_err(|error| error.about(located.name.to_string()))
}
