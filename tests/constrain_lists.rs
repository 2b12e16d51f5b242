//! Real lists of tools: every tool forced once in every format, and what came of it written down for a validator that is
//! not ours (`tests/validate_calls.py`).
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::print_stdout, reason = "a test stops at the first surprise")]

mod common;

use std::fs::File;
use std::io::{BufWriter, Write as _};
use std::path::Path;
use std::sync::Arc;

use callwright::chat::{FinishReason, Prompt, Tool, ToolChoice};
use callwright::check::{Level, ToolSet};
use callwright::constrain::Constraint;
use callwright::format::{Format, Formats};
use callwright::infer::{Job, Lexicon, Local};
use callwright::read::Parser;
use callwright_test_support::lists::{files, tools};
use common::jobs::collect;
use common::scripted::{Script, Scripted, Words};
use serde_json::json;

fn words() -> Words {
    let words = ["12", " the", "Paris", "3.5", "true", "\": ", "\", \"", "</", ">\n", "2024", "-", "https://", "@"];
    Words::with(&words, &[], &["<|im_end|>", "<|end|>"])
}

#[derive(Debug, Default)]
struct Tally {
    calls: usize,
    closed: usize,
    told: usize,
    /// Tools that the check refuses, or that the format cannot say.
    refused: usize,
    wrong: Vec<String>,
}

/// Forces one call of each tool with so many tokens more than its shortest call takes.
fn force(
    file: &Path,
    format: &Arc<Format>,
    tools: &[Tool],
    more: usize,
    written: &mut dyn std::io::Write,
    tally: &mut Tally,
) {
    let lexicon = Lexicon::new(Arc::new(words()));
    let model: Local = Scripted::open_over(words(), Script::Random(7), 4000, true).0;
    for (seed, tool) in (1..).zip(tools) {
        let place = format!("{} {} {}", file.file_name().unwrap().to_string_lossy(), tool.name, format.name());
        let Ok(set) = ToolSet::compile(std::slice::from_ref(tool)) else {
            tally.refused += 1;
            continue;
        };
        let set = Arc::new(set);
        let choice = ToolChoice::Named(tool.name.clone());
        let constraint = match Constraint::compile(format, &set, &choice, false, "") {
            Ok(constraint) => constraint.unwrap(),
            Err(error) => {
                let cause = std::error::Error::source(&error).map(ToString::to_string).unwrap_or_default();
                // A format for one text is no format for most tools.
                if cause.contains("single string") || cause.contains("cannot represent") {
                    tally.refused += 1;
                } else {
                    tally.wrong.push(format!("{place}: refused: {error}: {cause}"));
                }
                continue;
            }
        };
        let shortest = lexicon.matcher(&constraint).and_then(|mut matcher| matcher.way_out());
        let shortest = match shortest {
            Ok(Some(way)) => way.len(),
            Ok(None) => {
                tally.wrong.push(format!("{place}: no way out"));
                continue;
            }
            Err(error) => {
                let cause = std::error::Error::source(&error).map(ToString::to_string).unwrap_or_default();
                tally.wrong.push(format!("{place}: {error}: {cause}"));
                continue;
            }
        };
        let mut job = Job { prompt: Prompt::markup("."), constraint: Some(constraint.clone()), ..Job::default() };
        job.sampling.temperature = 1.0;
        job.sampling.seed = seed;
        job.limits.max_tokens = shortest + more;
        let (output, end) = match collect(&model, job) {
            Ok(done) => done,
            Err(error) => {
                tally
                    .wrong
                    .push(format!("{place}: {error} {:?}", std::error::Error::source(&error).map(ToString::to_string)));
                continue;
            }
        };
        let mut parser = Parser::new(Arc::clone(format), Arc::clone(&set)).level(Level::Strict);
        parser.push(&output);
        let parsed = parser.finish();
        let told = constraint.relaxed();
        tally.calls += 1;
        tally.closed += usize::from(!end.forced.is_empty());
        tally.told += usize::from(!told.is_empty());
        let text = String::from_utf8_lossy(&output);
        let bad = if end.reason != FinishReason::Stop {
            Some(format!("cut off after {} of {shortest} + {more} tokens", end.usage.completion_tokens))
        } else if parsed.calls.len() != 1 || !parsed.fixes.is_empty() {
            Some(format!("not one strict call: {:?} {:?}", parsed.fixes, parsed.faults))
        } else if !parsed.faults.is_empty() && told.is_empty() {
            Some(format!("{:?}", parsed.faults))
        } else {
            None
        };
        if let Some(bad) = bad {
            tally.wrong.push(format!("{place}: {bad}: {text:.300}"));
        }
        if let Some(call) = parsed.calls.first() {
            let told: Vec<&str> = told.iter().map(|told| told.cause.as_str()).collect();
            let line = json!({"place": place, "arguments": call.arguments, "told": told, "schema": tool.parameters});
            writeln!(written, "{line}").unwrap();
        }
    }
}

/// Formats of different shapes: JSON, literals, tags, elements, quotes that are tokens.
const SHAPES: [&str; 9] =
    ["hermes", "pythonic", "qwen3_coder", "glm45", "minimax_m3", "gemma4", "dsml", "mistral_v13", "gigachat3"];

fn tell(name: &str, tally: &Tally) {
    let Tally { calls, closed, told, refused, wrong } = tally;
    println!("{name}: {calls} calls, {closed} closed, {told} told, {refused} refused, {} wrong", wrong.len());
    for wrong in wrong {
        println!("  {wrong}");
    }
}

/// The minimal schemas that once failed, in every format, at the smallest budget and with room.
#[test]
fn schemas_that_once_failed_are_held_to() {
    let Some(shared) = callwright_test_support::shared() else { return };
    let mut written = std::io::sink();
    let mut tally = Tally::default();
    for file in files(&shared.join("cases/schemas")) {
        let tools = tools(&file);
        for format in Formats::builtin().iter() {
            for more in [0, 40] {
                force(&file, format, &tools, more, &mut written, &mut tally);
            }
        }
    }
    tell("cases", &tally);
    assert!(tally.wrong.is_empty() && tally.calls > 1000);
}

/// The lists that servers send: a sample of their tools, or all of them if `CALLWRIGHT_TEST_LISTS=all` (an hour and more).
/// The calls are written to `calls.jsonl` in cargo's folder for tests, which `tests/validate_calls.py` reads.
#[test]
fn tools_of_real_servers_are_called() {
    let Some(shared) = callwright_test_support::shared() else { return };
    let all = callwright_test_support::means::wants_all_lists();
    let path = Path::new(env!("CARGO_TARGET_TMPDIR")).join("calls.jsonl");
    let mut written = BufWriter::new(File::create(&path).unwrap());
    let (mut wrong, mut calls) = (0, 0);
    for name in SHAPES {
        let Ok(format) = Formats::builtin().get(name) else { continue };
        let mut tally = Tally::default();
        for (number, file) in files(&shared.join("mcp")).into_iter().enumerate() {
            let (first, step) = if all { (0, 1) } else { (number % 3, 12) };
            let tools: Vec<Tool> = tools(&file).into_iter().skip(first).step_by(step).collect();
            force(&file, &format, &tools, 30 * (number % 2), &mut written, &mut tally);
        }
        tell(name, &tally);
        wrong += tally.wrong.len();
        calls += tally.calls;
    }
    written.flush().unwrap();
    println!("{}", path.display());
    assert!(wrong == 0 && calls > 300, "{wrong} of {calls} wrong");
}
