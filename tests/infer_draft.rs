//! A draft model changes nothing in the output, whatever it drafts and however it ends.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::print_stdout, reason = "a test stops at the first surprise")]

mod common;

use std::sync::{Arc, Mutex};
use std::time::Duration;

use callwright::Engine;
use callwright::chat::{Prompt, Request, Tool, ToolChoice};
use callwright::check::ToolSet;
use callwright::constrain::Constraint;
use callwright::format::Formats;
use callwright::infer::backend::{Batch, Limits, Logits, SeqId};
use callwright::infer::{Backend, Beforehand, DraftModel, Drafts, Generator, Job, Local, ModelInfo, Token, Vocab};
use callwright::{Error, ErrorKind, Result};
use common::jobs::{collect, next, rest};
use common::scripted::{Script, Scripted, Seen, Words};
use serde_json::json;

/// A backend that takes its time, fails after so many batches, and whose cache holds only so many tokens in all.
struct Worn {
    inner: Scripted,
    time: Duration,
    left: usize,
    room: usize,
}

impl Backend for Worn {
    fn model(&self) -> &ModelInfo {
        self.inner.model()
    }

    fn limits(&self) -> Limits {
        let limits = self.inner.limits();
        Limits { context: limits.context.min(self.room), ..limits }
    }

    fn vocab(&self) -> Arc<dyn Vocab> {
        self.inner.vocab()
    }

    fn decode<'a>(&'a mut self, batch: &Batch) -> Result<Logits<'a>> {
        std::thread::sleep(self.time);
        let worn_out = || Error::new(ErrorKind::Backend, "it is worn out");
        self.left = self.left.checked_sub(1).ok_or_else(worn_out)?;
        let full = || Error::new(ErrorKind::Backend, "its cache is full");
        let held = self.inner.held() + batch.entries().len();
        (held <= self.room).then_some(()).ok_or_else(full)?;
        self.inner.decode(batch)
    }

    fn truncate(&mut self, sequence: SeqId, len: usize) -> Result<usize> {
        self.inner.truncate(sequence, len)
    }

    fn reserve(&mut self, tokens: usize) -> Result<bool> {
        self.inner.reserve(tokens)
    }

    fn fork(&mut self, from: SeqId, to: SeqId, len: usize) -> Result<bool> {
        self.inner.fork(from, to, len)
    }
}

const CONTEXT: usize = 1500;

type Watched = Arc<Mutex<Seen>>;

/// A model with a draft model, and what the two of them will have seen. Both say what their script tells them to, and take so
/// many milliseconds for a batch; the draft model has so much context and fails after so many batches.
fn pair(large: Script, small: Script, context: usize, (slow, left): ([u64; 2], usize)) -> (Local, Watched, Watched) {
    let (large, theirs) = Scripted::alone(Words::new(), large, CONTEXT, true);
    let (small, its) = Scripted::alone(Words::new(), small, context, true);
    let large = Worn { inner: large, time: Duration::from_millis(slow[0]), left: usize::MAX, room: usize::MAX };
    let small = Worn { inner: small, time: Duration::from_millis(slow[1]), left, room: context };
    let opener = move || {
        let draft_model = DraftModel::new(Box::new(small), &large)?;
        Ok((Box::new(large) as Box<dyn Backend>, Some(draft_model)))
    };
    (Local::open_with(Beforehand::default(), opener).unwrap(), theirs, its)
}

fn job(said: &str, drafts: Drafts) -> Job {
    let mut job = Job { prompt: Prompt::markup(said), drafts, ..Job::default() };
    job.limits.max_tokens = 60;
    job
}

fn constraint() -> Constraint {
    let schema = json!({"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]});
    let tools = ToolSet::compile(&[Tool::new("get_weather", "", schema)]).unwrap();
    let hermes = Formats::builtin().get("hermes").unwrap();
    Constraint::compile(&hermes, &tools, &ToolChoice::Required, false, "").unwrap().unwrap()
}

/// Runs a job with drafts and without, free and held, greedy and not. Gives the tokens that were written greedily and not
/// forced, and the drafts that were accepted: of free text, and of calls.
fn same_with_and_without(model: &dyn Generator, runs: usize) -> [(usize, usize); 2] {
    let mut counts = [(0, 0); 2];
    for number in 0..runs {
        for (temperature, held) in [(0.0, false), (0.0, true), (1.0, false), (1.0, true)] {
            let run = |drafts| {
                let mut job = job(&format!("question {number}, {}: ", number * 7919), drafts);
                (job.sampling.temperature, job.sampling.seed) = (temperature, 7);
                job.constraint = held.then(constraint);
                collect(model, job).unwrap()
            };
            let ((with, end), (without, _)) = (run(Drafts::Fixed(8)), run(Drafts::Off));
            assert_eq!(with, without, "{number} at {temperature}, held: {held}");
            assert!(end.asides.is_empty(), "{:?}", end.asides);
            if temperature == 0.0 {
                let (written, accepted) = &mut counts[usize::from(held)];
                *written += end.usage.completion_tokens - end.usage.forced_tokens;
                *accepted += end.usage.accepted_tokens;
            }
        }
    }
    counts
}

#[test]
fn a_twin_guesses_nearly_all() {
    let (model, ..) = pair(Script::Random(3), Script::Random(3), CONTEXT, ([0, 0], usize::MAX));
    let [(written, accepted), (_, in_calls)] = same_with_and_without(&model, 10);
    // Of each nine tokens the last is not drafted but follows from the eight before.
    assert!(accepted * 100 > written * 85, "{accepted} of {written}");
    assert!(in_calls > 0);
}

#[test]
fn a_stranger_guesses_hardly_anything_and_changes_nothing() {
    let (model, ..) = pair(Script::Random(3), Script::Random(4), CONTEXT, ([0, 0], usize::MAX));
    for (written, accepted) in same_with_and_without(&model, 10) {
        assert!(accepted * 10 < written, "{accepted} of {written}");
    }
}

#[test]
fn a_draft_model_that_pays_is_used() {
    let (alone, _) = Scripted::open(Script::Random(3), CONTEXT);
    let (model, large, _) = pair(Script::Random(3), Script::Random(3), CONTEXT, ([4, 0], usize::MAX));
    let (text, end) = collect(&model, job("Hello", Drafts::Auto)).unwrap();
    assert_eq!(text, collect(&alone, job("Hello", Drafts::Off)).unwrap().0);
    let (tokens, batches) = (end.usage.completion_tokens, large.lock().unwrap().batches);
    assert!(batches * 2 < tokens, "{batches} batches for {tokens} tokens");
}

#[test]
fn a_draft_model_that_does_not_pay_switches_itself_off() {
    let steps = |small, slow| {
        let (model, _, its) = pair(Script::Random(3), Script::Random(small), CONTEXT, (slow, usize::MAX));
        let mut job = job("Hello", Drafts::Auto);
        job.limits.max_tokens = 400;
        job.logit_bias.insert(Words::new().end(), -100.0);
        let (_, end) = collect(&model, job).unwrap();
        (its.lock().unwrap().batches, end.usage.completion_tokens)
    };
    let (stranger, tokens) = steps(4, [3, 1]);
    assert!(stranger * 5 < tokens, "none come true: {stranger} steps for {tokens} tokens");
    let (twin, tokens) = steps(3, [1, 2]);
    assert!(twin * 5 < tokens, "a draft takes longer than a token: {twin} steps for {tokens} tokens");
    println!("steps for {tokens} tokens: {stranger} of a stranger, {twin} of a slow twin");
}

#[test]
fn drafts_that_are_off_ask_no_one() {
    let (model, _, its) = pair(Script::Random(3), Script::Random(3), CONTEXT, ([0, 0], usize::MAX));
    collect(&model, job("Hello", Drafts::Off)).unwrap();
    assert_eq!(its.lock().unwrap().batches, 0);
}

#[test]
fn company_gets_what_each_would_have_got_alone() {
    let (alone, _) = Scripted::open(Script::Random(5), CONTEXT);
    // Where there is room for two or three texts only, the others are not drafted.
    for (small, room) in [(5, 4000), (6, 4000), (5, 1500)].map(|(seed, room)| (Script::Random(seed), room)) {
        // So slow that all are there before the first is done.
        let (model, _, its) = pair(Script::Random(5), small, room, ([2, 0], usize::MAX));
        // They begin alike, far enough for the cache to be copied, and are of different lengths.
        let job = |number: usize| {
            let said = format!("{} {number}{}", "All begin alike. ".repeat(30), " and so on".repeat(number));
            let mut job = job(&said, Drafts::Fixed(1 + number % 8));
            job.constraint = number.is_multiple_of(2).then(constraint);
            job
        };
        let expected: Vec<_> = (0..12).map(|number| collect(&alone, job(number)).unwrap().0).collect();
        let mut running: Vec<_> = (0..12).map(|number| model.generate(job(number)).unwrap()).collect();
        // One leaves before it is done.
        let mut leaves = model.generate(job(20)).unwrap();
        next(&mut leaves);
        drop(leaves);
        let got: Vec<_> = running.iter_mut().map(|chunks| rest(chunks).unwrap()).collect();
        assert!(got.iter().all(|(_, end)| end.asides.is_empty()), "{:?}", got[0].1.asides);
        assert_eq!(expected, got.into_iter().map(|(text, _)| text).collect::<Vec<_>>());
        assert!(its.lock().unwrap().together > 1, "they are drafted for in one batch");
    }
}

#[test]
fn its_failure_costs_no_job() {
    let (alone, _) = Scripted::open(Script::Random(3), CONTEXT);
    let expected = collect(&alone, job("Hello", Drafts::Off)).unwrap().0;
    for left in [0, 1, 7] {
        let (model, _, its) = pair(Script::Random(3), Script::Random(3), CONTEXT, ([0, 0], left));
        let (text, end) = collect(&model, job("Hello", Drafts::Fixed(3))).unwrap();
        assert_eq!(text, expected);
        let warned = "the draft model `scripted` failed and is switched off: it is worn out";
        assert_eq!(end.asides, [warned], "after {left} batches");
        let (text, end) = collect(&model, job("Hello", Drafts::Fixed(3))).unwrap();
        assert_eq!((text, end.asides.len()), (expected.clone(), 0), "it is told once");
        assert_eq!(its.lock().unwrap().batches, left);
    }
}

/// Whoever reads the response can see it.
#[tokio::test]
async fn its_failure_is_told_in_the_trace() {
    let (model, ..) = pair(Script::Random(3), Script::Random(3), CONTEXT, ([4, 0], 0));
    let engine = Engine::builder().generator(Box::new(model)).format("hermes").build().await.unwrap();
    let mut request = Request::new("Hello");
    request.limits.max_tokens = 30;
    let response = engine.chat(request).await.unwrap();
    assert!(response.attempts[0].warnings[0].contains("is switched off"), "{:?}", response.attempts);
}

#[test]
fn a_text_that_it_has_no_room_for_is_not_guessed() {
    let (model, _, its) = pair(Script::Random(3), Script::Random(3), 100, ([0, 0], usize::MAX));
    let (_, end) = collect(&model, job(&"too long ".repeat(60), Drafts::Fixed(4))).unwrap();
    assert_eq!((end.asides.len(), its.lock().unwrap().batches), (0, 0));
    let (_, end) = collect(&model, job("short", Drafts::Fixed(4))).unwrap();
    assert!(end.usage.accepted_tokens > 20, "{:?}", end.usage);
}

fn refusal(small: Words, large: Words, can_truncate: bool) -> Option<Error> {
    let (large, _) = Scripted::alone(large, Script::Again(b'x'), CONTEXT, true);
    let (small, _) = Scripted::alone(small, Script::Again(b'x'), CONTEXT, can_truncate);
    DraftModel::new(Box::new(small), &large).err()
}

#[test]
fn another_vocabulary_is_refused() {
    let error = refusal(Words::bytes(), Words::new(), true).unwrap();
    assert_eq!(error.kind(), ErrorKind::Input);
    let told =
        "`scripted` cannot draft for `scripted`: their vocabularies differ (token 256 is \"<|end|>\" and \"<tool\")";
    assert_eq!(error.to_string(), told);
    assert!(error.hint_text().is_some());
    assert!(refusal(Words::new(), Words::new(), true).is_none());
    let error = refusal(Words::new(), Words::new(), false).unwrap();
    assert!(error.to_string().contains("cannot remove tokens"), "{error}");
}

/// Vocabularies of one family are padded to different lengths.
#[test]
fn padding_at_the_end_is_no_difference() {
    let words = |padding: &[&str]| Words::with(&["Hello"], &[], &[&["<|end|>"], padding].concat());
    for (ours, theirs) in [(&["[PAD]"][..], &[][..]), (&[], &["[PAD]"])] {
        assert!(refusal(words(ours), words(theirs), true).is_none());
    }
    let pad: Token = 258;
    let (large, _) = Scripted::alone(words(&[]), Script::Random(3), CONTEXT, true);
    let (small, its) = Scripted::alone(words(&["[PAD]"]), Script::Tokens(vec![pad; CONTEXT]), CONTEXT, true);
    let opener = move || {
        let draft_model = DraftModel::new(Box::new(small), &large)?;
        Ok((Box::new(large) as Box<dyn Backend>, Some(draft_model)))
    };
    let model = Local::open_with(Beforehand::default(), opener).unwrap();
    same_with_and_without(&model, 2);
    assert!(its.lock().unwrap().batches > 0);
}

/// Models of the repository draft for each other, on every engine that is built in and between engines.
#[test]
#[cfg(any(feature = "llama", feature = "candle"))]
fn real_models_draft_for_each_other() {
    use callwright::BackendName;

    const TINY: &str = "fixtures/models/tiny.gguf";
    const RANDOM: &str = "fixtures/models/random_llama.gguf";
    let engines = BackendName::built_in();
    for (large, small) in [(RANDOM, RANDOM), (TINY, TINY), (TINY, RANDOM)] {
        for (engine, other) in engines.iter().flat_map(|one| engines.iter().map(move |other| (*one, *other))) {
            let opener = move || {
                let large = common::jobs::backend(engine, large.as_ref());
                let draft_model = DraftModel::new(common::jobs::backend(other, small.as_ref()), &*large)?;
                Ok((large, Some(draft_model)))
            };
            let model = Local::open_with(Beforehand::default(), opener).unwrap();
            let counts = same_with_and_without(&model, 2);
            println!("{small} on {other} for {large} on {engine}: {counts:?}");
            let (written, accepted) = counts[0];
            // Some of the drafts are n-gram drafts, and wrong.
            assert!(large != small || accepted * 2 > written, "{accepted} of {written}");
        }
    }
}
