//! JSON's types as a small set.
//!
//! Typing a tagged parameter and coercing an argument ask the same question, which types may stand here, so it is
//! answered once. It must not know schemas.

use serde_json::Value;

/// A set of JSON types.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Types(u8);

impl Types {
    /// No type. As an answer to what a schema lets through: it does not say.
    pub const NONE: Self = Self(0);
    /// `null`.
    pub const NULL: Self = Self(1);
    /// `true` and `false`.
    pub const BOOLEAN: Self = Self(2);
    /// Whole numbers.
    pub const INTEGER: Self = Self(4);
    /// Numbers with and without a fraction; holds [`INTEGER`](Self::INTEGER).
    pub const NUMBER: Self = Self(8 | 4);
    /// Strings.
    pub const STRING: Self = Self(16);
    /// Arrays.
    pub const LIST: Self = Self(32);
    /// Objects.
    pub const OBJECT: Self = Self(64);
    /// All of them.
    pub const ALL: Self = Self(127);

    /// Whether all types of the other set are in this one.
    #[must_use]
    pub fn has(self, other: Self) -> bool {
        self.0 & other.0 == other.0
    }

    /// Whether the set holds any type.
    #[must_use]
    pub fn is_said(self) -> bool {
        self.0 != 0
    }

    /// The types of either set.
    #[must_use]
    pub fn or(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }

    /// The types of both sets.
    #[must_use]
    pub fn and(self, other: Self) -> Self {
        Self(self.0 & other.0)
    }

    /// The type with this name in JSON Schema; none where no type has it.
    #[must_use]
    pub fn named(name: &str) -> Self {
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
    #[must_use]
    pub fn of(value: &Value) -> Self {
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
}
