//! Law 8 for a text and all of its beginnings: what was cut off is never completed.

use callwright_parse::chat::{Call, FixKind};
use callwright_parse::read::Parsed;
use serde_json::Value;

/// The calls of a beginning that complete what the whole text goes on with.
pub fn completed<'p>(part: &'p Parsed, whole: &Parsed) -> Option<&'p Call> {
    part.calls.iter().enumerate().find_map(|(index, call)| {
        let known = whole.calls.iter().any(|other| other.name == call.name && other.arguments == call.arguments);
        if known {
            return None;
        }
        let span = call.span.clone()?;
        let goes_on = whole.calls.iter().any(|other| {
            other.span.as_ref().is_some_and(|own| own.start == span.start && own.end > part.raw.len())
                && other.name == call.name
                && is_cut(&Value::Object(call.arguments.clone()), &Value::Object(other.arguments.clone()))
        });
        // Closing brackets at the end of the text that nobody wrote. The last one alone changes no arguments.
        let end = part.raw.trim_end().len();
        let closed = part
            .fixes
            .iter()
            .any(|fix| fix.kind == FixKind::MissingClose && fix.call == Some(index) && fix.span.end >= end);
        let only_the_last =
            open_brackets(&part.raw[span.start..end]) <= 1 && part.raw.trim_end().ends_with(['}', ']', ')']);
        (goes_on || closed && span.end >= end && !only_the_last).then_some(call)
    })
}

/// Whether one value is the beginning of another.
fn is_cut(part: &Value, whole: &Value) -> bool {
    match (part, whole) {
        (Value::String(part), Value::String(whole)) => whole.starts_with(part.as_str()),
        (Value::Array(part), Value::Array(whole)) => {
            part.len() <= whole.len() && part.iter().zip(whole).all(|(part, whole)| is_cut(part, whole))
        }
        (Value::Object(part), Value::Object(whole)) => {
            part.iter().all(|(key, value)| whole.get(key).is_some_and(|other| is_cut(value, other)))
        }
        (Value::Number(part), Value::Number(whole)) => whole.to_string().starts_with(&part.to_string()),
        (part, whole) => part == whole,
    }
}

/// How many brackets are left open. A quote opens a string only where a value may begin, and closes it only before a
/// delimiter, so that an apostrophe does neither.
fn open_brackets(text: &str) -> usize {
    let (mut open, mut quote, mut escaped, mut before) = (0_usize, None, false, '[');
    for (at, letter) in text.char_indices() {
        match quote {
            Some(_) if std::mem::take(&mut escaped) => {}
            Some(_) if letter == '\\' => escaped = true,
            Some(own) if letter == own && text[at + 1..].trim_start().starts_with([',', ':', ']', '}', ')']) => {
                quote = None;
            }
            None if matches!(letter, '"' | '\'') && "[{(,:=".contains(before) => quote = Some(letter),
            None if matches!(letter, '[' | '{' | '(') => open += 1,
            None if matches!(letter, ']' | '}' | ')') => open = open.saturating_sub(1),
            _ => {}
        }
        if !letter.is_whitespace() {
            before = letter;
        }
    }
    open
}
