//! Law 8 for a text and all of its beginnings: what was cut off is never completed.

use callwright_parse::chat::{Call, FixKind};
use callwright_parse::read::Parsed;
use callwright_parse::value::ValueScan;
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
        let mut nesting = ValueScan::new();
        nesting.push(&part.raw.as_bytes()[span.start..end]);
        let only_the_last = nesting.depth() <= 1 && part.raw.trim_end().ends_with(['}', ']', ')']);
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
