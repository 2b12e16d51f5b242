//! Texts of which nobody says what format they are in: each format's own examples are recognised and read.
#![allow(clippy::unwrap_used, reason = "a test may stop at the first surprise")]

use std::fmt::Write;

use callwright_parse::chat::Call;
use callwright_parse::format::{Direction, Formats};
use callwright_parse::read::Parser;
use callwright_test_support::reading::{arguments, tools_of};

#[test]
fn every_example_is_read_and_most_are_recognised() {
    let mut taken_for_others = String::new();
    for format in Formats::builtin().iter() {
        for example in &format.row().example {
            let wanted: Vec<Call> =
                example.calls.iter().map(|call| Call::new(call.name.clone(), call.arguments.clone())).collect();
            let mut parser = Parser::auto(Formats::builtin(), tools_of(&wanted));
            assert!(parser.push(example.text.as_bytes()).is_empty(), "nothing is told before the end");
            let parsed = parser.finish();
            let told =
                |calls: &[Call]| calls.iter().map(|call| (call.name.clone(), arguments(call))).collect::<Vec<_>>();
            assert_eq!(told(&parsed.calls), told(&wanted), "{}: {:#?}", format.name(), parsed.detected);
            let detected = parsed.detected.unwrap();
            assert!(!detected.reason.is_empty());
            if detected.format != format.name() && example.direction == Direction::Both {
                writeln!(taken_for_others, "{} -> {}", format.name(), detected.format).unwrap();
            }
        }
    }
    // These write the same calls alike.
    insta::assert_snapshot!("taken_for_others", taken_for_others);
}

#[test]
fn prose_is_in_no_format() {
    let tools = tools_of(&[callwright_test_support::reading::call("weather_now", serde_json::json!({"city": "Oslo"}))]);
    let mut parser = Parser::auto(Formats::builtin(), tools);
    parser.push(b"I would call weather_now for Oslo [1], if {you} like.");
    let parsed = parser.finish();
    assert_eq!((parsed.calls.len(), parsed.format.as_str(), parsed.detected.unwrap().score), (0, "", 0.0));
}

/// Law 12: what stands between the tags of a call is told where nothing can read it, in auto as in the format itself.
#[test]
fn law_12_broken_calls_between_tags_are_told() {
    let tools = tools_of(&[callwright_test_support::reading::call("weather_now", serde_json::json!({"city": "Oslo"}))]);
    let read = |text: &str| {
        let mut parser = Parser::auto(Formats::builtin(), std::sync::Arc::clone(&tools));
        parser.push(text.as_bytes());
        parser.finish()
    };
    for body in
        [r#"{"name": "weather_now",\n "arguments": {"city": "Oslo"}}"#, r#"{"name": "weather_now" => {"city" => }}"#]
    {
        let parsed = read(&format!("<tool_call>{body}</tool_call>"));
        assert!(parsed.calls.is_empty() && !parsed.faults.is_empty(), "{body}: {parsed:#?}");
        // What is said of the format is said of the one that it was read by.
        let detected = parsed.detected.unwrap();
        assert_eq!((detected.format, detected.marked), (parsed.format, true), "{body}");
        assert_eq!(detected.reason, "no call that can be read between the format's markers", "{body}");
    }
    for prose in
        ["Calls stand between `<tool_call>` and `</tool_call>`.", "It is done.</tool_call>", "<b>weather_now</b>"]
    {
        assert_eq!(read(prose).faults, [], "{prose}");
    }
}
