//! Law 10: the benchmark scores the very functions the engine runs.
#![allow(clippy::unwrap_used, reason = "a test may stop at the first surprise")]

mod common;

use callwright::chat::Request;
use callwright::format::Formats;
use callwright::infer::{Played, Replay};
use callwright::{Enforce, Engine};
use callwright_bench::{Hooks, How, run};
use callwright_record::Records;

/// What the engine reads in a recorded output, chunk by chunk, is what the bench scores, fix for fix.
#[tokio::test]
async fn law_10_one_path() {
    let file = callwright_test_support::root().join("fixtures/recordings/own.jsonl");
    let bench = run(Records::read(&[file]).unwrap(), &How::new(Formats::builtin().clone()), Hooks::default()).unwrap();
    let mut compared = 0;
    for case in &bench.cases {
        let recording = &bench.rows[case.row].recording;
        let Some(format) = recording.format.as_deref().filter(|format| *format != "auto") else { continue };
        let lengths: Vec<_> = recording.chunks.iter().map(String::len).collect();
        let replay = Replay::new([Played::new(recording.output.as_str(), &lengths)]);
        let builder = Engine::builder().generator(Box::new(replay)).format(format).enforce(Enforce::Off);
        let engine = builder.build().await.unwrap();
        let mut request = Request::new("?");
        request.tools.clone_from(&recording.tools);
        let response = engine.chat(request).await.unwrap();

        let offered = |name: &str| recording.tools.iter().any(|tool| tool.name == name);
        let calls: Vec<_> = response.calls.iter().filter(|call| offered(&call.name)).cloned().collect();
        assert_eq!(calls, case.calls, "{}", case.id);
        let mut fixes: Vec<_> = response.fixes.iter().map(|fix| fix.kind).collect();
        fixes.sort_unstable();
        fixes.dedup();
        assert_eq!(fixes, case.fixes, "{}", case.id);
        compared += 1;
    }
    assert!(compared > 10);
}

/// The bench has no reader of its own: of the modules that read, it names the parser and nothing below it.
#[test]
fn the_bench_names_no_reader_but_the_parser() {
    let folder = callwright_test_support::root().join("crates/bench/src");
    let mut seen = 0;
    for entry in std::fs::read_dir(folder).unwrap().flatten() {
        let Ok(text) = std::fs::read_to_string(entry.path()) else { continue };
        for line in text.lines().filter(|line| line.starts_with("use callwright_parse::")) {
            seen += 1;
            let reads = ["parse::value", "parse::format", "parse::read"].iter().any(|module| line.contains(module));
            let allowed = ["format::Formats;", "read::{Parsed, Parser};", "read::Parsed;"];
            let named = line.trim_start_matches("use callwright_parse::");
            assert!(!reads || allowed.contains(&named), "{}: {line}", entry.path().display());
        }
    }
    assert!(seen > 5, "the bench uses the reading core");
}
