//! Numbers with more digits than a JSON value of ours holds: they are told, and never rounded in silence (law 13).
//!
//! `serde_json` reads a whole number beyond 64 bits, and a fraction with too many digits, as the nearest float. Which
//! ones were written so is seen in the call's own text, looked at only where such a float stands among the arguments.

use std::ops::Range;

use serde_json::{Map, Value};

use crate::chat::{Fault, Fix, FixKind};

/// All digits of a float are exact up to here.
const EXACT_DIGITS: usize = 17;

/// Whole floats from here on may stand for another number.
const LARGE: f64 = 9_007_199_254_740_992.0;

/// A number as it was written.
struct Numeral<'t> {
    text: &'t str,
    at: usize,
    value: f64,
}

/// What cannot be passed on as it was written: a fault for a whole number, a fix for a rounded fraction.
pub(super) fn lost(
    arguments: &Map<String, Value>,
    text: &str,
    span: &Range<usize>,
    call: usize,
) -> (Vec<Fault>, Vec<Fix>) {
    let mut floats = Vec::new();
    arguments.iter().for_each(|(key, value)| gather(value, &format!("/{key}"), &mut floats));
    let (mut faults, mut fixes) = (Vec::new(), Vec::new());
    if floats.is_empty() {
        return (faults, fixes);
    }
    let numerals = numerals(text.get(span.clone()).unwrap_or_default());
    for (path, value) in floats {
        let same = |numeral: &&Numeral<'_>| numeral.value.to_bits() == value.to_bits();
        let Some(numeral) = numerals.iter().find(same) else { continue };
        let place = span.start + numeral.at..span.start + numeral.at + numeral.text.len();
        if !numeral.text.contains('.') {
            let message = format!("the number {} has too many digits to be passed on exactly", short(numeral.text));
            faults.push(Fault::Invalid { call, path, message });
        } else if fixes.iter().all(|fix: &Fix| fix.span != place) {
            let note = Some(format!("{} rounded to {value}", short(numeral.text)));
            fixes.push(Fix { kind: FixKind::Number, span: place, call: None, note });
        }
    }
    (faults, fixes)
}

fn short(numeral: &str) -> String {
    if numeral.len() <= 60 { numeral.to_owned() } else { format!("{}…", &numeral[..60]) }
}

/// The floats of a value that may not be what was written.
fn gather(value: &Value, path: &str, floats: &mut Vec<(String, f64)>) {
    match value {
        Value::Number(number) if number.is_f64() => {
            let float = number.as_f64().unwrap_or_default();
            if float.fract() != 0.0 || float.abs() >= LARGE {
                floats.push((path.to_owned(), float));
            }
        }
        Value::Array(items) => {
            items.iter().enumerate().for_each(|(index, item)| gather(item, &format!("{path}/{index}"), floats));
        }
        Value::Object(map) => map.iter().for_each(|(key, item)| gather(item, &format!("{path}/{key}"), floats)),
        _ => {}
    }
}

/// The numbers of a text with more digits than a float holds.
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
        let digits = text[at..at + length].trim_start_matches(['0', '.']).bytes().filter(u8::is_ascii_digit).count();
        let start = at - usize::from(at > 0 && bytes[at - 1] == b'-');
        let written = text[start..at + length].trim_end_matches(['.', '_']);
        at += length;
        // With an exponent it is a float by what was written.
        if digits <= EXACT_DIGITS || matches!(bytes.get(at), Some(b'e' | b'E')) {
            continue;
        }
        if let Ok(value) = written.replace('_', "").parse() {
            found.push(Numeral { text: written, at: start, value });
        }
    }
    found
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test may stop at the first surprise")]

    use super::*;

    fn told(text: &str) -> (usize, usize) {
        let Value::Object(arguments) = serde_json::from_str(text).unwrap() else { unreachable!() };
        let (faults, fixes) = lost(&arguments, text, &(0..text.len()), 0);
        (faults.len(), fixes.len())
    }

    #[test]
    fn law_13_only_what_is_rounded_is_told() {
        assert_eq!(told(r#"{"a": 31415926535897932384626433, "b": [-98765432109876543210]}"#), (2, 0));
        assert_eq!(told(r#"{"a": 3.14159265358979323846, "b": 1e30, "c": 2.5}"#), (0, 1));
        assert_eq!(
            told(r#"{"a": 18446744073709551615, "b": -9223372036854775808, "c": "31415926535897932384626"}"#),
            (0, 0)
        );
        assert_eq!(told(r#"{"a": 100000000000000000.5, "b": 0.00000000000000000000001}"#), (0, 1));
    }
}
