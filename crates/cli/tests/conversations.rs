//! Conversations with and without `chat`: results of calls, files of messages, and the last run's.
#![allow(clippy::expect_used, reason = "a test that cannot go on stops")]

mod common;

use std::fs;
use std::path::PathBuf;

use common::{Home, Said, on_terminal, say};
use serde_json::Value;

const TOOLS: &str = "examples/tools.json";
const OSLO: &str = "What is the weather in Oslo?";

fn run(home: &Home, arguments: &[&str]) -> Said {
    let said = say(home.callwright().arg("run").args(arguments));
    assert!(!said.err.contains("panicked"), "{}", said.err);
    said
}

fn kept(home: &Home) -> PathBuf {
    home.path().join(".local/state/callwright/last_conversation.json")
}

fn roles(file: &PathBuf) -> Vec<String> {
    let value: Value = serde_json::from_slice(&fs::read(file).expect("kept")).expect("JSON");
    let messages = value.get("messages").unwrap_or(&value).as_array().expect("a list").clone();
    messages.iter().map(|message| message["role"].as_str().expect("a role").to_owned()).collect()
}

#[test]
fn a_run_goes_on_with_the_result_of_its_call() {
    let home = Home::new();
    let said = run(&home, &["embedded", OSLO, "--tools", TOOLS]);
    assert_eq!(said.out, "get_weather {\"city\":\"Oslo\"}\n", "{}", said.err);
    assert_eq!(roles(&kept(&home)), ["user", "assistant"]);
    let said = run(&home, &["--continue", "--result", "call_1=7 degrees"]);
    assert_eq!(said.code, Some(0), "{}", said.err);
    assert!(!said.out.trim().is_empty(), "{}", said.err);
    assert_eq!(roles(&kept(&home)), ["user", "assistant", "tool", "assistant"]);
    // The tools and the model are the last run's.
    let said = run(&home, &["--continue", "Set a timer for 25 minutes called tea."]);
    assert_eq!(said.out, "set_timer {\"minutes\":25,\"label\":\"tea\"}\n", "{}", said.err);
    // A result from a file, for the call of this turn, whose id the first turn had used too.
    let file = home.path().join("result.txt");
    fs::write(&file, "started\n").expect("written");
    let said = run(&home, &["--continue", "--result", &format!("call_1=@{}", file.display())]);
    assert_eq!(said.code, Some(0), "{}", said.err);
    let text = fs::read_to_string(kept(&home)).expect("kept");
    assert!(text.contains("\"started\"") && text.contains("7 degrees"), "{text}");
}

#[test]
fn what_is_missing_is_told_with_the_words_to_add() {
    let home = Home::new();
    let refused = |arguments: &[&str], sentence: &str, hint: &str| {
        let said = run(&home, arguments);
        assert_eq!((said.code, said.out.as_str()), (Some(2), ""), "{arguments:?}: {}", said.err);
        assert!(said.err.contains(sentence) && said.err.contains(hint), "{arguments:?}: {}", said.err);
    };
    refused(&["--continue", "And now?"], "there is no conversation to continue", "callwright run");
    run(&home, &["embedded", OSLO, "--tools", TOOLS]);
    refused(&["--continue"], "no result yet of call_1 (get_weather)", "--result call_1=VALUE");
    refused(&["--continue", "And in Bergen?"], "no result yet of call_1 (get_weather)", "--result call_1=VALUE");
    refused(&["--continue", "--result", "call_7=1"], "no call `call_7` waits", "waiting: call_1 (get_weather)");
    refused(&["--continue", "--result", "nothing"], "expected ID=VALUE", "call_1=@result.json");
    refused(&["--continue", "--result", "call_1=@nowhere"], "cannot read the result in nowhere", "");
    run(&home, &["embedded", "Hello"]);
    refused(&["--continue"], "ends with the model's answer", "callwright run --continue");
    refused(&["--messages", "nowhere.json"], "cannot read the conversation nowhere.json", "");
    refused(&["--messages", TOOLS], "is not a message", "a list such as");
}

#[test]
fn a_file_of_messages_is_a_conversation() {
    let home = Home::new();
    let file = home.path().join("talk.json");
    let talk = r#"[{"role": "system", "content": "Be brief."}, {"role": "user", "content": "What is the weather in Oslo?"},
        {"role": "assistant", "content": null, "tool_calls": [{"id": "w1", "type": "function",
        "function": {"name": "get_weather", "arguments": "{\"city\": \"Oslo\"}"}}]}]"#;
    fs::write(&file, talk).expect("written");
    let file = file.to_str().expect("text");
    let said = run(&home, &["embedded", "--messages", file, "--result", "w1=7 degrees", "--tools", TOOLS]);
    assert_eq!(said.code, Some(0), "{}", said.err);
    assert_eq!(roles(&kept(&home)), ["system", "user", "assistant", "tool", "assistant"]);
    // A request as it was sent to an API holds its tools.
    let request = home.path().join("request.json");
    let tools = fs::read_to_string(common::root().join(TOOLS)).expect("read");
    let body =
        format!(r#"{{"model": "embedded", "messages": [{{"role": "user", "content": "{OSLO}"}}], "tools": {tools}}}"#);
    fs::write(&request, body).expect("written");
    let said = run(&home, &["--messages", request.to_str().expect("text")]);
    assert_eq!((said.code, said.out.as_str()), (Some(0), "get_weather {\"city\":\"Oslo\"}\n"), "{}", said.err);
}

#[cfg(unix)]
#[test]
fn the_last_conversation_is_its_owner_s_alone() {
    use std::os::unix::fs::PermissionsExt as _;
    let home = Home::new();
    let shell = format!("umask 000; exec '{}' run embedded Hello", env!("CARGO_BIN_EXE_callwright"));
    let mut command = std::process::Command::new("sh");
    command.args(["-c", &shell]).env_clear().env("HOME", home.path()).current_dir(common::root());
    assert!(command.output().expect("it runs").status.success());
    let mode = |path: &std::path::Path| fs::metadata(path).expect("there").permissions().mode() & 0o777;
    let file = kept(&home);
    assert_eq!((mode(&file), mode(file.parent().expect("a folder"))), (0o600, 0o700));
    let before = fs::read(&file).expect("kept");
    assert_eq!(run(&home, &["embedded", "Thanks", "--set", "usage.keep=false"]).code, Some(0));
    assert_eq!(fs::read(&file).expect("kept"), before, "`usage.keep = false` keeps nothing");
}

#[test]
fn a_call_on_a_terminal_comes_with_the_command_that_goes_on() {
    let home = Home::new();
    let Some(said) = on_terminal(&home, 200, &["run", "embedded", OSLO, "--tools", TOOLS], "") else { return };
    assert!(said.out.contains("callwright run --continue --result call_1='RESULT'"), "{}", said.out);
    let said = run(&home, &["embedded", OSLO, "--tools", TOOLS]);
    assert!(!said.err.contains("--continue"), "a script is told nothing: {}", said.err);
}

fn chat(home: &Home, lines: &[&str]) -> Said {
    let mut command = home.callwright();
    let said = say(command.args(["chat", "embedded", "--tools", TOOLS]).write_stdin(lines.join("\n") + "\n"));
    assert!(!said.err.contains("panicked"), "{}", said.err);
    said
}

#[test]
fn commands_work_at_every_prompt_of_a_chat() {
    let home = Home::new();
    let file = home.path().join("talk.json");
    let (save, load) = (format!("/save {}", file.display()), format!("/load {}", file.display()));
    // While a result is asked for: Enter asks again, commands are obeyed, and none of it is the result.
    let said = chat(&home, &[OSLO, "", "/tools", "/help", &save, "/bye"]);
    assert_eq!((said.code, said.out.as_str()), (Some(0), "get_weather {\"city\":\"Oslo\"}\n"), "{}", said.err);
    assert!(said.err.contains("type the result of get_weather"), "{}", said.err);
    assert!(said.err.contains("get_weather: ") && said.err.contains("/save FILE"), "{}", said.err);
    assert_eq!(roles(&file), ["user", "assistant"]);
    // A loaded conversation asks for what it lacks.
    let said = chat(&home, &[&load, "7 degrees", &save, "/bye"]);
    assert_eq!(said.code, Some(0), "{}", said.err);
    assert_eq!(roles(&file), ["user", "assistant", "tool", "assistant"]);
    let said = chat(&home, &["/system Be brief.", "/system", &load, "/clear", "/load nowhere", "/what", "/bye"]);
    assert!(said.err.contains("Be brief.") && said.err.contains("loaded 4 messages"), "{}", said.err);
    assert!(said.err.contains("cannot read the conversation nowhere"), "{}", said.err);
    assert!(said.err.contains("unknown command /what"), "{}", said.err);
}

/// The small model writes the second half of a call after some results. It is no answer, and it is told.
#[test]
fn half_a_call_never_leaks_into_an_answer() {
    let home = Home::new();
    for result in ["ok, timer started", "started", "{\"ok\": true}", "7 degrees", "done"] {
        let said = chat(&home, &["Set a timer for 5 minutes", result, "/bye"]);
        assert_eq!(said.code, Some(0), "{}", said.err);
        for part in ["</tool_call>", "<tool_call>", "\"arguments\""] {
            assert!(!said.out.contains(part), "{result}: {}", said.out);
        }
    }
    let said = chat(&home, &["Set a timer for 5 minutes", "ok, timer started", "/bye"]);
    assert!(said.out.contains("The result is ok"), "{}", said.out);
    assert!(said.err.contains("unreadable call"), "{}", said.err);
}
