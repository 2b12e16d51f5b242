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

/// Ask a model questions whose correct calls are known, and score its answers
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  callwright bench run --tasks examples/questions.jsonl --tools examples/tools.json
  callwright bench run smollm2:135m --tasks tasks.jsonl --mode enforced --record outputs.jsonl
  callwright bench run model.gguf --tasks tasks.jsonl --clients 8 --json

A task is one JSON object per line: {\"id\", \"question\", \"tools\": [..], \"expected\": [{\"name\", \"arguments\"}]}, or
`accepted` instead of `expected` as in recordings; an empty list means that no tool should be called. `tools` may be
left out where --tools names a file for all tasks.

valid: a call was made and it satisfies the schema. right tool: the expected tools were called. right: with the expected
arguments. cut off: calls closed only because of the token limit, which are never executed. string chars: median length of
string arguments. tokens, forced, drafted: per answer, in total, from the grammar, and accepted drafts. first token ms and
call ms: median time to the first token and to the checked call. no call: of the questions that no tool fits, those
answered without a call.

Exit status: 0 done, 1 accuracy is below --min-accuracy, 2 something failed.")]
pub(super) struct Args {
    /// The model: a name from `callwright list`, user/repo[:quant], or a .gguf file
    #[arg(value_name = "MODEL")]
    name: Option<String>,
    /// The tasks, one JSON object per line
    #[arg(long, value_name = "FILE")]
    tasks: PathBuf,
    /// The tools for tasks that name none
    #[arg(long, value_name = "FILE")]
    tools: Vec<PathBuf>,
    /// Which modes to measure
    #[arg(long, value_name = "MODE", default_value = "both")]
    mode: Modes,
    /// Generate at most N tokens per answer
    #[arg(short = 'n', long, value_name = "N", default_value_t = 512)]
    max_tokens: usize,
    /// Ask N questions at once, as N clients would
    #[arg(long, value_name = "N", default_value_t = 1, value_parser = clap::value_parser!(u16).range(1..=256))]
    clients: u16,
    /// Run only the first N tasks
    #[arg(long, value_name = "N")]
    limit: Option<usize>,
    /// Append the outputs to this file of recordings, which `bench parse` reads
    #[arg(long, value_name = "FILE")]
    record: Option<PathBuf>,
    /// Print each wrong answer
    #[arg(long)]
    misses: bool,
    /// Fail unless this share of the questions is answered with the correct calls: 0.95 or 95%
    #[arg(long, value_name = "SHARE", value_parser = super::share)]
    min_accuracy: Option<f64>,
    #[command(flatten)]
    model: ModelArgs,
}

/// How the model is asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
enum Modes {
    /// Calls are held to the tools' schemas, and required where one is expected
    Enforced,
    /// The model writes freely
    Free,
    /// One after the other
    Both,
}

pub(super) fn run(args: &Args, world: &World) -> Result<Exit> {
    let stopped = super::interruption();
    args.record.as_deref().map_or(Ok(()), callwright_record::writable)?;
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

/// Where a call is expected and enforced it is required; whether to answer plainly is always the model's own choice.
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
    recording.question = Some(task.question.clone());
    recording.accepted.clone_from(&task.accepted);
    recording.expected = task.expected.clone().or_else(|| task.accepted.is_none().then(Vec::new));
    recording
}
