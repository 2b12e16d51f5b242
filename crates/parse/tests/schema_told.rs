//! Odd schemas: what they are read as, and what is told of it.

#![expect(clippy::needless_pass_by_value, clippy::unwrap_used, reason = "tables of values, read by helpers")]

mod said;

use callwright_parse::schema::{Degree, Schema};
use said::said;
use serde_json::{Value, json};

/// What is told of this schema, of a parameter `p`.
#[track_caller]
fn told(given: Value, expected: &[(Degree, &str, &str)]) -> Schema {
    let schema = Schema::of_tool(&json!({"properties": {"p": given}})).unwrap();
    let told: Vec<_> =
        schema.told().iter().map(|told| (told.degree, told.keyword.as_str(), told.place.as_str())).collect();
    let expected: Vec<_> =
        expected.iter().map(|(degree, keyword, rest)| (*degree, *keyword, format!("/properties/p{rest}"))).collect();
    let expected: Vec<_> =
        expected.iter().map(|(degree, keyword, place)| (*degree, *keyword, place.as_str())).collect();
    assert_eq!(told, expected, "{given}");
    assert!(schema.told().iter().all(|told| !told.why.is_empty()));
    schema
}

#[test]
fn what_is_mended_is_told() {
    use Degree::Mended;
    let kind = |given: Value, keyword: &str, expected: &str| {
        let schema = told(given.clone(), &[(Mended, keyword, "")]);
        assert_eq!(said(&schema.members()[0].node), expected, "{given}");
    };
    kind(json!({"type": "float"}), "type", "number ..");
    kind(json!({"type": "object", "properties": []}), "properties", "{}");
    kind(json!({"properties": {"a": {}}, "required": ["a", "a"]}), "required", "{a!: any}");
    kind(json!({"properties": {"a": {}}, "required": "a"}), "required", "{a!: any}");
    kind(
        json!({"properties": {"a": {}}, "required": ["b"], "additionalProperties": false}),
        "required",
        "{a: any, b!: any, closed}",
    );
    kind(json!({"type": "string", "minLength": 2.0}), "minLength", "string 2..");
    kind(json!({"type": "integer", "minimum": "3"}), "minimum", "integer 3..");
    kind(
        json!({"type": "array", "items": [{"type": "null"}], "additionalItems": false}),
        "items",
        "array 0.. [null; nothing]",
    );
    kind(json!({"type": "string", "nullable": true}), "nullable", "(null or string 0..)");
    kind(json!({"type": "integer", "minimum": 0, "exclusiveMinimum": true}), "exclusiveMinimum", "integer 0!..");
    kind(json!({"type": "array", "uniqueItems": "true"}), "uniqueItems", "array 0.. [; any] unique");
    kind(json!({"type": "object", "dependencies": {"a": ["b"]}}), "dependencies", "{}");
    kind(json!({"enum": "only"}), "enum", r#"["only"]"#);
    kind(json!({"type": "string", "enum": []}), "enum", "[]");
    kind(json!({"anyOf": {"type": "null"}}), "anyOf", "null");
}

#[test]
fn what_has_no_meaning_is_left_out_there_and_told() {
    use Degree::Ignored;
    let kind = |given: Value, keyword: &str, expected: &str| {
        let schema = told(given.clone(), &[(Ignored, keyword, "")]);
        assert_eq!(said(&schema.members()[0].node), expected, "{given}");
    };
    kind(json!({"type": "file", "description": "d"}), "type", "any");
    kind(json!({"type": "string", "pattern": "([a-z"}), "pattern", "string 0..");
    kind(json!({"type": "string", "pattern": "(((a{1000}){1000}){1000})"}), "pattern", "string 0..");
    kind(json!({"type": "string", "format": "isbn"}), "format", "string 0..");
    kind(json!({"type": "string", "minLength": -1}), "minLength", "string 0..");
    kind(json!({"type": "integer", "minimum": "x"}), "minimum", "integer ..");
    kind(json!({"type": "integer", "multipleOf": 0}), "multipleOf", "integer ..");
    kind(json!({"type": "object", "properties": 7}), "properties", "{}");
    kind(json!({"type": "string", "maxlength": 3}), "maxlength", "string 0..");
    kind(json!({"$ref": "#/$defs/none"}), "$ref", "any");
    kind(json!({"$ref": "https://example.com/a.json", "type": "object"}), "$ref", "{}");
    kind(json!({"$ref": "#/properties/p"}), "$ref", "any");
    kind(json!(5), "properties", "any");
    let circle = Schema::of_tool(&json!({"$defs": {"a": {"anyOf": [{"$ref": "#/$defs/a"}, {"type": "null"}]}}, "properties": {"p": {"$ref": "#/$defs/a"}}})).unwrap();
    assert_eq!(circle.told().len(), 1);
    assert_eq!(circle.told()[0].place, "/$defs/a/anyOf/0");
}

#[test]
fn annotations_are_not_told() {
    let schema = told(
        json!({
            "type": "string", "id": "n", "title": "t", "description": "d", "default": "x", "examples": ["e"],
            "deprecated": true, "readOnly": false, "enumNames": ["one"], "markdownDescription": "*d*", "discriminator": {"propertyName": "k"},
            "x-order": 1, "contentEncoding": "base64", "$comment": "c", "format": "uuid",
        }),
        &[],
    );
    assert_eq!(said(&schema.members()[0].node), "string 0.. uuid");
}
