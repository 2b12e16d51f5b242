//! `callwright chat`: a plain loop of questions and answers.
//!
//! Calls are shown, never executed: the person at the terminal types the result, which goes back as the tool's.

use rustyline::DefaultEditor;
use rustyline::error::ReadlineError;

use callwright::Engine;
use callwright_parse::chat::{Message, Request, Response};
use callwright_parse::error::{Error, ErrorKind, Result};

use super::ask::AskArgs;
use super::model::ModelArgs;
use super::{Exit, World};

/// Chat with a model; its calls are shown and you type their results
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  callwright chat smollm2:135m
  callwright chat --tools tools.json

Type a question and press Enter. /clear forgets the conversation, /raw shows the last raw output, /bye quits.
Ctrl-C stops an answer; pressing it again, or Ctrl-D, quits.")]
pub(super) struct Args {
    /// The model: a name from `callwright list`, user/repo[:quant], or a .gguf file
    model_name: Option<String>,
    #[command(flatten)]
    model: ModelArgs,
    #[command(flatten)]
    ask: AskArgs,
}

pub(super) fn run(args: &Args, world: &World) -> Result<Exit> {
    let fresh = args.ask.request()?;
    super::block_on(async {
        let engine = args.model.engine(args.model_name.as_deref(), world).await?;
        let mut talk = Talk { args, world, engine, request: fresh.clone(), last: None };
        let mut editor = DefaultEditor::new().map_err(terminal)?;
        loop {
            match editor.readline("> ") {
                Ok(line) => match line.trim() {
                    "" => {}
                    "/bye" | "/exit" | "/quit" => return Ok(Exit::Done),
                    "/clear" => talk.request = fresh.clone(),
                    "/raw" => talk.raw()?,
                    "/?" | "/help" => world.printer.note("/clear /raw /bye; anything else is sent to the model"),
                    question => {
                        let _ = editor.add_history_entry(question);
                        talk.say(Message::user(question), &mut editor).await?;
                    }
                },
                Err(ReadlineError::Eof | ReadlineError::Interrupted) => return Ok(Exit::Done),
                Err(error) => return Err(terminal(error)),
            }
        }
    })
}

struct Talk<'a> {
    args: &'a Args,
    world: &'a World,
    engine: Engine,
    request: Request,
    last: Option<Response>,
}

impl Talk<'_> {
    /// Sends a message and answers the calls it leads to, until the model makes no more.
    async fn say(&mut self, message: Message, editor: &mut DefaultEditor) -> Result<()> {
        self.request.messages.push(message);
        loop {
            let turn = self.args.ask.turn(&self.engine, self.request.clone(), self.world).await?;
            let Some(response) = turn else { return Ok(()) };
            let calls: Vec<_> = response.valid_calls().cloned().collect();
            self.request.messages.push(Message::assistant(response.text.clone(), calls.clone()));
            self.last = Some(response);
            if calls.is_empty() {
                return Ok(());
            }
            for call in &calls {
                let prompt = format!("result of {}> ", self.world.printer.shown(&call.name));
                let Ok(result) = editor.readline(&prompt) else { return Ok(()) };
                self.request.messages.push(Message::result(call, result));
            }
        }
    }

    fn raw(&self) -> Result<()> {
        let raw = self.last.as_ref().map_or("", |response| response.raw.as_str());
        self.world.printer.line(raw)
    }
}

fn terminal(cause: ReadlineError) -> Error {
    Error::new(ErrorKind::Io, "cannot read from the terminal").because(cause)
}
