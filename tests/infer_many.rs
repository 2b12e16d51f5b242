//! Many jobs over one scripted backend: company, fairness, shared beginnings, a full queue, drafts.
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test stops at the first surprise")]

mod common;

use callwright::ErrorKind;
use callwright::chat::{FinishReason, Prompt, Sampling, Tool, ToolChoice};
use callwright::check::ToolSet;
use callwright::constrain::Constraint;
use callwright::format::Formats;
use callwright::infer::{Chunk, Drafts, End, Generator, Job, Local, Vocab};
use common::jobs::{collect, next, rest};
use common::scripted::{Script, Scripted, Words};
use serde_json::json;

fn job(prompt: &str, max_tokens: usize) -> Job {
    let mut job = Job { prompt: Prompt::markup(prompt), ..Job::default() };
    job.limits.max_tokens = max_tokens;
    job
}

fn held() -> Constraint {
    let schema = json!({"type": "object", "properties": {"city": {"type": "string"}, "days": {"type": "integer"}},
        "required": ["city"]});
    let tools = ToolSet::compile(&[Tool::new("get_weather", "", schema)]).expect("a schema");
    let hermes = Formats::builtin().get("hermes").expect("built in");
    let held = Constraint::compile(&hermes, &tools, &ToolChoice::Required, false, "").expect("a grammar");
    held.expect("a demanded call is held")
}

fn jobs() -> Vec<Job> {
    let held = held();
    let job = |at: usize| {
        let mut job = job(&format!("{} And number {at}?", "The same beginning. ".repeat(at % 3)), 24 + at);
        if at.is_multiple_of(2) {
            job.constraint = Some(held.clone());
        }
        if at.is_multiple_of(3) {
            job.sampling = sampling(at as u64);
        }
        job
    };
    (0..24).map(job).collect()
}

fn sampling(seed: u64) -> Sampling {
    let mut sampling = Sampling::default();
    (sampling.temperature, sampling.seed) = (0.8, seed);
    sampling
}

#[test]
fn company_changes_no_output() {
    let (model, _) = Scripted::open(Script::Random(11), 600);
    let alone: Vec<_> = jobs().into_iter().map(|job| collect(&model, job).expect("it ends").0).collect();
    let (model, _) = Scripted::open(Script::Random(11), 600);
    let mut running: Vec<_> = jobs().into_iter().map(|job| model.generate(job).expect("there is room")).collect();
    let together: Vec<_> = running.iter_mut().map(|chunks| rest(chunks).expect("it ends").0).collect();
    assert_eq!(alone, together);
}

#[test]
fn a_shared_beginning_is_read_once() {
    let tools = "The tools and the rules are the same for everyone who asks. ".repeat(8);
    let (model, seen) = Scripted::open(Script::Random(5), 900);
    let ask = |at: usize| model.generate(job(&format!("{tools}Question {at}"), 4)).expect("there is room");
    let mut running: Vec<_> = (0..6).map(ask).collect();
    let ends: Vec<_> = running.iter_mut().map(|chunks| rest(chunks).expect("it ends").1).collect();
    let shared = Words::new().tokenize(tools.as_bytes(), true).len();
    let read_again = ends.iter().filter(|end| end.usage.cached_tokens < shared - 64).count();
    assert_eq!(read_again, 1, "only the first one reads it: {ends:?}");
    assert!(seen.lock().expect("no panic").decoded < 2 * shared);
}

#[test]
fn a_long_prompt_does_not_stall_others() {
    let (model, _) = Scripted::open(Script::Again(b'x'), 400_000);
    let mut long = model.generate(job(&"q".repeat(100_000), 4)).expect("there is room");
    assert!(matches!(next(&mut long), Some(Ok(Chunk::Prefill { .. }))));
    let (text, short) = collect(&model, job("Say something.", 30)).expect("it ends");
    let (other, long) = rest(&mut long).expect("it ends");
    assert_eq!((text.len(), other.len()), (30, 4));
    // From when it was asked: who is stalled waits for a first token.
    let time = |end: &End| end.timings.first_token_ms + end.timings.decode_ms;
    assert!(time(&short) * 4.0 < time(&long), "{:?} {:?}", short.timings, long.timings);
}

/// Clients that ask again and again, one after the other, find room beside each other, though each began alone.
#[test]
fn a_short_cache_grows_for_those_who_come_one_by_one() {
    let (model, seen) = Scripted::open_small(Script::Again(b'x'), 120);
    std::thread::scope(|scope| {
        for client in 0..4 {
            let model = &model;
            scope.spawn(move || {
                for _ in 0..40 {
                    let (text, _) = collect(model, job("Go on.", 100 - client)).expect("it ends");
                    assert_eq!(text.len(), 100 - client);
                }
            });
        }
    });
    assert_eq!(seen.lock().expect("no panic").together, 4);
}

#[test]
fn who_leaves_disturbs_no_one() {
    let (model, _) = Scripted::open(Script::Again(b'x'), 5000);
    let mut running: Vec<_> = (0..8).map(|_| model.generate(job("Go on.", 300)).expect("there is room")).collect();
    next(&mut running[0]);
    for at in [6, 3, 0] {
        drop(running.remove(at));
    }
    for chunks in &mut running {
        let (text, end) = rest(chunks).expect("it ends");
        assert_eq!((text.len(), end.reason), (300, FinishReason::Length));
    }
}

#[test]
fn a_full_queue_is_told_at_once() {
    let (model, _) = Scripted::open(Script::Again(b'x'), 1_000_000);
    let mut running = Vec::new();
    let error = loop {
        match model.generate(job("Go on.", 900_000)) {
            Ok(chunks) => running.push(chunks),
            Err(error) => break error,
        }
        assert!(running.len() < 1000, "the queue is bounded");
    };
    assert_eq!(error.kind(), ErrorKind::Busy);
    drop(running);
    // Those who left are let go before the next token.
    let text = (0..1000).find_map(|_| collect(&model, job("Go on.", 3)).ok());
    assert_eq!(text.expect("the queue empties").0, b"xxx");
}

#[test]
fn a_job_that_waits_is_bound_by_its_deadline() {
    let (model, _) = Scripted::open(Script::Again(b'x'), 1_000_000);
    let _busy: Vec<_> = (0..6).map(|_| model.generate(job("Go on.", 900_000)).expect("there is room")).collect();
    let mut late = job("And I?", 5);
    late.limits.deadline = Some(std::time::Duration::from_millis(50));
    let (text, end) = collect(&model, late).expect("it ends");
    assert_eq!((text.as_slice(), end.reason), (&b""[..], FinishReason::Cancelled));
}

/// Repeated output is drafted, and nothing changes but the number of batches.
#[test]
fn guesses_change_no_output() {
    let said =
        "Please send this to Ada Lovelace: the ship sails at noon from Bergen, bring warm clothes and your book.";
    let call =
        format!("<tool_call>\n{{\"name\": \"get_weather\", \"arguments\": {{\"city\": \"{said}\"}}}}\n</tool_call>");
    let run = |model: &Local, text: &str, drafts| {
        let mut job = Job { drafts, ..job(&format!("Repeat after me: {said}"), 600) };
        if text == call {
            job.constraint = Some(held());
        }
        collect(model, job).expect("it ends")
    };
    for text in [said, &call] {
        let (model, seen) = Scripted::open(Script::Tokens(Words::new().tokenize(text.as_bytes(), true)), 4000);
        let (without, _) = run(&model, text, Drafts::Off);
        let batches = seen.lock().expect("no panic").batches;
        let (with, end) = run(&model, text, Drafts::Fixed(8));
        assert_eq!(String::from_utf8_lossy(&with), String::from_utf8_lossy(&without));
        assert_eq!(with, text.as_bytes());
        assert!(end.usage.accepted_tokens > 50, "{:?}", end.usage);
        let fewer = seen.lock().expect("no panic").batches - batches;
        assert!(fewer * 2 < batches, "{fewer} batches instead of {batches}");
    }
}

#[test]
fn guesses_keep_the_draws_of_a_seed() {
    let (model, _) = Scripted::open(Script::Random(2), 4000);
    for seed in 0..20 {
        let run = |drafts| {
            let sampling = sampling(seed);
            collect(&model, Job { drafts, sampling, ..job("ab ab ab ab ab ab", 80) }).expect("it ends").0
        };
        assert_eq!(run(Drafts::Fixed(5)), run(Drafts::Off));
    }
}
