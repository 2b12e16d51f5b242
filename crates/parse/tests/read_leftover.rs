//! What is left of a call, or was never text: halves of calls and bytes that are not UTF-8.
#![allow(clippy::unwrap_used, reason = "a test may stop at the first surprise")]

use std::sync::Arc;

use callwright_parse::chat::{Fault, FixKind, Tool};
use callwright_parse::check::ToolSet;
use callwright_parse::format::Formats;
use callwright_parse::read::{Parsed, Parser};
use serde_json::json;

fn read(text: &[u8], piece: usize) -> Parsed {
    let timer = json!({"properties": {"minutes": {"type": "integer"}, "label": {"type": "string"}}});
    let tools = Arc::new(ToolSet::compile(&[Tool::new("set_timer", "", timer)]).unwrap());
    let mut parser = Parser::new(Formats::builtin().get("hermes").unwrap(), tools);
    for piece in text.chunks(piece) {
        parser.push(piece);
    }
    let mut parsed = parser.finish();
    parsed.events.clear();
    parsed
}

/// The end of a call without its beginning: what is left for the user, and whether it is a fault.
#[test]
fn half_a_call_is_no_text() {
    for (text, left, is_fault) in [
        ("The result is ok\", \"arguments\": {\"minutes\": 5}}\n</tool_call>", "The result is ok", true),
        ("{\"minutes\": 5}}\n</tool_call>", "", true),
        ("Fine.\n\nset\": \"timer\"}\n</tool_call>\nBye.", "Fine.\n\nset", true),
        ("It is done.\n</tool_call>", "It is done.", false),
        ("It is done.</tool_call>\n", "It is done.", false),
    ] {
        let parsed = read(text.as_bytes(), text.len());
        assert_eq!(read(text.as_bytes(), 1), parsed, "{text}");
        assert!(parsed.calls.is_empty() && parsed.text.trim_end().starts_with(left), "{text}: {:?}", parsed.text);
        assert!(!parsed.text.contains("</tool_call>") && !parsed.text.contains("\": "), "{text}: {:?}", parsed.text);
        let unreadable = parsed.faults.iter().any(|fault| matches!(fault, Fault::Unreadable { .. }));
        let surplus = parsed.fixes.iter().any(|fix| fix.kind == FixKind::Surplus);
        // The tag is set aside either way; that a call lost its beginning is told besides.
        assert_eq!((unreadable, surplus), (is_fault, true), "{text}: {:?} {:?}", parsed.faults, parsed.fixes);
    }
}

#[test]
fn a_tag_that_is_spoken_of_stays() {
    for text in [
        "A call ends with `</tool_call>`.",
        "Write </tool_call> after the call.",
        "Use this:\n```xml\n<tool_call>\n</tool_call>\n```\nThen wait.",
        "The answer is {\"minutes\": 5}.",
    ] {
        let parsed = read(text.as_bytes(), text.len());
        assert_eq!(parsed.text, text);
    }
}

/// A call whose bytes were not text is not what the model wrote; one beside it is.
#[test]
fn a_call_with_bytes_that_are_not_text_is_a_fault() {
    let call = |label: &[u8]| {
        let (before, behind) = (
            "<tool_call>{\"name\": \"set_timer\", \"arguments\": {\"minutes\": 5, \"label\": \"",
            "\"}}</tool_call>\n",
        );
        [before.as_bytes(), label, behind.as_bytes()].concat()
    };
    let text = [call(b"tea"), call(b"\xd8l"), call("\u{fffd}".as_bytes())].concat();
    for piece in [1, 3, text.len()] {
        let parsed = read(&text, piece);
        assert_eq!(parsed.calls.len(), 3);
        let faulty: Vec<_> = parsed.faults.iter().map(|fault| (fault.call(), fault.to_string())).collect();
        assert_eq!(faulty, [(Some(1), "`label` holds bytes that are not UTF-8".to_owned())]);
        assert_eq!(parsed.fixes.iter().filter(|fix| fix.kind == FixKind::InvalidUtf8).count(), 1);
    }
}
