//! How much work a validation would be, found out before it starts.
//!
//! Recursion through alternatives doubles with each level of the value, and the validator has no clock. So where a
//! schema has references, the pairs of value and schema that it would look at are counted first, up to a bound that
//! grows with the value.

use serde_json::Value;

use crate::schema::refs::{SAME_VALUE, resolve};

/// Pairs that any value may cost, and those that each of its parts may cost beside.
const FREE: usize = 50_000;
const PER_PART: usize = 64;

/// Whether a schema can cost more than its size times the value's.
pub(super) fn may_multiply(schema: &Value) -> bool {
    let mut places = vec![schema];
    while let Some(place) = places.pop() {
        match place {
            Value::Object(map) if map.contains_key("$ref") || map.contains_key("$dynamicRef") => return true,
            Value::Object(map) => places.extend(map.values()),
            Value::Array(list) => places.extend(list),
            _ => {}
        }
    }
    false
}

/// Whether this value can be checked in bounded time.
pub(super) fn is_bearable(value: &Value, root: &Value) -> bool {
    let mut left = FREE + PER_PART * parts(value);
    let mut pairs = vec![(value, root)];
    while let Some((value, schema)) = pairs.pop() {
        let Some(next) = left.checked_sub(1) else { return false };
        left = next;
        let Value::Object(schema) = schema else { continue };
        for key in ["$ref", "$dynamicRef"] {
            let target = schema.get(key).and_then(Value::as_str).and_then(|target| resolve(target, root));
            pairs.extend(target.map(|target| (value, target)));
        }
        for key in SAME_VALUE {
            match schema.get(key) {
                Some(Value::Array(several)) => pairs.extend(several.iter().map(|part| (value, part))),
                Some(part) => pairs.push((value, part)),
                None => {}
            }
        }
        match value {
            Value::Object(object) => {
                let own = |key: &str| schema.get("properties").and_then(|properties| properties.get(key));
                let more: Vec<&Value> = ["additionalProperties", "unevaluatedProperties"]
                    .into_iter()
                    .filter_map(|key| schema.get(key))
                    .chain(
                        schema
                            .get("patternProperties")
                            .and_then(Value::as_object)
                            .into_iter()
                            .flat_map(|map| map.values()),
                    )
                    .collect();
                for (key, inner) in object {
                    pairs.extend(own(key).into_iter().chain(more.iter().copied()).map(|schema| (inner, schema)));
                }
                let dependent = schema.get("dependentSchemas").and_then(Value::as_object);
                pairs.extend(dependent.into_iter().flat_map(|map| map.values()).map(|part| (value, part)));
            }
            Value::Array(items) => {
                let first = schema.get("prefixItems").and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
                let more = || ["items", "contains", "unevaluatedItems"].into_iter().filter_map(|key| schema.get(key));
                for (index, item) in items.iter().enumerate() {
                    pairs.extend(first.get(index).into_iter().chain(more()).map(|schema| (item, schema)));
                }
            }
            _ => {}
        }
    }
    true
}

/// How many values a value is made of.
fn parts(value: &Value) -> usize {
    let mut count = 0;
    let mut left = vec![value];
    while let Some(value) = left.pop() {
        count += 1;
        match value {
            Value::Array(items) => left.extend(items),
            Value::Object(map) => left.extend(map.values()),
            _ => {}
        }
    }
    count
}
