//! `name(key=value)` as Python writes it, `call:name{key:value}` as Gemma does.

use serde_json::Value;

use super::json_text;
use crate::chat::Arguments;
use crate::format::Body;
use crate::format::row::{JsonStyle, Literals};
use crate::value::CallDialect;

/// Writes the arguments between the brackets.
pub(crate) fn write(body: &Body, arguments: &Arguments, text: &mut String) {
    let (equals, comma) = match body.dialect {
        CallDialect::Parens => ("=", ", "),
        CallDialect::Braces { .. } => (":", ","),
    };
    for (index, (key, value)) in arguments.iter().enumerate() {
        if index > 0 {
            text.push_str(comma);
        }
        text.push_str(key);
        text.push_str(equals);
        literal(body, value, text);
    }
}

fn literal(body: &Body, value: &Value, text: &mut String) {
    let braces = matches!(body.dialect, CallDialect::Braces { .. });
    let words = match body.row.literals {
        Literals::Python => ["None", "True", "False"],
        Literals::Json => ["null", "true", "false"],
    };
    match (value, &body.row.quote) {
        (Value::Null, _) => text.push_str(words[0]),
        (Value::Bool(true), _) => text.push_str(words[1]),
        (Value::Bool(false), _) => text.push_str(words[2]),
        (Value::String(own), Some(quote)) => text.extend([quote, own.as_str(), quote]),
        (Value::Array(items), _) => {
            list(text, ["[", "]"], if braces { "," } else { ", " }, items, |item, text| literal(body, item, text))
        }
        (Value::Object(map), _) => list(text, ["{", "}"], if braces { "," } else { ", " }, map, |(key, item), text| {
            if braces {
                text.extend([key.as_str(), ":"]);
            } else {
                text.push_str(&json_text::text(&Value::String(key.clone()), JsonStyle::Spaced));
                text.push_str(": ");
            }
            literal(body, item, text);
        }),
        (other, _) => text.push_str(&json_text::text(other, JsonStyle::Spaced)),
    }
}

fn list<T>(
    text: &mut String,
    brackets: [&str; 2],
    comma: &str,
    items: impl IntoIterator<Item = T>,
    mut write: impl FnMut(T, &mut String),
) {
    text.push_str(brackets[0]);
    for (index, item) in items.into_iter().enumerate() {
        if index > 0 {
            text.push_str(comma);
        }
        write(item, text);
    }
    text.push_str(brackets[1]);
}
