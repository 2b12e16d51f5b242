//! JSON's types as a small set, and which of them a schema lets through.

use serde_json::Value;

use super::refs::follow;

/// A set of JSON types. Empty means that the schema does not say.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct Types(u8);

impl Types {
    pub(super) const NONE: Self = Self(0);
    pub(super) const NULL: Self = Self(1);
    pub(super) const BOOLEAN: Self = Self(2);
    pub(super) const INTEGER: Self = Self(4);
    /// Numbers with and without a fraction; holds [`INTEGER`](Self::INTEGER).
    pub(super) const NUMBER: Self = Self(8 | 4);
    pub(super) const STRING: Self = Self(16);
    pub(super) const LIST: Self = Self(32);
    pub(super) const OBJECT: Self = Self(64);

    pub(super) fn has(self, other: Self) -> bool {
        self.0 & other.0 == other.0
    }

    pub(super) fn is_said(self) -> bool {
        self.0 != 0
    }

    pub(super) fn and(self, other: Self) -> Self {
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
    pub(super) fn of(value: &Value) -> Self {
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
    pub(super) fn allowed(schema: &Value, root: &Value) -> Self {
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
