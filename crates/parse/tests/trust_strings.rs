//! Law 11 for strings: a call whose strings hold quotes or backslashes that nobody escaped is executed as it was written,
//! or not at all, in every format and in any pieces.
#![allow(clippy::unwrap_used, reason = "a test may stop at the first surprise")]

use std::sync::Arc;

use callwright_parse::format::{Format, Formats};
use callwright_parse::read::{Parsed, Parser};
use callwright_test_support::reading::{call, fixture_tools};
use serde_json::{Value, json};

/// Texts that stand in a string as they are.
const INNER: [&str; 19] = [
    r#"print("tide", 'ebb')"#,
    r#"x = log["depth"]"#,
    r#"f({"a": "b"}) + 1"#,
    r#"say "hi""#,
    "it's low",
    "it's low, isn't it",
    "a', 'b",
    r#"a", "b"#,
    r#"{"a": [1, "b"], "c": {}}"#,
    "'a'); print('b'",
    "f('a')\nprint('b')",
    "g = open('a.txt').read()\nlights('on')",
    "[x for x in 'ab']",
    r#"""#,
    r#"")}"#,
    r#""}]"#,
    r#""}}"#,
    "')]",
    "print('a')\n')]\n",
];

fn told(parsed: &Parsed) -> Vec<(String, Value)> {
    let faulty = |index| parsed.faults.iter().any(|fault| fault.call() == Some(index));
    let calls = parsed.calls.iter().enumerate().filter(|(index, _)| !faulty(*index));
    calls.map(|(_, call)| (call.name.clone(), Value::from(call.arguments.clone()))).collect()
}

fn read(format: &Arc<Format>, text: &str, piece: usize) -> Parsed {
    let mut parser = Parser::new(Arc::clone(format), fixture_tools());
    text.as_bytes().chunks(piece).for_each(|piece| drop(parser.push(piece)));
    parser.finish()
}

/// Each format with its text of these calls, in which `@@` stands for a string's content.
fn written() -> Vec<(Arc<Format>, String, bool)> {
    let one = call("write_file", json!({"path": "n.md", "text": "@@"}));
    let two = call("lights", json!({"on": true, "room": "hall"}));
    let mut texts = Vec::new();
    for format in Formats::builtin().iter() {
        for (calls, several) in [(vec![one.clone()], false), (vec![one.clone(), two.clone()], true)] {
            if let Ok(text) = format.write(&calls) {
                texts.push((Arc::clone(format), text, several));
            }
        }
    }
    texts
}

#[test]
fn a_string_with_quotes_in_it_is_read_as_written_or_is_a_fault() {
    let mut wrong = Vec::new();
    let (mut right, mut all) = (0, 0);
    for (format, text, several) in written() {
        for inner in INNER {
            let output = text.replace("@@", inner);
            let whole = read(&format, &output, usize::MAX);
            let mut meant = vec![("write_file".to_owned(), json!({"path": "n.md", "text": inner}))];
            meant.extend(several.then(|| ("lights".to_owned(), json!({"on": true, "room": "hall"}))));
            let calls = told(&whole);
            all += 1;
            right += usize::from(calls == meant);
            let told = !whole.faults.is_empty() || calls.is_empty();
            let fine = calls.iter().all(|call| meant.contains(call)) && (calls == meant || told);
            if !fine {
                wrong.push(format!("{}: {output:?}\n   {calls:?} {:?}", format.name(), whole.faults));
            }
            for piece in [2, 64] {
                let pieces = read(&format, &output, piece);
                assert_eq!(
                    (&pieces.calls, &pieces.fixes),
                    (&whole.calls, &whole.fixes),
                    "{} {output:?}",
                    format.name()
                );
                assert_eq!(
                    (&pieces.faults, &pieces.text),
                    (&whole.faults, &whole.text),
                    "{} {output:?}",
                    format.name()
                );
            }
        }
    }
    assert!(wrong.is_empty(), "{} of {all} ({right} right)\n{}", wrong.len(), wrong.join("\n"));
    assert!(right * 10 >= all * 6, "{right} of {all}");
}
