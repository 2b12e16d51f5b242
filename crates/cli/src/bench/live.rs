//! `callwright bench run`: how well and how fast a model calls tools, held to their schemas and free.
//!
//! The turns are the engine's own and the verdicts those of `bench parse`. What the model wrote is recorded on the way,
//! so that it can be read again without the model.

use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Instant;

use futures_util::StreamExt as _;

use super::tally::{self, Tally};
use super::tasks::{self, Task};
use crate::bar::Bar;
use crate::model::ModelArgs;
use crate::{Exit, World, block_on};
use callwright::Engine;
use callwright_parse::chat::{Request, Response, ToolChoice};
use callwright_parse::error::Result;
use callwright_record::Recording;

/// Ask a model questions whose right calls are known, and count what comes
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  callwright bench run --tasks examples/questions.jsonl --tools examples/tools.json
  callwright bench run smollm2:135m --tasks tasks.jsonl --mode enforced --record outputs.jsonl
  callwright bench run model.gguf --tasks tasks.jsonl --clients 8 --json

A task is one JSON object a line: {\"id\", \"question\", \"tools\": [..], \"expected\": [{\"name\", \"arguments\"}]}, or
`accepted` instead of `expected` as in recordings; no calls mean that none is due. `tools` may be left out where --tools
names a file for all.

valid: a call was made and all of it satisfies the schema. tool: the tools that were due. right: the arguments too.
closed: calls that only the token limit closed, which nobody executes. string: the median length of string arguments.
plain: of the questions that no tool fits, those answered without a call. first ms, call ms: medians of the time to the
first token and to the checked call; a second: answers.

Exit status: 0 done, 1 fewer were right than --min-accuracy asks, 2 it could not be done.")]
pub(super) struct Args {
    /// The model: a name from `callwright list`, user/repo[:quant], or a .gguf file
    #[arg(value_name = "MODEL")]
    name: Option<String>,
    /// The tasks, one JSON object a line
    #[arg(long, value_name = "FILE")]
    tasks: PathBuf,
    /// The tools of tasks that bring none
    #[arg(long, value_name = "FILE")]
    tools: Vec<PathBuf>,
    /// Which ways of asking to measure
    #[arg(long, value_name = "MODE", default_value = "both")]
    mode: Modes,
    /// The most tokens of an answer
    #[arg(short = 'n', long, value_name = "N", default_value_t = 512)]
    max_tokens: usize,
    /// Ask so many at once, as so many clients would
    #[arg(long, value_name = "N", default_value_t = 1, value_parser = clap::value_parser!(u16).range(1..=256))]
    clients: u16,
    /// Only the first so many tasks
    #[arg(long, value_name = "N")]
    limit: Option<usize>,
    /// Add the outputs to this file of recordings, which `bench parse` reads
    #[arg(long, value_name = "FILE")]
    record: Option<PathBuf>,
    /// Print each answer that was not right
    #[arg(long)]
    misses: bool,
    /// Fail unless this share of the questions is answered with the right calls: 0.95 or 95%
    #[arg(long, value_name = "SHARE", value_parser = super::share)]
    min_accuracy: Option<f64>,
    #[command(flatten)]
    model: ModelArgs,
}

/// Ways of asking.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
enum Modes {
    /// Calls are held to the tools' schemas, and demanded where one is due
    Enforced,
    /// The model writes as it likes
    Free,
    /// One after the other
    Both,
}

pub(super) fn run(args: &Args, world: &World) -> Result<Exit> {
    let stopped = super::interruption();
    let tasks = tasks::read(&args.tasks, &args.tools, args.limit)?;
    let ways: &[bool] = match args.mode {
        Modes::Enforced => &[true],
        Modes::Free => &[false],
        Modes::Both => &[true, false],
    };
    let mut measured = Vec::new();
    for enforced in ways {
        let counted = block_on(async {
            let model = args.model.clone().measured();
            let model = if *enforced { model } else { model.free() };
            let engine = model.engine(args.name.as_deref(), world).await?;
            ask_all(&engine, &tasks, *enforced, args, (world, &stopped)).await
        })?;
        let Some(tally) = counted else {
            world.printer.note("stopped; what was recorded so far is kept");
            return Ok(Exit::Interrupted);
        };
        measured.push(tally);
    }
    if world.printer.wants_json() {
        world.printer.json(&measured)?;
    } else {
        world.printer.line(&tally::table(&measured))?;
    }
    let reached = |tally: &Tally| args.min_accuracy.is_none_or(|share| tally.accuracy.share >= share);
    Ok(if measured.iter().all(reached) { Exit::Done } else { Exit::No })
}

/// Asks all of them; none where somebody stopped it.
async fn ask_all(
    engine: &Engine,
    tasks: &[Task],
    enforced: bool,
    args: &Args,
    (world, stopped): (&World, &AtomicBool),
) -> Result<Option<Tally>> {
    let mut tally = Tally::new(if enforced { "enforced" } else { "free" });
    let bar = Bar::of_steps(world.printer, tasks.len() as u64);
    let began = Instant::now();
    let ask = async |(place, task)| (place, engine.chat(request(task, enforced, args)).await);
    let responses = futures_util::stream::iter(tasks.iter().enumerate()).map(ask);
    let mut responses = std::pin::pin!(responses.buffer_unordered(args.clients.into()));
    while let Some((place, response)) = responses.next().await {
        if stopped.load(Ordering::Relaxed) {
            bar.clear();
            return Ok(None);
        }
        let (task, response) = (&tasks[place], response?);
        let recording = recording(task, place, &response);
        let verdict = callwright_bench::judge(&recording, &response.calls);
        tally.count(&task.due(), &response, verdict.as_ref().is_some_and(std::result::Result::is_ok));
        if let (true, Some(Err(mismatch))) = (args.misses, verdict) {
            let said = response.raw.trim();
            bar.aside(&format!("{}: {}\n  {}\n  {said}", recording.id, task.question, mismatch.message));
        }
        if let Some(file) = &args.record {
            recording.append(file)?;
        }
        bar.step();
    }
    bar.clear();
    Ok(Some(tally.close(began.elapsed())))
}

/// Where a call is due and enforced it is demanded; whether to answer plainly is always the model's own choice.
fn request(task: &Task, enforced: bool, args: &Args) -> Request {
    let choice = if enforced && !task.due().is_empty() { ToolChoice::Required } else { ToolChoice::Auto };
    let mut request = Request::new(&task.question).tools(task.tools.clone()).tool_choice(choice);
    request.limits.max_tokens = args.max_tokens;
    request.parallel_tool_calls = Some(task.due().len() > 1);
    request
}

fn recording(task: &Task, place: usize, response: &Response) -> Recording {
    let id = if task.id.is_empty() { format!("{}", place + 1) } else { task.id.clone() };
    let mut recording = Recording::of_response(id, &task.tools, response);
    recording.category.clone_from(&task.category);
    recording.accepted.clone_from(&task.accepted);
    recording.expected = task.expected.clone().or_else(|| task.accepted.is_none().then(Vec::new));
    recording
}
