//! What bad input gets: one sentence, its cause, a way out, exit code 2, and nothing half written.
#![allow(clippy::expect_used, reason = "a test that cannot go on stops")]

mod common;

use callwright_test_support::gguf;
use std::fs;

use callwright_test_support::gguf::{Value, text, texts};
use common::Home;

const TOOLS: &str = "examples/tools.json";

/// Runs the binary, which must refuse, and gives what it told on stderr.
fn refused(home: &Home, arguments: &[&str]) -> String {
    let output = home.callwright().args(arguments).output().expect("the binary starts");
    let err = String::from_utf8(output.stderr).expect("callwright writes text");
    assert_eq!(output.status.code(), Some(2), "{arguments:?}: {err}");
    assert!(output.stdout.is_empty(), "{arguments:?}: nothing is half written");
    assert!(!err.contains("panicked"), "{arguments:?}: {err}");
    let error: Vec<&str> = err.lines().filter(|line| line.starts_with("error: ")).collect();
    assert_eq!(error.len(), 1, "{arguments:?}: one sentence: {err}");
    assert!(err.lines().any(|line| line.starts_with("hint: ")), "{arguments:?}: a way out: {err}");
    err
}

fn written(home: &Home, name: &str, bytes: impl AsRef<[u8]>) -> String {
    let path = home.path().join(name);
    fs::write(&path, bytes).expect("written");
    path.to_str().expect("text").to_owned()
}

fn has(told: &str, words: &[&str]) {
    for word in words {
        assert!(told.contains(word), "`{word}` is missing in: {told}");
    }
}

#[test]
fn a_prompt_longer_than_the_context() {
    let home = Home::new();
    let long = "What is the weather in Oslo? ".repeat(400);
    let told = refused(&home, &["run", &long, "--tools", TOOLS]);
    has(&told, &["tokens", "context"]);
    let told = refused(&home, &["run", "What is the weather in Oslo?", "--tools", TOOLS, "--ctx-size", "16"]);
    has(&told, &["16"]);
}

#[test]
fn a_model_that_nobody_knows() {
    let home = Home::new();
    let told = refused(&home, &["run", "qwen2.5:8b", "Hello", "--offline"]);
    has(&told, &["qwen2.5:8b", "qwen2.5:7b"]);
}

#[test]
fn a_quant_that_there_is_not() {
    let home = Home::new();
    let told = refused(&home, &["run", "qwen2.5:0.5b:q9_9", "Hello", "--offline"]);
    has(&told, &["Q4_K_M"]);
}

#[test]
fn offline_with_the_file_missing_names_the_command_that_pulls_it() {
    let home = Home::new();
    let told = refused(&home, &["run", "smollm2:135m", "Hello", "--offline"]);
    has(&told, &["callwright pull smollm2:135m"]);
    let told = refused(&home, &["run", "nowhere/model.gguf", "Hello"]);
    has(&told, &["nowhere/model.gguf"]);
}

#[test]
fn a_tools_file_that_is_none() {
    let home = Home::new();
    let no_json = written(&home, "bad.json", "[{\"name\": \"x\", ]");
    has(&refused(&home, &["run", "Hello", "--tools", &no_json]), &["bad.json", "because: ", "line 1"]);
    let no_tools = written(&home, "numbers.json", "[1, 2]");
    has(&refused(&home, &["run", "Hello", "--tools", &no_tools]), &["numbers.json", "entry 1"]);
    has(&refused(&home, &["run", "Hello", "--tools", "nowhere.json"]), &["nowhere.json", "because: "]);
    let no_text = written(&home, "bytes.json", [0xff, 0xfe, 0, 1]);
    has(&refused(&home, &["run", "Hello", "--tools", &no_text]), &["bytes.json"]);
}

#[test]
fn a_schema_that_is_none() {
    let home = Home::new();
    let tool = r#"[{"name": "x", "parameters": ["a"]}]"#;
    let file = written(&home, "schema.json", tool);
    has(&refused(&home, &["run", "Hello", "--tools", &file]), &["`x`"]);
    let twice = r#"[{"name": "x", "parameters": {}}, {"name": "x", "parameters": {}}]"#;
    let file = written(&home, "twice.json", twice);
    has(&refused(&home, &["run", "Hello", "--tools", &file]), &["`x`"]);
    let told = refused(&home, &["run", "Hello", "--tools", TOOLS, "--tool-choice", "fly"]);
    has(&told, &["fly", "get_weather"]);
}

#[test]
fn a_model_file_that_is_none() {
    let home = Home::new();
    let empty = written(&home, "empty.gguf", "");
    has(&refused(&home, &["run", &empty, "Hello"]), &["empty.gguf"]);
    let page = written(&home, "page.gguf", "<!DOCTYPE html><html>Sign in</html>");
    has(&refused(&home, &["run", &page, "Hello"]), &["page.gguf"]);
    let whole = fs::read(common::root().join("fixtures/models/random_llama.gguf")).expect("read");
    let cut = written(&home, "cut.gguf", &whole[..whole.len() - 1000]);
    has(&refused(&home, &["run", &cut, "Hello"]), &["cut.gguf"]);
}

#[test]
fn a_model_that_memory_does_not_hold() {
    let home = Home::new();
    let keys = [
        ("general.architecture", text("llama")),
        ("llama.context_length", Value::U32(1 << 30)),
        ("llama.block_count", Value::U32(512)),
        ("llama.embedding_length", Value::U32(1 << 20)),
        ("llama.feed_forward_length", Value::U32(1 << 20)),
        ("llama.attention.head_count", Value::U32(64)),
        ("tokenizer.chat_template", text("{{ messages }}")),
        ("tokenizer.ggml.model", text("gpt2")),
        ("tokenizer.ggml.tokens", texts(&["a", "b"])),
    ];
    let width = 1 << 20;
    let file =
        gguf::file(&keys, &[("token_embd.weight", 8, &[width, 2], usize::try_from(width).expect("small") / 16 * 34)]);
    let huge = written(&home, "huge.gguf", file);
    let told = refused(&home, &["run", &huge, "Hello"]);
    has(&told, &["GiB of memory", "is free", "--ctx-size"]);
}

#[test]
fn a_context_that_holds_nothing_or_too_much() {
    let home = Home::new();
    for tokens in ["1", "10", "63", "2147483648", "18446744073709551615"] {
        let told = refused(&home, &["run", "embedded", "Hello", "-c", tokens]);
        has(&told, &["context", tokens, "from 64 to 2147483647"]);
    }
    refused(&home, &["run", "embedded", "Hello", "--set", "engine.context_length=10"]);
    refused(&home, &["chat", "embedded", "-c", "10"]);
    refused(&home, &["bench", "run", "embedded", "--tasks", "fixtures/models/questions.jsonl", "-c", "10"]);
    // The shortest one, and the model's own.
    let told = refused(&home, &["run", "embedded", "Hello", "--tools", TOOLS, "-c", "64"]);
    has(&told, &["tokens", "64"]);
    for own in [["-c", "0"], ["--set", "engine.context_length=0"]] {
        let said = home
            .callwright()
            .args(["run", "embedded", "Set a timer for 5 minutes", "--tools", TOOLS])
            .args(own)
            .output();
        let said = said.expect("the binary starts");
        assert!(said.status.success() && !said.stdout.is_empty(), "{}", String::from_utf8_lossy(&said.stderr));
    }
}

#[test]
fn numbers_that_nothing_can_be_chosen_by() {
    let home = Home::new();
    let run = |more: &[&str]| refused(&home, &[&["run", "embedded", "Hello"], more].concat());
    has(&run(&["-t", "0"]), &["0 threads"]);
    has(&run(&["-t", "10000"]), &["10000 threads", "this machine has"]);
    has(&run(&["--set", "engine.threads=10000"]), &["10000 threads"]);
    has(&run(&["-n", "0"]), &["max_tokens is 0"]);
    has(&run(&["--top-p", "7"]), &["top_p is 7", "at most 1"]);
    has(&run(&["--top-p", "0"]), &["top_p is 0"]);
    has(&run(&["--temp", "-1"]), &["temperature is -1", "0 or more"]);
    has(&run(&["--temp", "NaN"]), &["temperature is NaN"]);
    has(&run(&["--min-p", "-0.5"]), &["min_p is -0.5"]);
    has(&run(&["--repeat-penalty", "0"]), &["repeat_penalty is 0"]);
    has(&run(&["--presence-penalty", "inf"]), &["presence_penalty is inf"]);
}

#[test]
fn a_format_that_there_is_not() {
    let home = Home::new();
    has(&refused(&home, &["run", "Hello", "--format", "klingon"]), &["klingon", "hermes"]);
    has(&refused(&home, &["grammar", "--tools", TOOLS, "--format", "klingon"]), &["klingon", "hermes"]);
}
