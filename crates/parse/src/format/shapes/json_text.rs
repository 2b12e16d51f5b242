//! JSON text in a format's spacing.

use std::io;

use serde::Serialize;
use serde_json::Value;
use serde_json::ser::{Formatter, Serializer};

use crate::chat::{Arguments, Digits};
use crate::format::row::JsonStyle;

/// Appends a value as JSON, or as a Python literal where that is the format's style.
pub(crate) fn write(value: &Value, digits: &Digits, style: JsonStyle, text: &mut String) {
    match style {
        JsonStyle::Python => python(value, digits, text),
        _ => spaced(&digits.exact(value), style, text),
    }
}

/// Appends arguments, as [`write`] does.
pub(crate) fn arguments(arguments: &Arguments, digits: &Digits, style: JsonStyle, text: &mut String) {
    match style {
        JsonStyle::Python => python_object(arguments, digits, text),
        _ => spaced(&digits.exact(arguments), style, text),
    }
}

fn spaced(value: &impl Serialize, style: JsonStyle, text: &mut String) {
    let mut bytes = Vec::new();
    let mut serializer = Serializer::with_formatter(&mut bytes, Spaced { style });
    // Writing a map of values to memory cannot fail.
    if value.serialize(&mut serializer).is_ok() {
        text.push_str(&String::from_utf8_lossy(&bytes));
    }
}

/// A value as JSON.
pub(crate) fn text(value: &Value, digits: &Digits, style: JsonStyle) -> String {
    let mut text = String::new();
    write(value, digits, style, &mut text);
    text
}

/// A value as Python's `repr` writes it.
fn python(value: &Value, digits: &Digits, text: &mut String) {
    match value {
        Value::Null => text.push_str("None"),
        Value::Bool(true) => text.push_str("True"),
        Value::Bool(false) => text.push_str("False"),
        Value::Number(number) => match digits.of(number) {
            Some(digits) => text.push_str(digits),
            None => text.push_str(&number.to_string()),
        },
        Value::String(own) => python_string(own, text),
        Value::Array(items) => {
            text.push('[');
            for (index, item) in items.iter().enumerate() {
                text.push_str(if index > 0 { ", " } else { "" });
                python(item, digits, text);
            }
            text.push(']');
        }
        Value::Object(map) => python_object(map, digits, text),
    }
}

fn python_object(map: &Arguments, digits: &Digits, text: &mut String) {
    text.push('{');
    for (index, (key, item)) in map.iter().enumerate() {
        text.push_str(if index > 0 { ", " } else { "" });
        python_string(key, text);
        text.push_str(": ");
        python(item, digits, text);
    }
    text.push('}');
}

fn python_string(own: &str, text: &mut String) {
    text.push('\'');
    for letter in own.chars() {
        match letter {
            '\'' | '\\' => text.extend(['\\', letter]),
            '\n' => text.push_str("\\n"),
            '\r' => text.push_str("\\r"),
            '\t' => text.push_str("\\t"),
            control if control.is_control() => {
                let escape = format!("\\u{:04x}", u32::from(control));
                text.push_str(&escape);
            }
            other => text.push(other),
        }
    }
    text.push('\'');
}

struct Spaced {
    style: JsonStyle,
}

impl Formatter for Spaced {
    fn begin_array_value<W: ?Sized + io::Write>(&mut self, writer: &mut W, first: bool) -> io::Result<()> {
        if first { Ok(()) } else { writer.write_all(self.style.item_separator().as_bytes()) }
    }

    fn begin_object_key<W: ?Sized + io::Write>(&mut self, writer: &mut W, first: bool) -> io::Result<()> {
        if first { Ok(()) } else { writer.write_all(self.style.item_separator().as_bytes()) }
    }

    fn begin_object_value<W: ?Sized + io::Write>(&mut self, writer: &mut W) -> io::Result<()> {
        writer.write_all(self.style.key_separator().as_bytes())
    }
}
