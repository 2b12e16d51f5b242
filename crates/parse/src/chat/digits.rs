//! Whole numbers that neither 64 bits nor a float hold, with all their digits (law 13).
//!
//! `serde_json` keeps such a number as the nearest float, unless a feature is on that would change the program of
//! whoever embeds us. So the digits stand beside the arguments, by the float that stands for them there. This knows
//! numbers and their text, no format and no schema.

use serde::ser::{Error as _, Serialize, SerializeMap, SerializeSeq, Serializer};
use serde_json::value::RawValue;
use serde_json::{Number, Value};

use super::Arguments;

/// All digits of a float are exact up to here.
const EXACT_DIGITS: usize = 17;

/// Whole floats from here on may stand for another number.
const LARGE: f64 = 9_007_199_254_740_992.0;

/// The digits of the whole numbers of one call that a float can only come near.
///
/// ```
/// use callwright_parse::chat::{Arguments, Digits};
/// let text = r#"{"id": 98765432109876543210987, "n": 5}"#;
/// let arguments: Arguments = serde_json::from_str(text)?;
/// let (digits, inexact) = Digits::read(&arguments, text);
/// assert_eq!(inexact[0].path, "/id");
/// assert_eq!(arguments["id"].as_number().and_then(|id| digits.of(id)), Some("98765432109876543210987"));
/// assert_eq!(serde_json::to_string(&digits.exact(&arguments))?, r#"{"id":98765432109876543210987,"n":5}"#);
/// # Ok::<(), serde_json::Error>(())
/// ```
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Digits(Vec<(u64, Box<str>)>);

/// A number that a float does not hold as it was written.
#[derive(Debug, Clone, PartialEq)]
pub struct Inexact {
    /// The JSON pointer of the value.
    pub path: String,
    /// The float that stands for it.
    pub float: f64,
    /// Where the text has it, in bytes.
    pub at: std::ops::Range<usize>,
    /// What is kept of it.
    pub kept: Exactness,
}

/// What is kept of a number that a float does not hold.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Exactness {
    /// All digits of a whole number.
    Digits,
    /// The nearest float of a fraction.
    Rounded,
    /// Two numbers of the text have the same nearest float: which is which is not known.
    Unclear,
}

impl Digits {
    /// The digits of the whole numbers in arguments that this text says, and every number that a float does not hold.
    ///
    /// The text is looked at only where such a float stands among the arguments. A number that was written with an exponent is
    /// a float by what was written.
    #[must_use]
    pub fn read(arguments: &Arguments, text: &str) -> (Self, Vec<Inexact>) {
        let mut floats = Vec::new();
        arguments.iter().for_each(|(key, value)| gather(value, format!("/{key}"), &mut floats));
        let (mut digits, mut inexact) = (Self::default(), Vec::new());
        if floats.is_empty() {
            return (digits, inexact);
        }
        let numerals = numerals(text);
        for (path, float) in floats {
            let mut same = numerals.iter().filter(|numeral| numeral.value.to_bits() == float.to_bits());
            let Some(first) = same.next().filter(|first| first.written != Written::Float) else { continue };
            let kept = match first.written {
                Written::Whole if same.any(|other| other.text != first.text) => Exactness::Unclear,
                Written::Whole => Exactness::Digits,
                Written::Fraction | Written::Float => Exactness::Rounded,
            };
            if kept == Exactness::Digits && digits.by_bits(float.to_bits()).is_none() {
                digits.0.push((float.to_bits(), plain(first.text).into()));
            }
            inexact.push(Inexact { path, float, at: first.at..first.at + first.text.len(), kept });
        }
        (digits, inexact)
    }

    /// All digits of a number of this call, where a float stands for it.
    #[must_use]
    pub fn of(&self, number: &Number) -> Option<&str> {
        if self.0.is_empty() || !number.is_f64() { None } else { self.by_bits(number.as_f64()?.to_bits()) }
    }

    /// Whether every number of the call is what its value says.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Whether a number in this value may stand for one with more digits.
    #[must_use]
    pub fn may_differ(value: &Value) -> bool {
        match value {
            Value::Number(number) => number.is_f64() && number.as_f64().is_some_and(|float| float.abs() >= LARGE),
            Value::Array(items) => items.iter().any(Self::may_differ),
            Value::Object(map) => map.values().any(Self::may_differ),
            _ => false,
        }
    }

    /// A value of this call that serializes with all digits. To JSON text: any other serializer of numbers has none that
    /// are long enough.
    #[must_use]
    pub fn exact<'a, V>(&'a self, value: &'a V) -> Exact<'a, V> {
        Exact { value, digits: self }
    }

    fn by_bits(&self, bits: u64) -> Option<&str> {
        self.0.iter().find(|(own, _)| *own == bits).map(|(_, digits)| &**digits)
    }
}

/// A value that serializes with all digits; made by [`Digits::exact`].
#[derive(Debug, Clone, Copy)]
pub struct Exact<'a, V> {
    value: &'a V,
    digits: &'a Digits,
}

impl Serialize for Exact<'_, Value> {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        match self.value {
            Value::Number(number) => match self.digits.of(number) {
                Some(digits) => RawValue::from_string(digits.to_owned()).map_err(S::Error::custom)?.serialize(to),
                None => number.serialize(to),
            },
            Value::Array(items) if !self.digits.is_empty() => {
                let mut list = to.serialize_seq(Some(items.len()))?;
                items.iter().try_for_each(|item| list.serialize_element(&self.digits.exact(item)))?;
                list.end()
            }
            Value::Object(map) => self.digits.exact(map).serialize(to),
            other => other.serialize(to),
        }
    }
}

impl Serialize for Exact<'_, Arguments> {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        if self.digits.is_empty() {
            return self.value.serialize(to);
        }
        let mut map = to.serialize_map(Some(self.value.len()))?;
        self.value.iter().try_for_each(|(key, item)| map.serialize_entry(key, &self.digits.exact(item)))?;
        map.end()
    }
}

/// How a number was written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Written {
    Whole,
    Fraction,
    /// With an exponent.
    Float,
}

/// A number as it was written.
struct Numeral<'t> {
    text: &'t str,
    at: usize,
    value: f64,
    written: Written,
}

/// The floats of a value that may not be what was written.
fn gather(value: &Value, path: String, floats: &mut Vec<(String, f64)>) {
    match value {
        Value::Number(number) if number.is_f64() => {
            let float = number.as_f64().unwrap_or_default();
            if float.fract() != 0.0 || float.abs() >= LARGE {
                floats.push((path, float));
            }
        }
        Value::Array(items) => {
            items.iter().enumerate().for_each(|(index, item)| gather(item, format!("{path}/{index}"), floats));
        }
        Value::Object(map) => map.iter().for_each(|(key, item)| gather(item, format!("{path}/{key}"), floats)),
        _ => {}
    }
}

/// The numbers of a text with more digits than a float holds, and those with an exponent.
fn numerals(text: &str) -> Vec<Numeral<'_>> {
    let bytes = text.as_bytes();
    let mut found = Vec::new();
    let mut at = 0;
    while at < bytes.len() {
        if !bytes[at].is_ascii_digit() {
            at += 1;
            continue;
        }
        let length = bytes[at..].iter().take_while(|byte| byte.is_ascii_digit() || matches!(byte, b'.' | b'_')).count();
        let significant =
            text[at..at + length].trim_start_matches(['0', '.']).bytes().filter(u8::is_ascii_digit).count();
        let start = at - usize::from(at > 0 && bytes[at - 1] == b'-');
        let exponent = exponent(&bytes[at + length..]);
        let numeral = text[start..at + length + exponent].trim_end_matches(['.', '_']);
        at += length + exponent;
        let written = match (exponent, numeral.contains('.')) {
            (0, false) => Written::Whole,
            (0, true) => Written::Fraction,
            _ => Written::Float,
        };
        if written != Written::Float && significant <= EXACT_DIGITS {
            continue;
        }
        if let Ok(value) = numeral.replace('_', "").parse() {
            found.push(Numeral { text: numeral, at: start, value, written });
        }
    }
    found
}

/// A whole number as JSON writes it.
fn plain(numeral: &str) -> String {
    let plain = numeral.replace('_', "");
    match plain.strip_prefix('-') {
        Some(rest) => format!("-{}", rest.trim_start_matches('0')),
        None => plain.trim_start_matches('0').to_owned(),
    }
}

/// The length of an exponent at the start of these bytes.
fn exponent(bytes: &[u8]) -> usize {
    if !matches!(bytes.first(), Some(b'e' | b'E')) {
        return 0;
    }
    let sign = usize::from(matches!(bytes.get(1), Some(b'+' | b'-')));
    let digits = bytes[1 + sign..].iter().take_while(|byte| byte.is_ascii_digit()).count();
    if digits == 0 { 0 } else { 1 + sign + digits }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test may stop at the first surprise")]

    use super::*;

    fn kept(text: &str) -> Vec<Exactness> {
        Digits::read(&serde_json::from_str(text).unwrap(), text).1.into_iter().map(|inexact| inexact.kept).collect()
    }

    #[test]
    fn law_13_only_what_a_float_does_not_hold_is_told() {
        use Exactness::{Digits, Rounded, Unclear};
        assert_eq!(kept(r#"{"a": 31415926535897932384626433, "b": [-98765432109876543210]}"#), [Digits, Digits]);
        assert_eq!(kept(r#"{"a": 3.14159265358979323846, "b": 1e30, "c": 2.5}"#), [Rounded]);
        assert_eq!(
            kept(r#"{"a": 18446744073709551615, "b": -9223372036854775808, "c": "31415926535897932384626"}"#),
            []
        );
        assert_eq!(kept(r#"{"a": 100000000000000000.5, "b": 0.00000000000000000000001}"#), [Rounded]);
        // Neighbours with the same nearest float, and a float beside a text with its digits.
        assert_eq!(kept(r#"{"a": [98765432109876543210987, 98765432109876543210986]}"#), [Unclear, Unclear]);
        assert_eq!(kept(r#"{"a": [98765432109876543210987, 98765432109876543210987]}"#), [Digits, Digits]);
        assert_eq!(kept(r#"{"a": [1e23, "100000000000000000000000"]}"#), []);
    }

    #[test]
    fn law_13_whole_numbers_of_any_length_keep_their_digits() {
        for length in 15..80 {
            for sign in ["", "-"] {
                let digits: String = "182736459".chars().cycle().take(length).collect();
                let text = format!(r#"{{"a":{{"b":["{digits}",{sign}{digits},0.5]}}}}"#);
                let arguments = serde_json::from_str(&text).unwrap();
                let (digits, _) = Digits::read(&arguments, &text);
                assert_eq!(serde_json::to_string(&digits.exact(&arguments)).unwrap(), text);
            }
        }
    }
}
