//! JSON values compared as the leaderboard's checker compares them, which is as Python does.
//!
//! Its accepted values were written for `==` and `type()`: `1 == 1.0 == True`, and an empty string is how it says that
//! an argument may be left out. To compare in our own, stricter way would score another benchmark.

use serde_json::Value;

/// A type as Python's `type()` tells it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    Null,
    Boolean,
    Integer,
    Float,
    Text,
    List,
    Object,
}

impl Kind {
    pub(super) fn of(value: &Value) -> Self {
        match value {
            Value::Null => Self::Null,
            Value::Bool(_) => Self::Boolean,
            Value::Number(number) if number.is_f64() => Self::Float,
            Value::Number(_) => Self::Integer,
            Value::String(_) => Self::Text,
            Value::Array(_) => Self::List,
            Value::Object(_) => Self::Object,
        }
    }

    /// The type that the leaderboard means by a name of its own, in any of its three languages.
    pub(super) fn named(name: &str) -> Option<Self> {
        Some(match name {
            "string" | "String" | "any" | "char" => Self::Text,
            "integer" | "byte" | "short" | "long" | "Bigint" => Self::Integer,
            "float" | "double" | "number" => Self::Float,
            "boolean" | "Boolean" => Self::Boolean,
            "array" | "tuple" | "Array" | "ArrayList" | "Queue" | "Stack" => Self::List,
            "dict" | "object" | "HashMap" | "Hashtable" => Self::Object,
            _ => return None,
        })
    }

    pub(super) fn word(self) -> &'static str {
        match self {
            Self::Null => "null",
            Self::Boolean => "a boolean",
            Self::Integer => "an integer",
            Self::Float => "a number",
            Self::Text => "a string",
            Self::List => "a list",
            Self::Object => "an object",
        }
    }
}

/// Python's `==`.
pub(super) fn equal(one: &Value, other: &Value) -> bool {
    match (one, other) {
        (Value::Array(one), Value::Array(other)) => {
            one.len() == other.len() && one.iter().zip(other).all(|(one, other)| equal(one, other))
        }
        (Value::Object(one), Value::Object(other)) => {
            one.len() == other.len()
                && one.iter().all(|(key, value)| other.get(key).is_some_and(|other| equal(value, other)))
        }
        (Value::Number(_) | Value::Bool(_), Value::Number(_) | Value::Bool(_)) => {
            integer(one).zip(integer(other)).map_or_else(|| float(one) == float(other), |(one, other)| one == other)
        }
        _ => one == other,
    }
}

fn integer(value: &Value) -> Option<i128> {
    match value {
        Value::Bool(truth) => Some(i128::from(*truth)),
        Value::Number(number) => number.as_i64().map(i128::from).or_else(|| number.as_u64().map(i128::from)),
        _ => None,
    }
}

fn float(value: &Value) -> Option<f64> {
    match value {
        Value::Bool(truth) => Some(f64::from(u8::from(*truth))),
        other => other.as_f64(),
    }
}

/// A string without what the leaderboard does not look at: blanks, `,./-_*^`, case, and which quotes.
pub(super) fn folded(text: &str) -> String {
    let seen = text.chars().filter(|c| !matches!(c, ' ' | ',' | '.' | '/' | '-' | '_' | '*' | '^'));
    seen.collect::<String>().to_lowercase().replace('\'', "\"")
}

/// Equal, where strings are compared folded; lists and objects inside are not looked into.
pub(super) fn equal_folded(one: &Value, other: &Value) -> bool {
    match (one, other) {
        (Value::String(one), Value::String(other)) => folded(one) == folded(other),
        _ => equal(one, other),
    }
}
