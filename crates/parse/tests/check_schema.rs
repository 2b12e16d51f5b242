//! What `ToolSet::compile` makes of schemas, and what it refuses.

#![expect(
    clippy::needless_pass_by_value,
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "tables of values, read by helpers"
)]

use callwright_parse::ErrorKind;
use callwright_parse::chat::{Fault, Tool};
use callwright_parse::check::{Level, ToolSet};
use callwright_parse::schema::Kind;
use serde_json::{Value, json};

fn compile(schema: Value) -> callwright_parse::Result<ToolSet> {
    ToolSet::compile(&[Tool::new("tool", "", schema)])
}

#[track_caller]
fn normal(given: Value, normal: Value) {
    let set = compile(json!({"type": "dict", "properties": {"x": given}})).unwrap();
    assert_eq!(
        set.schema("tool").map(|schema| schema.json()),
        Some(&json!({"type": "object", "properties": {"x": normal}}))
    );
}

#[test]
fn schemas_are_normalised() {
    normal(
        json!({"type": "dict", "properties": {"type": {"type": "float"}}}),
        json!({"type": "object", "properties": {"type": {"type": "number"}}}),
    );
    normal(
        json!({"type": "tuple", "items": {"type": "STRING"}}),
        json!({"type": "array", "items": {"type": "string"}}),
    );
    normal(json!({"type": "list[int]"}), json!({"type": "array", "items": {"type": "integer"}}));
    normal(json!({"type": "Optional[str]"}), json!({"type": ["string", "null"]}));
    normal(json!({"type": "any", "description": "d"}), json!({"description": "d"}));
    normal(json!({"type": ["int"]}), json!({"type": "integer"}));
    normal(
        json!({"type": "string", "nullable": true, "enum": ["a"]}),
        json!({"type": ["string", "null"], "enum": ["a", null]}),
    );
    normal(
        json!({"type": "integer", "minimum": 0, "exclusiveMinimum": true}),
        json!({"type": "integer", "exclusiveMinimum": 0}),
    );
    normal(
        json!({"type": "array", "items": [{"type": "int"}]}),
        json!({"type": "array", "prefixItems": [{"type": "integer"}]}),
    );
    normal(json!({"type": "string", "enum": null, "default": null}), json!({"type": "string", "default": null}));
    normal(json!("int"), json!({"type": "integer"}));
    normal(json!({"enum": ["dict", "float"]}), json!({"enum": ["dict", "float"]}));
    assert_eq!(
        compile(json!(null)).unwrap().schema("tool").map(|schema| schema.json()),
        Some(&json!({"type": "object", "properties": {}}))
    );
    let required = compile(json!({"properties": {"a": {"type": "int", "required": true}}})).unwrap();
    assert_eq!(required.schema("tool").unwrap().json()["required"], json!(["a"]));
}

#[track_caller]
fn refused(schema: Value, says: &str) {
    let error = compile(schema.clone()).expect_err(&schema.to_string());
    assert_eq!(error.kind(), ErrorKind::Schema);
    let text = error.to_string();
    assert!(text.contains("`tool`") && text.contains(says), "{text}");
}

#[test]
fn only_what_is_no_schema_of_an_object_is_refused() {
    refused(json!([]), "a schema must be an object");
    refused(json!("object of things"), "a schema must be an object");
    refused(json!({"type": "string"}), "must be `object`");
    refused(json!({"anyOf": [{"type": "string"}, {"type": "integer"}]}), "allows no object");
    refused(json!({"allOf": [{"type": "object"}, {"type": "array"}]}), "allows no object");
    let mut wide = json!({"properties": {"a": {"$ref": "#/$defs/d0"}}, "$defs": {"d40": {"type": "string"}}});
    for at in 0..40 {
        let next = format!("#/$defs/d{}", at + 1);
        wide["$defs"][format!("d{at}")] = json!({"allOf": [{"$ref": next}, {"$ref": next}]});
    }
    refused(wide, "expand to more than can be checked");
    let twice = [Tool::new("a", "", json!({})), Tool::new("a", "", json!({}))];
    assert_eq!(ToolSet::compile(&twice).unwrap_err().to_string(), "two tools have the name `a`");
    assert!(ToolSet::compile(&[Tool::new("", "", json!({}))]).is_err());
}

#[test]
fn one_refused_tool_leaves_the_others() {
    let tools = [
        Tool::new("first", "", json!({"properties": {"a": {"type": "string"}}})),
        Tool::new("broken", "", json!([])),
        Tool::new("last", "", json!({"properties": {"b": {"type": "integer"}}, "required": ["b"]})),
    ];
    let set = ToolSet::compile(&tools).unwrap();
    let names: Vec<&str> = set.tools().iter().map(|tool| tool.name.as_str()).collect();
    assert_eq!(names, ["first", "last"]);
    assert_eq!(set.refused().len(), 1);
    assert_eq!(set.refused()[0].tool, "broken");
    assert!(set.refused()[0].error.to_string().contains("`broken`"));
    assert_eq!(set.check("last", json!({"b": 3}), Level::Standard, 0..1, 0).faults, []);
    let faults = set.check("broken", json!({}), Level::Standard, 0..1, 0).faults;
    assert!(matches!(faults.as_slice(), [Fault::UnknownTool { .. }]), "{faults:?}");
    assert!(ToolSet::compile_strict(&tools).unwrap_err().to_string().contains("`broken`"));
    assert_eq!(ToolSet::compile_strict(&[tools[0].clone()]).unwrap().tools().len(), 1);
}

#[test]
fn recursion_through_the_value_is_fine() {
    let tree = json!({"$defs": {"node": {"type": "object", "properties": {
        "size": {"type": "integer"}, "children": {"type": "array", "items": {"$ref": "#/$defs/node"}}}}},
        "properties": {"root": {"$ref": "#/$defs/node"}}});
    let set = compile(tree).unwrap();
    assert!(matches!(set.parameter("tool", "root").unwrap().kind(), Kind::Object(_)));
    let tree = json!({"root": {"size": "1", "children": [{"size": "2"}]}});
    let checked = set.check("tool", tree, Level::Standard, 0..1, 0);
    assert_eq!((checked.fixes.len(), checked.faults.len()), (2, 0));
    assert_eq!(checked.arguments["root"]["children"][0]["size"], 2);
}

#[test]
fn alternatives_cannot_multiply_without_bound() {
    let part = json!({"type": "object", "properties": {"x": {"$ref": "#/$defs/node"}}});
    let schema =
        |key: &str| json!({"$defs": {"node": {key: [part, part]}}, "properties": {"x": {"$ref": "#/$defs/node"}}});
    let set = compile(schema("anyOf")).unwrap();
    let deep = |depth: usize| (0..depth).fold(json!({"x": 1}), |inner, _| json!({"x": inner}));
    assert!(set.check("tool", deep(100), Level::Standard, 0..1, 0).faults[0].to_string().contains("too many parts"));
    assert_eq!(set.check("tool", deep(5), Level::Standard, 0..1, 0).faults.len(), 1);
    let both = compile(schema("allOf")).unwrap();
    assert!(!both.check("tool", deep(100), Level::Standard, 0..1, 0).faults.is_empty());
}

#[test]
fn patterns_cannot_hang() {
    let set = compile(json!({"properties": {"a": {"type": "string", "pattern": "^(a+)+$"}}})).unwrap();
    let checked = set.check("tool", json!({"a": "a".repeat(50_000) + "b"}), Level::Standard, 0..1, 0);
    assert_eq!(checked.faults.len(), 1);
}
