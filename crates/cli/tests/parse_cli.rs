//! `callwright parse` as scripts meet it: what stands on stdout may be executed, all else is named.
#![allow(clippy::expect_used, reason = "a test that cannot go on stops")]

mod common;

use common::{Home, Said, say};
use serde_json::{Value, json};

const TOOLS: &str = "examples/tools.json";

fn parse(arguments: &[&str], text: impl Into<Vec<u8>>) -> Said {
    let said = say(Home::new().callwright().arg("parse").args(arguments).write_stdin(text));
    assert!(!said.err.contains("panicked"), "{}", said.err);
    said
}

fn call(name: &str, arguments: &Value) -> String {
    format!("<tool_call>\n{}\n</tool_call>\n", json!({"name": name, "arguments": arguments}))
}

#[test]
fn only_executable_calls_stand_on_stdout() {
    let text = call("get_weather", &json!({"city": "Oslo"}))
        + &call("set_timer", &json!({"minutes": -5}))
        + &call("set_timerr", &json!({"minutes": 5}));
    let said = parse(&["--tools", TOOLS], text.clone());
    assert_eq!((said.code, said.out.as_str()), (Some(0), "get_weather {\"city\":\"Oslo\"}\n"), "{}", said.err);
    assert!(said.err.contains("set_timer: `minutes` is"), "{}", said.err);
    assert!(said.err.contains("unknown tool `set_timerr`; did you mean `set_timer`?"), "{}", said.err);
    // --json keeps its form: all calls, and faults by the index of the call.
    let read: Value = serde_json::from_str(&parse(&["--tools", TOOLS, "--json"], text).out).expect("JSON");
    assert_eq!(read["calls"].as_array().map(Vec::len), Some(3));
    let faulty: Vec<_> = read["faults"].as_array().expect("a list").iter().map(|fault| fault["call"].clone()).collect();
    assert_eq!(faulty, [json!(1), json!(2)]);
}

#[test]
fn a_misspelt_tool_is_told_whether_the_format_is_named_or_not() {
    let text = call("get_wether", &json!({"city": "Oslo"}));
    for format in ["auto", "hermes"] {
        let said = parse(&["--tools", TOOLS, "--format", format, "--json"], text.clone());
        let read: Value = serde_json::from_str(&said.out).expect("JSON");
        assert_eq!(
            (said.code, &read["faults"][0]["kind"]),
            (Some(1), &json!("unknown_tool")),
            "{format}: {}",
            said.out
        );
    }
}

#[test]
fn without_tools_calls_are_read_and_not_checked() {
    for format in ["auto", "hermes"] {
        let said = parse(&["--format", format], call("anything", &json!({"a": 1})));
        assert_eq!((said.code, said.out.as_str()), (Some(0), "anything {\"a\":1}\n"), "{format}: {}", said.err);
        assert!(said.err.contains("calls are read, but not checked"), "{}", said.err);
        let said = parse(&["--format", format], "Nothing to call here.");
        assert_eq!((said.code, said.out.as_str()), (Some(1), ""), "{format}: {}", said.err);
    }
}

#[test]
fn responses_of_apis_are_read_as_they_come() {
    let oslo = json!({"city": "Oslo"});
    let openai = |arguments: &Value| {
        json!({"id": "c", "choices": [{"index": 0, "finish_reason": "tool_calls", "message": {
            "role": "assistant", "content": null,
            "tool_calls": [{"id": "x", "type": "function", "function": {"name": "get_weather", "arguments": arguments}}]}}]})
    };
    let anthropic = json!({"id": "m", "type": "message", "role": "assistant", "stop_reason": "tool_use", "content": [
        {"type": "text", "text": "Let me look."},
        {"type": "tool_use", "id": "t", "name": "get_weather", "input": oslo}]});
    let ollama = json!({"model": "m", "done": true, "message": {"role": "assistant", "content": "",
        "tool_calls": [{"function": {"name": "get_weather", "arguments": oslo}}]}});
    // A server that left the model's text alone.
    let raw = json!({"choices": [{"message": {"role": "assistant", "content": call("get_weather", &oslo)}}]});
    for response in [openai(&json!(oslo.to_string())), openai(&oslo), anthropic, ollama, raw] {
        let said = parse(&["--tools", TOOLS], response.to_string());
        assert_eq!(
            (said.code, said.out.as_str()),
            (Some(0), "get_weather {\"city\":\"Oslo\"}\n"),
            "{response}: {}",
            said.err
        );
    }
    // What the model wrote is checked like any text: nothing is made up, nothing passes for whole.
    for cut in ["{\"city\": \"Os", "{\"town\": \"Oslo\"}"] {
        let said = parse(&["--tools", TOOLS], openai(&json!(cut)).to_string());
        assert_eq!((said.code, said.out.as_str()), (Some(1), ""), "{cut}: {}", said.err);
        assert!(said.err.contains("warning:"), "{}", said.err);
    }
}

#[test]
fn tools_are_taken_in_every_wrapping_and_on_the_command_line() {
    let tool = r#"{"name": "add", "description": "adds", "inputSchema": {"type": "object", "properties": {"a": {"type": "integer"}}}}"#;
    let text = call("add", &json!({"a": "5"}));
    for tools in [
        format!("[{tool}]"),
        tool.to_owned(),
        format!(r#"{{"jsonrpc": "2.0", "id": 1, "result": {{"tools": [{tool}]}}}}"#),
        format!(" [{}]", tool.replace("inputSchema", "input_schema")),
    ] {
        let said = parse(&["--tools", &tools], text.clone());
        assert_eq!((said.code, said.out.as_str()), (Some(0), "add {\"a\":5}\n"), "{tools}: {}", said.err);
    }
    let said = parse(&["--tools", "[{\"name\": "], text);
    assert!(said.code == Some(2) && said.err.contains("--tools: not valid JSON"), "{}", said.err);
}

#[test]
fn bytes_that_are_no_text_make_no_call_and_one_line() {
    // A city whose first letter is Latin-1.
    let spoilt = [
        b"<tool_call>{\"name\": \"get_weather\", \"arguments\": {\"city\": \"".as_slice(),
        &[0xd8],
        b"slo\"}}</tool_call>",
    ];
    for format in ["auto", "hermes"] {
        let said = parse(&["--tools", TOOLS, "--format", format], spoilt.concat());
        assert_eq!((said.code, said.out.as_str()), (Some(1), ""), "{format}: {}", said.err);
        assert!(said.err.contains("get_weather: `city` holds bytes that are not UTF-8"), "{}", said.err);
    }
    // A replacement character that the model itself wrote is a letter like any other.
    let said = parse(&["--tools", TOOLS], call("get_weather", &json!({"city": "\u{fffd}slo"})));
    assert_eq!(said.code, Some(0), "{}", said.err);

    let binary: Vec<u8> = (0..5000_u32).map(|n| (n.wrapping_mul(2_654_435_761) >> 24) as u8).collect();
    let said = parse(&["--tools", TOOLS], binary);
    assert_eq!((said.code, said.err.as_str()), (Some(1), "no tool call found: the input is binary, not text\n"));
    // A few bad bytes in a long text are one line, with how many more there are.
    let mut text = "All is well. ".repeat(40).into_bytes();
    for at in [10, 200, 300] {
        text[at] = 0xff;
    }
    let said = parse(&["--tools", TOOLS], text);
    let told: Vec<_> = said.err.lines().filter(|line| line.contains("UTF-8")).collect();
    assert!(matches!(told.as_slice(), [line] if line.ends_with("and in 2 more places")), "{}", said.err);
}

/// README's example, and what becomes of each thing that was put right in it.
#[test]
fn each_fix_is_told() {
    let text = "<tool_call>{\"name\": \"set-timer\", \"arguments\": {\"minutes\": \"25\",}}";
    let said = parse(&["--tools", TOOLS], text);
    assert_eq!(said.out, "set_timer {\"minutes\":25}\n", "{}", said.err);
    for told in ["set-timer", "extra comma", "\"25\""] {
        assert!(said.err.contains(told), "{told}: {}", said.err);
    }
}

#[test]
fn an_unknown_argument_is_told_as_dropped() {
    let tools = r#"[{"name": "add", "parameters": {"type": "object", "properties": {"a": {"type": "integer"}}, "additionalProperties": false}}]"#;
    let said = parse(&["--tools", tools], call("add", &json!({"a": 1, "colour": "red"})));
    assert_eq!(said.out, "add {\"a\":1}\n", "{}", said.err);
    assert!(said.err.contains("fixed: dropped unknown argument `colour` (bytes "), "{}", said.err);
}
