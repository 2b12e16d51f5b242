//! `callwright bench run` on the embedded model: figures, recordings, gates, bad tasks.
#![allow(clippy::expect_used, reason = "a test stops at the first surprise")]

mod common;

use common::{Home, say};
use serde_json::Value;

const QUESTIONS: &str = "examples/questions.jsonl";

#[test]
fn a_live_model_is_measured_and_recorded() {
    let home = Home::new();
    let outputs = home.path().join("outputs.jsonl");
    let mut command = home.callwright();
    command.args(["bench", "run", "--tasks", QUESTIONS, "--tools", "examples/tools.json", "--limit", "8", "-t", "1"]);
    let said = say(command.args(["--mode", "enforced", "--json", "--record"]).arg(&outputs));
    assert_eq!(said.code, Some(0), "{}", said.err);
    let tallies: Value = serde_json::from_str(&said.out).expect("--json prints JSON");
    let tally = &tallies[0];
    assert_eq!((&tally["mode"], &tally["questions"]), (&"enforced".into(), &8.into()));
    assert_eq!(tally["valid"], 8, "an enforced call satisfies its schema: {tally}");
    assert!(tally["right"].as_u64() >= Some(4) && tally["forced_close"] == 0, "{tally}");

    // What was recorded says the same when it is read again, without the model.
    let mut command = home.callwright();
    let said = say(command.args(["bench", "parse", "--json"]).arg(&outputs));
    assert_eq!(said.code, Some(0), "{}", said.err);
    let report: Value = serde_json::from_str(&said.out).expect("--json prints JSON");
    let counts = &report["total"];
    let right = ["strict", "repaired"].map(|name| counts[name].as_u64().unwrap_or(0)).iter().sum::<u64>();
    assert_eq!(Some(right), tally["right"].as_u64(), "{counts}");
}

/// Many clients get what one would have got.
#[test]
fn clients_change_no_answer() {
    let home = Home::new();
    let [alone, beside] = ["1", "8"].map(|clients| {
        let mut command = home.callwright();
        command.args(["bench", "run", "--tasks", QUESTIONS, "--tools", "examples/tools.json", "--limit", "12"]);
        let said = say(command.args(["-t", "1", "--mode", "enforced", "--json", "--clients", clients]));
        assert_eq!(said.code, Some(0), "{}", said.err);
        serde_json::from_str::<Value>(&said.out).expect("--json prints JSON")
    });
    for counted in ["questions", "valid", "right", "right_tool", "tokens"] {
        assert_eq!(alone[0][counted], beside[0][counted], "{counted}: {alone} {beside}");
    }
}

/// A draft model changes nothing but the time, and its drafts are counted like all others.
#[test]
fn a_draft_model_changes_no_answer() {
    let home = Home::new();
    let run = |more: &[&str]| {
        let mut command = home.callwright();
        command.args(["bench", "run", "--tasks", QUESTIONS, "--tools", "examples/tools.json", "--limit", "8"]);
        say(command.args(["-t", "1", "--mode", "enforced", "--json"]).args(more))
    };
    let tiny = ["fixtures/models/tiny.gguf", "fixtures/models/random_llama.gguf"];
    let (model, draft) = (format!("model={}", tiny[0]), format!("draft={}", tiny[1]));
    let named = [tiny[0], "--draft", tiny[1]];
    let [plain, drafted, set] = [&named[..1], &named, &["--set", &model, "--set", &draft]].map(|more| {
        let said = run(more);
        assert_eq!(said.code, Some(0), "{}", said.err);
        serde_json::from_str::<Value>(&said.out).expect("--json prints JSON")
    });
    for counted in ["questions", "valid", "right", "right_tool", "tokens"] {
        assert_eq!(plain[0][counted], drafted[0][counted], "{counted}: {plain} {drafted}");
        assert_eq!(plain[0][counted], set[0][counted], "{counted}: {plain} {set}");
    }
    for more in [&[tiny[0], "--draft", "nowhere.gguf"][..], &["--set", &model, "--set", "draft=nowhere.gguf"]] {
        let said = run(more);
        assert_eq!(said.code, Some(2), "{}", said.err);
        assert!(said.err.contains("nowhere.gguf"), "{}", said.err);
    }

    // One token of its vocabulary is another.
    let other = home.path().join("other.gguf");
    let mut bytes = std::fs::read(common::root().join(tiny[1])).expect("the random model is there");
    let at = memchr::memmem::find(&bytes, b"<tool_call>").expect("a token");
    bytes[at..at + 11].copy_from_slice(b"<TOOL_CALL>");
    std::fs::write(&other, bytes).expect("it can be written");
    let said = run(&[tiny[0], "--draft", &other.to_string_lossy()]);
    assert_eq!(said.code, Some(2), "{}", said.err);
    assert!(said.err.contains("their vocabularies differ") && said.err.contains("<TOOL_CALL>"), "{}", said.err);
}

#[test]
fn a_gate_that_is_not_reached_fails() {
    let home = Home::new();
    let tasks = home.path().join("tasks.jsonl");
    std::fs::write(
        &tasks,
        "{\"question\": \"What is the weather in Oslo?\", \"expected\": [{\"name\": \"nothing\"}]}\n",
    )
    .expect("it can be written");
    let mut command = home.callwright();
    command.args(["bench", "run", "--tools", "examples/tools.json", "--min-accuracy", "50%", "-t", "1", "--tasks"]);
    let said = say(command.arg(&tasks).arg("--misses"));
    assert_eq!(said.code, Some(1), "{}", said.err);
    assert!(said.out.contains("enforced") && said.out.contains("free"), "{}", said.out);
    assert!(said.err.contains("expected `nothing`"), "{}", said.err);
}

#[test]
fn bad_tasks_are_told_with_their_line() {
    let home = Home::new();
    let tasks = home.path().join("tasks.jsonl");
    for (text, told) in [("{\"question\": \"Hi?\"}\n{]\n", "line 2 of"), ("\n", "no tasks in")] {
        std::fs::write(&tasks, text).expect("it can be written");
        let said = say(home.callwright().args(["bench", "run", "--tasks"]).arg(&tasks));
        assert_eq!(said.code, Some(2), "{}", said.err);
        assert!(said.err.contains(told), "{}", said.err);
    }
}
