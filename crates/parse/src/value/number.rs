//! Numbers: JSON's through `serde_json` itself, so that both paths agree to the last digit; Python's and C's beside.
//!
//! What no JSON number can say (too large, leading zeros, an imaginary unit) is no number: it stays text.

use nom::branch::alt;
use nom::bytes::complete::{tag_no_case, take_while1};
use nom::character::complete::{char, one_of};
use nom::combinator::{opt, recognize};
use nom::sequence::{pair, preceded};
use nom::{IResult, Parser};
use serde_json::Number;

/// The number at the start of the text, as written: `-1.5e3`, `+1`, `.5`, `1_000`, `0x1F`.
pub(super) fn token(text: &str) -> Option<&str> {
    let whole = recognize((opt(one_of("+-")), alt((radix, decimal)))).parse(text);
    whole.ok().map(|(_, token)| token)
}

fn radix(text: &str) -> IResult<&str, &str> {
    let digits = |ok: fn(char) -> bool| take_while1(move |c| c == '_' || ok(c));
    alt((
        recognize(preceded(tag_no_case("0x"), digits(|c| c.is_ascii_hexdigit()))),
        recognize(preceded(tag_no_case("0b"), digits(|c| matches!(c, '0' | '1')))),
        recognize(preceded(tag_no_case("0o"), digits(|c| matches!(c, '0'..='7')))),
    ))
    .parse(text)
}

fn digits(text: &str) -> IResult<&str, &str> {
    recognize(pair(one_of("0123456789"), opt(take_while1(|c: char| c.is_ascii_digit() || c == '_')))).parse(text)
}

fn decimal(text: &str) -> IResult<&str, &str> {
    let exponent = || opt((one_of("eE"), opt(one_of("+-")), digits));
    alt((
        recognize((digits, opt(pair(char('.'), opt(digits))), exponent())),
        recognize((char('.'), digits, exponent())),
    ))
    .parse(text)
}

/// How a number was written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Written {
    Json,
    /// As Python allows.
    Python,
}

/// The number that a token says.
pub(super) fn number(token: &str) -> Option<(Number, Written)> {
    let json = !token.starts_with('+') && !token.ends_with('.');
    if let Some(number) = json.then(|| serde_json::from_str(token).ok()).flatten() {
        return Some((number, Written::Json));
    }
    let (minus, rest) = match token.as_bytes().first() {
        Some(b'-') => (true, &token[1..]),
        Some(b'+') => (false, &token[1..]),
        _ => (false, token),
    };
    let plain = if rest.contains('_') { rest.replace('_', "") } else { rest.to_owned() };
    if rest.ends_with('_') || rest.contains("__") {
        return None;
    }
    let radix = match plain.as_bytes() {
        [b'0', b'x' | b'X', ..] => 16,
        [b'0', b'b' | b'B', ..] => 2,
        [b'0', b'o' | b'O', ..] => 8,
        _ => 10,
    };
    if radix != 10 {
        let size = i64::from_str_radix(&plain[2..], radix).ok()?;
        return Some((Number::from(if minus { -size } else { size }), Written::Python));
    }
    // Neither JSON nor Python writes 007: whoever writes it means the text.
    if plain.len() > 1 && plain.starts_with('0') && plain.as_bytes()[1].is_ascii_digit() {
        return None;
    }
    let signed = if minus { format!("-{plain}") } else { plain };
    let signed = signed.strip_suffix('.').map(|whole| format!("{whole}.0")).unwrap_or(signed);
    let full = if let Some(rest) = signed.strip_prefix("-.") {
        format!("-0.{rest}")
    } else if signed.starts_with('.') {
        format!("0{signed}")
    } else {
        signed.replace(".e", ".0e").replace(".E", ".0E")
    };
    serde_json::from_str(&full).ok().map(|number| (number, Written::Python))
}

/// Whether one more digit makes the whole text a number: `1e`, `-`, `0x`.
pub(super) fn may_go_on(text: &str) -> bool {
    let longer = || format!("{text}1");
    text.len() < 64 && token(&longer()) == Some(longer().as_str()) && number(&longer()).is_some()
}

/// Digits in groups of three with their fraction, as in `5,000.25`: the length of what comes after the first group.
pub(super) fn groups(after: &str) -> usize {
    let bytes = after.as_bytes();
    let digits = |at: usize| bytes.iter().skip(at).take_while(|b| b.is_ascii_digit()).count();
    let mut at = 0;
    while bytes.get(at) == Some(&b',') && digits(at + 1) == 3 {
        at += 4;
    }
    let fraction = if at > 0 && bytes.get(at) == Some(&b'.') { digits(at + 1) } else { 0 };
    if fraction > 0 { at + 1 + fraction } else { at }
}
