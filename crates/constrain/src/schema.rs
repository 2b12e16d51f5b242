//! A tool's schema as the decoding grammar takes it.
//!
//! What is enforced may be narrower than what the schema allows, never wider: a model that is free to add parameters
//! of its own does so, and one that may write blanks as it likes wanders off in them. It must not know grammars of
//! formats.

use serde_json::{Value, json};

use callwright_parse::format::JsonStyle;

/// How strictly a schema is enforced.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Strictness {
    /// Exactly, or not at all.
    Full,
    /// Except for keywords that the grammar library does not support, which are left to the check.
    Relaxed,
}

/// The schema with closed objects and the options of llguidance's JSON compiler.
pub(crate) fn enforced(schema: &Value, spacing: JsonStyle, strictness: Strictness) -> Value {
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
        "item_separator": spacing.item_separator(),
        "key_separator": spacing.key_separator(),
        "lenient": strictness == Strictness::Relaxed,
        "coerce_one_of": strictness == Strictness::Relaxed,
    });
    schema
}

/// Keywords that bring schemas from elsewhere, so that an object cannot be closed by what stands beside them.
const COMBINING: [&str; 8] = ["allOf", "anyOf", "oneOf", "$ref", "if", "not", "$dynamicRef", "dependentSchemas"];
/// Keywords that already say which further members there may be, or count them.
const SAYS_OTHERS: [&str; 5] =
    ["additionalProperties", "unevaluatedProperties", "patternProperties", "propertyNames", "minProperties"];

/// Forbids additional parameters, where that cannot contradict a neighbouring schema.
fn close(schema: &mut Value) {
    let Value::Object(members) = schema else { return };
    let has = |keys: &[&str]| keys.iter().any(|key| members.contains_key(*key));
    if members.contains_key("properties") && !has(&COMBINING) && !has(&SAYS_OTHERS) {
        members.insert("additionalProperties".to_owned(), Value::Bool(false));
    }
    // Alternatives are closed each for itself only where nothing beside them adds members.
    let alone = !members.contains_key("properties");
    for (key, value) in members.iter_mut() {
        match key.as_str() {
            "properties" | "$defs" | "definitions" | "prefixItems" => each(value, close),
            "items" | "additionalProperties" => close(value),
            "anyOf" | "oneOf" if alone => each(value, close),
            _ => {}
        }
    }
}

fn each(value: &mut Value, change: fn(&mut Value)) {
    match value {
        Value::Object(members) => members.iter_mut().for_each(|(_, member)| change(member)),
        Value::Array(items) => items.iter_mut().for_each(change),
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::close;

    #[test]
    fn named_parameters_are_all_there_are() {
        let mut schema = json!({"properties": {"a": {"properties": {"b": {}}}, "c": {"type": "object"}}});
        close(&mut schema);
        assert_eq!(schema["additionalProperties"], json!(false));
        assert_eq!(schema["properties"]["a"]["additionalProperties"], json!(false));
        assert_eq!(schema["properties"]["c"], json!({"type": "object"}));
    }

    #[test]
    fn what_is_combined_stays_open() {
        let given = json!({"properties": {"a": {}}, "anyOf": [{"properties": {"b": {}}}]});
        let mut schema = given.clone();
        close(&mut schema);
        assert_eq!(schema, given);
    }
}
