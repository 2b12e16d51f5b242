//! What `run` and `chat` share: the options of a request, and showing a turn as it happens.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::{Duration, Instant};

use callwright::Engine;
use callwright::providers::ledger;
use callwright_parse::chat::{
    Call, Event, Fault, FinishReason, LOCAL, Message, Outcome, Reason, Request, Response, Role, Timings, Tool,
    ToolChoice, WithdrawReason, counted,
};
use callwright_parse::error::{Error, ErrorKind, Result};
use callwright_record::Recording;

use super::flow::Flow;
use super::sampling::SamplingArgs;
use super::verdict::Bounds;
use super::{Printer, World, tools};

/// Options of a request.
#[derive(Debug, Clone, clap::Args)]
#[command(next_help_heading = "Request")]
pub(super) struct AskArgs {
    /// Tools on offer: a JSON file in OpenAI's, Anthropic's or MCP's shape, or the JSON itself (repeatable)
    #[arg(short = 'T', long, value_name = "FILE|JSON")]
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
    /// Stop SECONDS seconds after the model's file is there, loading it included
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
        request.limits.deadline = self.patience()?;
        // Before a model is loaded for it.
        match request.flaw() {
            Some(flaw) => {
                Err(Error::new(ErrorKind::Input, flaw).hint("`callwright run --help` says what each option means"))
            }
            None => Ok(request),
        }
    }

    /// How long the caller waits for an answer.
    pub(super) fn patience(&self) -> Result<Option<Duration>> {
        let wrong = |cause| {
            let message = format!("--timeout {:?} is not a valid number of seconds", self.timeout.unwrap_or_default());
            Error::new(ErrorKind::Input, message).because(cause)
        };
        self.timeout.map(Duration::try_from_secs_f64).transpose().map_err(wrong)
    }

    /// Whether no tools were named.
    pub(super) fn offers_none(&self) -> bool {
        self.tools.is_empty()
    }

    /// Finds out what would come to nothing later: a file for recordings that cannot be written, `--accurate` that nobody heeds.
    pub(super) fn try_out(&self, world: &World) -> Result<()> {
        if let Some(file) = &self.record {
            callwright_record::writable(file)?;
        }
        let fallback = &world.settings.file.fallback;
        if self.accurate && !(fallback.enabled && fallback.when.contains(&Reason::Accuracy)) {
            let missing = if fallback.enabled { "`fallback.when` has no `accuracy`" } else { "`[fallback]` is off" };
            world.printer.warn(&format!("--accurate has no effect: {missing}"));
        }
        Ok(())
    }

    /// What may end an answer early.
    pub(super) fn bounds(&self, request: &Request) -> Bounds {
        let time = self.timeout.and_then(|seconds| Duration::try_from_secs_f64(seconds).ok());
        Bounds { max_tokens: request.limits.max_tokens, time }
    }

    /// Makes a turn and shows it: text as it comes, calls when they may be acted on.
    ///
    /// `None` where Ctrl-C ended the turn; what had been printed until then stays on the screen.
    pub(super) async fn turn(&self, engine: &Engine, request: Request, world: &World) -> Result<Option<Response>> {
        let (printer, started) = (&world.printer, Instant::now());
        if self.trace {
            printer.trace(&format!("── prompt ──\n{}\n── output ──\n", engine.prompt(&request)?.text()));
        }
        let (tools, question) = (request.tools.clone(), asked(&request));
        let time = request.limits.deadline;
        let mut events = engine.stream(request);
        let mut screen = Screen {
            world,
            open_line: false,
            tools: BTreeMap::new(),
            flow: Flow::new(!tools.is_empty()),
            calls: Vec::new(),
        };
        loop {
            let event = tokio::select! {
                biased;
                () = late(time, started) => {
                    // The engine is in the middle of a computation that it cannot leave.
                    screen.end_line()?;
                    let total_ms = started.elapsed().as_secs_f64() * 1000.0;
                    return Ok(Some(Response {
                        text: screen.flow.into_text(),
                        finish_reason: FinishReason::Cancelled,
                        model: engine.name().to_owned(),
                        timings: Timings { load_ms: engine.load_ms(), total_ms, ..Timings::default() },
                        ..Response::default()
                    }));
                }
                pressed = tokio::signal::ctrl_c() => {
                    screen.end_line()?;
                    return pressed.map(|()| None).map_err(|cause| {
                        Error::new(ErrorKind::Io, "cannot listen for Ctrl-C").because(cause)
                    });
                }
                event = events.next() => event,
            };
            match event.transpose()? {
                Some(Event::Finished { response }) => {
                    screen.settle(&response)?;
                    tell_of_others(world, &response);
                    self.keep(&tools, question, &response, world)?;
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

    fn keep(&self, tools: &[Tool], question: Option<String>, response: &Response, world: &World) -> Result<()> {
        let Some(file) = &self.record else { return Ok(()) };
        if response.served_by != LOCAL && response.chunks.is_empty() {
            world.printer.note("not recorded: a provider's answer has no raw output to parse again");
            return Ok(());
        }
        let mut recording = Recording::of_response(ledger::fresh_id(), tools, response);
        recording.question = question;
        recording.append(file)
    }
}

/// The last thing that the user said.
fn asked(request: &Request) -> Option<String> {
    request.messages.iter().rfind(|message| message.role == Role::User).map(Message::text)
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

/// Ends when the time is up and an engine that could have stopped has had the time to.
async fn late(time: Option<Duration>, started: Instant) {
    const GRACE: Duration = Duration::from_millis(100);
    match time {
        Some(time) => tokio::time::sleep_until((started + time + GRACE).into()).await,
        None => std::future::pending().await,
    }
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
    /// The text of the attempt.
    flow: Flow,
    /// The calls that may be executed, once the turn has settled.
    calls: Vec<Call>,
    /// The tool of each call of the attempt, by the call's index.
    tools: BTreeMap<usize, String>,
}

impl Screen<'_> {
    fn show(&mut self, event: &Event) -> Result<()> {
        let printer = &self.world.printer;
        if let Event::Text { delta, .. } = event {
            let shown = self.flow.push(delta);
            return if printer.wants_json() { Ok(()) } else { write(shown, &mut self.open_line, *printer) };
        }
        if matches!(event, Event::AttemptWithdrawn { .. }) {
            self.flow.clear();
        }
        if printer.wants_json() {
            return Ok(());
        }
        match event {
            // The rest of the text comes before the calls, and is known only at the end.
            Event::CallFinished { call, .. } => self.calls.push(call.clone()),
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
                "the conversation was too long ({before} tokens, now {after}): dropped {}, shortened {}",
                counted(*messages, "message"),
                counted(*results, "tool result"),
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

    /// Shows what is left of the text, and the calls that may be executed.
    fn settle(&mut self, response: &Response) -> Result<()> {
        let printer = &self.world.printer;
        if printer.wants_json() {
            return Ok(());
        }
        write(self.flow.settle(&response.text), &mut self.open_line, *printer)?;
        self.end_line()?;
        for call in std::mem::take(&mut self.calls) {
            let arguments = serde_json::Value::Object(call.arguments);
            self.world.printer.line(&format!("{} {arguments}", call.name))?;
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

/// Writes a piece of text, and notes whether its line is open.
fn write(text: &str, open_line: &mut bool, printer: Printer) -> Result<()> {
    if text.is_empty() {
        return Ok(());
    }
    *open_line = !text.ends_with('\n');
    printer.write(text)
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
