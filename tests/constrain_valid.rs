//! Law 6, *enforced means valid*: what the decoding grammar lets through parses strictly and satisfies the schema.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::print_stdout, reason = "a test stops at the first surprise")]

mod common;

use std::sync::Arc;

use callwright::chat::{FinishReason, Prompt, ToolChoice};
use callwright::check::{Level, ToolSet};
use callwright::constrain::Constraint;
use callwright::format::{Format, Formats};
use callwright::infer::{Generator, Job};
use callwright::read::Parser;
use callwright_test_support::schemas;
use common::jobs::collect;
use common::scripted::{Script, Scripted};

/// What became of a job under enforcement.
#[derive(Debug, Default)]
struct Tally {
    whole: usize,
    forced: usize,
    cut: usize,
}

/// Runs one job and checks that it is valid, or says that the budget ended it.
fn hold_to_the_law(
    model: &dyn Generator,
    format: &Arc<Format>,
    seed: u64,
    temperature: f32,
    tokens: usize,
    tally: &mut Tally,
) {
    let tools = Arc::new(ToolSet::compile(&schemas::tools(seed)).unwrap());
    let mut job = Job { prompt: Prompt::markup(format!("Case {seed}.\n")), ..Job::default() };
    job.sampling.temperature = temperature;
    job.sampling.seed = seed;
    job.limits.max_tokens = tokens;
    job.constraint = Constraint::compile(format, &tools, &ToolChoice::Required, seed.is_multiple_of(3), "").unwrap();
    let constraint = job.constraint.clone().unwrap();
    let (output, end) = collect(model, job).unwrap();
    assert_eq!(constraint.relaxed(), [], "seed {seed}: the law speaks of whole schemas");
    let mut parser = Parser::new(Arc::clone(format), Arc::clone(&tools)).level(Level::Strict);
    parser.push(&output);
    let parsed = parser.finish();
    let told = || format!("seed {seed}, temperature {temperature}: {}\n{parsed:?}", String::from_utf8_lossy(&output));
    if end.reason == FinishReason::Length {
        tally.cut += 1;
        return;
    }
    assert_eq!(end.reason, FinishReason::Stop, "{}", told());
    assert!(!parsed.calls.is_empty() && parsed.faults.is_empty() && parsed.fixes.is_empty(), "{}", told());
    assert_eq!(parsed.text.trim(), "", "{}", told());
    if end.forced.is_empty() { tally.whole += 1 } else { tally.forced += 1 }
}

#[test]
fn law_6_enforced_means_valid() {
    let mut tally = Tally::default();
    for name in ["hermes", "tool_use"] {
        let format = Formats::builtin().get(name).unwrap();
        for seed in 0..60 {
            let (model, _) = Scripted::open(Script::Random(seed), 4000);
            for temperature in [0.0, 0.7, 1.5] {
                hold_to_the_law(&model, &format, seed, temperature, 600, &mut tally);
            }
        }
    }
    println!("{tally:?}");
    assert_eq!(tally.cut, 0, "600 tokens hold the shortest call of each of these tools");
    assert!(tally.whole > 200, "{tally:?}");
}

#[test]
fn law_6_holds_for_every_budget() {
    let mut tally = Tally::default();
    let format = Formats::builtin().get("hermes").unwrap();
    for seed in 100..108 {
        let (model, _) = Scripted::open(Script::Random(seed), 4000);
        for tokens in (1..60).chain([80, 120, 200]) {
            hold_to_the_law(&model, &format, seed, 1.0, tokens, &mut tally);
        }
    }
    println!("{tally:?}");
    assert!(tally.cut > 0 && tally.forced > 0 && tally.whole > 0, "{tally:?}");
}

#[cfg(any(feature = "llama", feature = "candle"))]
#[test]
fn law_6_on_a_random_model() {
    for model in common::jobs::models() {
        let mut tally = Tally::default();
        for name in ["hermes", "tool_use"] {
            let format = Formats::builtin().get(name).unwrap();
            for seed in 200..230 {
                for temperature in [0.0, 0.7, 1.5] {
                    hold_to_the_law(&*model, &format, seed, temperature, 600, &mut tally);
                }
            }
        }
        println!("{tally:?}");
        assert!(tally.cut == 0 && tally.whole > 150, "{tally:?}");
    }
}
