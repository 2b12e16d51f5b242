//! `callwright run`: one question, one turn.

use std::io::IsTerminal as _;
use std::path::{Path, PathBuf};
use std::time::Instant;

use callwright_parse::chat::{Image, Message, Response, Role};
use callwright_parse::error::{Error, ErrorKind, Result};

use super::ask::AskArgs;
use super::conversation::{self, Conversation};
use super::model::ModelArgs;
use super::words::{self, Words};
use super::{Exit, World, chat, verdict};

/// Ask a model one question; print its answer and its checked calls
#[derive(Debug, clap::Args)]
#[command(override_usage = "callwright run [OPTIONS] [MODEL] PROMPT")]
#[command(after_help = "Examples:
  callwright run 'What is the weather in Oslo?' --tools tools.json
  callwright run smollm2:135m 'What is the weather in Oslo?' --tools tools.json --tool-choice required --json
  callwright run qwen2.5:7b --draft qwen2.5:0.5b 'What is the weather in Oslo?' --tools tools.json
  callwright run ./model.gguf 'Summarize this.' < notes.txt
  callwright run --continue --result call_1='{\"celsius\": 7}'

What is piped in is joined to the question. A model without a question opens a chat.

Text goes to stdout as it is generated, then each valid call on a line of its own: its name and its arguments as JSON.
With --json the whole response is printed at the end. Exit status 1: the answer is empty or was cut off, or a call was
made or required and none is valid. 2: nothing came.

The last conversation is kept in the state folder, readable only by you, for --continue (`usage.keep = false` turns that
off).")]
pub(super) struct Args {
    /// The model (a name from `callwright list`, user/repo[:quant], or a .gguf file) and the question, `-` for stdin
    #[arg(num_args = 0.., value_names = ["MODEL", "PROMPT"])]
    words: Vec<String>,
    /// The question, if it is not the last argument
    #[arg(short, long, value_name = "TEXT")]
    prompt: Option<String>,
    /// Attach this image: png, jpeg, gif or webp (repeatable). Only a provider's model can see it
    #[arg(long, value_name = "FILE")]
    image: Vec<PathBuf>,
    /// Go on with a conversation: a JSON list of messages in OpenAI's shape
    #[arg(long, value_name = "FILE", conflicts_with = "go_on")]
    messages: Option<PathBuf>,
    /// Go on with the last run's conversation: its messages, tools and model
    #[arg(long = "continue")]
    go_on: bool,
    /// The result of a call of the conversation: ID=VALUE or ID=@FILE (repeatable)
    #[arg(long, value_name = "ID=VALUE")]
    result: Vec<String>,
    #[command(flatten)]
    model: ModelArgs,
    #[command(flatten)]
    ask: AskArgs,
}

pub(super) fn run(args: &Args, world: &World) -> Result<Exit> {
    let named = args.model.is_named() || args.prompt.is_some();
    let (model, question) = match Words::of(&args.words, named, "run", world)? {
        Words::Nothing => (None, args.prompt.as_deref()),
        Words::Model(model) => (Some(model), args.prompt.as_deref()),
        Words::Question(None, model) if args.prompt.is_some() => (Some(model), args.prompt.as_deref()),
        Words::Question(model, question) => (model, Some(question)),
    };
    let mut conversation = begun(args, world)?;
    let goes_on = !conversation.messages.is_empty();
    if let (Some(model), None, false, true) = (model, question, goes_on, std::io::stdin().is_terminal()) {
        return chat::open(Some(model), &args.model, &args.ask, world);
    }
    conversation.answer(&args.result)?;
    let question = match question {
        // What goes on after a result needs no further word, whatever stdin is.
        None if goes_on => String::new(),
        question => words::with_stdin(question.unwrap_or_default())?,
    };
    if !question.trim().is_empty() || !args.image.is_empty() {
        let images = args.image.iter().map(|file| image(file)).collect::<Result<Vec<_>>>()?;
        conversation.messages.push(images.into_iter().fold(Message::user(question), Message::image));
    } else if !goes_on {
        return Err(unasked(model));
    } else if conversation.messages.last().is_none_or(|last| last.role == Role::Assistant) {
        return Err(Error::new(
            ErrorKind::Input,
            "the conversation ends with the model's answer, so there is nothing to ask",
        )
        .hint("add a question: callwright run --continue 'And in Bergen?'"));
    }
    args.ask.try_out(world)?;
    let model = model.map(str::to_owned).or_else(|| conversation.model.clone().filter(|_| !args.model.is_named()));
    ask(args, model.as_deref(), conversation, world)
}

/// The conversation to go on with; an empty one where this is the first word of it.
fn begun(args: &Args, world: &World) -> Result<Conversation> {
    let conversation = match (&args.messages, args.go_on) {
        (Some(file), _) => Conversation::read(file)?,
        (None, true) => Conversation::last(world)?,
        (None, false) => Conversation::default(),
    };
    match (&conversation.provider, args.model.provider_named()) {
        // What stays here, and what leaves, is said anew each time.
        (Some(provider), None) => {
            Err(Error::new(ErrorKind::Input, format!("the last run asked the provider {provider}"))
                .hint(format!("to ask it again, add --provider {provider}")))
        }
        _ => Ok(conversation),
    }
}

fn ask(args: &Args, model: Option<&str>, conversation: Conversation, world: &World) -> Result<Exit> {
    let mut request = args.ask.request()?;
    if args.ask.offers_none() {
        request.tools.clone_from(&conversation.tools);
    }
    // `--system` takes the place of the conversation's own.
    let has_system = !request.messages.is_empty();
    let said = conversation.messages.into_iter().filter(|message| !(has_system && message.role == Role::System));
    request.messages.extend(said);
    let time = args.ask.patience()?;
    super::block_on(async {
        let started = Instant::now();
        let engine = args.model.engine_within(time, model, world).await?;
        request.limits.deadline = time.map(|time| time.saturating_sub(started.elapsed()));
        let bounds = args.ask.bounds(&request);
        let (messages, tools) = (request.messages.clone(), request.tools.clone());
        let Some(response) = args.ask.turn(&engine, request, world).await? else { return Ok(Exit::Interrupted) };
        let model = args.model.lasting_name(model, &engine, world);
        args.model.leave(engine, world);
        let (exit, sentence) = verdict::of(&response, bounds);
        if exit == Exit::Failed {
            return Err(Error::new(ErrorKind::Cancelled, sentence.unwrap_or_default()).hint("give it more time"));
        }
        if world.printer.wants_json() {
            world.printer.json(&response)?;
        }
        if let Some(sentence) = &sentence {
            world.printer.warn(sentence);
        }
        world.printer.aside(&summary(&response));
        let provider = args.model.provider_named().map(str::to_owned);
        keep(Conversation { model, provider, tools, messages }, &response, world);
        Ok(exit)
    })
}

/// Keeps the conversation for `--continue`, and says how to go on after a call.
fn keep(mut conversation: Conversation, response: &Response, world: &World) {
    if !world.settings.file.usage.keep {
        return;
    }
    let calls: Vec<_> = response.valid_calls().cloned().collect();
    conversation.messages.push(Message::assistant(response.text.clone(), calls.clone()));
    // An answer is no worse because it cannot be kept; a read-only home has said so elsewhere.
    let Ok(()) = conversation.keep(world) else { return };
    if !calls.is_empty() && std::io::stdout().is_terminal() && !world.printer.wants_json() {
        world.printer.hint(&format!("to go on with the result: {}", conversation::next_command(&calls)));
    }
}

/// Nothing was asked.
fn unasked(model: Option<&str>) -> Error {
    let message = match model {
        Some(model) => format!("no question was given for `{model}`, and stdin is not a terminal to chat on"),
        None => "no question was given".to_owned(),
    };
    let model = model.map_or_else(String::new, |model| format!("{model} "));
    Error::new(ErrorKind::Input, message).hint(format!(
        "callwright run {model}'What is the weather in Oslo?' --tools examples/tools.json, or `callwright chat`"
    ))
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
