//! The token loop on a real model, on every engine that is built in. Set `CALLWRIGHT_TEST_MODEL` to a GGUF file to run it
//! on that one.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::print_stdout, reason = "a test stops at the first surprise")]

mod common;

use std::sync::Arc;

use callwright::chat::{Prompt, Tool, ToolChoice};
use callwright::check::{Level, ToolSet};
use callwright::constrain::Constraint;
use callwright::format::Formats;
use callwright::infer::{Drafts, Job};
use callwright::read::Parser;
use common::jobs::{collect, models, rest};
use serde_json::json;

fn tools() -> Arc<ToolSet> {
    let city = json!({"city": {"type": "string"}, "unit": {"enum": ["celsius", "fahrenheit"]}});
    let weather = json!({"type": "object", "properties": city, "required": ["city", "unit"]});
    let sum =
        json!({"type": "object", "properties": {"a": {"type": "integer"}, "b": {"type": "number"}}, "required": ["a"]});
    let tools = [Tool::new("get_weather", "weather of a city", weather), Tool::new("add", "adds", sum)];
    Arc::new(ToolSet::compile(&tools).expect("schemas"))
}

/// Law 6, on weights that know nothing: whatever comes out parses strictly and satisfies the schema. Texts that only the
/// budget ends are told, and only those.
#[test]
fn law_6_enforced_means_valid_even_with_random_weights() {
    for model in models() {
        let tools = tools();
        let mut forced = 0;
        let formats = ["hermes", "tool_use"].map(|name| Formats::builtin().get(name).expect("built in"));
        for (temperature, seed) in
            [0.0, 0.7, 1.5].into_iter().flat_map(|heat| (0..100_u64).map(move |seed| (heat, seed)))
        {
            let format = &formats[usize::from(seed % 2 == 0)];
            let constraint = Constraint::compile(format, &tools, &ToolChoice::Required, false, "").expect("a grammar");
            let prompt = format!("<|im_start|>user\nWhat is it in Paris, number {seed}?<|im_end|>\n");
            let mut job = Job { prompt: Prompt::markup(prompt), constraint, ..Job::default() };
            (job.sampling.temperature, job.sampling.seed) = (temperature, seed);
            job.limits.max_tokens = 160;
            let (text, end) = collect(&*model, job).expect("the job ends");
            let mut parser = Parser::new(Arc::clone(format), Arc::clone(&tools)).level(Level::Strict);
            parser.push(&text);
            let parsed = parser.finish();
            let shown = format!("{} at {temperature}, {seed}: {}", format.name(), String::from_utf8_lossy(&text));
            assert_eq!(parsed.calls.len(), 1, "{shown} {:?} {end:?}", parsed.faults);
            assert!(parsed.fixes.is_empty(), "{shown} {:?}", parsed.fixes);
            assert!(parsed.faults.is_empty(), "{shown} {:?}", parsed.faults);
            assert!(end.forced.is_empty() || end.usage.completion_tokens + 40 > 160, "{shown} {end:?}");
            forced += usize::from(!end.forced.is_empty());
        }
        println!("{}: 300 calls valid, {forced} of them closed by the budget", model.model().name);
        assert!(forced < 300, "some close by themselves");
    }
}

#[test]
fn the_same_seed_gives_the_same_tokens() {
    for model in models() {
        let say = |seed| {
            let prompt = Prompt::markup("<|im_start|>user\nHello<|im_end|>\n<|im_start|>assistant\n");
            let mut job = Job { prompt, ..Job::default() };
            job.sampling.temperature = 1.0;
            job.sampling.seed = seed;
            job.limits.max_tokens = 24;
            collect(&*model, job).expect("the job ends").0
        };
        assert_eq!(say(7), say(7));
        assert_ne!(say(7), say(8));
    }
}

/// Accepted drafts save time, and the output stays the same.
#[test]
fn guesses_change_no_greedy_output() {
    for model in models() {
        let mut accepted = 0;
        for number in 0..200 {
            let run = |drafts| {
                let said = format!("repeat {number} {} and {number} again, {number} again", number * 7919);
                let mut job = Job { prompt: Prompt::markup(said), drafts, ..Job::default() };
                job.limits.max_tokens = 40;
                collect(&*model, job).expect("the job ends")
            };
            let ((with, end), (without, _)) = (run(Drafts::Fixed(8)), run(Drafts::Off));
            assert_eq!(with, without, "prompt {number}");
            accepted += end.usage.accepted_tokens;
        }
        assert!(accepted > 20, "random weights fall into loops, which are drafted: {accepted}");
    }
}

/// Sixteen callers get what each would have got alone.
#[test]
fn company_changes_no_greedy_output() {
    for model in models() {
        let job = |number: usize| {
            let mut job = Job {
                prompt: Prompt::markup(format!("caller {number} says {}", "a ".repeat(number))),
                ..Job::default()
            };
            job.limits.max_tokens = 30;
            job
        };
        let alone: Vec<_> = (0..16).map(|number| collect(&*model, job(number)).expect("it ends").0).collect();
        let mut together: Vec<_> = (0..16).map(|number| model.generate(job(number)).expect("there is room")).collect();
        let together: Vec<_> = together.iter_mut().map(|chunks| rest(chunks).expect("it ends").0).collect();
        assert_eq!(alone, together);
    }
}

/// Call after call, the process holds as much memory as before.
#[test]
#[cfg(target_os = "linux")]
fn memory_stays_flat() {
    let resident = || {
        let pages = std::fs::read_to_string("/proc/self/statm").expect("Linux tells");
        pages.split(' ').nth(1).and_then(|pages| pages.parse::<usize>().ok()).expect("a number") * 4 / 1024
    };
    for model in models() {
        let tools = tools();
        let hermes = Formats::builtin().get("hermes").expect("built in");
        let call = |number: usize| {
            let constraint = Constraint::compile(&hermes, &tools, &ToolChoice::Required, false, "").expect("a grammar");
            let prompt = Prompt::markup(format!("caller {number} asks {}", "and ".repeat(number % 30)));
            let mut job = Job { prompt, constraint, ..Job::default() };
            job.limits.max_tokens = 48;
            collect(&*model, job).expect("it ends");
        };
        (0..200).for_each(call);
        let before = resident();
        (200..1200).for_each(call);
        let after = resident();
        println!("{}: {before} MiB after 200 calls, {after} MiB after 1,200", model.model().name);
        // What other tests of this process hold comes and goes beside it.
        assert!(after < before + 32, "{before} MiB became {after} MiB");
    }
}
