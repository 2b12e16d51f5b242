//! Laws 11 and 12 in every format, on texts that came out wrong in one of the known ways: the executable calls are exactly
//! the ones that were written, or there is a fault.
//!
//! Each way is applied to the format's own row, so a new format is tried with all of them. `controls.rs` has the texts that
//! only look wrong.
#![allow(clippy::unwrap_used, clippy::print_stdout, reason = "a test may stop at the first surprise")]

use std::sync::Arc;

use callwright_parse::chat::Call;
use callwright_parse::check::ToolSet;
use callwright_parse::format::{Format, Formats, ShapeName};
use callwright_parse::read::{Parsed, Parser};
use callwright_test_support::reading::tools_of;
use serde_json::{Value, json};

/// A value that stands for what a mutation puts in its place.
const WORD: &str = "quince";

fn call(name: &str, arguments: &Value) -> Call {
    Call::new(name, arguments.as_object().cloned().unwrap())
}

fn written() -> Vec<Vec<Call>> {
    let save = |text: &str| call("note_save", &json!({"title": "list", "text": text}));
    vec![
        vec![save(WORD)],
        vec![save(WORD), call("lamp_set", &json!({"room": "hall", "level": 3}))],
        vec![call("lamp_set", &json!({"room": WORD, "level": 3, "dim": true})), save("second")],
    ]
}

fn read(format: &Arc<Format>, tools: &Arc<ToolSet>, text: &str) -> Parsed {
    let mut parser = Parser::new(Arc::clone(format), Arc::clone(tools));
    parser.push(text.as_bytes());
    parser.finish()
}

fn executable(parsed: &Parsed) -> Vec<&Call> {
    let faulty = |index| parsed.faults.iter().any(|fault| fault.call() == Some(index));
    parsed.calls.iter().enumerate().filter(|(index, _)| !faulty(*index)).map(|(_, call)| call).collect()
}

/// The closing markers that the format ends its calls with, the innermost first.
fn closers(format: &Format) -> Vec<String> {
    let row = format.row();
    let own = [row.call.close.trim(), row.section.close.trim(), row.parallel.close.trim()];
    own.iter().filter(|close| !close.is_empty()).map(|close| (*close).to_owned()).collect()
}

fn openers(format: &Format) -> Vec<String> {
    let row = format.row();
    let own = [row.section.open.trim(), row.call.open.trim()];
    own.iter().filter(|open| open.len() > 1).map(|open| (*open).to_owned()).collect()
}

/// A mutated text, and what the word in it has become where that is another value.
struct Mutated {
    how: String,
    text: String,
    word: Option<String>,
}

fn mutated(format: &Format, text: &str) -> Vec<Mutated> {
    let mut all = Vec::new();
    let mut add = |how: &str, text: String| all.push(Mutated { how: how.to_owned(), text, word: None });
    for close in closers(format) {
        let last = text.rfind(&close).unwrap_or(text.len());
        let (before, after) = (&text[..last], text[last..].strip_prefix(&close).unwrap_or_default());
        add("a closer doubled", format!("{before}{close}{close}{after}"));
        add("a closer doubled on lines", format!("{before}{close}\n{close}\n{after}"));
        add("a closer dropped", format!("{before}{after}"));
        add(
            "a closer without its last letter",
            format!("{before}{}{after}", &close[..close.floor_char_boundary(close.len() - 1)]),
        );
        add("a closer behind everything", format!("{text}\n{close}"));
    }
    for open in openers(format) {
        add("an opener doubled", text.replacen(&open, &format!("{open}{open}"), 1));
        add(
            "an opener without its last letter",
            text.replacen(&open, &open[..open.floor_char_boundary(open.len() - 1)], 1),
        );
    }
    add("a preamble on a line of its own", format!("I will look that up.\n{text}"));
    add("a preamble and a blank line", format!("Sure, one moment.\n\n{text}"));
    add("text after it", format!("{text}\n\nThat should do."));
    add("blanks around", format!("\n\n  {text}\n \n"));
    add("an end token", format!("{text}<|im_end|>"));
    add("a fence around it", format!("```\n{text}\n```"));
    for part in [3, 5, 8, 9] {
        add("cut", text[..text.floor_char_boundary(text.len() * part / 10)].to_owned());
    }
    if let Some(at) = text.rfind(['}', ']', ')']) {
        let (before, after) = text.split_at(at);
        add("a bracket doubled", format!("{before}{}{after}", &text[at..=at]));
        add("a bracket dropped", format!("{before}{}", &after[1..]));
        add("a trailing comma", format!("{before},{after}"));
    }
    if !text.contains(WORD) {
        return all;
    }
    let example = format.write(&[call("lamp_set", &json!({"room": "attic", "level": 9}))]).unwrap_or_default();
    for (how, word) in [
        ("quotes inside", "say \"now\" and \"here\"".to_owned()),
        ("an apostrophe inside", "it's 5 o'clock".to_owned()),
        ("a path inside", r"C:\new\table".to_owned()),
        ("a comma and a colon inside", "one, \"two\": three".to_owned()),
        ("an example of a call inside", format!("Write {example} and wait")),
        ("a line inside", "one\ntwo".to_owned()),
    ] {
        all.push(Mutated { how: how.to_owned(), text: text.replace(WORD, &word), word: Some(word) });
    }
    all
}

/// The call with the word replaced.
fn with_word(call: &Call, word: Option<&str>) -> Call {
    let mut call = call.clone();
    if let Some(word) = word {
        for value in call.arguments.values_mut().filter(|value| *value == WORD) {
            *value = Value::from(word);
        }
    }
    call
}

/// Blanks at a value's edges belong to the framing of some formats.
fn same(one: &Call, other: &Call) -> bool {
    let plain = |value: &Value| value.as_str().map_or_else(|| value.clone(), |text| Value::from(text.trim()));
    one.name == other.name
        && one.arguments.len() == other.arguments.len()
        && one
            .arguments
            .iter()
            .all(|(key, value)| other.arguments.get(key).is_some_and(|other| plain(other) == plain(value)))
}

#[test]
fn law_11_and_12_hold_for_every_known_way_to_go_wrong() {
    let (mut tried, mut right, mut altered, mut silent) = (0, 0, Vec::new(), Vec::new());
    for format in Formats::builtin().iter() {
        for calls in written() {
            let Ok(text) = format.write(&calls) else { continue };
            let tools = tools_of(&calls);
            for Mutated { how, text, word } in mutated(format, &text) {
                tried += 1;
                let parsed = read(format, &tools, &text);
                let wanted: Vec<Call> = calls.iter().map(|call| with_word(call, word.as_deref())).collect();
                let got = executable(&parsed);
                let told = || {
                    format!(
                        "{} {how}: {text:?}\n   {:?}",
                        format.name(),
                        got.iter().map(|call| json!(call.arguments).to_string()).collect::<Vec<_>>()
                    )
                };
                // What is put between quotes as it is may be what strict reading makes of it: a path's escapes.
                let strict = format.row().body.first().is_some_and(|body| body.shape != ShapeName::TaggedParams)
                    && how == "a path inside";
                if !strict && got.iter().any(|call| !wanted.iter().any(|own| same(own, call))) {
                    altered.push(told());
                } else if got.len() < wanted.iter().filter(|call| text.contains(&call.name)).count()
                    && parsed.faults.is_empty()
                {
                    silent.push(told());
                } else if got.len() == wanted.len() {
                    right += 1;
                }
            }
        }
    }
    println!("{tried} tried, {right} read as they were meant, {} altered, {} silent", altered.len(), silent.len());
    for told in altered.iter().chain(&silent) {
        println!("{told}");
    }
    assert!(altered.is_empty(), "{} altered calls, the first:\n{}", altered.len(), altered[0]);
    assert!(silent.is_empty(), "{} calls in silence, the first:\n{}", silent.len(), silent[0]);
}
