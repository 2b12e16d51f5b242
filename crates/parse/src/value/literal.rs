//! Names and words: the small pieces, as `nom` parsers.
//!
//! A tool's name may hold dots, hyphens and what else the field writes into names; Markdown's `\_` is read as `_`.

use std::borrow::Cow;
use std::ops::Range;

use nom::branch::alt;
use nom::bytes::complete::{tag, take_while, take_while1};
use nom::character::complete::{char, satisfy};
use nom::combinator::{not, recognize};
use nom::multi::many0_count;
use nom::sequence::{pair, preceded, terminated};
use nom::{IResult, Parser};
use serde_json::Value;

/// The tool name at byte `at`, if one is there: letters, digits, `_`, and inside `.`, `-`, `:`, `/` and Markdown's `\_`.
/// A full stop or colon at the end is not part of it.
///
/// ```
/// let text = r"call math.gcd\_fast(a=1)";
/// assert_eq!(callwright_parse::value::name(text, 5), Some(5..19));
/// ```
#[must_use]
pub fn name(text: &str, at: usize) -> Option<Range<usize>> {
    let (_, found) = tool_name(text.get(at..)?).ok()?;
    let found = found.trim_end_matches(['.', '-', ':', '/']);
    (!found.is_empty()).then(|| at..at + found.len())
}

/// The name without Markdown's escapes.
pub(super) fn unescaped(name: &str) -> Cow<'_, str> {
    if name.contains('\\') { Cow::Owned(name.replace("\\_", "_")) } else { Cow::Borrowed(name) }
}

fn is_start(c: char) -> bool {
    c == '_' || c == '$' || c.is_alphabetic()
}

pub(super) fn is_word(c: char) -> bool {
    c == '_' || c == '$' || c.is_alphanumeric()
}

fn tool_name(text: &str) -> IResult<&str, &str> {
    let first = alt((recognize(satisfy(|c| is_start(c) || c.is_ascii_digit())), tag("\\_")));
    let more = alt((take_while1(|c| is_word(c) || matches!(c, '.' | '-' | ':' | '/')), tag("\\_")));
    recognize(pair(first, many0_count(more))).parse(text)
}

/// A parameter's name or an object's key without quotes.
pub(super) fn key(text: &str) -> Option<&str> {
    let first = alt((recognize(satisfy(is_start)), tag("\\_")));
    let more = alt((take_while1(|c| is_word(c) || matches!(c, '.' | '-')), tag("\\_")));
    let parsed: IResult<&str, &str> = recognize(pair(first, many0_count(more))).parse(text);
    parsed.ok().map(|(_, key)| key)
}

/// `true`, `None` and their kin with the value; NaN and infinity without one.
pub(super) fn word(text: &str) -> Option<(&str, Option<Value>)> {
    if !matches!(text.as_bytes().first(), Some(b't' | b'f' | b'n' | b'u' | b'i' | b'T' | b'F' | b'N' | b'U' | b'I')) {
        return None;
    }
    let found: IResult<&str, &str> = terminated(take_while1(is_word), not(char('('))).parse(text);
    let word = found.ok()?.1;
    let is = |name: &str| word.eq_ignore_ascii_case(name);
    let value = if is("true") {
        Some(Value::Bool(true))
    } else if is("false") {
        Some(Value::Bool(false))
    } else if is("null") || is("none") || word == "nil" || word == "undefined" {
        Some(Value::Null)
    } else if is("nan") || is("infinity") || is("inf") {
        None
    } else {
        return None;
    };
    Some((word, value))
}

/// Whether a key and its colon or equals sign stand here, after white space: what must come after a comma in an object
/// or between named arguments.
pub(super) fn key_follows(text: &str) -> bool {
    let blanks = || take_while(|c: char| c.is_ascii_whitespace());
    let rest = text.trim_start_matches(|c: char| c.is_ascii_whitespace());
    let Some(key) = key(rest) else { return false };
    let sign: IResult<&str, &str> =
        terminated(preceded(blanks(), alt((tag("="), tag(":")))), not(tag("="))).parse(&rest[key.len()..]);
    sign.is_ok()
}

/// The quoted string at byte `at`: its content, unescaped, and the byte after it. The first quote that is not escaped
/// closes it.
///
/// ```
/// assert_eq!(callwright_parse::value::quoted("say 'it\\'s'!", 4), Some(("it's".to_owned(), 11)));
/// ```
#[must_use]
pub fn quoted(text: &str, at: usize) -> Option<(String, usize)> {
    let mut reader = super::Reader::new(text, at, super::Home::Any, super::Ending::Open);
    match reader.string_value(super::reader::Place::Top) {
        Ok(Some(Value::String(content))) => Some((content, reader.at)),
        _ => None,
    }
}
