//! References inside one schema: refusing those that never end.
//!
//! The validator follows references as it meets them; a circle would hang it, and doubling would freeze it.

use serde_json::Value;

use crate::value::types::resolve;

/// The keywords whose schemas apply to the same value.
pub(super) const SAME_VALUE: [&str; 7] = ["allOf", "anyOf", "oneOf", "not", "if", "then", "else"];

/// So many schemas may apply to one value at most.
const WIDEST: usize = 10_000;

/// So many references may follow each other without a step into the value.
const LONGEST: usize = 32;

/// Why a schema is refused.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Endless {
    /// A reference leads back to itself without a step into the value.
    Cycle(String),
    /// References multiply.
    TooWide,
}

/// Refuses references that lead in circles, or multiply, while they apply to the same value. Recursion through
/// properties and items is fine: each step eats a piece of the value.
pub(super) fn check(root: &Value) -> Result<(), Endless> {
    let mut places = vec![root];
    while let Some(place) = places.pop() {
        if place.get("$ref").is_some() {
            width(place, root, &mut Vec::new(), &mut 0)?;
        }
        match place {
            Value::Object(map) => places.extend(map.values()),
            Value::Array(list) => places.extend(list),
            _ => {}
        }
    }
    Ok(())
}

fn width<'s>(schema: &'s Value, root: &'s Value, path: &mut Vec<&'s str>, seen: &mut usize) -> Result<(), Endless> {
    *seen += 1;
    if *seen > WIDEST || path.len() > LONGEST {
        return Err(Endless::TooWide);
    }
    let Value::Object(map) = schema else { return Ok(()) };
    if let Some(target) = map.get("$ref").and_then(Value::as_str) {
        if path.contains(&target) {
            return Err(Endless::Cycle(target.to_owned()));
        }
        if let Some(next) = resolve(target, root) {
            path.push(target);
            width(next, root, path, seen)?;
            path.pop();
        }
    }
    for key in SAME_VALUE {
        match map.get(key) {
            Some(Value::Array(parts)) => {
                for part in parts {
                    width(part, root, path, seen)?;
                }
            }
            Some(part) => width(part, root, path, seen)?,
            None => {}
        }
    }
    Ok(())
}
