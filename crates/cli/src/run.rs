//! `callwright run`: one question, one turn.

use std::io::{IsTerminal as _, Read as _};
use std::path::{Path, PathBuf};

use callwright_parse::chat::{Image, Message, Response};
use callwright_parse::error::{Error, ErrorKind, Result};

use super::ask::{self, AskArgs};
use super::model::ModelArgs;
use super::{Exit, World};

/// Ask a model one question; print its answer and its checked calls
#[derive(Debug, clap::Args)]
#[command(override_usage = "callwright run [OPTIONS] [MODEL] PROMPT")]
#[command(after_help = "Examples:
  callwright run 'What is the weather in Oslo?' --tools tools.json
  callwright run smollm2:135m 'What is the weather in Oslo?' --tools tools.json --tool-choice required --json
  callwright run qwen2.5:7b --draft qwen2.5:0.5b 'What is the weather in Oslo?' --tools tools.json
  echo 'Tell me a joke' | callwright run ./model.gguf -

Text goes to stdout as it is generated, then each valid call on a line of its own: its name and its arguments as JSON.
With --json the whole response is printed at the end. Exit status 1: a call was made or required, and none is valid.")]
pub(super) struct Args {
    /// The model (a name from `callwright list`, user/repo[:quant], or a .gguf file) and the question, `-` for stdin
    #[arg(num_args = 0..=2, value_names = ["MODEL", "PROMPT"])]
    words: Vec<String>,
    /// Attach this image: png, jpeg, gif or webp (repeatable). Only a provider's model can see it
    #[arg(long, value_name = "FILE")]
    image: Vec<PathBuf>,
    #[command(flatten)]
    model: ModelArgs,
    #[command(flatten)]
    ask: AskArgs,
}

pub(super) fn run(args: &Args, world: &World) -> Result<Exit> {
    let (model, question) = match args.words.as_slice() {
        [] => (None, stdin()?),
        [question] => (None, said(question)?),
        [model, question, ..] => (Some(model.as_str()), said(question)?),
    };
    let mut message = Message::user(question);
    for file in &args.image {
        message = message.image(image(file)?);
    }
    let request = args.ask.request()?.message(message);
    super::block_on(async {
        let engine = args.model.engine(model, world).await?;
        let Some(response) = args.ask.turn(&engine, request, world).await? else { return Ok(Exit::Interrupted) };
        args.model.leave(engine, world);
        if world.printer.wants_json() {
            world.printer.json(&response)?;
        }
        world.printer.aside(&summary(&response));
        Ok(ask::exit(&response))
    })
}

/// An image; its first bytes tell its format, whatever its name.
fn image(file: &Path) -> Result<Image> {
    let bytes = std::fs::read(file).map_err(|cause| {
        Error::new(ErrorKind::Input, format!("cannot read the image `{}`", file.display())).because(cause)
    })?;
    Image::of_bytes(&bytes).ok_or_else(|| {
        Error::new(ErrorKind::Input, format!("unsupported image format: `{}`", file.display()))
            .hint("png, jpeg, gif and webp are supported")
    })
}

fn said(word: &str) -> Result<String> {
    if word == "-" { stdin() } else { Ok(word.to_owned()) }
}

fn stdin() -> Result<String> {
    if std::io::stdin().is_terminal() {
        return Err(Error::new(ErrorKind::Input, "no question was given")
            .hint("callwright run 'What is the weather in Oslo?' --tools examples/tools.json, or `callwright chat`"));
    }
    let mut text = String::new();
    std::io::stdin()
        .read_to_string(&mut text)
        .map_err(|cause| Error::new(ErrorKind::Input, "cannot read the question from stdin").because(cause))?;
    Ok(text.trim_end().to_owned())
}

fn summary(response: &Response) -> String {
    let usage = &response.usage;
    let timings = &response.timings;
    let checked = match (response.calls.len(), response.valid_calls().count()) {
        (0, _) => String::new(),
        (1, 1) => " · 1 call, valid".to_owned(),
        (1, _) => " · 1 call, not valid".to_owned(),
        (all, valid) if all == valid => format!(" · {all} calls, all valid"),
        (all, valid) => format!(" · {all} calls, {valid} valid"),
    };
    format!(
        "{} · load {:.0} ms · first token {:.0} ms · total {:.0} ms · {} in, {} out ({} from grammar){checked}",
        response.model,
        timings.load_ms,
        timings.first_token_ms,
        timings.total_ms,
        usage.prompt_tokens,
        usage.completion_tokens,
        usage.forced_tokens,
    )
}
