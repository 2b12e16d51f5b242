//! Values inside tags are typed by the schema: through references, `allOf`, alternatives and constants, in every format
//! whose tags carry no types.
#![allow(clippy::unwrap_used, reason = "a test may stop at the first surprise")]

use std::sync::Arc;

use callwright_parse::chat::{Call, Tool};
use callwright_parse::check::ToolSet;
use callwright_parse::format::{Format, Formats, Nested, ShapeName};
use callwright_parse::read::Parser;
use serde_json::{Map, Value, json};

/// Stands for a value while a call is written.
const HOLE: &str = "hole";

/// The argument that is read where this text stands in the place of the hole.
fn read(format: &Arc<Format>, schema: &Value, shape: &Value, text: &str) -> Option<Value> {
    let call = Call::new("put", Map::from_iter([("x".to_owned(), shape.clone())]));
    let written = format.write(&[call]).ok()?.replacen(HOLE, text, 1);
    let parameters = json!({"type": "object", "properties": {"x": schema}, "required": ["x"], "$defs": {
        "count": {"type": "integer"}, "line": {"type": "object", "properties": {"line": {"type": "number"}}, "required": ["line"]}}});
    let tools = Arc::new(ToolSet::compile(&[Tool::new("put", "", parameters)]).unwrap());
    let mut parser = Parser::new(Arc::clone(format), tools);
    parser.push(written.as_bytes());
    let parsed = parser.finish();
    assert_eq!(parsed.faults, [], "{} {schema} {text}: {written}", format.name());
    Some(parsed.calls[0].arguments["x"].clone())
}

/// The formats whose tags say no type.
fn bare() -> Vec<Arc<Format>> {
    let is_bare = |format: &&Arc<Format>| {
        let body = format.row().body.first().filter(|body| body.shape == ShapeName::TaggedParams);
        let param = body.and_then(|body| body.param.as_deref());
        param.is_some_and(|param| !param.contains("{type}") && !param.contains("{is_string}"))
    };
    Formats::builtin().iter().filter(is_bare).map(Arc::clone).collect()
}

#[test]
fn texts_are_typed_by_what_the_schema_means() {
    let formats = bare();
    assert!(formats.len() > 3, "{formats:?}");
    for (schema, text, value) in [
        (json!({"$ref": "#/$defs/count"}), "7", json!(7)),
        (json!({"allOf": [{"$ref": "#/$defs/count"}, {"minimum": 1}]}), "7", json!(7)),
        (json!({"anyOf": [{"type": "number"}, {"type": "null"}]}), "-0", json!(-0.0)),
        (json!({"anyOf": [{"type": "number"}, {"type": "null"}]}), "1e3", json!(1e3)),
        (json!({"type": "number"}), "5", json!(5)),
        (json!({"pattern": "^0"}), "007", json!("007")),
        (json!({"pattern": "^1"}), "17", json!("17")),
        (json!({"anyOf": [{"const": "on"}, {"const": "off"}]}), "on", json!("on")),
        (json!({"oneOf": [{"const": 1}, {"const": 2}]}), "2", json!(2)),
        (json!({"allOf": [{"items": {"type": "integer"}}]}), "[1, 2]", json!([1, 2])),
        (json!({"type": "file"}), "plain words", json!("plain words")),
    ] {
        for format in &formats {
            assert_eq!(
                read(format, &schema, &json!(HOLE), text),
                Some(value.clone()),
                "{} {schema} {text}",
                format.name()
            );
        }
    }
}

#[test]
fn texts_inside_elements_are_typed_too() {
    let formats: Vec<Arc<Format>> = Formats::builtin()
        .iter()
        .filter(|format| format.row().body.iter().any(|body| body.nested == Nested::Elements))
        .map(Arc::clone)
        .collect();
    assert!(!formats.is_empty());
    let closed = |key: &str| json!({"type": "object", "properties": {key: {"type": "number"}}, "required": [key], "additionalProperties": false});
    for (schema, shape, text, value) in [
        (
            json!({"type": "array", "items": {"anyOf": [closed("line"), closed("position")]}}),
            json!([{"position": HOLE}]),
            "-0",
            json!([{"position": -0.0}]),
        ),
        (
            json!({"type": "array", "items": {"anyOf": [closed("line"), closed("position")]}}),
            json!([{"line": HOLE}]),
            "1e3",
            json!([{"line": 1e3}]),
        ),
        (
            json!({"type": "array", "items": {"$ref": "#/$defs/line"}}),
            json!([{"line": HOLE}]),
            "12",
            json!([{"line": 12}]),
        ),
        (
            json!({"type": "array", "prefixItems": [{"type": "string"}, {"type": "integer"}]}),
            json!(["a", HOLE]),
            "2",
            json!(["a", 2]),
        ),
        (
            json!({"type": "object", "additionalProperties": {"type": "string"}}),
            json!({"k": HOLE}),
            "2",
            json!({"k": "2"}),
        ),
        (
            json!({"allOf": [{"properties": {"n": {"type": "integer"}}}, {"properties": {"t": {"type": "string"}}}]}),
            json!({"t": HOLE, "n": 4}),
            "2",
            json!({"t": "2", "n": 4}),
        ),
    ] {
        for format in &formats {
            assert_eq!(read(format, &schema, &shape, text), Some(value.clone()), "{} {schema} {text}", format.name());
        }
    }
}
