//! Law 11: a call that may be executed is the call that was written.
//!
//! Calls are written in a format, the text is broken with one to three edits of its framing, and read again. A call
//! without a fault must be one of those that were written, or what the edited text says by the strictest reading, or
//! differ from one only by arguments that a Fix names.

use std::ops::Range;
use std::sync::Arc;

use callwright_parse::chat::{Arguments, Call, FixKind};
use callwright_parse::check::{Level, ToolSet};
use callwright_parse::format::{Format, Formats};
use callwright_parse::read::{Parsed, Parser};
use callwright_test_support::reading::tools_of;
use serde_json::{Map, Value, json};

/// Words that no format marks anything with, and that stand nowhere in another one.
const WORDS: [&str; 6] = ["Oslo", "harbour at dawn", "n-17", "x = 1", "blue kettle", "7 pm"];

/// Choices out of bytes; 0 once they are used up.
struct Choices<'d>(&'d [u8]);

impl Choices<'_> {
    fn next(&mut self) -> usize {
        let Some((first, rest)) = self.0.split_first() else { return 0 };
        self.0 = rest;
        usize::from(*first)
    }

    /// One of so many.
    fn of(&mut self, count: usize) -> usize {
        let wide = self.next() << 8 | self.next();
        wide % count.max(1)
    }
}

/// Each byte chooses something: the format, the calls, the edits.
pub fn run(data: &[u8]) {
    let mut choices = Choices(data);
    let formats: Vec<&Arc<Format>> = Formats::builtin().iter().collect();
    let format = formats[choices.of(formats.len())];
    let mut written = calls(&mut choices);
    let Ok(mut text) = format.write(&written) else { return };
    let tools = tools_of(&written);
    for _ in 0..=choices.of(3) {
        edit(&mut text, &mut written, &mut choices);
    }
    let parsed = read(format, &tools, &text, Level::Standard);
    let strict = read(format, &tools, &text, Level::Strict);
    for (index, call) in parsed.calls.iter().enumerate() {
        if is_faulty(&parsed, index) {
            continue;
        }
        let same = |other: &Call| other.name == call.name && other.arguments == call.arguments;
        let said = strict.calls.iter().enumerate().any(|(at, other)| same(other) && !is_faulty(&strict, at));
        let close = written
            .iter()
            .any(|other| other.name == call.name && differs_as_told(&other.arguments, &call.arguments, &parsed, index));
        assert!(
            said || close,
            "law 11: {} read {text:?} as {} {}, which nobody wrote",
            format.name(),
            call.name,
            Value::from(call.arguments.clone())
        );
    }
}

fn read(format: &Arc<Format>, tools: &Arc<ToolSet>, text: &str, level: Level) -> Parsed {
    let mut parser = Parser::new(Arc::clone(format), Arc::clone(tools)).level(level);
    parser.push(text.as_bytes());
    parser.finish()
}

fn is_faulty(parsed: &Parsed, index: usize) -> bool {
    parsed.faults.iter().any(|fault| fault.call() == Some(index))
}

fn calls(choices: &mut Choices<'_>) -> Vec<Call> {
    let call = |choices: &mut Choices<'_>, name: &str, keys: [&str; 2]| {
        let mut arguments = Arguments::new();
        arguments.insert(keys[0].to_owned(), json!(WORDS[choices.of(3)]));
        arguments.insert(keys[1].to_owned(), json!(WORDS[3 + choices.of(3)]));
        Call::new(name, arguments)
    };
    let mut calls = vec![call(choices, "write_file", ["path", "text"])];
    if choices.of(2) == 1 {
        calls.push(call(choices, "weather_now", ["city", "day"]));
    }
    calls
}

/// Breaks the framing of the text once. What is put into a value belongs to it from then on.
fn edit(text: &mut String, written: &mut [Call], choices: &mut Choices<'_>) {
    let values = values_in(text, written);
    let is_framing = |at: usize| !values.iter().any(|(span, ..)| span.contains(&at));
    let (from, length) = (choices.of(text.len()), 1 + choices.of(24));
    let to = (from + length).min(text.len());
    let (from, to) = (text.floor_char_boundary(from), text.floor_char_boundary(to));
    if !(from..to).all(is_framing) {
        return;
    }
    let piece = text[from..to].to_owned();
    match choices.of(5) {
        0 if piece.len() <= 6 => text.replace_range(from..to, ""),
        1 => text.insert_str(to, &piece),
        2 => text.truncate(from),
        3 => text.insert_str(from, " and then "),
        _ if !piece.contains('\\') && !values.is_empty() => {
            let (span, call, key) = values[choices.of(values.len())].clone();
            let at = text.floor_char_boundary(span.start + choices.of(span.len()));
            let value = &written[call].arguments[&key];
            let mut grown = value.as_str().unwrap_or_default().to_owned();
            grown.insert_str(at - span.start, &piece);
            text.insert_str(at, &piece);
            written[call].arguments.insert(key, Value::from(grown));
        }
        _ => {}
    }
}

/// Where the values stand, as they are spelled: of which call and key.
fn values_in(text: &str, written: &[Call]) -> Vec<(Range<usize>, usize, String)> {
    let mut found = Vec::new();
    for (index, call) in written.iter().enumerate() {
        for (key, value) in &call.arguments {
            let value = value.as_str().unwrap_or_default();
            if let Some(at) = text.find(value).filter(|_| !value.is_empty()) {
                found.push((at..at + value.len(), index, key.clone()));
            }
        }
    }
    found
}

/// Whether the arguments are those that were written, but for some that a Fix names.
fn differs_as_told(written: &Map<String, Value>, read: &Map<String, Value>, parsed: &Parsed, index: usize) -> bool {
    let told = |key: &str| {
        parsed.fixes.iter().any(|fix| {
            fix.call == Some(index)
                && matches!(
                    fix.kind,
                    FixKind::UnknownArgument | FixKind::Duplicate | FixKind::KeyAlias | FixKind::Surplus
                )
                && fix.note.as_deref().is_none_or(|note| note == key || !written.contains_key(note))
        })
    };
    let kept = written.iter().all(|(key, value)| match read.get(key) {
        Some(other) => other == value || trimmed(other) == trimmed(value),
        None => told(key),
    });
    kept && read.keys().all(|key| written.contains_key(key) || told(key))
}

/// Blanks at a value's edges belong to the framing of some formats.
fn trimmed(value: &Value) -> &str {
    value.as_str().unwrap_or_default().trim()
}
