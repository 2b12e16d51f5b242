//! What people and scripts see of the command line: results, messages, exit codes.
#![allow(clippy::expect_used, reason = "a test that cannot go on stops")]

mod common;

use std::fs;
use std::io::Read as _;
use std::process::Stdio;

use common::{Home, say};
use serde_json::Value;

const TOOLS: &str = "examples/tools.json";
const CALL: &str = "Sure.\n<tool_call>\n{\"name\": \"set_timer\", \"arguments\": {\"minutes\": \"5\",}}\n</tool_call>";

/// The commands that the help of a command lists.
fn commands(home: &Home, of: &[&str]) -> Vec<String> {
    let help = say(home.callwright().args(of).arg("--help")).out;
    let list = help.lines().skip_while(|line| *line != "Commands:").skip(1).take_while(|line| !line.is_empty());
    let names = list.filter_map(|line| line.strip_prefix("  ")?.split(' ').next());
    names.filter(|name| !matches!(*name, "" | "help")).map(str::to_owned).collect()
}

#[test]
fn every_command_has_a_man_page() {
    let home = Home::new();
    let folder = home.path().join("share/man1");
    let said = say(home.callwright().arg("man").arg(&folder));
    assert_eq!((said.code, said.out.as_str(), said.err.as_str()), (Some(0), "", ""));
    let mut wanted = vec!["callwright.1".to_owned()];
    for command in commands(&home, &[]) {
        wanted.push(format!("callwright-{command}.1"));
        wanted.extend(commands(&home, &[&command]).iter().map(|under| format!("callwright-{command}-{under}.1")));
    }
    assert!(wanted.contains(&"callwright-bench-parse.1".to_owned()), "{wanted:?}");
    let mut there: Vec<_> = fs::read_dir(&folder)
        .expect("the folder")
        .map(|entry| entry.expect("a page").file_name().into_string().expect("its name"))
        .collect();
    wanted.sort();
    there.sort();
    assert_eq!(there, wanted);
    let page = fs::read_to_string(folder.join("callwright-bench-parse.1")).expect("a page");
    assert!(page.contains(".SH SYNOPSIS") && page.contains("callwright bench parse"), "{page}");
}

#[test]
fn man_pages_need_a_folder_that_can_be_written() {
    let home = Home::new();
    let file = home.path().join("file");
    fs::write(&file, "").expect("a file");
    let said = say(home.callwright().arg("man").arg(&file));
    assert_eq!((said.code, said.out.as_str()), (Some(2), ""));
    assert!(said.err.contains("cannot write the man pages into") && said.err.contains("hint: "), "{}", said.err);
}

#[test]
fn every_command_explains_itself() {
    let home = Home::new();
    let commands = commands(&home, &[]);
    assert!(commands.len() >= 10, "{commands:?}");
    for command in commands {
        let said = say(home.callwright().args([command.as_str(), "--help"]));
        assert_eq!(said.code, Some(0), "{command}");
        assert!(said.out.contains("Usage: callwright"), "{command}: {}", said.out);
    }
}

#[test]
fn parse_reads_calls_and_says_what_it_tolerated() {
    let home = Home::new();
    let said = say(home.callwright().args(["parse", "--tools", TOOLS, "--json"]).write_stdin(CALL));
    assert_eq!(said.code, Some(0), "{}", said.err);
    let read: Value = serde_json::from_str(&said.out).expect("JSON");
    assert_eq!(read["calls"][0]["name"], "set_timer");
    assert_eq!(read["calls"][0]["arguments"]["minutes"], 5);
    assert_eq!(read["calls"][0]["id"], "call_1");
    assert_eq!(read["text"].as_str().map(str::trim), Some("Sure."));
    let fixes: Vec<_> = read["fixes"].as_array().expect("a list").iter().map(|fix| fix["kind"].clone()).collect();
    assert!(fixes.contains(&"trailing_comma".into()) && fixes.contains(&"coerced".into()), "{fixes:?}");
    for key in ["reasoning", "faults", "usage", "timings", "raw", "format"] {
        assert!(key == "reasoning" || read.get(key).is_some(), "{key} is missing");
    }
}

#[test]
fn parse_says_no_where_nothing_valid_was_called() {
    let home = Home::new();
    let said = say(home.callwright().args(["parse", "--tools", TOOLS]).write_stdin("I would set a timer."));
    assert_eq!((said.code, said.out.as_str()), (Some(1), ""));
}

#[test]
fn bad_input_gets_a_sentence_and_a_way_out() {
    let home = Home::new();
    let bad = home.path().join("bad.json");
    fs::write(&bad, "[{\"name\": \"x\", ]").expect("written");
    let no_schema = home.path().join("schema.json");
    fs::write(&no_schema, r#"[{"name": "x", "parameters": {"type": "string"}}]"#).expect("written");
    let bad = bad.to_str().expect("text");
    let no_schema = no_schema.to_str().expect("text");
    for (arguments, in_message) in [
        (vec!["parse", "nowhere.txt", "--tools", TOOLS], "nowhere.txt"),
        (vec!["parse", "--tools", "nowhere.json"], "nowhere.json"),
        (vec!["parse", "--tools", bad], "line 1"),
        (vec!["parse", "--tools", no_schema], "`x`"),
        (vec!["parse", "--tools", TOOLS, "--format", "klingon"], "hermes"),
        (vec!["parse", "--level", "mild"], "standard"),
    ] {
        let said = say(home.callwright().args(&arguments).write_stdin(CALL));
        assert_eq!(said.code, Some(2), "{arguments:?}: {}", said.err);
        assert!(said.err.contains(in_message), "{arguments:?}: {}", said.err);
        assert!(said.out.is_empty() && !said.err.contains("panicked"), "{arguments:?}: {}", said.err);
    }
}

#[test]
fn a_closed_pipe_is_no_error() {
    let home = Home::new();
    let mut command = std::process::Command::new(env!("CARGO_BIN_EXE_callwright"));
    command
        .env_clear()
        .env("HOME", home.path())
        .args(["completions", "bash"])
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    let mut child = command.spawn().expect("the binary starts");
    drop(child.stdout.take());
    let mut err = String::new();
    child.stderr.take().expect("piped").read_to_string(&mut err).expect("text");
    assert_eq!((child.wait().expect("it ends").code(), err.as_str()), (Some(0), ""));
}

#[test]
fn doctor_names_every_variable_that_is_read() {
    let home = Home::new();
    let said = say(home.callwright().args(["doctor", "--variables"]));
    for name in ["HF_HOME", "HF_TOKEN", "CALLWRIGHT_OFFLINE"] {
        assert!(said.out.contains(name), "{}", said.out);
    }
}

#[test]
fn a_user_s_own_format_works_without_a_rebuild() {
    let home = Home::new();
    let folder = home.path().join(".config/callwright/grammars");
    fs::create_dir_all(&folder).expect("made");
    let own = fs::read_to_string(common::root().join("grammars/hermes.toml")).expect("read");
    let own = own.replace("name = \"hermes\"", "name = \"mine\"").replace("tool_call>", "call_me>");
    fs::write(folder.join("mine.toml"), own).expect("written");
    let text = CALL.replace("tool_call>", "call_me>");
    let said = say(home.callwright().args(["parse", "--tools", TOOLS, "--format", "mine"]).write_stdin(text));
    assert_eq!((said.code, said.out.as_str()), (Some(0), "set_timer {\"minutes\":5}\n"), "{}", said.err);

    fs::write(folder.join("broken.toml"), "name = \"broken\"\ncolour = 1\n").expect("written");
    let said = say(home.callwright().args(["parse", "--tools", TOOLS]).write_stdin(CALL));
    assert_eq!(said.code, Some(2));
    assert!(said.err.contains("broken.toml") && said.err.contains("line 2"), "{}", said.err);
}
