//! A tagged parameter's text, typed through its schema.
//!
//! Tags carry no types, so `5` may be the number or the text. The schema decides; where it allows both, only text that
//! is exactly how JSON writes the other type is taken as such, and all else stays text to the letter.

use serde_json::Value;

use super::reader::{Ending, Home};
use super::{Reading, literal, number, read};
use crate::chat::{Fix, FixKind};

/// Types a parameter's text through its schema: `007` stays a string where a string is allowed, JSON text becomes a
/// list or object where one is wanted. Never fails: text that fits no type stays a string, for the check to report.
///
/// ```
/// use callwright::value::typed;
/// use serde_json::json;
/// assert_eq!(typed("007", &json!({"type": "string"})).value, json!("007"));
/// assert_eq!(typed("7", &json!({"type": "integer"})).value, json!(7));
/// assert_eq!(typed("[1, 2]", &json!({"type": "array"})).value, json!([1, 2]));
/// ```
#[must_use]
pub fn typed(text: &str, schema: &Value) -> Reading {
    let mut allowed = Allowed::default();
    allowed.gather(schema, 0);
    if allowed.enumerated {
        if let Some(reading) = member(text, schema) {
            return reading;
        }
    }
    let trimmed = text.trim();
    let start = text.len() - text.trim_start().len();
    let found = if allowed.is_unknown() {
        exact(trimmed).filter(|value| !value.is_string()).map(|value| (value, Vec::new()))
    } else if allowed.string {
        exact(trimmed)
            .filter(|value| allowed.has(value))
            .map(|value| (value, Vec::new()))
            .or_else(|| allowed.null(trimmed, start))
    } else {
        loose(trimmed, start, text)
    };
    let (value, fixes) = found.unwrap_or_else(|| (Value::String(text.to_owned()), Vec::new()));
    Reading { value, end: text.len(), fixes }
}

/// The types that a schema lets through; none means that it does not say.
#[derive(Debug, Default)]
struct Allowed {
    null: bool,
    boolean: bool,
    number: bool,
    list: bool,
    object: bool,
    string: bool,
    /// Some part of the schema is not understood here.
    open: bool,
    enumerated: bool,
}

impl Allowed {
    fn gather(&mut self, schema: &Value, depth: usize) {
        let Value::Object(map) = schema else {
            self.open = true;
            return;
        };
        if depth > 8 {
            self.open = true;
            return;
        }
        let mut said = false;
        if map.get("nullable") == Some(&Value::Bool(true)) {
            self.null = true;
        }
        match map.get("type") {
            Some(Value::String(name)) => {
                said = true;
                self.name(name);
            }
            Some(Value::Array(names)) => {
                said = true;
                names.iter().filter_map(Value::as_str).for_each(|name| self.name(name));
            }
            _ => {}
        }
        let members = map.get("enum").and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
        for member in members.iter().chain(map.get("const")) {
            self.enumerated = true;
            if !said {
                self.value(member);
            }
        }
        said |= self.enumerated && depth == 0 || !members.is_empty();
        for key in ["anyOf", "oneOf", "allOf"] {
            for part in map.get(key).and_then(Value::as_array).into_iter().flatten() {
                said = true;
                self.gather(part, depth + 1);
            }
        }
        if !said {
            self.object |= map.contains_key("properties");
            self.list |= map.contains_key("items");
            self.open |= !map.contains_key("properties") && !map.contains_key("items");
        }
    }

    fn name(&mut self, name: &str) {
        match name {
            "null" => self.null = true,
            "boolean" => self.boolean = true,
            "integer" | "number" => self.number = true,
            "array" => self.list = true,
            "object" => self.object = true,
            "string" => self.string = true,
            _ => self.open = true,
        }
    }

    fn value(&mut self, value: &Value) {
        self.name(match value {
            Value::Null => "null",
            Value::Bool(_) => "boolean",
            Value::Number(_) => "number",
            Value::String(_) => "string",
            Value::Array(_) => "array",
            Value::Object(_) => "object",
        });
    }

    fn has(&self, value: &Value) -> bool {
        match value {
            Value::Null => self.null,
            Value::Bool(_) => self.boolean,
            Value::Number(_) => self.number,
            Value::String(_) => false,
            Value::Array(_) => self.list,
            Value::Object(_) => self.object,
        }
    }

    fn is_unknown(&self) -> bool {
        self.open || !(self.null || self.boolean || self.number || self.list || self.object || self.string)
    }

    /// `None` where null is allowed, `True` where a boolean is, beside a string.
    fn null(&self, trimmed: &str, start: usize) -> Option<(Value, Vec<Fix>)> {
        let (word, value) = literal::word(trimmed)?;
        let value = value.filter(|value| word.len() == trimmed.len() && self.has(value))?;
        let python = matches!(word, "None" | "True" | "False");
        python.then(|| (value, vec![fix(FixKind::Literal, start, trimmed)]))
    }
}

fn fix(kind: FixKind, start: usize, text: &str) -> Fix {
    Fix { kind, span: start..start + text.len(), call: None, note: None }
}

/// The member of an enum that the text is: to the letter, or but for quotes and blanks around it.
fn member(text: &str, schema: &Value) -> Option<Reading> {
    let members = schema.get("enum").and_then(Value::as_array)?;
    let has = |text: &str| members.iter().any(|member| member.as_str() == Some(text));
    let string = |text: &str| Value::String(text.to_owned());
    if has(text) {
        return Some(Reading { value: string(text), end: text.len(), fixes: Vec::new() });
    }
    let trimmed = text.trim();
    let start = text.len() - text.trim_start().len();
    if has(trimmed) {
        return Some(Reading { value: string(trimmed), end: text.len(), fixes: vec![fix(FixKind::Surplus, 0, text)] });
    }
    let (quoted, end) = literal::quoted(trimmed, 0)?;
    (end == trimmed.len() && has(&quoted)).then(|| {
        let fixes = vec![fix(FixKind::Quotes, start, trimmed)];
        Reading { value: Value::String(quoted), end: text.len(), fixes }
    })
}

/// The value that this text is in strict JSON; numbers only as JSON writes them back.
fn exact(text: &str) -> Option<Value> {
    if !text.starts_with(|c: char| matches!(c, '{' | '[' | '"' | '-' | 't' | 'f' | 'n') || c.is_ascii_digit()) {
        return None;
    }
    let value: Value = serde_json::from_str(text).ok()?;
    match &value {
        Value::Number(number) if number.to_string() != text => None,
        _ => Some(value),
    }
}

/// The value that this text is, as models write it.
fn loose(trimmed: &str, start: usize, text: &str) -> Option<(Value, Vec<Fix>)> {
    if let Some(token) = number::token(trimmed).filter(|token| token.len() == trimmed.len()) {
        let (number, written) = number::number(token)?;
        let fixes =
            if written == number::Written::Json { Vec::new() } else { vec![fix(FixKind::Number, start, trimmed)] };
        return Some((Value::Number(number), fixes));
    }
    let reading = read(text, start, Home::Json, Ending::Open).ok()?;
    (reading.end == start + trimmed.len()).then_some((reading.value, reading.fixes))
}
