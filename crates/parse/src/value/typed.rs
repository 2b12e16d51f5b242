//! A tagged parameter's text, typed through its schema.
//!
//! Tags carry no types, so `5` may be the number or the text. The schema decides; where it allows both, only text that
//! is exactly how JSON writes the other type is taken as such, and all else stays text to the letter.

use serde_json::Value;

use super::reader::{Ending, Home};
use super::{Reading, literal, number, read};
use crate::chat::{Fix, FixKind};
use crate::schema::{Kind, Types, View};

/// Types a parameter's text through its schema: `007` stays a string where a string is allowed, JSON text becomes a
/// list or object where one is wanted. Never fails: text that fits no type stays a string, for the check to report.
///
/// ```
/// use callwright_parse::value::typed;
/// use callwright_parse::schema::{View, Schema};
/// use serde_json::json;
/// let read = |text: &str, schema| Ok::<_, callwright_parse::Error>(typed(text, View::of(&Schema::of_value(&schema)?)).value);
/// assert_eq!(read("007", json!({"type": "string"}))?, json!("007"));
/// assert_eq!(read("7", json!({"type": "integer"}))?, json!(7));
/// assert_eq!(read("[1, 2]", json!({"type": "array"}))?, json!([1, 2]));
/// # Ok::<(), callwright_parse::Error>(())
/// ```
#[must_use]
pub fn typed(text: &str, view: View<'_>) -> Reading {
    if let Some(reading) = member(text, view) {
        return reading;
    }
    let allowed = view.types();
    let trimmed = text.trim();
    let start = text.len() - text.trim_start().len();
    let found = if !allowed.is_said() {
        exact(trimmed).filter(|value| !value.is_string()).map(|value| (value, Vec::new()))
    } else if allowed.has(Types::STRING) {
        let takes = |value: &Value| !value.is_string() && allowed.has(Types::of(value));
        let plain = exact(trimmed).filter(takes).map(|value| (value, Vec::new()));
        plain.or_else(|| word(trimmed, start).filter(|(value, _)| takes(value)))
    } else {
        loose(trimmed, start, text)
    };
    let (value, fixes) = found.unwrap_or_else(|| (Value::String(text.to_owned()), Vec::new()));
    Reading { value, end: text.len(), fixes }
}

/// Python's `None` and `True`, where a string is allowed, too.
fn word(trimmed: &str, start: usize) -> Option<(Value, Vec<Fix>)> {
    let (word, value) = literal::word(trimmed).filter(|(word, _)| word.len() == trimmed.len())?;
    let value = value.filter(|_| matches!(word, "None" | "True" | "False"))?;
    Some((value, vec![fix(FixKind::Literal, start, trimmed)]))
}

fn fix(kind: FixKind, start: usize, text: &str) -> Fix {
    Fix { kind, span: start..start + text.len(), call: None, note: None }
}

/// The member of an enum that the text is: to the letter, or but for quotes and blanks around it.
fn member(text: &str, view: View<'_>) -> Option<Reading> {
    let Kind::Constants(members) = view.kind() else { return None };
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
