//! What a typed schema says: kinds, merged `allOf`, alternatives, and references.

#![expect(
    clippy::needless_pass_by_value,
    clippy::unwrap_used,
    clippy::panic,
    reason = "tables of values, read by helpers"
)]

mod said;

use callwright_parse::schema::{Apart, Kind, Schema, StringFormat, Types, View};
use said::said;
use serde_json::{Value, json};

fn schema(given: Value) -> Schema {
    Schema::of_value(&given).unwrap()
}

#[track_caller]
fn says(given: Value, expected: &str) {
    let schema = schema(given.clone());
    assert_eq!(said(schema.root()), expected, "{given}");
}

#[test]
fn kinds() {
    says(json!(true), "any");
    says(json!({}), "any");
    says(json!(false), "[]");
    says(json!({"type": "null"}), "null");
    says(json!({"type": "boolean"}), "boolean");
    says(json!({"type": "integer", "minimum": 1, "exclusiveMaximum": 9.5}), "integer 1..9.5!");
    says(json!({"type": "number", "minimum": 3, "exclusiveMinimum": 3, "multipleOf": 0.5}), "number 3!.. 0.5");
    says(json!({"type": "string", "minLength": 2, "maxLength": 5, "pattern": "^a"}), "string 2..5 ^a");
    says(json!({"type": "string", "format": "date"}), "string 0.. date");
    says(json!({"type": "array", "items": {"type": "null"}, "maxItems": 3}), "array 0..3 [; null]");
    says(
        json!({"type": "array", "prefixItems": [{"type": "null"}, {"type": "boolean"}], "items": false, "uniqueItems": true}),
        "array 0.. [null, boolean; nothing] unique",
    );
    says(json!({"type": "array", "contains": {"const": 1}}), "array 0.. [; any] with [1]");
    says(
        json!({"type": "object", "properties": {"a": {"type": "null"}, "b": {}}, "required": ["b", "ghost"]}),
        "{a: null, b!: any, ghost!: any}",
    );
    says(
        json!({"type": "object", "patternProperties": {"^x": {"type": "null"}}, "additionalProperties": {"type": "boolean"}}),
        "{/^x/: null, others: boolean}",
    );
    says(json!({"type": "object", "additionalProperties": true}), "{others: any}");
    says(json!({"type": ["string", "null"], "maxLength": 3}), "(null or string 0..3)");
    says(json!({"enum": ["a", 1, 1.0, null]}), r#"["a",1,null]"#);
    says(json!({"const": {"a": 1}}), r#"[{"a":1}]"#);
}

/// Where no type is said, keywords that speak of one type mean it; those of several keep all types.
#[test]
fn types_that_are_meant() {
    says(json!({"properties": {"a": {}}}), "{a: any}");
    says(json!({"items": {"type": "null"}}), "array 0.. [; null]");
    says(json!({"minLength": 2}), "string 2..");
    says(json!({"multipleOf": 5}), "number .. 5");
    let both = schema(json!({"minLength": 2, "minimum": 1}));
    assert_eq!(View::of(&both).types(), Types::ALL);
}

#[test]
fn constants_satisfy_what_stands_beside_them() {
    says(json!({"type": "string", "enum": ["a", 1, "bc"], "maxLength": 1}), r#"["a"]"#);
    says(json!({"type": "integer", "enum": [1, 2.0, 2.5]}), "[1,2.0]");
    says(json!({"enum": [1, 2, 3], "minimum": 2, "not": {"const": 3}}), "[2,3] beyond not");
    says(json!({"enum": ["ab", "cb", 4], "pattern": "^a"}), r#"["ab",4]"#);
    says(json!({"enum": [1, 2], "const": 2}), "[2]");
    says(json!({"allOf": [{"enum": [1, 2, 3]}, {"enum": [2, 3, 4]}]}), "[2,3]");
    says(json!({"type": "string", "const": 1}), "[]");
}

#[test]
fn all_of_is_merged() {
    says(
        json!({"allOf": [{"type": "object", "properties": {"x": {"type": "null"}}, "required": ["x"]}, {"properties": {"y": {"minLength": 1}}}]}),
        "{x!: null, y: string 1..}",
    );
    says(json!({"type": "number", "allOf": [{"minimum": 1}, {"maximum": 4}, {"minimum": 2}]}), "number 2..4");
    says(json!({"type": "number", "allOf": [{"type": "integer"}]}), "integer ..");
    says(
        json!({"allOf": [{"pattern": "^a"}, {"pattern": "b$", "maxLength": 9}, {"maxLength": 3}]}),
        "string 0..3 ^a & b$",
    );
    // Each schema's other members are only those that it does not list itself.
    says(
        json!({"allOf": [{"properties": {"a": {}}, "additionalProperties": false}, {"properties": {"a": {"type": "null"}, "b": {}}}]}),
        "{a: null, b: [], closed}",
    );
    says(
        json!({"allOf": [{"items": {"minLength": 1}}, {"prefixItems": [{"maxLength": 2}]}]}),
        "array 0.. [string 1..2; string 1..]",
    );
    says(json!({"allOf": [{"type": "string"}, {"type": "integer"}]}), "[]");
    // What is left over is known to the schema around the parts, not to one of them.
    says(
        json!({"allOf": [{"properties": {"a": {}}}], "properties": {"b": {}}, "unevaluatedProperties": false}),
        "{b: any, a: any, closed}",
    );
    says(
        json!({"allOf": [{"properties": {"a": {}}, "unevaluatedProperties": false}], "properties": {"b": {}}}),
        "{b: any, a: any} beyond unevaluatedProperties",
    );
}

#[test]
fn references() {
    let defs = json!({"B": {"type": "object", "properties": {"x": {"type": "integer"}}, "required": ["x"]}, "a/b c": {"type": "boolean"}});
    let with = |rest: Value| {
        let mut whole = rest;
        whole["$defs"] = defs.clone();
        whole
    };
    let named = |given: Value| {
        let schema = schema(given);
        let names: Vec<String> = (0..schema.names()).map(|number| said(schema.named(number))).collect();
        (said(schema.root()), names)
    };
    let one = |name: &str| vec![name.to_owned()];
    let refers = |target: &str| named(with(json!({"properties": {"p": {"$ref": target}, "q": {"$ref": target}}})));
    for target in ["#/$defs/a~1b%20c", "#/$defs/a~1b c", "#/%24defs/a~1b%20c"] {
        assert_eq!(refers(target), ("{p: @0, q: @0}".to_owned(), one("boolean")), "{target}");
    }
    assert_eq!(
        named(json!({"properties": {"l": {"type": "null"}, "r": {"$ref": "#/properties/l"}}})),
        ("{l: null, r: @0}".to_owned(), one("null"))
    );
    // Beside other keywords, a reference is merged with them.
    assert_eq!(
        named(with(json!({"allOf": [{"$ref": "#/$defs/B"}, {"properties": {"y": {"type": "null"}}}]}))).0,
        "{x!: integer .., y: null}"
    );
    assert_eq!(named(with(json!({"$ref": "#/$defs/B", "maxProperties": 1}))).0, "{x!: integer ..}");
    assert_eq!(named(with(json!({"allOf": [{"$ref": "#/$defs/B"}]}))).0, "@0");
    // Recursion stays.
    let tree = json!({"$ref": "#/$defs/node", "$defs": {"node": {"properties": {"next": {"$ref": "#/$defs/node"}}}}});
    assert_eq!(named(tree), ("@0".to_owned(), one("{next: @0}")));
    let lists = json!({"anyOf": [{"type": "string"}, {"type": "array", "items": {"$ref": "#"}}]});
    assert_eq!(named(lists).0, "(string 0.. or array 0.. [; @0])");
    // Anchors, bases, and places that no keyword holds.
    assert_eq!(
        named(json!({"items": {"$ref": "#it"}, "$defs": {"n": {"$anchor": "it", "type": "null"}}})).0,
        "array 0.. [; @0]"
    );
    let based = json!({"$id": "urn:example:tool", "items": {"$ref": "urn:example:tool#/$defs/n"}, "$defs": {"n": {"type": "null"}}});
    assert_eq!(named(based), ("array 0.. [; @0]".to_owned(), one("null")));
    assert_eq!(
        named(json!({"items": {"$ref": "#/shared/n"}, "shared": {"n": {"type": "float"}}})),
        ("array 0.. [; @0]".to_owned(), one("number .."))
    );
}

#[test]
fn alternatives_are_complete() {
    says(json!({"anyOf": [{"type": "string"}, {"type": "null"}]}), "(string 0.. or null)");
    says(
        json!({"type": "string", "oneOf": [{"maxLength": 1}, {"minLength": 5}]}),
        "(string 0..1 xor string 5.. beside string 0..)",
    );
    says(
        json!({"properties": {"a": {}, "b": {}}, "anyOf": [{"required": ["a"]}, {"required": ["b"]}]}),
        "({a!: any, b: any} or {a: any, b!: any} beside {a: any, b: any})",
    );
    // What cannot be is left out, and one that is left stands alone.
    says(json!({"type": "string", "anyOf": [{"maxLength": 1}, {"type": "null"}]}), "string 0..1");
    says(json!({"anyOf": [{"type": "null"}, false]}), "null");
    // Constants of alternatives are one enum.
    says(json!({"anyOf": [{"const": "a"}, {"enum": ["b", "a"]}]}), r#"["a","b"]"#);
    says(json!({"oneOf": [{"const": 1}, {"const": 2}]}), "[1,2]");
    says(json!({"oneOf": [{"enum": [1, 2]}, {"enum": [2, 3]}]}), "([1,2] xor [2,3])");
    // Two choices side by side.
    says(
        json!({"type": "string", "anyOf": [{"minLength": 1}, {"minLength": 3}], "oneOf": [{"maxLength": 5}, {"maxLength": 7}]}),
        "((string 1..5 xor string 1..7 beside string 1..) or (string 3..5 xor string 3..7 beside string 3..) beside (string 0..5 xor string 0..7 beside string 0..))",
    );
    // A type that is only meant makes an alternative narrower than it is, so `oneOf` is left to the check.
    says(json!({"oneOf": [{"maxLength": 5}, {"type": "null"}]}), "(string 0..5 xor null) beyond oneOf");
}

#[test]
fn alternatives_are_told_apart() {
    let apart = |given: Value| {
        let schema = schema(given);
        let Kind::Either(either) = &schema.root().kind else { panic!("no alternatives") };
        schema.apart(either)
    };
    let object =
        |properties: Value, required: Value| json!({"type": "object", "properties": properties, "required": required});
    assert_eq!(apart(json!({"oneOf": [{"type": "string"}, {"type": "integer"}]})), Apart::Values);
    assert_eq!(apart(json!({"oneOf": [{"type": "number"}, {"type": "integer"}]})), Apart::Unclear);
    assert_eq!(apart(json!({"oneOf": [{"type": "string"}, {"const": 1}]})), Apart::Values);
    let tagged = |one: Value, other: Value| json!({"oneOf": [object(json!({"v": {}, "kind": one}), json!(["kind"])), object(json!({"v": {}, "kind": other}), json!(["kind"]))]});
    assert_eq!(apart(tagged(json!({"const": "a"}), json!({"enum": ["b", "c"]}))), Apart::Tag("kind".to_owned()));
    assert_eq!(apart(tagged(json!({"const": "a"}), json!({"enum": ["b", "a"]}))), Apart::Unclear);
    let keys = json!({"oneOf": [object(json!({"id": {}, "z": {}}), json!(["id"])), object(json!({"name": {}, "z": {}}), json!(["name", "z"]))]});
    assert_eq!(apart(keys), Apart::Keys);
    let shared = json!({"oneOf": [object(json!({"id": {}}), json!(["id"])), object(json!({"id": {}, "name": {}}), json!(["name"]))]});
    assert_eq!(apart(shared), Apart::Unclear);
}

#[test]
fn parameters_are_those_of_all_alternatives() {
    let names = |given: Value| {
        let schema = Schema::of_tool(&given).unwrap();
        let members = schema.members().iter();
        members
            .map(|member| format!("{}{}: {}", member.key, if member.required { "!" } else { "" }, said(&member.node)))
            .collect::<Vec<_>>()
    };
    assert_eq!(
        names(json!({"allOf": [{"properties": {"x": {"type": "null"}}}, {"required": ["y"]}]})),
        ["x: null", "y!: any"]
    );
    assert_eq!(
        names(
            json!({"oneOf": [{"properties": {"x": {"type": "null"}, "k": {"const": 1}}, "required": ["k"]}, {"properties": {"k": {"const": 2}}, "required": ["k"]}]})
        ),
        ["x: null", "k!: ([1] or [2])"]
    );
}

#[test]
fn what_kinds_do_not_say_is_named() {
    says(json!({"type": "string", "not": {"const": "a"}}), "string 0.. beyond not");
    says(
        json!({"properties": {"a": {}}, "if": {"required": ["a"]}, "then": {"required": ["b"]}}),
        "{a: any} beyond if",
    );
    says(json!({"properties": {"a": {}}, "if": {"required": ["a"]}}), "{a: any}");
    says(
        json!({"properties": {"a": {}}, "dependentSchemas": {"a": {"required": ["b"]}}}),
        "{a: any} beyond dependentSchemas",
    );
}

#[test]
fn a_schema_as_deep_as_it_likes_is_typed() {
    let deep = (0..500).fold(json!({"type": "null"}), |inner, _| json!({"type": "array", "items": inner}));
    let schema = schema(deep);
    assert!(schema.told().iter().any(|told| told.why.contains("too deeply")));
    let wide = (0..3000)
        .map(|at| (format!("k{at}"), json!({"anyOf": [{"type": "string"}, {"type": "integer"}]})))
        .collect::<serde_json::Map<_, _>>();
    let schema = Schema::of_tool(&json!({"properties": wide})).unwrap();
    assert_eq!(schema.members().len(), 3000);
    assert!(schema.members().iter().all(|member| member.node.kind != Kind::Any));
}

#[test]
fn formats_have_the_names_that_the_standard_has() {
    for format in StringFormat::ALL {
        assert_eq!(StringFormat::named(format.as_str()), Some(format));
    }
    assert_eq!(StringFormat::named("isbn"), None);
}
