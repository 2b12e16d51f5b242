//! The readers of values on any text: laws 2, 5, 7 and 8.
//!
//! One byte chooses the cuts, one the place to read at; the rest is the text.

use callwright_parse::chat::Digits;
use callwright_parse::schema::{Schema, View};
use callwright_parse::value::{self, CallDialect, Canonical, Reading, Unread};
use serde_json::{Value, json};

use super::{LONGEST, cuts, in_time};

/// A reader of values.
type Read = fn(&str, usize) -> Result<Reading, Unread>;

const READERS: [(&str, Read); 5] = [
    ("json", value::json),
    ("json_closed", value::json_closed),
    ("python", value::python),
    ("any", value::any),
    ("any_closed", value::any_closed),
];

/// How many bytes choose.
pub const CHOICES: usize = 2;

/// Reads the text with every reader.
pub fn run(data: &[u8]) {
    let Some((&[seed, at], bytes)) = data.split_first_chunk::<CHOICES>() else { return };
    let text = String::from_utf8_lossy(&bytes[..bytes.len().min(LONGEST)]);
    let mut at = usize::from(at).min(text.len());
    while !text.is_char_boundary(at) {
        at -= 1;
    }
    for (name, read) in READERS {
        assert_inside(&text, at, &in_time(name, || read(&text, at)), name);
    }
    calls(&text, at);
    in_time("the rest", || {
        let _ = (value::name(&text, at), value::quoted(&text, at));
        for (_, span) in value::sources(&text, at) {
            assert!(span.start >= at && text.get(span).is_some(), "a source outside of the text");
        }
        for schema in [json!({"type": ["integer", "array"], "enum": [1, "a"]}), json!({"type": "object"})] {
            let Ok(schema) = Schema::of_value(&schema) else { continue };
            assert!(
                value::typed(&text, View::of(&schema)).fixes.iter().all(|fix| text.get(fix.span.clone()).is_some())
            );
        }
    });
    streams(text.as_bytes(), seed);
    strict(&text[at..], seed);
}

/// Calls in both dialects.
fn calls(text: &str, at: usize) {
    let braces = CallDialect::Braces { quote: Some("<|\"|>".to_owned()) };
    for dialect in [&CallDialect::Parens, &braces] {
        for read in [value::call_expr, value::call_expr_closed] {
            if let Ok(call) = in_time("a call", || read(text, at, dialect)) {
                assert!(call.end > at && text.is_char_boundary(call.end), "{call:?}");
                assert!(call.fixes.iter().all(|fix| text.get(fix.span.clone()).is_some()), "{call:?}");
            }
        }
    }
}

/// What a reader says lies in the text.
fn assert_inside(text: &str, at: usize, read: &Result<Reading, Unread>, name: &str) {
    match read {
        Ok(reading) => {
            assert!(reading.end > at && text.get(at..reading.end).is_some(), "{name}: {reading:?}");
            let inside = |fix: &callwright_parse::chat::Fix| text.get(fix.span.clone()).is_some() && fix.call.is_none();
            assert!(reading.fixes.iter().all(inside), "{name}: {reading:?}");
        }
        Err(unread) => assert!(unread.at() <= text.len(), "{name}: {unread:?}"),
    }
}

/// Law 2 for the writer that runs while a value arrives.
fn streams(bytes: &[u8], seed: u8) {
    let canonical = |pieces: &[&[u8]]| {
        let (mut canonical, mut out, mut goes) = (Canonical::new(), String::new(), true);
        for piece in pieces {
            goes = canonical.push(piece, &mut out);
        }
        (out, goes, canonical.is_done())
    };
    let pieces = cuts(bytes, seed);
    assert_eq!(
        canonical(&pieces),
        in_time("canonical", || canonical(&[bytes])),
        "law 2: canonical, cut as {seed} says"
    );
}

/// Laws 7 and 8: strict JSON is read as `serde_json` reads it, and no beginning of it is taken for the whole.
fn strict(text: &str, seed: u8) {
    let mut values = serde_json::Deserializer::from_str(text).into_iter::<Value>();
    let Some(Ok(expected)) = values.next() else { return };
    let end = values.byte_offset();
    let strict = Ok(Reading { value: expected.clone(), end, fixes: Vec::new() });
    assert_eq!(value::json(text, 0), strict, "law 7");
    assert_eq!(value::json_closed(text, 0), strict, "law 7");
    let own = text[..end].trim_start();
    if !own.starts_with(['{', '[']) {
        return;
    }
    assert_eq!(value::any(text, 0), strict, "law 7");
    assert_eq!(value::python(text, 0), strict, "law 7");
    let (mut canonical, mut out) = (Canonical::new(), String::new());
    if canonical.push(text.as_bytes(), &mut out) {
        assert!(canonical.is_done(), "law 7: {out}");
        assert_eq!(serde_json::from_str::<Value>(&out).ok().as_ref(), Some(&expected), "law 7: {out}");
        // Law 13: digits that no float has are written all the same.
        if !Digits::may_differ(&expected) {
            assert_eq!(out, expected.to_string(), "law 7");
        }
    }
    let mut cut = own.len() * usize::from(seed) / 256;
    while !own.is_char_boundary(cut) {
        cut -= 1;
    }
    for (name, read) in READERS.iter().filter(|(name, _)| !name.ends_with("closed")) {
        let part = read(&own[..cut], 0);
        assert!(matches!(part, Err(Unread::Incomplete { .. })), "law 8: {name}: {:?}: {part:?}", &own[..cut]);
    }
}
