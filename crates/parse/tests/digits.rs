//! Law 13 in every format: a whole number of any length comes back to the digit, in the call, its JSON and its deltas.
#![allow(clippy::unwrap_used, reason = "a test may stop at the first surprise")]

use std::sync::Arc;

use callwright_parse::chat::{Call, Digits, Event, Tool};
use callwright_parse::check::ToolSet;
use callwright_parse::format::Formats;
use callwright_parse::read::Parser;
use serde_json::json;

const TEXTS: [&str; 5] = [
    r#"{"no":98765432109876543210987}"#,
    r#"{"no":-18446744073709551616}"#,
    r#"{"no":18446744073709551615}"#,
    r#"{"no":123456789012345678901234567890123456789012345678901234567890}"#,
    r#"{"no":340282366920938463463374607431768211456,"all":[1,98765432109876543210987,-98765432109876543210988]}"#,
];

fn tools() -> Arc<ToolSet> {
    let properties = json!({"no": {"type": "integer"}, "all": {"type": "array", "items": {"type": "integer"}}});
    let schema = json!({"type": "object", "properties": properties, "required": ["no"]});
    Arc::new(ToolSet::compile(&[Tool::new("ticket_get", "", schema)]).unwrap())
}

fn of(text: &str) -> Call {
    let arguments = serde_json::from_str(text).unwrap();
    let (digits, _) = Digits::read(&arguments, text);
    Call::new("ticket_get", arguments).with_digits(digits)
}

#[test]
fn law_13_whole_numbers_of_any_length_in_every_format() {
    let tools = tools();
    let mut written = 0;
    for format in Formats::builtin().iter() {
        for text in TEXTS {
            let Ok(turn) = format.write(&[of(text)]) else { continue };
            written += 1;
            for piece in [1, 7, turn.len()] {
                let mut parser = Parser::new(Arc::clone(format), Arc::clone(&tools));
                let mut events: Vec<Event> =
                    turn.as_bytes().chunks(piece).flat_map(|piece| parser.push(piece)).collect();
                let parsed = parser.finish();
                events.extend(parsed.events.iter().cloned());
                let place = format!("{}: {turn}", format.name());
                assert_eq!(parsed.faults, [], "{place}");
                assert_eq!(parsed.calls.iter().map(Call::arguments_json).collect::<Vec<_>>(), [text], "{place}");
                let json = serde_json::to_string(&parsed.calls).unwrap();
                assert!(json.contains(&format!(r#""arguments":{text}"#)), "{json}");
                let mut deltas = String::new();
                for event in events {
                    match event {
                        Event::CallStarted { .. } => deltas.clear(),
                        Event::Arguments { delta, .. } => deltas.push_str(&delta),
                        _ => {}
                    }
                }
                assert_eq!(deltas, text, "{place}");
            }
        }
    }
    assert!(written > 5 * 50, "{written} texts");
}
