//! References inside one schema: following them, and refusing those that never end.

use serde_json::Value;

/// References that lead to references are followed this far.
const HOPS: usize = 32;

/// The schema that a `$ref` into this document stands for, or the schema itself.
pub(super) fn follow<'s>(mut schema: &'s Value, root: &'s Value) -> &'s Value {
    for _ in 0..HOPS {
        let Some(target) = schema.get("$ref").and_then(Value::as_str).and_then(|target| resolve(target, root)) else {
            return schema;
        };
        schema = target;
    }
    schema
}

/// The place in this document that `#/..` names.
pub(super) fn resolve<'s>(target: &str, root: &'s Value) -> Option<&'s Value> {
    let pointer = target.strip_prefix('#')?;
    if pointer.contains('%') { root.pointer(&decoded(pointer)) } else { root.pointer(pointer) }
}

/// Percent signs decoded, as fragments may be written.
fn decoded(text: &str) -> String {
    let bytes = text.as_bytes();
    let mut out = Vec::with_capacity(bytes.len());
    let mut at = 0;
    while let Some(&byte) = bytes.get(at) {
        let code = bytes.get(at + 1..at + 3).and_then(|hex| std::str::from_utf8(hex).ok());
        match code.and_then(|hex| u8::from_str_radix(hex, 16).ok()).filter(|_| byte == b'%') {
            Some(code) => {
                out.push(code);
                at += 3;
            }
            None => {
                out.push(byte);
                at += 1;
            }
        }
    }
    String::from_utf8_lossy(&out).into_owned()
}

/// The keywords whose schemas apply to the same value.
const SAME_VALUE: [&str; 7] = ["allOf", "anyOf", "oneOf", "not", "if", "then", "else"];

/// So many schemas may apply to one value at most.
const WIDEST: usize = 10_000;

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
    if *seen > WIDEST || path.len() > 128 {
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
