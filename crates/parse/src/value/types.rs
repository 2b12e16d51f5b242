//! JSON's types as a small set, and which of them a schema lets through.
//!
//! Typing a tagged parameter and coercing an argument ask the same question, so it is answered once, here. Schemas come
//! normalised; `root` is the document that their references point into.

use serde_json::Value;

/// A set of JSON types. Empty means that the schema does not say.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct Types(u8);

impl Types {
    pub(crate) const NONE: Self = Self(0);
    pub(crate) const NULL: Self = Self(1);
    pub(crate) const BOOLEAN: Self = Self(2);
    pub(crate) const INTEGER: Self = Self(4);
    /// Numbers with and without a fraction; holds [`INTEGER`](Self::INTEGER).
    pub(crate) const NUMBER: Self = Self(8 | 4);
    pub(crate) const STRING: Self = Self(16);
    pub(crate) const LIST: Self = Self(32);
    pub(crate) const OBJECT: Self = Self(64);

    pub(crate) fn has(self, other: Self) -> bool {
        self.0 & other.0 == other.0
    }

    pub(crate) fn is_said(self) -> bool {
        self.0 != 0
    }

    pub(crate) fn and(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }

    /// The type with this name in a normalised schema.
    fn named(name: &str) -> Self {
        match name {
            "null" => Self::NULL,
            "boolean" => Self::BOOLEAN,
            "integer" => Self::INTEGER,
            "number" => Self::NUMBER,
            "string" => Self::STRING,
            "array" => Self::LIST,
            "object" => Self::OBJECT,
            _ => Self::NONE,
        }
    }

    /// The narrowest type of this value: `5.0` is a number.
    pub(crate) fn of(value: &Value) -> Self {
        match value {
            Value::Null => Self::NULL,
            Value::Bool(_) => Self::BOOLEAN,
            Value::Number(number) if number.is_f64() => Self::NUMBER,
            Value::Number(_) => Self::INTEGER,
            Value::String(_) => Self::STRING,
            Value::Array(_) => Self::LIST,
            Value::Object(_) => Self::OBJECT,
        }
    }

    /// The types that a schema lets through, as far as `type`, `enum`, `const` and alternatives say.
    pub(crate) fn allowed(schema: &Value, root: &Value) -> Self {
        Self::gather(schema, root, 0)
    }

    fn gather(schema: &Value, root: &Value, depth: usize) -> Self {
        if depth > 8 {
            return Self::NONE;
        }
        let Value::Object(map) = follow(schema, root) else { return Self::NONE };
        match map.get("type") {
            Some(Value::String(name)) => return Self::named(name),
            Some(Value::Array(names)) => {
                return names.iter().filter_map(Value::as_str).map(Self::named).fold(Self::NONE, Self::and);
            }
            _ => {}
        }
        if let Some(Value::Array(members)) = map.get("enum") {
            return members.iter().map(Self::of).fold(Self::NONE, Self::and);
        }
        if let Some(value) = map.get("const") {
            return Self::of(value);
        }
        for key in ["anyOf", "oneOf"] {
            if let Some(Value::Array(parts)) = map.get(key) {
                let parts = parts.iter().map(|part| Self::gather(part, root, depth + 1));
                let union = parts
                    .reduce(|one, other| if one.is_said() && other.is_said() { one.and(other) } else { Self::NONE });
                return union.unwrap_or_default();
            }
        }
        if let Some(Value::Array(parts)) = map.get("allOf") {
            let mut said = parts.iter().map(|part| Self::gather(part, root, depth + 1)).filter(|types| types.is_said());
            return said.next().unwrap_or_default();
        }
        Self::NONE
    }
}

/// References that lead to references are followed this far.
const HOPS: usize = 32;

/// The schema that a `$ref` into this document stands for, or the schema itself.
pub(crate) fn follow<'s>(mut schema: &'s Value, root: &'s Value) -> &'s Value {
    for _ in 0..HOPS {
        let Some(target) = schema.get("$ref").and_then(Value::as_str).and_then(|target| resolve(target, root)) else {
            return schema;
        };
        schema = target;
    }
    schema
}

/// The place in this document that `#/..` names.
pub(crate) fn resolve<'s>(target: &str, root: &'s Value) -> Option<&'s Value> {
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
        let code = code.and_then(|hex| u8::from_str_radix(hex, 16).ok()).filter(|_| byte == b'%');
        at += if code.is_some() { 3 } else { 1 };
        out.push(code.unwrap_or(byte));
    }
    String::from_utf8_lossy(&out).into_owned()
}
