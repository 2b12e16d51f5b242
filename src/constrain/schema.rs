//! A tool's schema as the decoding grammar takes it.
//!
//! What is enforced may be narrower than what the schema allows, never wider: a model that is free to add parameters
//! of its own does so, and one that may write blanks as it likes wanders off in them. It must not know grammars of
//! formats.

use serde_json::{Map, Value, json};

/// How JSON is spaced in the texts that a model was trained on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Spacing {
    /// Between items, as `", "`.
    pub(crate) item: String,
    /// Between a key and its value, as `": "`.
    pub(crate) key: String,
}

/// The schema with closed objects and the options of llguidance's JSON compiler.
pub(crate) fn enforced(schema: &Value, spacing: &Spacing) -> Value {
    let mut schema = schema.clone();
    close(&mut schema);
    if let Value::Object(members) = &mut schema {
        // Annotations that constrain nothing, and one that llguidance would try to fetch.
        members.retain(|key, _| !matches!(key.as_str(), "$schema" | "$id" | "$comment"));
    } else {
        schema = json!({"allOf": [schema]});
    }
    schema["x-guidance"] = json!({
        "whitespace_flexible": false,
        "item_separator": spacing.item,
        "key_separator": spacing.key,
    });
    schema
}

/// Forbids parameters that no one named, where that cannot contradict a schema beside it.
fn close(schema: &mut Value) {
    let Value::Object(members) = schema else { return };
    let combined = ["allOf", "anyOf", "oneOf", "$ref", "if", "not", "$dynamicRef"].iter().any(|key| members.contains_key(*key));
    let says_others = ["additionalProperties", "unevaluatedProperties", "patternProperties", "propertyNames"];
    let open = !says_others.iter().any(|key| members.contains_key(*key)) && !members.contains_key("minProperties");
    if members.contains_key("properties") && open && !combined {
        members.insert("additionalProperties".to_owned(), Value::Bool(false));
    }
    for (key, value) in members.iter_mut() {
        match key.as_str() {
            "properties" | "$defs" | "definitions" => each(value, close),
            "items" | "additionalProperties" => close(value),
            "prefixItems" | "anyOf" | "oneOf" if !has_siblings_of_anyof(key, combined) => each(value, close),
            _ => {}
        }
    }
}

/// Alternatives are closed each for itself only where nothing outside them adds properties.
fn has_siblings_of_anyof(key: &str, combined: bool) -> bool {
    key != "prefixItems" && !combined
}

fn each(value: &mut Value, change: fn(&mut Value)) {
    match value {
        Value::Object(members) => members.iter_mut().for_each(|(_, member)| change(member)),
        Value::Array(items) => items.iter_mut().for_each(change),
        _ => {}
    }
}

/// The schema of one member of an object's properties, for formats that write parameters one by one.
pub(crate) fn properties(schema: &Value) -> Map<String, Value> {
    schema.get("properties").and_then(Value::as_object).cloned().unwrap_or_default()
}
