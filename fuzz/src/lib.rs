//! What is fuzzed, as plain functions of bytes: cargo-fuzz's targets and the driver for stable compilers call the same.
//!
//! They must not panic, and each holds a law that is cheap to check.

use std::io::Cursor;
use std::sync::{Arc, LazyLock};

use callwright::chat::{Event, Tool};
use callwright::check::{Level, ToolSet};
use callwright::format::{Format, Formats};
use callwright::models::gguf::Header;
use callwright::read::{Parsed, Parser, Recovery};
use callwright::value::{self, CallDialect, Canonical, ValueScan};
use serde_json::{Value, json};

/// A target by its name.
pub fn target(name: &str) -> Option<fn(&[u8])> {
    match name {
        "parser" => Some(parser),
        "values" => Some(values),
        "schema" => Some(schema),
        "gguf" => Some(gguf),
        _ => None,
    }
}

static TOOLS: LazyLock<Arc<ToolSet>> = LazyLock::new(|| {
    let tool = |name: &str, properties: Value| Tool::new(name, "", json!({"type": "object", "properties": properties}));
    let tools = [
        tool("weather_now", json!({"city": {"type": "string"}, "days": {"type": "integer"}})),
        tool("clock_set", json!({"hour": {"type": "integer"}})),
        tool("write_file", json!({"path": {"type": "string"}, "text": {"type": "string"}})),
    ];
    Arc::new(ToolSet::compile(&tools).expect("schemas that are right"))
});

static FORMATS: LazyLock<Vec<Arc<Format>>> = LazyLock::new(|| Formats::builtin().iter().cloned().collect());

/// Any bytes by any format, whole and in pieces: the segments tile the text, and the pieces make no difference.
pub fn parser(data: &[u8]) {
    let Some((&[which, size, mode], bytes)) = data.split_first_chunk::<3>() else { return };
    let parser = || match mode % 4 {
        0 => Parser::auto(Formats::builtin(), Arc::clone(&TOOLS)),
        1 => Parser::new(pick(which), Arc::clone(&TOOLS)).recovery(Recovery::Anywhere),
        2 => Parser::new(pick(which), Arc::clone(&TOOLS)).recovery(Recovery::Lines),
        _ => Parser::new(pick(which), Arc::clone(&TOOLS)).recovery(Recovery::Off).level(Level::Strict),
    };
    let whole = read(parser(), std::iter::once(bytes));
    let mut end = 0;
    for segment in &whole.segments {
        assert_eq!(segment.span.start, end, "the segments tile the text");
        end = segment.span.end;
    }
    assert_eq!(end, whole.raw.len());
    assert_eq!(whole.raw, String::from_utf8_lossy(bytes));
    let cut = read(parser(), bytes.chunks(usize::from(size % 16) + 1));
    assert_eq!(cut, whole, "chunks make no difference");
}

fn pick(which: u8) -> Arc<Format> {
    Arc::clone(&FORMATS[usize::from(which) % FORMATS.len()])
}

fn read<'c>(mut parser: Parser, chunks: impl Iterator<Item = &'c [u8]>) -> Parsed {
    let mut events: Vec<Event> = chunks.flat_map(|chunk| parser.push(chunk)).collect();
    let mut parsed = parser.finish();
    events.append(&mut parsed.events);
    parsed.events = merged(events);
    parsed
}

fn merged(events: Vec<Event>) -> Vec<Event> {
    let mut merged: Vec<Event> = Vec::new();
    for event in events {
        match (merged.last_mut(), &event) {
            (Some(Event::Text { delta, .. }), Event::Text { delta: more, .. })
            | (Some(Event::Reasoning { delta, .. }), Event::Reasoning { delta: more, .. })
            | (Some(Event::Arguments { delta, .. }), Event::Arguments { delta: more, .. }) => delta.push_str(more),
            _ => merged.push(event),
        }
    }
    merged
}

/// Any text as values of all kinds; what is strict JSON is read as `serde_json` does, with no fix.
pub fn values(data: &[u8]) {
    let text = String::from_utf8_lossy(data);
    let readings = [value::json(&text, 0), value::python(&text, 0), value::any(&text, 0), value::any_closed(&text, 0)];
    for reading in readings.iter().flatten() {
        assert!(reading.end <= text.len() && text.is_char_boundary(reading.end));
    }
    if let Ok(strict) = serde_json::from_str::<Value>(&text) {
        let read = value::json(&text, 0).expect("strict JSON is read");
        assert_eq!((read.value, read.fixes.len()), (strict, 0));
    }
    let braces = CallDialect::Braces { quote: Some("<|\"|>".to_owned()) };
    for dialect in [CallDialect::Parens, braces] {
        let _ = value::call_expr(&text, 0, &dialect);
        let _ = value::call_expr_closed(&text, 0, &dialect);
    }
    let _ = value::sources(&text, 0);
    for schema in
        [json!({}), json!({"type": "integer"}), json!({"type": ["string", "array"]}), json!({"enum": ["a", "b"]})]
    {
        let _ = value::typed(&text, &schema);
    }
    let (mut scan, mut canonical, mut out) = (ValueScan::new(), Canonical::new(), String::new());
    for chunk in data.chunks(3) {
        let _ = scan.push(chunk);
        let _ = canonical.push(chunk, &mut out);
    }
}

/// Any JSON as a tool's schema, with any JSON as its arguments: refused or checked, and what was put right stays so.
pub fn schema(data: &[u8]) {
    let mut parts = data.splitn(2, |byte| *byte == 0);
    let (first, second) = (parts.next().unwrap_or_default(), parts.next().unwrap_or_default());
    let Ok(parameters) = serde_json::from_slice::<Value>(first) else { return };
    let Ok(tools) = ToolSet::compile(&[Tool::new("tool", "", parameters)]) else { return };
    let arguments = serde_json::from_slice::<Value>(second).unwrap_or_else(|_| json!({"a": "1", "b": [1.0, "x"]}));
    for level in [Level::Strict, Level::Standard, Level::Lenient] {
        let checked = tools.check("tool", arguments.clone(), level, 0..1, 0);
        if checked.faults.is_empty() {
            let again = tools.check("tool", Value::Object(checked.arguments.clone()), level, 0..1, 0);
            assert!(again.faults.is_empty(), "what passed the check passes it again");
        }
    }
}

/// Any bytes as the header of a model file.
pub fn gguf(data: &[u8]) {
    let _ = Header::from_reader(Cursor::new(data), data.len() as u64);
}
