//! One value as another type, where that loses nothing and the schema leaves no other reading.

use serde_json::{Number, Value};

use crate::schema::Types;
use crate::value;

/// The largest whole number up to which `f64` has them all.
const EXACT: f64 = 9_007_199_254_740_992.0;

/// The value as one of these types; the caller has seen that it is of none of them. `source` is the text that it was
/// read from.
pub(super) fn converted(value: &Value, allowed: Types, source: Option<&str>) -> Option<Value> {
    match value {
        Value::String(text) => from_text(text, allowed),
        Value::Number(number) if allowed.has(Types::INTEGER) => whole(number),
        Value::Number(number) if allowed.has(Types::STRING) => {
            // Without its text a fraction may have lost digits: 1.10 is a version, too.
            let exact = (!number.is_f64()).then(|| number.to_string());
            source.map(str::to_owned).or(exact).map(Value::String)
        }
        Value::Bool(_) | Value::Array(_) | Value::Object(_) if allowed == Types::STRING => {
            source.map(|source| Value::String(source.to_owned()))
        }
        _ => None,
    }
}

fn from_text(text: &str, allowed: Types) -> Option<Value> {
    let trimmed = text.trim();
    let first = trimmed.bytes().next()?;
    if matches!(first, b'0'..=b'9' | b'+' | b'-' | b'.') {
        return if allowed.has(Types::INTEGER) { number(trimmed, allowed) } else { None };
    }
    let has = |types: Types, value: Value| allowed.has(types).then_some(value);
    if trimmed.eq_ignore_ascii_case("true") {
        return has(Types::BOOLEAN, Value::Bool(true));
    }
    if trimmed.eq_ignore_ascii_case("false") {
        return has(Types::BOOLEAN, Value::Bool(false));
    }
    if trimmed.eq_ignore_ascii_case("null") || trimmed == "None" {
        return has(Types::NULL, Value::Null);
    }
    let wanted = match first {
        b'[' | b'(' => Types::LIST,
        b'{' => Types::OBJECT,
        _ => return None,
    };
    if !allowed.has(wanted) {
        return None;
    }
    let read = value::any(trimmed, 0).ok()?;
    (read.end == trimmed.len() && Types::of(&read.value) == wanted).then_some(read.value)
}

/// The number that this text is; `5.0` is a whole one, and so is `007` where nothing else is allowed.
fn number(text: &str, allowed: Types) -> Option<Value> {
    let plain = text.strip_prefix('+').unwrap_or(text);
    if let Ok(whole) = plain.parse::<i64>() {
        return Some(Value::from(whole));
    }
    if plain.bytes().enumerate().all(|(at, b)| b.is_ascii_digit() || at == 0 && b == b'-') {
        // Longer than what a number here holds exactly: text it stays, which the schema refuses.
        return plain.parse::<u64>().ok().map(Value::from);
    }
    let digits = plain.bytes().all(|b| matches!(b, b'0'..=b'9' | b'.' | b'e' | b'E' | b'-' | b'+'));
    let number = Number::from_f64(plain.parse::<f64>().ok().filter(|_| digits)?)?;
    if allowed.has(Types::NUMBER) {
        return serde_json::from_str::<Number>(plain).ok().or(Some(number)).map(Value::Number);
    }
    whole(&number)
}

/// The whole number that `5.0` is.
#[expect(clippy::cast_possible_truncation, reason = "checked: it is whole and within 2^53")]
fn whole(number: &Number) -> Option<Value> {
    let float = number.as_f64().filter(|float| float.fract() == 0.0 && float.abs() <= EXACT)?;
    Some(Value::from(float as i64))
}

/// A whole number written with a fraction, where that is exact.
#[expect(clippy::cast_precision_loss, reason = "checked: within 2^53")]
pub(super) fn float(number: &Number) -> Option<Value> {
    let whole = number.as_i64().filter(|whole| whole.unsigned_abs() <= 1 << 53)?;
    Number::from_f64(whole as f64).map(Value::Number)
}

/// The only member of an enum that the text is but for case and blanks around it.
pub(super) fn member<'m>(text: &str, members: &'m [Value]) -> Option<&'m str> {
    let text = text.trim();
    let mut alike = members
        .iter()
        .filter_map(Value::as_str)
        .filter(|member| member.len() == text.len() && member.to_lowercase() == text.to_lowercase());
    let one = alike.next()?;
    alike.next().is_none().then_some(one)
}
