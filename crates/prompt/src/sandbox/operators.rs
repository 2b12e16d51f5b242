//! `+`, `~`, `*`, `%` and slices as Python has them: escaped texts, repeated texts and lists, and `"%s" % value`.
//!
//! `+` is minijinja's own but for texts marked as safe; `*` and `%` can make a small value as large as a number says, so
//! they ask the budget first. minijinja's slices panic on `[][::-1]` and on `[1, 2][0:1:-1]`.

use std::borrow::Cow;

use minijinja::formatting::{FormatStyle, format};
use minijinja::value::{Kwargs, Tuple, Value, ValueKind};
use minijinja::{Error, ErrorKind, State, filters};

use super::budget::{Budget, Limit, made};
use super::text;

/// `left + right`. What is added to a text marked as safe gets HTML's escapes, as markupsafe does it.
pub(super) fn add(state: &mut State<'_, '_>, left: &Value, right: &Value) -> Result<Value, Error> {
    if let (Some(a), Some(b)) = (left.as_str(), right.as_str()) {
        let safe = left.is_safe() || right.is_safe();
        let sum = escaped(a, !safe || left.is_safe()).into_owned() + &escaped(b, !safe || right.is_safe());
        return made(state, if safe { Value::from_safe_string(sum) } else { Value::from(sum) });
    }
    if right.is_undefined() {
        return Err(unsupported("+", left, right));
    }
    // A sum of one value and a start is minijinja's `+`.
    let none = std::iter::empty::<(&str, Value)>().collect::<Kwargs>();
    let sum = filters::sum(state, Value::from(vec![right.clone()]), None, Some(left.clone()), none)?;
    made(state, sum)
}

fn escaped(text: &str, safe: bool) -> Cow<'_, str> {
    let escapes = [('&', "&amp;"), ('<', "&lt;"), ('>', "&gt;"), ('\'', "&#39;"), ('"', "&#34;")];
    let escape = |text: Cow<'_, str>, (c, escape): (char, &str)| Cow::Owned(text.replace(c, escape));
    escapes.into_iter().filter(|_| !safe).fold(Cow::Borrowed(text), escape)
}

/// `left ~ right`.
pub(super) fn concat(state: &mut State<'_, '_>, left: &Value, right: &Value) -> Result<Value, Error> {
    let joined = text::text(state, left)? + &text::text(state, right)?;
    made(state, Value::from(joined))
}

/// `left * right`.
pub(super) fn times(state: &mut State<'_, '_>, left: &Value, right: &Value) -> Result<Value, Error> {
    for (many, count) in [(left, right), (right, left)] {
        let size = match many.kind() {
            ValueKind::String => many.as_str().map_or(0, str::len),
            ValueKind::Seq => many.len().unwrap_or(0).saturating_mul(8),
            _ => continue,
        };
        let count = i128::try_from(count.clone())?.max(0);
        let count = if size == 0 { 0 } else { usize::try_from(count).map_err(|_| Limit::Bytes)? };
        Budget::of(state).fits(size.saturating_mul(count))?;
        if let Some(text) = many.as_str() {
            return made(state, Value::from(text.repeat(count)));
        }
        let items: Vec<Value> = many.try_iter()?.collect();
        let items: Vec<Value> = std::iter::repeat_n(items, count).flatten().collect();
        return made(state, if many.is_tuple() { Value::from(Tuple::from(items)) } else { Value::from(items) });
    }
    number(left, right, "*", i128::checked_mul, |a, b| a * b)
}

/// `left % right`.
pub(super) fn modulo(state: &mut State<'_, '_>, left: &Value, right: &Value) -> Result<Value, Error> {
    if let Some(pattern) = left.as_str() {
        let args: Vec<Value> = if right.is_tuple() { right.try_iter()?.collect() } else { vec![right.clone()] };
        return formatted(state, FormatStyle::Printf, pattern, &args);
    }
    let whole = |a: i128, b: i128| {
        a.checked_rem(b).map(|rest| if rest != 0 && (rest < 0) != (b < 0) { rest + b } else { rest })
    };
    number(left, right, "%", whole, |a, b| a - b * (a / b).floor())
}

/// `value[from:to:step]`.
pub(super) fn slice(
    state: &mut State<'_, '_>,
    value: &Value,
    from: Option<i64>,
    to: Option<i64>,
    step: Option<i64>,
) -> Result<Value, Error> {
    let chars: Vec<char> = value.as_str().unwrap_or_default().chars().collect();
    let items: Vec<Value> = if value.as_str().is_some() { Vec::new() } else { value.try_iter()?.collect() };
    let step = i128::from(step.unwrap_or(1));
    if step == 0 || value.kind() == ValueKind::Map {
        let kind = value.kind();
        return Err(Error::new(ErrorKind::InvalidOperation, format!("cannot slice a {kind} in steps of {step}")));
    }
    let length = chars.len().max(items.len()) as i128;
    let (low, high) = if step > 0 { (0, length) } else { (-1, length - 1) };
    let within = |index: i64| {
        let index = i128::from(index);
        (if index < 0 { index + length } else { index }).clamp(low, high)
    };
    let (begin, end) = if step > 0 { (low, high) } else { (high, low) };
    let (begin, end) = (from.map_or(begin, within), to.map_or(end, within));
    let places = std::iter::successors(Some(begin), |at| Some(at + step));
    let places = places.take_while(|at| if step > 0 { *at < end } else { *at > end });
    let places = places.filter_map(|at| usize::try_from(at).ok());
    if value.as_str().is_some() {
        return made(state, Value::from(places.filter_map(|at| chars.get(at)).collect::<String>()));
    }
    let taken: Vec<Value> = places.filter_map(|at| items.get(at).cloned()).collect();
    made(state, if value.is_tuple() { Value::from(Tuple::from(taken)) } else { Value::from(taken) })
}

/// `printf`-style formatting or `str.format`, if the budget bears the result.
pub(super) fn formatted(
    state: &mut State<'_, '_>,
    style: FormatStyle,
    pattern: &str,
    args: &[Value],
) -> Result<Value, Error> {
    let mut plain = Vec::with_capacity(args.len());
    for arg in args {
        let composite = matches!(arg.kind(), ValueKind::Seq | ValueKind::Map) && !arg.is_kwargs();
        plain.push(if composite { Value::from(text::text(state, arg)?) } else { arg.clone() });
    }
    let fields = pattern.matches(['%', '{']).count();
    let widths = pattern.split(|c: char| !c.is_ascii_digit()).filter(|digits| !digits.is_empty());
    let widest = widths.map(|digits| digits.parse().unwrap_or(usize::MAX)).max().unwrap_or(0);
    let said = plain.iter().map(|arg| arg.as_str().map_or(32, str::len)).sum::<usize>();
    Budget::of(state).charge(pattern.len().saturating_add(fields.saturating_mul(widest.saturating_add(said))))?;
    format(style, pattern, &plain).map(Value::from)
}

fn number(
    left: &Value,
    right: &Value,
    sign: &str,
    whole: impl Fn(i128, i128) -> Option<i128>,
    float: impl Fn(f64, f64) -> f64,
) -> Result<Value, Error> {
    let known = |value: &Value| value.is_number() || value.kind() == ValueKind::Bool;
    let float_in = [left, right].iter().any(|value| value.is_number() && !value.is_integer());
    let result = if !known(left) || !known(right) {
        None
    } else if float_in {
        Some(Value::from(float(f64::try_from(left.clone())?, f64::try_from(right.clone())?)))
    } else {
        let result = whole(i128::try_from(left.clone())?, i128::try_from(right.clone())?);
        result.map(|result| i64::try_from(result).map_or_else(|_| Value::from(result), Value::from))
    };
    result.ok_or_else(|| unsupported(sign, left, right))
}

fn unsupported(sign: &str, left: &Value, right: &Value) -> Error {
    let (left, right) = (left.kind(), right.kind());
    Error::new(ErrorKind::InvalidOperation, format!("unsupported operands for {sign}: {left} and {right}"))
}
