//! Strict JSON to canonical JSON (`serde_json`'s compact form, whole numbers with all digits), while it arrives.
//!
//! What a number or an escape says is certain only at its end, so it is held back until then; all else goes out at
//! once. Nothing is parsed twice and nothing but the piece in hand is kept, besides the keys of open objects.

use std::collections::HashSet;

use serde_json::Number;

use super::machine::{Machine, Token, plain};

/// Streams strict JSON as canonical JSON; stops at the first deviation.
///
/// ```
/// let (mut canonical, mut out) = (callwright_parse::value::Canonical::new(), String::new());
/// assert!(canonical.push(br#"{ "a" : [1, 2.50], "b\u00"#, &mut out));
/// assert_eq!(out, r#"{"a":[1,2.5],"#);
/// assert!(canonical.push(br#"e9": "x"}"#, &mut out) && canonical.is_done());
/// assert_eq!(out, r#"{"a":[1,2.5],"bé":"x"}"#);
/// ```
#[derive(Debug, Clone, Default)]
pub struct Canonical {
    machine: Machine,
    stopped: bool,
    /// The number or word in hand.
    scalar: String,
    /// The escape in hand, backslash included.
    escape: String,
    /// The first half of a surrogate pair.
    high: Option<u32>,
    /// The start of a character whose other bytes are still to come.
    tail: Vec<u8>,
    /// The key in hand, canonical.
    key: Option<String>,
    /// The keys of the open objects: `serde_json` keeps the last of equal ones, which a stream cannot.
    keys: Vec<HashSet<String>>,
}

impl Canonical {
    /// Before the first byte of a value.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Reads these bytes and appends what is certain to `out`. False from the first deviation on: nothing more is
    /// appended then, and what was appended stays a prefix of the value's canonical form (unless the deviation is a
    /// key that an object has twice).
    pub fn push(&mut self, bytes: &[u8], out: &mut String) -> bool {
        let mut at = 0;
        while !self.stopped && !self.is_done() {
            if self.machine.in_string() && self.high.is_none() {
                let run = plain(bytes.get(at..).unwrap_or_default());
                self.stopped = self.run(&bytes[at..at + run], out).is_none();
                at += run;
            }
            let Some(&byte) = bytes.get(at) else { break };
            if self.stopped || self.step(byte, out).is_none() {
                self.stopped = true;
            }
            at += 1;
        }
        !self.stopped
    }

    /// How much of these bytes, coming next, belongs to a string and would be appended as it is: all but an escape or a
    /// character that they cut. None where any of it would not.
    #[must_use]
    pub fn verbatim<'b>(&self, bytes: &'b [u8]) -> Option<&'b str> {
        if !self.machine.in_string() || self.key.is_some() || self.high.is_some() || !self.tail.is_empty() {
            return None;
        }
        let text = match std::str::from_utf8(bytes) {
            Ok(text) => text,
            Err(error) if error.error_len().is_none() => std::str::from_utf8(&bytes[..error.valid_up_to()]).ok()?,
            Err(_) => return None,
        };
        let mut rest = text.bytes();
        while let Some(byte) = rest.next() {
            match byte {
                b'\\' => match rest.next() {
                    Some(b'"' | b'\\' | b'b' | b'f' | b'n' | b'r' | b't') => {}
                    Some(_) => return None,
                    None => return text.strip_suffix('\\'),
                },
                b'"' | 0..b' ' => return None,
                _ => {}
            }
        }
        Some(text)
    }

    /// Whether the value is complete; bytes after it are ignored.
    #[must_use]
    pub fn is_done(&self) -> bool {
        self.machine.is_done() && self.scalar.is_empty()
    }

    fn step(&mut self, byte: u8, out: &mut String) -> Option<()> {
        let token = self.machine.step(byte);
        if !matches!(token, Token::Digit | Token::Letter) {
            self.scalar(out)?;
        }
        match token {
            Token::Off => return self.machine.is_done().then_some(()),
            Token::Blank => {}
            Token::Digit | Token::Letter => self.scalar.push(char::from(byte)),
            Token::Mark => {
                match byte {
                    b'{' => self.keys.push(HashSet::new()),
                    b'}' => drop(self.keys.pop()),
                    _ => {}
                }
                out.push(char::from(byte));
            }
            Token::Open(true) => self.key = Some(String::new()),
            Token::Open(false) => out.push('"'),
            Token::Text => self.escaped(byte, out)?,
            Token::Close => self.close(out)?,
        }
        Some(())
    }

    /// Writes the number or word in hand.
    fn scalar(&mut self, out: &mut String) -> Option<()> {
        if self.scalar.is_empty() {
            return Some(());
        }
        match self.scalar.as_str() {
            word @ ("true" | "false" | "null") => out.push_str(word),
            // A whole number beyond 64 bits has no other form.
            number => match serde_json::from_str::<Number>(number).ok()? {
                float if float.is_f64() && !number.contains(['.', 'e', 'E']) && number != "-0" => out.push_str(number),
                other => out.push_str(&other.to_string()),
            },
        }
        self.scalar.clear();
        Some(())
    }

    fn close(&mut self, out: &mut String) -> Option<()> {
        if !self.tail.is_empty() || self.high.is_some() {
            return None;
        }
        if let Some(key) = self.key.take() {
            out.push('"');
            out.push_str(&key);
            if !self.keys.last_mut()?.insert(key) {
                return None;
            }
        }
        out.push('"');
        Some(())
    }

    /// A run of a string without escapes; its ends may cut a character.
    fn run(&mut self, mut run: &[u8], out: &mut String) -> Option<()> {
        let to = self.key.as_mut().unwrap_or(out);
        while let (false, Some((first, rest))) = (self.tail.is_empty(), run.split_first()) {
            self.tail.push(*first);
            run = rest;
            match std::str::from_utf8(&self.tail) {
                Ok(c) => {
                    to.push_str(c);
                    self.tail.clear();
                }
                Err(error) if error.error_len().is_some() => return None,
                Err(_) => {}
            }
        }
        match std::str::from_utf8(run) {
            Ok(text) => to.push_str(text),
            Err(error) if error.error_len().is_some() => return None,
            Err(error) => {
                let (whole, tail) = run.split_at(error.valid_up_to());
                to.push_str(std::str::from_utf8(whole).ok()?);
                self.tail.extend_from_slice(tail);
            }
        }
        Some(())
    }

    /// A byte of an escape; what it says once it is whole.
    fn escaped(&mut self, byte: u8, out: &mut String) -> Option<()> {
        // After half a pair only the other half may come: another escape.
        let alone = self.high.is_some() && self.escape.is_empty() && byte != b'\\';
        if !self.tail.is_empty() || alone {
            return None;
        }
        self.escape.push(char::from(byte));
        if !self.machine.in_string() {
            return Some(());
        }
        let said = std::mem::take(&mut self.escape);
        let said = said.strip_prefix('\\')?;
        let c = match (said.strip_prefix('u'), self.high.take()) {
            (Some(hex), None) => {
                let code = u32::from_str_radix(hex, 16).ok()?;
                if matches!(code, 0xd800..=0xdbff) {
                    self.high = Some(code);
                    return Some(());
                }
                char::from_u32(code)?
            }
            (Some(hex), Some(high)) => {
                let low = u32::from_str_radix(hex, 16).ok().filter(|low| matches!(low, 0xdc00..=0xdfff))?;
                char::from_u32(0x10000 + ((high - 0xd800) << 10) + (low - 0xdc00))?
            }
            (None, Some(_)) => return None,
            (None, None) => match said {
                "b" => '\u{8}',
                "f" => '\u{c}',
                "n" => '\n',
                "r" => '\r',
                "t" => '\t',
                other => other.chars().next()?,
            },
        };
        write(c, self.key.as_mut().unwrap_or(out));
        Some(())
    }
}

/// A character as `serde_json` writes it inside a string.
fn write(c: char, out: &mut String) {
    match c {
        '"' => out.push_str("\\\""),
        '\\' => out.push_str("\\\\"),
        '\u{8}' => out.push_str("\\b"),
        '\u{c}' => out.push_str("\\f"),
        '\n' => out.push_str("\\n"),
        '\r' => out.push_str("\\r"),
        '\t' => out.push_str("\\t"),
        '\0'..='\u{1f}' => {
            let code = u32::from(c);
            out.push_str("\\u00");
            out.extend([code >> 4, code & 15].into_iter().filter_map(|digit| char::from_digit(digit, 16)));
        }
        c => out.push(c),
    }
}
