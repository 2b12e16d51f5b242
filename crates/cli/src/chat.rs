//! `callwright chat`: a plain loop of questions and answers.
//!
//! Calls are shown, never executed: the person at the terminal types the result, which goes back as the tool's. What is
//! asked for next follows from the conversation alone, so that commands work the same at every prompt.

use std::path::Path;

use rustyline::DefaultEditor;
use rustyline::error::ReadlineError;

use callwright::Engine;
use callwright_parse::chat::{Message, Request, Response, Role, counted};
use callwright_parse::error::{Error, ErrorKind, Result};

use super::ask::AskArgs;
use super::conversation::Conversation;
use super::model::ModelArgs;
use super::{Exit, World, verdict};

/// Chat with a model; its calls are shown and you type their results
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  callwright chat smollm2:135m
  callwright chat --tools tools.json

Type a question and press Enter. /help lists the commands, which also work while the result of a call is asked for.
Ctrl-C stops an answer; pressing it again, or Ctrl-D, quits.")]
pub(super) struct Args {
    /// The model: a name from `callwright list`, user/repo[:quant], or a .gguf file
    #[arg(value_name = "MODEL")]
    model_name: Option<String>,
    #[command(flatten)]
    model: ModelArgs,
    #[command(flatten)]
    ask: AskArgs,
}

/// The commands, as `/help` shows them.
const HELP: &str = "\
/help            list the commands
/tools           list the tools on offer
/system [TEXT]   show the system prompt, or set it
/raw             show the last raw output
/save FILE       save the conversation as a JSON list of messages
/load FILE       go on with a saved conversation
/clear           forget the conversation
/bye             quit
Anything else is sent to the model.";

pub(super) fn run(args: &Args, world: &World) -> Result<Exit> {
    open(args.model_name.as_deref(), &args.model, &args.ask, world)
}

/// A chat with this model.
pub(super) fn open(name: Option<&str>, model: &ModelArgs, ask: &AskArgs, world: &World) -> Result<Exit> {
    ask.try_out(world)?;
    let request = ask.request()?;
    let messages = request.messages.clone();
    super::block_on(async {
        let engine = model.engine(name, world).await?;
        let conversation = Conversation { messages, ..Conversation::default() };
        let mut talk = Talk { ask, world, engine, request, conversation, last: None };
        let mut editor = DefaultEditor::new().map_err(terminal)?;
        loop {
            let waiting = talk.conversation.waiting().first().map(|call| call.name.clone());
            let shown = waiting.as_ref().map(|name| world.printer.shown(name));
            let prompt = shown.map_or_else(|| "> ".to_owned(), |name| format!("result of {name}> "));
            let line = match editor.readline(&prompt) {
                Ok(line) => line,
                Err(ReadlineError::Interrupted) if waiting.is_some() => {
                    talk.forget_turn();
                    world.printer.note("the question and its calls are forgotten");
                    continue;
                }
                Err(ReadlineError::Eof | ReadlineError::Interrupted) => return Ok(Exit::Done),
                Err(error) => return Err(terminal(error)),
            };
            match (Said::of(&line), &waiting) {
                (Said::Nothing, None) => {}
                (Said::Nothing, Some(name)) => {
                    world.printer.note(&format!("type the result of {name}, or a command such as /clear or /bye"));
                }
                (Said::Command("bye" | "exit" | "quit", _), _) => return Ok(Exit::Done),
                // A file that is not there ends no chat.
                (Said::Command(command, rest), _) => match talk.obey(command, rest) {
                    Err(error) if matches!(error.kind(), ErrorKind::Input | ErrorKind::Io) => {
                        world.printer.warn(&error.to_string());
                    }
                    done => done?,
                },
                (Said::Text(text), waiting) => {
                    let _ = editor.add_history_entry(text);
                    talk.hear(text, waiting.is_some());
                    if talk.conversation.waiting().is_empty() {
                        talk.answer().await?;
                    }
                }
            }
        }
    })
}

/// A line that somebody typed.
#[derive(Debug, PartialEq, Eq)]
enum Said<'l> {
    Nothing,
    /// A command and what follows it. A path such as `/etc/hosts` is none.
    Command(&'l str, &'l str),
    Text(&'l str),
}

impl<'l> Said<'l> {
    fn of(line: &'l str) -> Self {
        let line = line.trim();
        let (first, rest) = line.split_once(char::is_whitespace).unwrap_or((line, ""));
        match first.strip_prefix('/') {
            _ if line.is_empty() => Self::Nothing,
            Some(word) if word == "?" || (!word.is_empty() && word.chars().all(|c| c.is_ascii_alphabetic())) => {
                Self::Command(word, rest.trim())
            }
            _ => Self::Text(line),
        }
    }
}

struct Talk<'a> {
    ask: &'a AskArgs,
    world: &'a World,
    engine: Engine,
    /// What is asked each time, but for the messages.
    request: Request,
    conversation: Conversation,
    last: Option<Response>,
}

impl Talk<'_> {
    /// Takes what was typed for a question, or for the result of the next call that waits.
    fn hear(&mut self, text: &str, is_result: bool) {
        let call = self.conversation.waiting().first().map(|call| (*call).clone());
        self.conversation.messages.push(match call.filter(|_| is_result) {
            Some(call) => Message::result(&call, text),
            None => Message::user(text),
        });
    }

    /// Has the model answer.
    async fn answer(&mut self) -> Result<()> {
        self.request.messages.clone_from(&self.conversation.messages);
        let bounds = self.ask.bounds(&self.request);
        let Some(response) = self.ask.turn(&self.engine, self.request.clone(), self.world).await? else {
            self.forget_turn();
            return Ok(());
        };
        if let (_, Some(sentence)) = verdict::of(&response, bounds) {
            self.world.printer.warn(&sentence);
        }
        let calls = response.valid_calls().cloned().collect();
        self.conversation.messages.push(Message::assistant(response.text.clone(), calls));
        self.last = Some(response);
        Ok(())
    }

    /// Forgets everything from the last question on.
    fn forget_turn(&mut self) {
        let asked = self.conversation.messages.iter().rposition(|message| message.role == Role::User);
        self.conversation.messages.truncate(asked.unwrap_or(0));
    }

    fn obey(&mut self, command: &str, rest: &str) -> Result<()> {
        let (printer, messages) = (&self.world.printer, &mut self.conversation.messages);
        match command {
            "help" | "?" => printer.note(HELP),
            "clear" => messages.retain(|message| message.role == Role::System),
            "raw" => printer.line(self.last.as_ref().map_or("", |response| response.raw.as_str()))?,
            "tools" if self.request.tools.is_empty() => printer.note("no tools: start the chat with --tools FILE"),
            "tools" => {
                for tool in &self.request.tools {
                    printer.note(&format!("{}: {}", tool.name, tool.description));
                }
            }
            "system" if rest.is_empty() => {
                let system = messages.iter().find(|message| message.role == Role::System);
                printer.note(&system.map_or_else(|| "no system prompt".to_owned(), Message::text));
            }
            "system" => {
                messages.retain(|message| message.role != Role::System);
                messages.insert(0, Message::system(rest));
            }
            "save" | "load" if rest.is_empty() => printer.note(&format!("name a file: /{command} talk.json")),
            "save" => {
                self.conversation.save(Path::new(rest))?;
                printer.note(&format!("saved {} to {rest}", counted(self.conversation.messages.len(), "message")));
            }
            "load" => {
                *messages = Conversation::read(Path::new(rest))?.messages;
                printer.note(&format!("loaded {} from {rest}", counted(messages.len(), "message")));
            }
            other => printer.note(&format!("unknown command /{other}; /help lists the commands")),
        }
        Ok(())
    }
}

fn terminal(cause: ReadlineError) -> Error {
    Error::new(ErrorKind::Io, "cannot read from the terminal").because(cause)
}

#[cfg(test)]
mod tests {
    use super::Said;

    #[test]
    fn a_path_is_no_command() {
        for (line, said) in [
            ("  ", Said::Nothing),
            ("/bye", Said::Command("bye", "")),
            (" /save  my talk.json ", Said::Command("save", "my talk.json")),
            ("/?", Said::Command("?", "")),
            ("/etc/hosts is what?", Said::Text("/etc/hosts is what?")),
            ("/ 2", Said::Text("/ 2")),
            ("17 / 2", Said::Text("17 / 2")),
        ] {
            assert_eq!(Said::of(line), said, "{line}");
        }
    }
}
