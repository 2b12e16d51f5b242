//! What the tests of reading share: tools made from calls, nasty calls, parsing in chunks.

use std::sync::Arc;

use callwright_parse::chat::{Call, Event, Fault, FixKind, SegmentKind, Tool};
use callwright_parse::check::ToolSet;
use callwright_parse::format::{Format, Formats};
use callwright_parse::read::{Parsed, Parser};
use serde_json::{Map, Value, json};

/// The tools that these calls are of: every parameter has the type of its value.
pub fn tools_of(calls: &[Call]) -> Arc<ToolSet> {
    let mut tools: Vec<(String, Map<String, Value>)> = Vec::new();
    for call in calls {
        let index = tools.iter().position(|(name, _)| *name == call.name).unwrap_or_else(|| {
            tools.push((call.name.clone(), Map::new()));
            tools.len() - 1
        });
        for (key, value) in &call.arguments {
            tools[index].1.insert(key.clone(), schema_of(value));
        }
    }
    let tools: Vec<Tool> = tools
        .into_iter()
        .map(|(name, properties)| Tool::new(name, "", json!({"type": "object", "properties": properties})))
        .collect();
    Arc::new(ToolSet::compile(&tools).unwrap())
}

fn schema_of(value: &Value) -> Value {
    match value {
        Value::Null => json!({}),
        Value::Bool(_) => json!({"type": "boolean"}),
        Value::Number(number) if number.is_f64() => json!({"type": "number"}),
        Value::Number(_) => json!({"type": "integer"}),
        Value::String(_) => json!({"type": "string"}),
        Value::Array(items) => match items.first() {
            Some(first) if items.iter().all(|item| schema_of(item) == schema_of(first)) => {
                json!({"type": "array", "items": schema_of(first)})
            }
            _ => json!({"type": "array"}),
        },
        Value::Object(_) => json!({"type": "object"}),
    }
}

/// The tools that the fixtures call.
pub fn fixture_tools() -> Arc<ToolSet> {
    let tool = |name: &str, properties: Value, required: &[&str]| {
        Tool::new(name, "", json!({"type": "object", "properties": properties, "required": required}))
    };
    let tools = [
        tool("weather_now", json!({"city": {"type": "string"}, "days": {"type": "integer"}}), &["city"]),
        tool("clock_set", json!({"hour": {"type": "integer"}}), &["hour"]),
        tool("clock_now", json!({}), &[]),
        tool("lights", json!({"on": {"type": "boolean"}, "room": {"type": "string"}}), &["on"]),
        tool("write_file", json!({"path": {"type": "string"}, "text": {"type": "string"}}), &["path", "text"]),
    ];
    Arc::new(ToolSet::compile(&tools).unwrap())
}

/// The files in `fixtures/<format>`.
pub fn fixtures() -> Vec<std::path::PathBuf> {
    let folders = Formats::builtin().iter().map(|format| std::path::Path::new("fixtures").join(format.name()));
    let files = folders.filter_map(|folder| std::fs::read_dir(folder).ok()).flatten();
    let mut files: Vec<_> = files.map(|entry| entry.unwrap().path()).collect();
    files.retain(|path| path.extension().is_some_and(|extension| extension == "txt"));
    files.sort();
    files
}

/// The arguments as JSON text, so that order and number types are compared too.
pub fn arguments(call: &Call) -> String {
    call.arguments_json()
}

#[allow(clippy::needless_pass_by_value, reason = "`json!` makes a value")]
pub fn call(name: &str, arguments: Value) -> Call {
    Call::new(name, arguments.as_object().cloned().unwrap())
}

/// Reads a whole text by its format.
pub fn parse(format: &Arc<Format>, tools: &Arc<ToolSet>, text: &str) -> Parsed {
    whole(Parser::new(Arc::clone(format), Arc::clone(tools)), text)
}

/// Reads a whole text by its format, then by recovery.
pub fn parse_recovering(format: &Arc<Format>, tools: &Arc<ToolSet>, text: &str) -> Parsed {
    whole(Parser::new(Arc::clone(format), Arc::clone(tools)).recovering(), text)
}

/// Reads a whole text of which nobody says what format it is in.
pub fn auto(tools: &Arc<ToolSet>, text: &str) -> Parsed {
    whole(Parser::auto(Formats::builtin(), Arc::clone(tools)), text)
}

fn whole(mut parser: Parser, text: &str) -> Parsed {
    let mut events = parser.push(text.as_bytes());
    let mut parsed = parser.finish();
    events.append(&mut parsed.events);
    parsed.events = merge(events);
    parsed
}

/// Reads a text cut into these chunks.
pub fn parse_chunks<'c>(format: &Arc<Format>, tools: &Arc<ToolSet>, chunks: impl Iterator<Item = &'c [u8]>) -> Parsed {
    let mut parser = Parser::new(Arc::clone(format), Arc::clone(tools));
    let mut events: Vec<Event> = chunks.flat_map(|chunk| parser.push(chunk)).collect();
    let mut parsed = parser.finish();
    events.append(&mut parsed.events);
    parsed.events = merge(events);
    parsed
}

/// What is wrong with the segments, which lie end to end if nothing is.
pub fn tiling(parsed: &Parsed) -> Option<String> {
    let mut end = 0;
    for segment in &parsed.segments {
        if segment.span.start != end || segment.span.end <= end {
            return Some(format!("a segment at {:?} after {end}", segment.span));
        }
        end = segment.span.end;
    }
    (end != parsed.raw.len()).then(|| format!("segments to {end} of {}", parsed.raw.len()))
}

/// What is wrong with the events, which say what the result says if nothing is. What was told as text may turn out at the
/// end to be a call, a broken one, or a thought: then it is no text of the result, and what else was told still is.
pub fn disagreeing(parsed: &Parsed) -> Option<String> {
    let (mut text, mut reasoning) = (String::new(), String::new());
    let mut calls: Vec<(String, String)> = Vec::new();
    for event in &parsed.events {
        match event {
            Event::Text { delta, .. } => text.push_str(delta),
            Event::Reasoning { delta, .. } => reasoning.push_str(delta),
            Event::CallStarted { index, name, .. } => {
                calls.truncate(*index);
                if calls.len() != *index {
                    return Some("a call is left out".to_owned());
                }
                calls.push((name.clone(), String::new()));
            }
            Event::Arguments { index, delta, .. } => match calls.get_mut(*index) {
                Some((_, arguments)) => arguments.push_str(delta),
                None => return Some("arguments come before their call".to_owned()),
            },
            _ => {}
        }
    }
    let rethought = parsed.fixes.iter().any(|fix| fix.kind == FixKind::Opener);
    let taken_out = rethought
        || parsed.calls.iter().any(|call| call.recovered)
        || parsed.faults.iter().any(|fault| matches!(fault, Fault::Unreadable { .. } | Fault::Truncated { .. }));
    let texts = parsed.segments.iter().filter(|segment| segment.kind == SegmentKind::Text);
    let mut rest = text.as_str();
    let kept = texts.map(|segment| parsed.raw[segment.span.clone()].trim()).all(|piece| match rest.find(piece) {
        Some(at) => {
            rest = &rest[at + piece.len()..];
            true
        }
        None => false,
    });
    if text != parsed.text && !(taken_out && kept) {
        return Some(format!("told {text:?}, and the text is {:?}", parsed.text));
    }
    if reasoning != parsed.reasoning && !(rethought && parsed.reasoning.ends_with(&reasoning)) {
        return Some(format!("told {reasoning:?}, and the reasoning is {:?}", parsed.reasoning));
    }
    // What was begun and given up at the end of the text has no call.
    calls.truncate(parsed.calls.len());
    let read: Vec<_> = parsed.calls.iter().map(|call| (call.name.clone(), arguments(call))).collect();
    (calls != read).then(|| format!("told {calls:?}, and the calls are {read:?}"))
}

/// Joins deltas that follow one another.
pub fn merge(events: Vec<Event>) -> Vec<Event> {
    let mut merged: Vec<Event> = Vec::new();
    for event in events {
        match (merged.last_mut(), &event) {
            (Some(Event::Text { delta, .. }), Event::Text { delta: more, .. })
            | (Some(Event::Reasoning { delta, .. }), Event::Reasoning { delta: more, .. }) => delta.push_str(more),
            (Some(Event::Arguments { delta, index, .. }), Event::Arguments { delta: more, index: other, .. })
                if index == other =>
            {
                delta.push_str(more);
            }
            _ => merged.push(event),
        }
    }
    merged
}

/// Calls with values that readers stumble over.
pub fn nasty_calls() -> Vec<(&'static str, Vec<Call>)> {
    let one = |title, value: Value| (title, vec![call("write_file", json!({"path": "/tmp/x", "text": value}))]);
    vec![
        ("plain", vec![call("weather_now", json!({"city": "Oslo", "days": 3}))]),
        ("no arguments", vec![call("clock_now", json!({}))]),
        ("two calls", vec![call("weather_now", json!({"city": "Oslo"})), call("clock_set", json!({"hour": 7}))]),
        ("the same call twice", vec![call("roll", json!({"sides": 6})), call("roll", json!({"sides": 6}))]),
        one("quotes", json!("he said \"it's 'fine'\"")),
        one("backslashes", json!("C:\\new\\table \\\" \\\\")),
        one("newlines", json!("a\nb\r\n\n  indented\n")),
        one("leading newline", json!("\n\nx")),
        one("blanks around", json!("  x  ")),
        one("tabs and controls", json!("a\tb\u{1}c")),
        one("empty string", json!("")),
        one("closing braces", json!("}}]})\"")),
        one("closing tag of hermes", json!("x </tool_call> y")),
        one("closing tag of tool_use", json!("x </tool_use> y")),
        one("closing tag at a line end", json!("x\n</tool_call>\ny")),
        one("opening tag", json!("a <tool_call>\n{\"name\": \"b\", \"arguments\": {}}")),
        one("a whole call", json!("<tool_call>\n{\"name\": \"weather_now\", \"arguments\": {}}\n</tool_call>")),
        one("parameter tags", json!("<parameter=x>\n1\n</parameter>\n")),
        one("parameter close alone", json!("a </parameter> b")),
        one("function close", json!("a </function> b")),
        one("arg tags", json!("</arg_value><arg_key>k</arg_key>")),
        one("mistral markers", json!("[TOOL_CALLS][ARGS]{}")),
        one("fence", json!("```python\nprint(1)\n```")),
        one("think", json!("<think>no</think>")),
        one("special tokens", json!("<|im_end|><|call|><|end|>")),
        one("unicode", json!("Åse spiser smørbrød, 東京 — “yes”")),
        one("emoji", json!("👩‍👩‍👧 🇳🇴 😀")),
        one("entities", json!("a &lt; b && c < d > e")),
        one("cdata", json!("<![CDATA[x]]>")),
        one("looks like a number", json!("007")),
        one("looks like true", json!("true")),
        one("looks like null", json!("null")),
        one("looks like JSON", json!("{\"a\": [1, 2]}")),
        one("looks like a call", json!("weather_now(city='Oslo')")),
        one("observation", json!("x\nObservation: y\nAction: z")),
        one("long", json!("lorem ipsum \"dolor\" ".repeat(600))),
        one("integer", json!(42)),
        one("negative", json!(-7)),
        one("float", json!(2.5)),
        one("large integer", json!(9_007_199_254_740_993_i64)),
        one("true", json!(true)),
        one("null", json!(null)),
        one("empty object", json!({})),
        one("empty list", json!([])),
        one("nested", json!({"a": [1, [2, {"b": "c"}]], "d": {"e": null, "f": true}})),
        one("list of strings", json!(["a, b", "c]", "d\"e", "f'g"])),
        one("key with a blank", json!({"a b": 1})),
    ]
}
