//! What earlier drafts and `OpenAPI` spell in another way, as JSON Schema 2020-12 spells it.
//!
//! It must not know types or references.

use serde_json::{Map, Value, json};

use super::mend::Mending;

/// Rewrites what earlier drafts have.
pub(super) fn normalise(map: &mut Map<String, Value>, place: &str, mending: &mut Mending) {
    bounds(map, place, mending);
    tuples(map, place, mending);
    dependencies(map, place, mending);
    for (old, new) in [("$recursiveRef", "$ref"), ("$dynamicRef", "$ref")] {
        if let Some(target) = map.shift_remove(old)
            && !map.contains_key(new)
        {
            mending.mended(place, old, "read as `$ref`");
            map.insert(new.to_owned(), target);
        }
    }
}

/// Draft 4's and `OpenAPI`'s `exclusiveMinimum: true`.
fn bounds(map: &mut Map<String, Value>, place: &str, mending: &mut Mending) {
    for (exclusive, bound) in [("exclusiveMinimum", "minimum"), ("exclusiveMaximum", "maximum")] {
        let Some(Value::Bool(excluded)) = map.get(exclusive).cloned() else { continue };
        map.shift_remove(exclusive);
        if let Some(limit) = map.get(bound).cloned().filter(|_| excluded) {
            map.shift_remove(bound);
            map.insert(exclusive.to_owned(), limit);
            mending.mended(place, exclusive, format!("`true` read as a bound, with the number of `{bound}`"));
        }
    }
}

/// Earlier drafts' `items: [..]`.
fn tuples(map: &mut Map<String, Value>, place: &str, mending: &mut Mending) {
    if map.get("items").is_some_and(Value::is_array) {
        mending.mended(place, "items", "a list of schemas read as `prefixItems`");
        if let Some(items) =
            map.shift_remove("items").filter(|items| items.as_array().is_some_and(|list| !list.is_empty()))
        {
            map.insert("prefixItems".to_owned(), items);
        }
        if let Some(rest) = map.shift_remove("additionalItems") {
            map.insert("items".to_owned(), rest);
        }
    }
    map.shift_remove("additionalItems");
}

/// Earlier drafts' `dependencies`.
fn dependencies(map: &mut Map<String, Value>, place: &str, mending: &mut Mending) {
    let Some(old) = map.shift_remove("dependencies") else { return };
    let Value::Object(old) = old else { return mending.ignored(place, "dependencies", "not an object") };
    mending.mended(place, "dependencies", "read as `dependentRequired` and `dependentSchemas`");
    for (name, needs) in old {
        let key = if needs.is_array() { "dependentRequired" } else { "dependentSchemas" };
        if let Some(new) = map.entry(key).or_insert_with(|| json!({})).as_object_mut() {
            new.insert(name, needs);
        }
    }
}
