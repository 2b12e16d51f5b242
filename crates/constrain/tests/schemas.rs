//! Which parts of a schema are enforced, and what is reported about the rest: the same in every format.
#![allow(clippy::unwrap_used, reason = "a test stops at the first surprise")]

use std::sync::Arc;

use callwright_constrain::{Compiler, Constraint};
use callwright_parse::chat::{Call, Tool, ToolChoice};
use callwright_parse::check::ToolSet;
use callwright_parse::format::{Format, Formats};
use serde_json::{Value, json};

/// Formats of different shapes: JSON, literals, tags, elements, quotes that are tokens.
const SHAPES: [&str; 6] = ["hermes", "pythonic", "qwen3_coder", "glm45", "minimax_m3", "gemma4"];

fn constraint(format: &Arc<Format>, schema: &Value) -> Constraint {
    let tools = ToolSet::compile(&[Tool::new("t", "", schema.clone())]).unwrap();
    Constraint::compile(format, &tools, &ToolChoice::Required, false, "").unwrap().unwrap()
}

/// Whether the grammar of this schema lets a call with these arguments through.
fn lets_through(format: &Arc<Format>, schema: &Value, arguments: &Value) -> bool {
    let compiler = Compiler::of_bytes().unwrap();
    let mut matcher = constraint(format, schema).matcher(&compiler, &[]).unwrap();
    let arguments = arguments.as_object().cloned().unwrap_or_default();
    let text = format.write(&[Call::new("t", arguments)]).unwrap();
    let read = text.bytes().all(|byte| matcher.fits(byte.into()) && matcher.consume(byte.into()).is_ok());
    read && matcher.may_end()
}

fn told(format: &Arc<Format>, schema: &Value) -> Vec<String> {
    let constraint = constraint(format, schema);
    constraint.prove().unwrap();
    constraint.relaxed().iter().map(|told| told.cause.clone()).collect()
}

/// In every format: what is let through, what is not, and the keywords that are told.
fn hold(schema: &Value, right: &[Value], wrong: &[Value], keywords: &[&str]) {
    for name in SHAPES {
        let format = Formats::builtin().get(name).unwrap();
        for arguments in right {
            assert!(lets_through(&format, schema, arguments), "{name} keeps {arguments} out of {schema}");
        }
        for arguments in wrong {
            assert!(!lets_through(&format, schema, arguments), "{name} lets {arguments} through {schema}");
        }
        let told = told(&format, schema);
        let all = keywords.len() == told.len() && keywords.iter().all(|word| told.iter().any(|one| one.contains(word)));
        assert!(all, "{name} tells {told:?} of {schema}");
    }
}

fn one(schema: &Value) -> Value {
    json!({"type": "object", "properties": {"v": schema}, "required": ["v"]})
}

#[test]
fn all_of_is_all_of_them() {
    let base = json!({"type": "object", "properties": {"x": {"type": "integer"}}, "required": ["x"]});
    let more = json!({"type": "object", "properties": {"y": {"type": "string"}}, "required": ["y"]});
    let both = json!({"allOf": [{"$ref": "#/$defs/B"}, more], "$defs": {"B": base}});
    hold(&both, &[json!({"x": 1, "y": "a"})], &[json!({"x": 1}), json!({"y": "a"}), json!({})], &[]);
    let mut parameter = one(&json!({"allOf": [{"$ref": "#/$defs/B"}, more]}));
    parameter["$defs"] = json!({"B": base});
    hold(&parameter, &[json!({"v": {"x": 1, "y": "a"}})], &[json!({"v": {"x": 1}})], &[]);
}

#[test]
fn patterns_and_formats_are_held_to_everywhere() {
    let pattern = one(&json!({"type": "string", "pattern": "^[a-f]{2}\\d+$", "maxLength": 200}));
    hold(&pattern, &[json!({"v": "ab12"})], &[json!({"v": "ab"}), json!({"v": "xx12"})], &[]);
    let date = one(&json!({"type": "string", "format": "date"}));
    hold(&date, &[json!({"v": "2024-02-29"})], &[json!({"v": "2023-02-29"}), json!({"v": "today"})], &[]);
    let unknown = one(&json!({"type": "string", "format": "url"}));
    hold(&unknown, &[json!({"v": "anything"})], &[], &[]);
}

#[test]
fn what_no_automaton_can_do_is_told_with_its_place() {
    let long = "^(?:[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?\\.)+[a-z0-9][a-z0-9-]{0,61}[a-z0-9]$";
    let host = one(&json!({"type": "string", "minLength": 1, "maxLength": 253, "pattern": long}));
    hold(&host, &[json!({"v": "mail.example"})], &[json!({"v": "-"})], &["`maxLength` of /properties/v"]);
    let word = one(&json!({"type": "string", "pattern": "\\bfoo\\b"}));
    hold(&word, &[json!({"v": "a foo"})], &[json!({"v": "bar"})], &["`pattern` of /properties/v"]);
    let unique = one(&json!({"type": "array", "items": {"type": "integer"}, "uniqueItems": true}));
    hold(&unique, &[json!({"v": [1, 2]})], &[json!({"v": ["a"]})], &["`uniqueItems` of /properties/v"]);
    let counts = one(&json!({"type": "string", "minLength": 2.0}));
    hold(&counts, &[json!({"v": "ab"})], &[json!({"v": "a"})], &[]);
}

#[test]
fn alternatives_that_can_be_told_apart_are_enforced() {
    let by = |a: Value, b: Value| {
        let kind = |kind: Value, key: &str| json!({"type": "object", "properties": {"kind": kind, key: {"type": "integer"}}, "required": ["kind", key]});
        one(&json!({"oneOf": [kind(a, "r"), kind(b, "s")]}))
    };
    let right = [json!({"v": {"kind": "a", "r": 1}}), json!({"v": {"kind": "b", "s": 1}})];
    hold(&by(json!({"const": "a"}), json!({"const": "b"})), &right, &[json!({"v": {"kind": "a", "s": 1}})], &[]);
    hold(&by(json!({"type": "string"}), json!({"type": "string"})), &right, &[json!({"v": {"kind": "a"}})], &[]);
    let same = one(&json!({"oneOf": [{"type": "integer", "minimum": 3}, {"type": "integer", "maximum": 5}]}));
    hold(&same, &[json!({"v": 4})], &[json!({"v": "a"})], &["`oneOf` of /properties/v"]);
}

#[test]
fn references_lead_anywhere_in_the_schema() {
    let mut other = one(&json!({"$ref": "#/properties/w"}));
    other["properties"]["w"] = json!({"type": "boolean"});
    hold(&other, &[json!({"v": true})], &[json!({"v": 1})], &[]);
    let mut spelled = one(&json!({"$ref": "#/$defs/a~1b%20c"}));
    spelled["$defs"] = json!({"a/b c": {"type": "boolean"}});
    hold(&spelled, &[json!({"v": true})], &[json!({"v": 1})], &[]);
    let mut node = one(&json!({"$ref": "#/$defs/node"}));
    node["$defs"] = json!({"node": {"type": "object", "properties": {"id": {"type": "integer"},
        "children": {"type": "array", "items": {"$ref": "#/$defs/node"}}}, "required": ["id"]}});
    let tree = json!({"v": {"id": 1, "children": [{"id": 2, "children": [{"id": 3}]}]}});
    hold(&node, &[tree], &[json!({"v": {"id": 1, "children": [{}]}})], &[]);
}

#[test]
fn tuples_have_their_places() {
    let pair = json!([{"type": "integer"}, {"type": "string"}]);
    let closed = one(&json!({"type": "array", "prefixItems": pair, "items": false}));
    let right = [json!({"v": [1, "a"]}), json!({"v": [1]}), json!({"v": []})];
    hold(&closed, &right, &[json!({"v": ["a"]}), json!({"v": [1, "a", 2]})], &[]);
    let old = one(&json!({"type": "array", "items": pair, "additionalItems": {"type": "boolean"}, "minItems": 2}));
    hold(&old, &[json!({"v": [1, "a"]}), json!({"v": [1, "a", true]})], &[json!({"v": [1]})], &[]);
    let none = one(&json!({"type": "array", "maxItems": 0}));
    hold(&none, &[json!({"v": []})], &[json!({"v": [1]})], &[]);
}

#[test]
fn annotations_are_not_told() {
    let mut annotated =
        one(&json!({"type": "string", "markdownDescription": "x", "enumNames": ["q"], "uniqueItems": false}));
    annotated["id"] = json!("x");
    annotated["properties"]["v"]["discriminator"] = json!({"propertyName": "kind"});
    hold(&annotated, &[json!({"v": "a"})], &[json!({})], &[]);
}

#[test]
fn members_are_counted() {
    let mut some = json!({"type": "object", "properties": {"a": {"type": "integer"}, "b": {"type": "integer"}}});
    some["minProperties"] = json!(1);
    hold(&some, &[json!({"a": 1}), json!({"a": 1, "b": 2})], &[json!({})], &[]);
    let either = json!({"type": "object", "properties": {"a": {"type": "integer"}, "b": {"type": "integer"}},
        "anyOf": [{"required": ["a"]}, {"required": ["b"]}]});
    hold(&either, &[json!({"a": 1}), json!({"b": 2})], &[json!({})], &[]);
}

/// A value that spells a control token is text: no token stands for it.
#[test]
fn a_constant_that_spells_a_control_token_is_text() {
    let schema = one(&json!({"enum": ["<|im_end|>"]}));
    for name in SHAPES {
        let format = Formats::builtin().get(name).unwrap();
        let words: Vec<Vec<u8>> = (0..=u8::MAX).map(|byte| vec![byte]).collect();
        let control = Compiler::word(b"<|im_end|>".to_vec(), true);
        let words = [words, vec![control]].concat();
        let compiler = Compiler::new(&words, &[256], |text| text.bytes().map(u32::from).collect()).unwrap();
        let constraint = constraint(&format, &schema);
        let mut matcher = constraint.matcher(&compiler, &[("<|im_end|>".to_owned(), 256)]).unwrap();
        let way = matcher.way_out().unwrap().unwrap();
        assert!(!way.contains(&256), "{name}");
        let text: Vec<u8> = way.iter().filter_map(|token| u8::try_from(*token).ok()).collect();
        assert!(String::from_utf8_lossy(&text).contains("<|im_end|>"), "{name}");
    }
}

/// A whole number that must be a multiple has no more digits than others.
#[test]
fn multiples_end() {
    let schema = one(&json!({"type": "integer", "multipleOf": 5}));
    let long = json!({"v": 1_000_000_000_000_000_u64});
    hold(&schema, &[json!({"v": 15}), json!({"v": -5})], &[json!({"v": 7}), long], &[]);
}
