//! What `run` and `chat` share: the options of a request, and showing a turn as it happens.

use std::path::PathBuf;

use callwright::Engine;
use callwright::providers::ledger;
use callwright_parse::chat::{Event, Fault, LOCAL, Outcome, Request, Response, Tool, ToolChoice, WithdrawReason};
use callwright_parse::error::Result;
use callwright_record::Recording;

use super::sampling::SamplingArgs;
use super::{Exit, World, tools};

/// Options of a request.
#[derive(Debug, Clone, clap::Args)]
#[command(next_help_heading = "Request")]
pub(super) struct AskArgs {
    /// Tools on offer: a JSON file in OpenAI's or Anthropic's shape (repeatable)
    #[arg(short = 'T', long, value_name = "FILE")]
    tools: Vec<PathBuf>,
    /// auto, none, required, or the name of the tool that must be called
    #[arg(long, value_name = "CHOICE", default_value = "auto")]
    tool_choice: ToolChoice,
    /// At most one call a turn
    #[arg(long)]
    single_call: bool,
    /// Text of rules in front of the conversation
    #[arg(short, long, value_name = "TEXT")]
    system: Option<String>,
    /// The most tokens to generate
    #[arg(short = 'n', long, visible_alias = "n-predict", value_name = "N")]
    max_tokens: Option<usize>,
    /// Stop after so many seconds
    #[arg(long, value_name = "SECONDS")]
    timeout: Option<f64>,
    /// End the answer where it says this (repeatable)
    #[arg(long, value_name = "TEXT")]
    stop: Vec<String>,
    #[command(flatten)]
    sampling: SamplingArgs,
    /// Accuracy goes above all: a provider is asked at once, where `[fallback]` allows that
    #[arg(long)]
    accurate: bool,
    /// Show on stderr the prompt, the raw text and what each part of it was read as
    #[arg(long)]
    trace: bool,
    /// Add the output to this file of recordings, one JSON object a line
    #[arg(long, value_name = "FILE")]
    record: Option<PathBuf>,
}

impl AskArgs {
    /// A request without a question yet.
    pub(super) fn request(&self) -> Result<Request> {
        let mut request = Request::default().tools(tools::read(&self.tools)?).tool_choice(self.tool_choice.clone());
        if let Some(text) = &self.system {
            request = request.system(text);
        }
        request.parallel_tool_calls = self.single_call.then_some(false);
        request.stop.clone_from(&self.stop);
        request.accuracy = self.accurate;
        self.sampling.apply(&mut request);
        request.limits.max_tokens = self.max_tokens.unwrap_or(request.limits.max_tokens);
        request.limits.deadline = match self.timeout {
            Some(seconds) => Some(std::time::Duration::try_from_secs_f64(seconds).map_err(|cause| {
                callwright_parse::Error::new(
                    callwright_parse::ErrorKind::Input,
                    format!("--timeout {seconds}: no such time"),
                )
                .because(cause)
            })?),
            None => None,
        };
        Ok(request)
    }

    /// Makes a turn and shows it: text as it comes, calls when they may be acted on.
    ///
    /// `None` where Ctrl-C ended the turn; what had been said until then is on the screen.
    pub(super) async fn turn(&self, engine: &Engine, request: Request, world: &World) -> Result<Option<Response>> {
        let printer = &world.printer;
        if self.trace {
            printer.trace(&format!("── prompt ──\n{}\n── output ──\n", engine.prompt(&request)?.text()));
        }
        let tools = request.tools.clone();
        let mut events = engine.stream(request);
        let mut screen = Screen { world, open_line: false };
        loop {
            let event = tokio::select! {
                biased;
                pressed = tokio::signal::ctrl_c() => {
                    screen.end_line()?;
                    return pressed.map(|()| None).map_err(|cause| {
                        callwright_parse::Error::new(callwright_parse::ErrorKind::Io, "cannot listen for Ctrl-C").because(cause)
                    });
                }
                event = events.next() => event,
            };
            match event.transpose()? {
                Some(Event::Finished { response }) => {
                    screen.end_line()?;
                    tell_of_others(world, &response);
                    self.keep(&tools, &response, world)?;
                    if self.trace {
                        trace(world, &response);
                    }
                    return Ok(Some(*response));
                }
                Some(event) => screen.show(&event)?,
                None => return Ok(None),
            }
        }
    }

    fn keep(&self, tools: &[Tool], response: &Response, world: &World) -> Result<()> {
        let Some(file) = &self.record else { return Ok(()) };
        if response.served_by != LOCAL && response.chunks.is_empty() {
            world.printer.note("not recorded: a provider's answer is in no format that could be read again");
            return Ok(());
        }
        Recording::of_response(ledger::fresh_id(), tools, response).append(file)
    }
}

/// Says each time why another was asked and what it cost, and what went wrong beside the answers.
fn tell_of_others(world: &World, response: &Response) {
    for attempt in &response.attempts {
        if let Some(reason) = attempt.reason {
            let (who, why) = (format!("{} {}", attempt.by, attempt.model), reason.as_str());
            world.printer.note(&match &attempt.outcome {
                Outcome::Refused(what) => format!("{who} was not asked ({why}): {what}"),
                Outcome::Failed(what) => format!("{who} was asked ({why}) and failed: {what}; cost: {}", attempt.cost),
                _ => format!("{who} was asked ({why}); cost: {}", attempt.cost),
            });
        }
        for warning in &attempt.warnings {
            world.printer.warn(&format!("{}: {warning}", attempt.by));
        }
    }
}

/// How a finished turn ends a command: no when calls were made or had to be, and none is fit to be executed.
pub(super) fn exit(response: &Response) -> Exit {
    let unmade = response.faults.contains(&Fault::NoCall);
    let unfit = !response.calls.is_empty() && response.valid_calls().next().is_none();
    if unmade || unfit { Exit::No } else { Exit::Done }
}

/// Shows events as lines of text.
struct Screen<'a> {
    world: &'a World,
    open_line: bool,
}

impl Screen<'_> {
    fn show(&mut self, event: &Event) -> Result<()> {
        let printer = &self.world.printer;
        if printer.wants_json() {
            return Ok(());
        }
        match event {
            Event::Text { delta, .. } => {
                self.open_line = !delta.ends_with('\n');
                printer.write(delta)?;
            }
            Event::CallFinished { call, .. } => {
                self.end_line()?;
                let arguments = serde_json::Value::Object(call.arguments.clone());
                printer.line(&format!("{} {arguments}", call.name))?;
            }
            Event::Fixed { fix, .. } if printer.is_verbose() => {
                printer.aside(&format!("fixed: {:?} at {}..{}", fix.kind, fix.span.start, fix.span.end));
            }
            Event::Faulty { fault, .. } => {
                self.end_line()?;
                printer.warn(&fault.to_string());
            }
            Event::Shortened { results, messages, before, after, .. } => printer.note(&format!(
                "the conversation was too long ({before} tokens, now {after}): {messages} message(s) left out, \
                 {results} result(s) shortened"
            )),
            Event::AttemptWithdrawn { reason, .. } => {
                self.end_line()?;
                let next =
                    if *reason == WithdrawReason::Reask { "the model is asked again" } else { "a provider answers" };
                printer.note(&format!("the model's answer cannot be used: {next}"));
            }
            _ => {}
        }
        Ok(())
    }

    fn end_line(&mut self) -> Result<()> {
        if std::mem::take(&mut self.open_line) {
            self.world.printer.line("")?;
        }
        Ok(())
    }
}

fn trace(world: &World, response: &Response) {
    let printer = &world.printer;
    printer.trace(&format!("{}\n── read as {} ──\n", response.raw, response.format));
    for call in &response.calls {
        let arguments = serde_json::Value::Object(call.arguments.clone());
        printer.trace(&format!("call {} {} {arguments} at {:?}\n", call.id, call.name, call.span));
    }
    for fix in &response.fixes {
        printer.trace(&format!("fix {:?} at {:?} {}\n", fix.kind, fix.span, fix.note.as_deref().unwrap_or_default()));
    }
    for fault in &response.faults {
        printer.trace(&format!("fault: {fault}\n"));
    }
}
