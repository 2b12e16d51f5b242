//! How much work a validation would be, found out before it starts.
//!
//! Recursion through alternatives doubles with each level of the value, and the validator has no clock. So where a
//! schema has references, the pairs of value and schema that it would look at are counted first, up to a bound that
//! grows with the value.

use serde_json::Value;

use crate::schema::Applied;

/// Pairs that any value may cost, and those that each of its parts may cost beside.
const FREE: usize = 50_000;
const PER_PART: usize = 64;

/// Whether this value can be checked in bounded time.
pub(super) fn is_bearable(value: &Value, schema: &Applied) -> bool {
    let mut left = FREE + PER_PART * parts(value);
    let mut pairs = vec![(value, 0)];
    while let Some((value, number)) = pairs.pop() {
        let Some(next) = left.checked_sub(1) else { return false };
        left = next;
        let Some(part) = schema.part(number) else { continue };
        pairs.extend(part.same().iter().map(|number| (value, *number)));
        match value {
            Value::Object(members) => {
                for (name, inner) in members {
                    pairs.extend(part.of_member(name).map(|number| (inner, number)));
                }
            }
            Value::Array(items) => {
                for (index, item) in items.iter().enumerate() {
                    pairs.extend(part.of_item(index).map(|number| (item, number)));
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
