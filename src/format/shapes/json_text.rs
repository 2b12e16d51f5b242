//! JSON text in a format's spacing.

use std::io;

use serde::Serialize;
use serde_json::Value;
use serde_json::ser::{Formatter, Serializer};

use crate::format::row::JsonStyle;

/// Appends a value as JSON.
pub(crate) fn write<T: Serialize>(value: &T, style: JsonStyle, text: &mut String) {
    let mut bytes = Vec::new();
    let mut serializer = Serializer::with_formatter(&mut bytes, Spaced { style });
    // Writing a map of values to memory cannot fail.
    if value.serialize(&mut serializer).is_ok() {
        text.push_str(&String::from_utf8_lossy(&bytes));
    }
}

/// A value as JSON.
pub(crate) fn text(value: &Value, style: JsonStyle) -> String {
    let mut text = String::new();
    write(value, style, &mut text);
    text
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
