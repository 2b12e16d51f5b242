//! `callwright bench speed`: where the time to a checked call goes, on this machine.
//!
//! Two measurements of one model: the bare engine (prompts, single tokens, batches), then whole enforced calls. The
//! first says what the machine can do, the second what a user waits for.

use std::path::PathBuf;
use std::sync::atomic::Ordering;

use comfy_table::{CellAlignment, Table};
use serde::Serialize;

use super::tally::median;
use super::tasks::{self, Task};
use crate::bar::Bar;
use crate::model::ModelArgs;
use crate::{Exit, World, block_on};
use callwright_infer::Rates;
use callwright_parse::chat::{Request, Response, ToolChoice};
use callwright_parse::error::Result;

/// Questions to ask where no file of them is given, and their tools.
const TASKS: &str = include_str!("../../examples/questions.jsonl");
const TOOLS: &str = include_str!("../../examples/tools.json");

/// Measure prefill, decode and tool-call speed of a model on this machine
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  callwright bench speed smollm2:135m -t 1
  callwright bench speed model.gguf --tasks questions.jsonl --tools tools.json --json

prefill: prompt tokens per second. decode: tokens per second, one at a time. batch of n: the time for n tokens at once;
where that is little more than for one, forced and draft tokens are nearly free.
Then calls, each required and held to its schema: tokens per answer, and the share forced by the grammar or accepted from
drafts; mask: the time to compute the logits mask, per sampled token; medians of the time to the first token and to the
checked call. The first question also reads the tools and is not counted.")]
pub(super) struct Args {
    /// The model: a name from `callwright list`, user/repo[:quant], or a .gguf file
    #[arg(value_name = "MODEL")]
    name: Option<String>,
    /// Questions, one JSON object per line as for `bench run`, instead of the 30 built-in ones
    #[arg(long, value_name = "FILE")]
    tasks: Option<PathBuf>,
    /// The tools for questions that name none
    #[arg(long, value_name = "FILE", requires = "tasks")]
    tools: Vec<PathBuf>,
    /// Tokens in the KV cache while batches are measured
    #[arg(long, value_name = "N", default_value_t = 512)]
    depth: usize,
    #[command(flatten)]
    model: ModelArgs,
}

/// What was measured.
#[derive(Debug, Serialize)]
struct SpeedReport {
    model: String,
    quant: String,
    bytes: u64,
    load_ms: f64,
    engine: Rates,
    calls: Calls,
}

/// What whole calls took; times in milliseconds.
#[derive(Debug, Serialize)]
struct Calls {
    questions: usize,
    valid: usize,
    tokens: f64,
    forced_share: f64,
    accepted_share: f64,
    mask_us: f64,
    first_token_ms: f64,
    call_ms: f64,
}

pub(super) fn run(args: &Args, world: &World) -> Result<Exit> {
    let stopped = super::interruption();
    let tasks = match &args.tasks {
        Some(file) => tasks::read(file, &args.tools, None)?,
        None => tasks::of_text(TASKS, TOOLS)?,
    };
    let bar = Bar::of_steps(world.printer, 1 + tasks.len() as u64);
    let (quant, engine) = args.model.rates(args.name.as_deref(), world, args.depth)?;
    bar.step();
    let report = block_on(async {
        let ready = args.model.clone().measured().engine(args.name.as_deref(), world).await?;
        let mut responses = Vec::new();
        for task in &tasks {
            if stopped.load(Ordering::Relaxed) {
                return Ok(None);
            }
            responses.push(ready.chat(request(task)).await?);
            bar.step();
        }
        let model = ready.model();
        let report = SpeedReport {
            model: ready.name().to_owned(),
            quant,
            bytes: model.bytes,
            load_ms: ready.load_ms(),
            engine,
            calls: Calls::of(responses.get(1..).unwrap_or_default()),
        };
        Ok(Some(report))
    })?;
    bar.clear();
    let Some(report) = report else {
        world.printer.note("stopped before anything was measured");
        return Ok(Exit::Interrupted);
    };
    if world.printer.wants_json() {
        world.printer.json(&report)?;
    } else {
        world.printer.line(&told(&report))?;
    }
    Ok(Exit::Done)
}

fn request(task: &Task) -> Request {
    let mut request = Request::new(&task.question).tools(task.tools.clone()).tool_choice(ToolChoice::Required);
    request.parallel_tool_calls = Some(false);
    request.limits.max_tokens = 256;
    request
}

impl Calls {
    #[expect(clippy::cast_precision_loss, reason = "nobody asks 2^52 questions")]
    fn of(responses: &[Response]) -> Self {
        let sum = |of: fn(&Response) -> usize| responses.iter().map(of).sum::<usize>() as f64;
        let middle = |of: fn(&Response) -> f64| median(&mut responses.iter().map(of).collect::<Vec<_>>());
        let tokens = sum(|response| response.usage.completion_tokens).max(1.0);
        let forced = sum(|response| response.usage.forced_tokens);
        let accepted = sum(|response| response.usage.accepted_tokens);
        let masks: f64 = responses.iter().map(|response| response.timings.mask_ms).sum();
        Self {
            questions: responses.len(),
            valid: responses.iter().filter(|response| response.valid_calls().count() > 0).count(),
            tokens: tokens / responses.len().max(1) as f64,
            forced_share: forced / tokens,
            accepted_share: accepted / tokens,
            mask_us: 1000.0 * masks / (tokens - forced).max(1.0),
            first_token_ms: middle(|response| response.timings.first_token_ms),
            call_ms: middle(|response| response.timings.total_ms),
        }
    }
}

/// The report for people at a terminal.
fn told(report: &SpeedReport) -> String {
    let SpeedReport { engine, calls, .. } = report;
    let mut table = Table::new();
    let mut row = |what: &str, value: String, unit: &str| {
        table.add_row([what.to_owned(), value, unit.to_owned()]);
    };
    row("load", format!("{:.0}", report.load_ms), "ms");
    row("read", format!("{:.0}", engine.prefill_per_s), "tokens/s");
    row("decode", format!("{:.1}", engine.decode_per_s), &format!("tokens/s after {} tokens", engine.depth));
    for cost in &engine.batches {
        let beside = cost.ms / engine.batches[0].ms;
        row(&format!("batch of {}", cost.tokens), format!("{:.1}", cost.ms), &format!("ms, {beside:.1} x one token"));
    }
    row("tokens", format!("{:.1}", calls.tokens), &format!("per call, over {} questions", calls.questions));
    row("forced", format!("{:.0}", calls.forced_share * 100.0), "% of tokens");
    row("drafted", format!("{:.0}", calls.accepted_share * 100.0), "% of tokens");
    row("mask", format!("{:.0}", calls.mask_us), "µs per sampled token");
    row("first token", format!("{:.0}", calls.first_token_ms), "ms");
    row("checked call", format!("{:.0}", calls.call_ms), &format!("ms, {} of {} valid", calls.valid, calls.questions));
    if let Some(values) = table.column_mut(1) {
        values.set_cell_alignment(CellAlignment::Right);
    }
    format!("{} {}\n{}", report.model, report.quant, crate::table::plain(table))
}
