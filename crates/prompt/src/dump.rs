//! Values as text, as Python writes them: `json.dumps` and `str`.
//!
//! Models were trained on prompts that Python rendered, so `1e-07` and `{"a": 1}` must come out to the letter.
//! minijinja's own writers differ in floats and escapes, and count nothing.

use minijinja::value::{DynObject, Value, ValueKind};
use minijinja::{Error, ErrorKind, State};

use super::budget::{Budget, DEPTH, Limit};

/// How `tojson` writes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct JsonStyle {
    pub(super) indent: Option<usize>,
    pub(super) item_separator: String,
    pub(super) key_separator: String,
    pub(super) ensure_ascii: bool,
    pub(super) sort_keys: bool,
}

/// A value as JSON.
pub(super) fn json(state: &mut State<'_, '_>, value: &Value, style: &JsonStyle) -> Result<String, Error> {
    let mut writer = Writer { budget: Budget::of(state), out: String::new() };
    writer.json(value, style, 0)?;
    Ok(writer.out)
}

/// A value as `str` writes it; strings bare.
pub(super) fn text(state: &mut State<'_, '_>, value: &Value) -> Result<String, Error> {
    match value.kind() {
        ValueKind::Undefined => Ok(String::new()),
        ValueKind::String => Ok(value.as_str().unwrap_or_default().to_owned()),
        _ => {
            let mut writer = Writer { budget: Budget::of(state), out: String::new() };
            writer.repr(value, 0)?;
            Ok(writer.out)
        }
    }
}

struct Writer<'b> {
    budget: &'b mut Budget,
    out: String,
}

impl Writer<'_> {
    fn push(&mut self, text: &str) -> Result<(), Error> {
        self.budget.charge(text.len())?;
        self.out.push_str(text);
        Ok(())
    }

    fn deeper(depth: usize) -> Result<usize, Error> {
        if depth < DEPTH { Ok(depth + 1) } else { Err(Limit::Depth.into()) }
    }

    fn json(&mut self, value: &Value, style: &JsonStyle, depth: usize) -> Result<(), Error> {
        match value.kind() {
            ValueKind::None => self.push("null"),
            ValueKind::Bool => self.push(if value.is_true() { "true" } else { "false" }),
            ValueKind::Number => self.push(&number(value, true)),
            ValueKind::String => self.push(&quoted_json(value.as_str().unwrap_or_default(), style.ensure_ascii)),
            ValueKind::Seq => {
                let items = value.try_iter()?.checked().map(|item| item.map(|item| (None, item)));
                self.json_items('[', ']', items, style, Self::deeper(depth)?)
            }
            ValueKind::Map => {
                let mut pairs = pairs(value)?;
                if style.sort_keys {
                    pairs.sort_by(|(a, _), (b, _)| a.cmp(b));
                }
                let items = pairs.into_iter().map(|(key, item)| Ok((Some(key), item)));
                self.json_items('{', '}', items, style, Self::deeper(depth)?)
            }
            kind => Err(Error::new(ErrorKind::BadSerialization, format!("{kind} is not JSON serializable"))),
        }
    }

    fn json_items(
        &mut self,
        open: char,
        close: char,
        items: impl Iterator<Item = Result<(Option<Value>, Value), Error>>,
        style: &JsonStyle,
        depth: usize,
    ) -> Result<(), Error> {
        self.out.push(open);
        let mut first = true;
        for item in items {
            let (key, item) = item?;
            if !first {
                self.push(&style.item_separator)?;
            }
            self.line(style, depth)?;
            first = false;
            if let Some(key) = key {
                self.push(&quoted_json(&json_key(&key)?, style.ensure_ascii))?;
                self.push(&style.key_separator)?;
            }
            self.json(&item, style, depth)?;
        }
        if !first {
            self.line(style, depth - 1)?;
        }
        self.out.push(close);
        Ok(())
    }

    fn line(&mut self, style: &JsonStyle, depth: usize) -> Result<(), Error> {
        let Some(indent) = style.indent else { return Ok(()) };
        self.budget.charge(1 + indent * depth)?;
        self.out.push('\n');
        self.out.extend(std::iter::repeat_n(' ', indent * depth));
        Ok(())
    }

    fn repr(&mut self, value: &Value, depth: usize) -> Result<(), Error> {
        match value.kind() {
            ValueKind::None => self.push("None"),
            ValueKind::Bool => self.push(if value.is_true() { "True" } else { "False" }),
            ValueKind::Number => self.push(&number(value, false)),
            ValueKind::String => self.push(&quoted_python(value.as_str().unwrap_or_default())),
            ValueKind::Seq | ValueKind::Iterable => {
                let depth = Self::deeper(depth)?;
                let items: Vec<Value> = value.try_iter()?.checked().collect::<Result<_, _>>()?;
                let (open, close) = if value.is_tuple() { ("(", ")") } else { ("[", "]") };
                self.push(open)?;
                for (at, item) in items.iter().enumerate() {
                    self.push(if at > 0 { ", " } else { "" })?;
                    self.repr(item, depth)?;
                }
                self.push(if value.is_tuple() && items.len() == 1 { "," } else { "" })?;
                self.push(close)
            }
            ValueKind::Map => {
                let depth = Self::deeper(depth)?;
                self.push("{")?;
                for (at, (key, item)) in pairs(value)?.iter().enumerate() {
                    self.push(if at > 0 { ", " } else { "" })?;
                    self.repr(key, depth)?;
                    self.push(": ")?;
                    self.repr(item, depth)?;
                }
                self.push("}")
            }
            ValueKind::Undefined => self.push("Undefined"),
            _ => self.push(&value.to_string()),
        }
    }
}

fn pairs(value: &Value) -> Result<Vec<(Value, Value)>, Error> {
    let pairs = value.as_object().and_then(DynObject::try_iter_pairs);
    pairs.map(Iterator::collect).ok_or_else(|| Error::new(ErrorKind::InvalidOperation, "cannot be iterated over"))
}

/// JSON has only strings as keys; Python turns plain values into them.
fn json_key(key: &Value) -> Result<String, Error> {
    match key.kind() {
        ValueKind::String => Ok(key.as_str().unwrap_or_default().to_owned()),
        ValueKind::Number => Ok(number(key, true)),
        ValueKind::None => Ok("null".to_owned()),
        ValueKind::Bool => Ok(if key.is_true() { "true" } else { "false" }.to_owned()),
        kind => Err(Error::new(ErrorKind::BadSerialization, format!("{kind} is no key of a JSON object"))),
    }
}

fn number(value: &Value, json: bool) -> String {
    if value.is_integer() {
        return value.to_string();
    }
    match f64::try_from(value.clone()) {
        Ok(float) if float.is_nan() => if json { "NaN" } else { "nan" }.to_owned(),
        Ok(float) if float.is_infinite() => {
            let name = if json { "Infinity" } else { "inf" };
            if float < 0.0 { format!("-{name}") } else { name.to_owned() }
        }
        Ok(float) => python_float(float),
        Err(_) => value.to_string(),
    }
}

/// The shortest digits that read back, with an exponent below 1e-4 and from 1e16 on.
fn python_float(float: f64) -> String {
    let magnitude = float.abs();
    if magnitude != 0.0 && !(1e-4..1e16).contains(&magnitude) {
        let text = format!("{float:e}");
        let (digits, exponent) = text.split_once('e').unwrap_or((&text, "0"));
        let (sign, exponent) = exponent.strip_prefix('-').map_or(('+', exponent), |exponent| ('-', exponent));
        return format!("{digits}e{sign}{exponent:0>2}");
    }
    format!("{float:?}")
}

fn quoted_json(text: &str, ensure_ascii: bool) -> String {
    use std::fmt::Write as _;
    let mut out = String::with_capacity(text.len() + 2);
    out.push('"');
    for c in text.chars() {
        match c {
            '"' => out.push_str("\\\""),
            '\\' => out.push_str("\\\\"),
            '\n' => out.push_str("\\n"),
            '\r' => out.push_str("\\r"),
            '\t' => out.push_str("\\t"),
            '\u{8}' => out.push_str("\\b"),
            '\u{c}' => out.push_str("\\f"),
            c if u32::from(c) < 0x20 || (ensure_ascii && u32::from(c) >= 0x7f) => {
                let mut units = [0; 2];
                for unit in c.encode_utf16(&mut units) {
                    // Writing into a string cannot fail.
                    let _ = write!(out, "\\u{unit:04x}");
                }
            }
            c => out.push(c),
        }
    }
    out.push('"');
    out
}

fn quoted_python(text: &str) -> String {
    use std::fmt::Write as _;
    let quote = if text.contains('\'') && !text.contains('"') { '"' } else { '\'' };
    let mut out = String::with_capacity(text.len() + 2);
    out.push(quote);
    for c in text.chars() {
        match c {
            '\\' => out.push_str("\\\\"),
            '\n' => out.push_str("\\n"),
            '\r' => out.push_str("\\r"),
            '\t' => out.push_str("\\t"),
            c if c == quote => out.extend(['\\', c]),
            c if u32::from(c) < 0x20
                || u32::from(c) == 0x7f
                || (0x80..0xa1).contains(&u32::from(c))
                || c == '\u{ad}' =>
            {
                let _ = write!(out, "\\x{:02x}", u32::from(c));
            }
            c if matches!(u32::from(c), 0x2000..=0x200f | 0x2028..=0x202f | 0x205f..=0x206f | 0x3000 | 0xe000..=0xf8ff | 0xfeff) =>
            {
                let _ = write!(out, "\\u{:04x}", u32::from(c));
            }
            c => out.push(c),
        }
    }
    out.push(quote);
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn floats_are_written_as_python_does() {
        for (float, text) in [
            (1.0, "1.0"),
            (0.1, "0.1"),
            (1e16, "1e+16"),
            (1e15, "1000000000000000.0"),
            (1e-4, "0.0001"),
            (1e-5, "1e-05"),
            (1.5e300, "1.5e+300"),
            (-2.5e-7, "-2.5e-07"),
            (0.0, "0.0"),
            (-0.0, "-0.0"),
        ] {
            assert_eq!(python_float(float), text);
        }
    }

    #[test]
    fn text_is_quoted_as_python_does() {
        assert_eq!(quoted_json("é\n\"\u{1F600}", true), r#""\u00e9\n\"\ud83d\ude00""#);
        assert_eq!(quoted_json("é</x>'", false), "\"é</x>'\"");
        assert_eq!(quoted_python("it's"), "\"it's\"");
        assert_eq!(quoted_python("it's \"so\""), "'it\\'s \"so\"'");
        assert_eq!(quoted_python("a\u{200b}"), "'a\\u200b'");
    }
}
