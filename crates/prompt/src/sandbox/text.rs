//! Values as text, as Python writes them: `json.dumps` and `str`.
//!
//! Models were trained on prompts that Python rendered, so `1e-07` and `{"a": 1}` must come out to the letter.
//! minijinja's own writers differ in floats and escapes, escape for HTML, and count nothing.

use std::fmt::Write as _;

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
    let mut writer = Writer { budget: Budget::of(state), out: String::new(), json: Some(style) };
    writer.value(value, 0)?;
    Ok(writer.out)
}

/// A value as `str` writes it; strings bare.
pub(in super::super) fn text(state: &mut State<'_, '_>, value: &Value) -> Result<String, Error> {
    let mut writer = Writer { budget: Budget::of(state), out: String::new(), json: None };
    match value.kind() {
        ValueKind::Undefined => {}
        ValueKind::String => writer.out.push_str(value.as_str().unwrap_or_default()),
        _ => writer.value(value, 0)?,
    }
    Ok(writer.out)
}

struct Writer<'w> {
    budget: &'w mut Budget,
    out: String,
    /// As Python's `repr` where there is none.
    json: Option<&'w JsonStyle>,
}

impl Writer<'_> {
    fn push(&mut self, text: &str) -> Result<(), Error> {
        self.budget.charge(text.len())?;
        self.out.push_str(text);
        Ok(())
    }

    fn value(&mut self, value: &Value, depth: usize) -> Result<(), Error> {
        match (value.kind(), self.json) {
            (ValueKind::None, json) => self.push(if json.is_some() { "null" } else { "None" }),
            (ValueKind::Bool, None) => self.push(if value.is_true() { "True" } else { "False" }),
            (ValueKind::Bool, Some(_)) => self.push(if value.is_true() { "true" } else { "false" }),
            (ValueKind::Number, json) => self.push(&number(value, json.is_some())),
            (ValueKind::String, None) => self.push(&quoted_python(value.as_str().unwrap_or_default())),
            (ValueKind::String, Some(style)) => {
                self.push(&quoted_json(value.as_str().unwrap_or_default(), style.ensure_ascii))
            }
            (ValueKind::Seq, _) | (ValueKind::Iterable, None) => {
                let items = value.try_iter()?.checked().map(|item| item.map(|item| (None, item)));
                let items = items.collect::<Result<Vec<_>, Error>>()?;
                let tuple = value.is_tuple() && self.json.is_none();
                let close = if tuple && items.len() == 1 { ",)" } else { ")" };
                if tuple { self.items("(", close, items, depth) } else { self.items("[", "]", items, depth) }
            }
            (ValueKind::Map, json) => {
                let pairs = value.as_object().and_then(DynObject::try_iter_pairs);
                let pairs = pairs.ok_or_else(|| Error::new(ErrorKind::InvalidOperation, "cannot be iterated over"))?;
                let mut pairs: Vec<_> = pairs.map(|(key, item)| (Some(key), item)).collect();
                if json.is_some_and(|style| style.sort_keys) {
                    pairs.sort_by(|(a, _), (b, _)| a.cmp(b));
                }
                self.items("{", "}", pairs, depth)
            }
            (ValueKind::Undefined, None) => self.push("Undefined"),
            (_, None) => self.push(&value.to_string()),
            (kind, Some(_)) => Err(Error::new(ErrorKind::BadSerialization, format!("{kind} is not JSON serializable"))),
        }
    }

    fn items(
        &mut self,
        open: &str,
        close: &str,
        items: Vec<(Option<Value>, Value)>,
        depth: usize,
    ) -> Result<(), Error> {
        if depth >= DEPTH {
            return Err(Limit::Depth.into());
        }
        let separators = self.json.map(|style| (style.item_separator.as_str(), style.key_separator.as_str()));
        let (between, colon) = separators.unwrap_or((", ", ": "));
        let empty = items.is_empty();
        self.push(open)?;
        for (at, (key, item)) in items.into_iter().enumerate() {
            self.push(if at > 0 { between } else { "" })?;
            self.line(depth + 1)?;
            if let Some(key) = key {
                self.key(&key, depth + 1)?;
                self.push(colon)?;
            }
            self.value(&item, depth + 1)?;
        }
        if !empty {
            self.line(depth)?;
        }
        self.push(close)
    }

    /// JSON has only strings as keys; Python turns plain values into them.
    fn key(&mut self, key: &Value, depth: usize) -> Result<(), Error> {
        match key.kind() {
            ValueKind::None | ValueKind::Bool | ValueKind::Number if self.json.is_some() => {
                self.push("\"")?;
                self.value(key, depth)?;
                self.push("\"")
            }
            ValueKind::String => self.value(key, depth),
            _ if self.json.is_none() => self.value(key, depth),
            kind => Err(Error::new(ErrorKind::BadSerialization, format!("{kind} is not a key of a JSON object"))),
        }
    }

    fn line(&mut self, depth: usize) -> Result<(), Error> {
        let Some(indent) = self.json.and_then(|style| style.indent) else { return Ok(()) };
        self.budget.charge(indent.saturating_mul(depth).saturating_add(1))?;
        self.out.push('\n');
        self.out.extend(std::iter::repeat_n(' ', indent * depth));
        Ok(())
    }
}

fn number(value: &Value, json: bool) -> String {
    match f64::try_from(value.clone()) {
        Ok(float) if !value.is_integer() && float.is_finite() => python_float(float),
        Ok(float) if float.is_nan() => if json { "NaN" } else { "nan" }.to_owned(),
        Ok(float) if float.is_infinite() => {
            format!("{}{}", if float < 0.0 { "-" } else { "" }, if json { "Infinity" } else { "inf" })
        }
        _ => value.to_string(),
    }
}

/// The shortest digits that read back, with an exponent below 1e-4 and from 1e16 on.
fn python_float(float: f64) -> String {
    if float == 0.0 || (1e-4..1e16).contains(&float.abs()) {
        return format!("{float:?}");
    }
    let text = format!("{float:e}");
    let (digits, exponent) = text.split_once('e').unwrap_or((&text, "0"));
    let (sign, exponent) = exponent.strip_prefix('-').map_or(('+', exponent), |exponent| ('-', exponent));
    format!("{digits}e{sign}{exponent:0>2}")
}

fn quoted_json(text: &str, ensure_ascii: bool) -> String {
    let quoted = serde_json::Value::from(text).to_string();
    if !ensure_ascii || quoted.bytes().all(|byte| byte < 0x7f) {
        return quoted;
    }
    let mut out = String::with_capacity(quoted.len() * 2);
    for c in quoted.chars() {
        if c < '\u{7f}' {
            out.push(c);
        } else {
            let mut units = [0; 2];
            let units = c.encode_utf16(&mut units);
            for unit in units {
                // Writing into a string cannot fail.
                let _ = write!(out, "\\u{unit:04x}");
            }
        }
    }
    out
}

fn quoted_python(text: &str) -> String {
    let quote = if text.contains('\'') && !text.contains('"') { '"' } else { '\'' };
    let mut out = String::with_capacity(text.len() + 2);
    out.push(quote);
    for c in text.chars() {
        let code = u32::from(c);
        let _ = match (c, code) {
            ('\n', _) => write!(out, "\\n"),
            ('\r', _) => write!(out, "\\r"),
            ('\t', _) => write!(out, "\\t"),
            _ if c == '\\' || c == quote => write!(out, "\\{c}"),
            (_, 0..=0x1f | 0x7f..=0xa0 | 0xad) => write!(out, "\\x{code:02x}"),
            (_, 0x2000..=0x200f | 0x2028..=0x202f | 0x205f..=0x206f | 0x3000 | 0xe000..=0xf8ff | 0xfeff) => {
                write!(out, "\\u{code:04x}")
            }
            _ => out.write_char(c),
        };
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
