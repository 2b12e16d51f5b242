//! The token loop over a scripted backend: stops, budgets, cuts, cancellation, reuse of the prompt.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::print_stdout, reason = "a test stops at the first surprise")]

mod common;

use std::time::Duration;

use callwright::chat::{FinishReason, Prompt, Tool, ToolChoice};
use callwright::check::ToolSet;
use callwright::constrain::Constraint;
use callwright::format::Formats;
use callwright::infer::{Chunk, Drafts, Generator, Job, Token, Vocab};
use common::jobs::{collect, next};
use common::scripted::{Script, Scripted, Words};
use serde_json::json;

const PROMPT: &str = "Say something about Paris, please. ";

fn job(max_tokens: usize) -> Job {
    let mut job = Job { prompt: Prompt::markup(PROMPT), ..Job::default() };
    job.limits.max_tokens = max_tokens;
    job
}

fn tokens(text: &str) -> Vec<Token> {
    Words::new().tokenize(text.as_bytes(), true)
}

fn says(text: &str) -> Script {
    Script::Tokens(tokens(text))
}

fn constraint(choice: &ToolChoice, parallel: bool) -> Constraint {
    let schema = json!({"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]});
    let weather = Tool::new("get_weather", "", schema);
    let now = Tool::new("now", "", json!({"type": "object", "properties": {}}));
    let tools = ToolSet::compile(&[weather, now]).unwrap();
    let hermes = Formats::builtin().get("hermes").unwrap();
    Constraint::compile(&hermes, &tools, choice, parallel, PROMPT).unwrap().unwrap()
}

fn text(bytes: Vec<u8>) -> String {
    String::from_utf8(bytes).unwrap()
}

#[test]
fn the_model_ends_its_answer() {
    let (model, _) = Scripted::open(says("Hello world"), 500);
    let (output, end) = collect(&model, job(50)).unwrap();
    assert_eq!((text(output).as_str(), end.reason), ("Hello world", FinishReason::Stop));
    assert_eq!(end.usage.completion_tokens, 2);
}

#[test]
fn a_stop_text_is_found_across_tokens_and_left_out() {
    for (stop, left) in
        [("o wo", "Hell"), ("ello world!", "H"), ("H", ""), ("xyz", "Hello world! and"), ("! an", "Hello world")]
    {
        let (model, _) = Scripted::open(says("Hello world! and"), 500);
        let mut job = job(50);
        job.stop = vec!["never".into(), stop.into(), String::new()];
        let (output, end) = collect(&model, job).unwrap();
        assert_eq!((text(output).as_str(), end.reason), (left, FinishReason::Stop), "{stop}");
    }
}

#[test]
fn no_chunk_cuts_a_character() {
    let (model, _) = Scripted::open(says("Zürich 天気 😀 ok"), 500);
    let mut chunks = model.generate(job(100)).unwrap();
    let mut output = String::new();
    while let Some(chunk) = next(&mut chunks) {
        if let Chunk::Text(bytes) = chunk.unwrap() {
            output.push_str(std::str::from_utf8(&bytes).unwrap());
        }
    }
    assert_eq!(output, "Zürich 天気 😀 ok");
}

#[test]
fn the_budget_ends_an_answer() {
    for max_tokens in [0, 1, 7] {
        let (model, _) = Scripted::open(Script::Again(b'x'), 500);
        let (output, end) = collect(&model, job(max_tokens)).unwrap();
        assert_eq!((output.len(), end.reason), (max_tokens, FinishReason::Length));
    }
}

#[test]
fn the_context_ends_an_answer() {
    let context = tokens(PROMPT).len() + 5;
    let (model, _) = Scripted::open(Script::Again(b'x'), context);
    let (output, end) = collect(&model, job(100)).unwrap();
    assert_eq!((output.len(), end.reason), (5, FinishReason::Length));
}

#[test]
fn a_prompt_that_does_not_fit_is_refused_at_once() {
    let (model, _) = Scripted::open(Script::Again(b'x'), 10);
    let error = model.generate(job(5)).err().unwrap();
    assert_eq!(error.kind(), callwright::ErrorKind::ContextFull);
    assert!(model.generate(Job::default()).is_err(), "an empty prompt");
}

#[test]
fn dropping_the_chunks_ends_the_job() {
    let (model, seen) = Scripted::open(Script::Again(b'x'), 1_000_000);
    let mut chunks = model.generate(job(900_000)).unwrap();
    while !matches!(next(&mut chunks), Some(Ok(Chunk::Text(_)))) {}
    drop(chunks);
    // The thread takes the next job only when it has left this one.
    collect(&model, job(1)).unwrap();
    assert!(seen.lock().unwrap().decoded < 500_000);
}

#[test]
fn a_deadline_ends_the_job() {
    let (model, _) = Scripted::open(Script::Again(b'x'), 10_000_000);
    let mut job = job(9_000_000);
    job.limits.deadline = Some(Duration::from_millis(30));
    let (_, end) = collect(&model, job).unwrap();
    assert_eq!(end.reason, FinishReason::Cancelled);
}

#[test]
fn dropping_the_model_ends_what_it_does() {
    let (model, _) = Scripted::open(Script::Again(b'x'), 1_000_000);
    let mut chunks = model.generate(job(900_000)).unwrap();
    next(&mut chunks);
    drop(model);
    let mut last = None;
    while let Some(chunk) = next(&mut chunks) {
        last = Some(chunk.unwrap());
    }
    assert!(matches!(last, Some(Chunk::End(end)) if end.reason == FinishReason::Cancelled));
}

#[test]
fn what_the_cache_holds_is_not_computed_again() {
    let (model, seen) = Scripted::open(Script::Random(3), 500);
    let (first, end) = collect(&model, job(20)).unwrap();
    assert_eq!(end.usage.cached_tokens, 0);
    let before = seen.lock().unwrap().decoded;
    let (second, end) = collect(&model, Job { drafts: Drafts::Off, ..job(20) }).unwrap();
    assert_eq!(first, second, "reuse changes no output");
    assert_eq!(end.usage.cached_tokens, end.usage.prompt_tokens - 1);
    assert_eq!(seen.lock().unwrap().decoded - before, 20);
    let mut other = job(20);
    other.prompt = Prompt::markup("Say something about London.");
    let (_, end) = collect(&model, other).unwrap();
    assert_eq!(end.usage.cached_tokens, tokens("Say something about ").len());
}

#[test]
fn a_cache_that_cannot_be_cut_is_filled_again() {
    let (model, _) = Scripted::open_with(Script::Random(3), 500, false);
    let (first, _) = collect(&model, job(20)).unwrap();
    let (second, end) = collect(&model, job(20)).unwrap();
    assert_eq!((first, end.usage.cached_tokens), (second, 0));
}

#[test]
fn a_call_that_fits_is_left_as_it_is() {
    let said = "Well.\n<tool_call>\n{\"name\": \"get_weather\", \"arguments\": {\"city\": \"Oslo\"}}\n</tool_call>";
    let (model, _) = Scripted::open(says(said), 500);
    let mut job = job(300);
    job.constraint = Some(constraint(&ToolChoice::Auto, false));
    let (output, end) = collect(&model, job).unwrap();
    assert_eq!((text(output).as_str(), end.reason), (said, FinishReason::Stop));
    assert!(end.usage.forced_tokens > 0 && end.forced.is_empty());
}

#[test]
fn a_call_that_does_not_fit_is_cut_back_and_held() {
    // What the model says, and what must be left of it before the grammar takes over.
    let cases = [
        ("Hi <tool_call>{'name': get_weather}", "Hi <tool_call>\n{\"name\": \""),
        (
            "Hi <tool_call>\n{\"name\": \"get_rain\", ",
            "Hi <tool_call>\n{\"name\": \"get_weather\", \"arguments\": {\"city\": \"",
        ),
        ("<tool_call>\n\n\n[1]", "<tool_call>\n{\"name\": \""),
    ];
    for (said, kept) in cases {
        let (model, _) = Scripted::open(says(said), 1000);
        let mut job = job(400);
        job.constraint = Some(constraint(&ToolChoice::Auto, false));
        let (output, end) = collect(&model, job).unwrap();
        let output = text(output);
        assert!(output.starts_with(kept), "{said:?} became {output:?}");
        assert!(output.ends_with("}\n</tool_call>"), "{output:?}");
        assert_eq!(end.reason, FinishReason::Stop);
    }
}

#[test]
fn bytes_that_may_begin_a_call_are_held_back() {
    let (model, _) = Scripted::open(says("a <tool b <tool_call>{}"), 1000);
    let mut job = job(400);
    job.constraint = Some(constraint(&ToolChoice::Auto, false));
    let mut chunks = model.generate(job).unwrap();
    let mut seen = String::new();
    while let Some(chunk) = next(&mut chunks) {
        if let Chunk::Text(bytes) = chunk.unwrap() {
            seen.push_str(std::str::from_utf8(&bytes).unwrap());
            assert!(!seen.ends_with("<tool"), "{seen:?}");
        }
    }
    assert!(seen.starts_with("a <tool b <tool_call>\n{\"name\""), "{seen:?}");
}

#[test]
fn several_calls_one_after_the_other() {
    let call = "<tool_call>\n{\"name\": \"now\", \"arguments\": {}}\n</tool_call>";
    let said = format!("One: {call} Two: {call} Done.");
    let (model, _) = Scripted::open(says(&said), 1000);
    let mut several = job(400);
    several.constraint = Some(constraint(&ToolChoice::Auto, true));
    assert_eq!(text(collect(&model, several).unwrap().0), said);
    let (model, _) = Scripted::open(says(&said), 1000);
    let mut one = job(400);
    one.constraint = Some(constraint(&ToolChoice::Auto, false));
    assert_eq!(text(collect(&model, one).unwrap().0), format!("One: {call}"));
}

#[test]
fn stops_inside_a_call_are_text() {
    let (model, _) = Scripted::open(Script::Random(5), 1000);
    let mut job = job(200);
    job.stop = vec!["name".into(), "\n".into(), "}".into()];
    job.constraint = Some(constraint(&ToolChoice::Required, false));
    let (output, _) = collect(&model, job).unwrap();
    assert!(text(output).ends_with("</tool_call>"));
}

#[test]
fn a_named_tool_is_the_only_one() {
    for seed in 0..5 {
        let (model, _) = Scripted::open(Script::Random(seed), 1000);
        let mut job = job(200);
        job.constraint = Some(constraint(&ToolChoice::Named("now".into()), false));
        let (output, end) = collect(&model, job).unwrap();
        assert_eq!(text(output), "<tool_call>\n{\"name\": \"now\", \"arguments\": {}}\n</tool_call>");
        assert_eq!(end.usage.forced_tokens, end.usage.completion_tokens, "the model is not asked");
    }
}

#[test]
fn the_budget_closes_a_call_and_says_so() {
    let whole = r#"{"name": "get_weather", "arguments": {"city": ""#;
    for max_tokens in 1..60 {
        let (model, _) = Scripted::open(says(&"never ending words, one after the other, ".repeat(3)), 1000);
        let mut job = job(max_tokens);
        job.constraint = Some(constraint(&ToolChoice::Named("get_weather".into()), false));
        let (output, end) = collect(&model, job).unwrap();
        let output = text(output);
        assert!(end.usage.completion_tokens <= max_tokens);
        if end.reason == FinishReason::Length {
            assert!(end.forced.is_empty() && max_tokens < 40, "{max_tokens}: {output:?}");
        } else {
            assert!(output.ends_with("\"}}\n</tool_call>"), "{max_tokens}: {output:?}");
            assert!(output.contains(whole));
            assert_eq!(end.forced.len(), 1, "{max_tokens}: {output:?}");
        }
    }
}

#[test]
fn a_loop_is_led_out_of() {
    let (model, _) = Scripted::open(Script::Again(b'x'), 4000);
    let mut job = job(1000);
    job.constraint = Some(constraint(&ToolChoice::Named("get_weather".into()), false));
    let (output, end) = collect(&model, job).unwrap();
    assert!(end.forced.is_empty(), "{}", text(output));
    assert!(end.usage.completion_tokens < 300, "{}", end.usage.completion_tokens);
}

#[test]
fn trouble_in_one_job_does_not_reach_the_next() {
    let (model, _) = Scripted::open(Script::Random(1), 500);
    let mut bad = job(10);
    bad.prompt = Prompt::markup("word ".repeat(2000));
    assert!(collect(&model, bad).is_err(), "it does not fit");
    assert!(collect(&model, job(10)).is_ok());
}
