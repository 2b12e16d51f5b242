//! What `run` and `chat` share: the options of a request, and showing a turn as it happens.

use std::collections::BTreeMap;
use std::path::PathBuf;

use callwright::Engine;
use callwright::providers::ledger;
use callwright_parse::chat::{
    Event, Fault, LOCAL, Outcome, Reason, Request, Response, Tool, ToolChoice, WithdrawReason,
};
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
    /// At most one call per turn
    #[arg(long)]
    single_call: bool,
    /// System prompt
    #[arg(short, long, value_name = "TEXT")]
    system: Option<String>,
    /// Generate at most N tokens
    #[arg(short = 'n', long, visible_alias = "n-predict", value_name = "N")]
    max_tokens: Option<usize>,
    /// Stop after SECONDS seconds
    #[arg(long, value_name = "SECONDS")]
    timeout: Option<f64>,
    /// Stop generating at this text (repeatable)
    #[arg(long, value_name = "TEXT")]
    stop: Vec<String>,
    #[command(flatten)]
    sampling: SamplingArgs,
    /// Put accuracy first: ask a provider right away, if `[fallback]` allows it
    #[arg(long)]
    accurate: bool,
    /// Show the prompt, the raw output and how it was parsed on stderr
    #[arg(long)]
    trace: bool,
    /// Append the output to this file of recordings, one JSON object per line
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
                    format!("--timeout {seconds} is not a valid number of seconds"),
                )
                .because(cause)
            })?),
            None => None,
        };
        // Before a model is loaded for it.
        match request.flaw() {
            Some(flaw) => Err(callwright_parse::Error::new(callwright_parse::ErrorKind::Input, flaw)
                .hint("`callwright run --help` says what each option means")),
            None => Ok(request),
        }
    }

    /// Makes a turn and shows it: text as it comes, calls when they may be acted on.
    ///
    /// `None` where Ctrl-C ended the turn; what had been printed until then stays on the screen.
    pub(super) async fn turn(&self, engine: &Engine, request: Request, world: &World) -> Result<Option<Response>> {
        let printer = &world.printer;
        if self.trace {
            printer.trace(&format!("── prompt ──\n{}\n── output ──\n", engine.prompt(&request)?.text()));
        }
        let tools = request.tools.clone();
        let mut events = engine.stream(request);
        let mut screen = Screen { world, open_line: false, tools: BTreeMap::new() };
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
            world.printer.note("not recorded: a provider's answer has no raw output to parse again");
            return Ok(());
        }
        Recording::of_response(ledger::fresh_id(), tools, response).append(file)
    }
}

/// Reports each provider that was asked, why, and at what cost, and any warnings.
fn tell_of_others(world: &World, response: &Response) {
    for attempt in &response.attempts {
        if let Some(reason) = attempt.reason {
            let (who, why) = (format!("{} ({})", attempt.by, attempt.model), because(reason));
            world.printer.note(&match &attempt.outcome {
                Outcome::Refused(what) => format!("did not ask provider {who}: {what}"),
                Outcome::Failed(what) => {
                    format!("asked provider {who} {why}, and it failed: {what}; cost: {}", attempt.cost)
                }
                _ => format!("asked provider {who} {why}; cost: {}", attempt.cost),
            });
        }
        for warning in &attempt.warnings {
            world.printer.warn(&format!("{}: {warning}", attempt.by));
        }
        for note in attempt.notes.iter().filter(|_| world.printer.is_verbose()) {
            world.printer.aside(note);
        }
    }
}

/// Why a provider was asked, as the rest of a sentence.
fn because(reason: Reason) -> &'static str {
    match reason {
        Reason::User => "because you named it",
        Reason::NoValidCall => "because the local model made no valid call",
        Reason::UnknownTool => "because the local model called an unknown tool",
        Reason::Truncated => "because the local answer was cut off",
        Reason::ContextOverflow => "because the conversation does not fit the local model",
        Reason::Timeout => "because the local model took too long",
        Reason::ModelMissing => "because the local model is not available",
        Reason::Complex => "because the request is complex",
        Reason::Accuracy => "because the request asks for accuracy",
        other => other.as_str(),
    }
}

/// The exit status of a finished turn: no when calls were made or required, and none may be executed.
pub(super) fn exit(response: &Response) -> Exit {
    let unmade = response.faults.contains(&Fault::NoCall);
    let unfit = !response.calls.is_empty() && response.valid_calls().next().is_none();
    if unmade || unfit { Exit::No } else { Exit::Done }
}

/// A fault in words, with the tool whose call it is about.
pub(super) fn warning(fault: &Fault, tool: Option<&str>) -> String {
    match (fault, tool) {
        (Fault::UnknownTool { .. }, _) | (_, None) => fault.to_string(),
        (_, Some(tool)) => format!("{tool}: {fault}"),
    }
}

/// Shows events as lines of text.
struct Screen<'a> {
    world: &'a World,
    open_line: bool,
    /// The tool of each call of the attempt, by the call's index.
    tools: BTreeMap<usize, String>,
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
                printer.line(&format!("{} {}", call.name, call.arguments_json()))?;
            }
            Event::Fixed { fix, .. } if printer.is_verbose() => {
                printer.aside(&format!("fixed: {fix}"));
            }
            Event::CallStarted { index, name, .. } => {
                self.tools.insert(*index, name.clone());
            }
            Event::Faulty { fault, .. } => {
                self.end_line()?;
                let tool = fault.call().and_then(|index| self.tools.get(&index));
                printer.warn(&warning(fault, tool.map(String::as_str)));
            }
            Event::ToolRefused { reason, .. } => printer.warn(&format!("{reason}; it is not offered")),
            Event::Shortened { results, messages, before, after, .. } => printer.note(&format!(
                "the conversation was too long ({before} tokens, now {after}): dropped {messages} message(s), \
                 shortened {results} tool result(s)"
            )),
            Event::AttemptWithdrawn { reason, .. } => {
                self.end_line()?;
                self.tools.clear();
                let next = if *reason == WithdrawReason::Reask { "asking it again" } else { "asking a provider" };
                printer.note(&format!("the model's answer has faults: {next}"));
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
        let arguments = call.arguments_json();
        let place = call.span.as_ref().map_or_else(String::new, |span| format!(" (bytes {}-{})", span.start, span.end));
        printer.trace(&format!("call {}: {} {arguments}{place}\n", call.id, call.name));
    }
    for fix in &response.fixes {
        printer.trace(&format!("fix: {fix}\n"));
    }
    for fault in &response.faults {
        printer.trace(&format!("fault: {fault}\n"));
    }
}
