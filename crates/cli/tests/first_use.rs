//! What somebody meets who tries callwright for the first time, with the habits that other programs taught them.
#![allow(clippy::expect_used, reason = "a test that cannot go on stops")]

mod common;

use std::fs;
use std::time::{Duration, Instant};

use common::{Home, Said, on_terminal, say};
use serde_json::Value;

const TOOLS: &str = "examples/tools.json";
const OSLO: &str = "What is the weather in Oslo?";

fn run(home: &Home, arguments: &[&str]) -> Said {
    let said = say(home.callwright().args(arguments));
    assert!(!said.err.contains("panicked"), "{}", said.err);
    said
}

fn piped(home: &Home, arguments: &[&str], text: &str) -> Said {
    say(home.callwright().args(arguments).write_stdin(text))
}

/// The options that keep a local model from its answer, each with what is said and how it ends.
#[test]
fn an_answer_that_is_cut_off_is_no_success() {
    let home = Home::new();
    for choice in ["auto", "required"] {
        let said = run(&home, &["run", "embedded", OSLO, "--tools", TOOLS, "--tool-choice", choice, "-n", "5"]);
        assert_eq!((said.code, said.out.as_str()), (Some(1), ""), "{choice}: {}", said.err);
        assert!(said.err.contains("cut off after 5 tokens (--max-tokens)"), "{choice}: {}", said.err);
    }
    let said = run(&home, &["run", "embedded", "Hello", "-n", "3"]);
    assert_eq!(said.code, Some(1), "{}", said.err);
    assert!(!said.out.trim().is_empty() && said.err.contains("cut off"), "{}", said.err);
}

#[test]
fn an_answer_that_a_provider_could_not_better_is_no_success_either() {
    let home = Home::new();
    // Nobody listens on the discard port.
    let rows = ["fallback.enabled=true", "fallback.chain=ollama:none"];
    let config = home.path().join(".config/callwright");
    fs::create_dir_all(&config).expect("made");
    let row = "[providers.ollama]\nbase_url = \"http://127.0.0.1:9\"\n";
    fs::write(config.join("callwright.toml"), row).expect("written");
    let mut command = home.callwright();
    command.args(["run", "embedded", OSLO, "--tools", TOOLS, "-n", "5", "--reasks", "0"]);
    let said = say(command.args(rows.iter().flat_map(|row| ["--set", row])));
    assert_eq!((said.code, said.out.as_str()), (Some(1), ""), "{}", said.err);
    assert!(said.err.contains("asked provider ollama") && said.err.contains("cut off after 5 tokens"), "{}", said.err);
}

#[test]
fn the_time_limit_holds_and_is_told() {
    let home = Home::new();
    let began = Instant::now();
    let said =
        run(&home, &["run", "embedded", OSLO, "--tools", TOOLS, "--tool-choice", "required", "--timeout", "0.001"]);
    assert_eq!((said.code, said.out.as_str()), (Some(2), ""), "{}", said.err);
    assert!(said.err.contains("within 0.001 s (--timeout)") && said.err.contains("error: "), "{}", said.err);
    assert!(began.elapsed() < Duration::from_secs(5), "{:?}", began.elapsed());
}

#[test]
fn an_empty_question_is_refused() {
    let home = Home::new();
    for arguments in [&["run"][..], &["run", ""], &["run", "embedded", " "], &["run", "-"], &["run", "embedded"]] {
        let said = run(&home, arguments);
        assert_eq!((said.code, said.out.as_str()), (Some(2), ""), "{arguments:?}: {}", said.err);
        assert!(
            said.err.contains("no question was given") && said.err.contains("hint: "),
            "{arguments:?}: {}",
            said.err
        );
    }
}

#[test]
fn a_lone_model_opens_a_chat_and_takes_its_question_from_stdin() {
    let home = Home::new();
    let said = run(&home, &["run", "smollm2:135m"]);
    assert_eq!(said.code, Some(2), "{}", said.err);
    assert!(said.err.contains("`smollm2:135m`") && said.err.contains("stdin is not a terminal"), "{}", said.err);
    let said = piped(&home, &["run", "embedded", "--tools", TOOLS], OSLO);
    assert_eq!((said.code, said.out.as_str()), (Some(0), "get_weather {\"city\":\"Oslo\"}\n"), "{}", said.err);
    let Some(said) = on_terminal(&home, 80, &["run", "embedded"], "/help\n/bye\n") else { return };
    assert_eq!(said.code, Some(0), "{}{}", said.out, said.err);
    assert!(said.out.contains("list the tools on offer"), "{}", said.out);
}

#[test]
fn stdin_is_joined_to_the_question() {
    let home = Home::new();
    let oslo = "get_weather {\"city\":\"Oslo\"}\n";
    let said = piped(&home, &["run", "embedded", "What is the weather in", "--tools", TOOLS], "Oslo?\n");
    assert_eq!((said.code, said.out.as_str()), (Some(0), oslo), "{}", said.err);
    let said = piped(&home, &["run", "embedded", "-", "--tools", TOOLS], OSLO);
    assert_eq!((said.code, said.out.as_str()), (Some(0), oslo), "{}", said.err);
    for arguments in
        [&["run", "-p", OSLO][..], &["run", "embedded", "--prompt", OSLO], &["run", "-m", "embedded", OSLO]]
    {
        let said = run(&home, &[arguments, &["--tools", TOOLS]].concat());
        assert_eq!((said.code, said.out.as_str()), (Some(0), oslo), "{arguments:?}: {}", said.err);
    }
}

/// Commands that were meant otherwise: one sentence, and the line that was meant. Nothing that is suggested deletes.
#[test]
fn a_slip_gets_one_sentence_and_the_line_that_was_meant() {
    let home = Home::new();
    let tools = home.path().join("tools.json");
    fs::write(&tools, "[]").expect("written");
    let tools = tools.to_str().expect("text");
    for (arguments, sentence, hint) in [
        (vec!["launch"], "unknown command `launch`", "hint: "),
        (vec!["remov"], "unknown command `remov`", "callwright --help"),
        (vec!["lst"], "unknown command `lst`", "did you mean `callwright list`?"),
        (vec!["run", "What", "is", "it?"], "needs quotes", "callwright run 'What is it?'"),
        (vec!["run", "What", "now?"], "needs quotes", "callwright run 'What now?'"),
        (vec!["run", "embedded", "What", "is", "it?"], "needs quotes", "callwright run embedded 'What is it?'"),
        (vec!["prompt"], "no question was given", "callwright prompt smollm2:135m 'What"),
        (vec!["prompt", "embedded"], "no question was given", "callwright prompt smollm2:135m 'What"),
        (vec!["parse", "--format", "hermse"], "unknown format `hermse`", "did you mean `hermes`?"),
        (vec!["parse", "--format", "klingon"], "unknown format `klingon`", "callwright list --formats"),
        (vec!["run", "README.md", "Hello"], "`README.md` is not a usable GGUF file", "give a .gguf file"),
        (vec!["run", "README.md"], "neither a model nor a question", "< README.md"),
        (vec!["show", "README.md"], "is not a usable GGUF file", "give a .gguf file"),
    ] {
        let said = run(&home, &arguments);
        assert_eq!((said.code, said.out.as_str()), (Some(2), ""), "{arguments:?}: {}", said.err);
        assert!(said.err.contains(sentence) && said.err.contains(hint), "{arguments:?}: {}", said.err);
        assert!(said.err.lines().all(|line| line.len() < 200), "{arguments:?}: {}", said.err);
        for deletes in [" rm", "remove`", "prune"] {
            assert!(!said.err.contains(deletes), "{arguments:?}: {}", said.err);
        }
    }
    let said = run(&home, &["verify", tools]);
    assert!(said.code == Some(1) && !said.err.contains(" rm"), "{}{}", said.out, said.err);
}

#[test]
fn a_recording_that_cannot_be_written_is_told_before_the_run() {
    let home = Home::new();
    for arguments in [
        &["run", "embedded", OSLO, "--record", "/nonexistent/x"][..],
        &["bench", "run", "embedded", "--tasks", "examples/questions.jsonl", "--record", "/nonexistent/x"],
    ] {
        let said = run(&home, arguments);
        assert_eq!((said.code, said.out.as_str()), (Some(2), ""), "{}", said.err);
        assert!(
            said.err.contains("cannot write recordings to /nonexistent/x") && said.err.contains("hint:"),
            "{}",
            said.err
        );
    }
}

#[test]
fn what_has_no_effect_is_told() {
    let home = Home::new();
    let said = run(&home, &["run", "embedded", "Hello", "--accurate"]);
    assert!(said.code == Some(0) && said.err.contains("--accurate has no effect: `[fallback]` is off"), "{}", said.err);
    let set = ["--set", "fallback.enabled=true", "--set", "fallback.chain=ollama:x"];
    let said = run(&home, &[&["run", "embedded", "Hello", "--accurate"], &set[..]].concat());
    assert!(said.err.contains("--accurate has no effect: `fallback.when` has no `accuracy`"), "{}", said.err);
    let said = say(home.callwright().arg("list").env("CALLWRIGHT_OFLINE", "1").env("CALLWRIGHT_OFFLINE", "1"));
    assert!(said.code == Some(0) && said.err.contains("did you mean CALLWRIGHT_OFFLINE?"), "{}", said.err);
    assert_eq!(said.err.matches("has no effect").count(), 1, "{}", said.err);
}

#[test]
fn the_trace_is_in_plain_words() {
    let home = Home::new();
    let said = run(&home, &["run", "embedded", OSLO, "--tools", TOOLS, "--trace"]);
    assert!(said.err.contains("call call_1: get_weather {\"city\":\"Oslo\"} (bytes "), "{}", said.err);
    for debug in ["Some(", "Fix {", "Fault::", "Call {", "kind:"] {
        assert!(!said.err.contains(debug), "{debug}: {}", said.err);
    }
}

#[test]
fn the_version_says_what_was_built_and_where_it_runs() {
    let home = Home::new();
    let said = run(&home, &["--version"]);
    let mut lines = said.out.lines();
    assert!(lines.next().is_some_and(|line| line.starts_with("callwright 0.")), "{}", said.out);
    assert!(lines.next().is_some_and(|line| line.starts_with("engines: ")), "{}", said.out);
    assert!(lines.next().is_some_and(|line| line.starts_with("cpu: ")), "{}", said.out);
    let short = run(&home, &["-V"]);
    assert_eq!(short.out.lines().count(), 1, "{}", short.out);
}

#[test]
fn completions_know_models_formats_and_profiles() {
    let home = Home::new();
    let config = home.path().join(".config/callwright");
    fs::create_dir_all(&config).expect("made");
    fs::write(config.join("callwright.toml"), "[profile.careful]\noffline = true\n").expect("written");
    for shell in ["bash", "zsh", "fish"] {
        let said = run(&home, &["completions", shell]);
        assert_eq!(said.code, Some(0), "{}", said.err);
        for name in ["smollm2", "embedded", "qwen3_coder", "careful"] {
            assert!(said.out.contains(name), "{shell}: {name}");
        }
    }
    // bash itself says what it completes.
    let script = home.path().join("complete.bash");
    fs::write(&script, run(&home, &["completions", "bash"]).out).expect("written");
    let ask = format!(
        "source '{}'; COMP_WORDS=(callwright pull smoll); COMP_CWORD=2; _callwright callwright smoll pull; \
         printf '%s\\n' \"${{COMPREPLY[@]}}\"",
        script.display()
    );
    let Ok(output) = std::process::Command::new("bash").args(["--norc", "-c", &ask]).output() else {
        return callwright_test_support::means::skip("there is no bash");
    };
    let completed = String::from_utf8_lossy(&output.stdout);
    assert!(
        completed.lines().any(|line| line == "smollm2:135m"),
        "{completed}{}",
        String::from_utf8_lossy(&output.stderr)
    );
}

/// No output is wider than the terminal but for a word that is, and no word is broken.
#[test]
fn a_narrow_terminal_breaks_no_word() {
    let home = Home::new();
    for arguments in
        [&["list", "--all"][..], &["providers"], &["prices"], &["doctor"], &["show", "embedded"], &["launch"]]
    {
        for columns in [40, 60] {
            let Some(said) = on_terminal(&home, columns, arguments, "") else { return };
            let wide: Vec<_> = said.out.lines().filter(|line| line.chars().count() > columns.into()).collect();
            assert!(wide.iter().all(|line| line.split_whitespace().count() <= 2), "{arguments:?} {columns}: {wide:?}");
        }
    }
    let models = run(&home, &["list", "--all"]).out;
    let Some(said) = on_terminal(&home, 40, &["list", "--all"], "") else { return };
    for name in models.lines().skip(1).filter_map(|line| line.split_whitespace().next()) {
        assert!(said.out.lines().any(|line| line.trim() == name), "{name}: {}", said.out);
    }
}

#[test]
fn json_stays_json_where_an_answer_is_cut_off() {
    let home = Home::new();
    let said = run(&home, &["run", "embedded", OSLO, "--tools", TOOLS, "-n", "5", "--json"]);
    let response: Value = serde_json::from_str(&said.out).expect("JSON");
    assert_eq!((said.code, &response["finish_reason"]), (Some(1), &"length".into()));
}
