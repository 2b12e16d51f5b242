//! `*` and `%` as Python has them: numbers, repeated texts and lists, and `"%s" % value`.
//!
//! They are the two operators that turn a small text into one as large as a number says, so they ask the budget.

use minijinja::formatting::{FormatStyle, format};
use minijinja::value::{Tuple, Value, ValueKind};
use minijinja::{Error, ErrorKind, State};

use super::budget::{Budget, Limit};
use super::dump;

/// `left * right`.
pub(super) fn times(state: &mut State<'_, '_>, left: &Value, right: &Value) -> Result<Value, Error> {
    for (many, count) in [(left, right), (right, left)] {
        if let Some(text) = many.as_str() {
            let count = repetitions(state, text.len(), count)?;
            return Ok(Value::from(text.repeat(count)));
        }
        if matches!(many.kind(), ValueKind::Seq | ValueKind::Iterable) {
            let items: Vec<Value> = many.try_iter()?.checked().collect::<Result<_, _>>()?;
            let count = repetitions(state, items.len().saturating_mul(32), count)?;
            let items: Vec<Value> = std::iter::repeat_n(items, count).flatten().collect();
            let items = if many.is_tuple() { Value::from(Tuple::from(items)) } else { Value::from(items) };
            Budget::of(state).charge_parts(&items, 0)?;
            return Ok(items);
        }
    }
    number(left, right, "*", i128::checked_mul, |a, b| a * b)
}

/// `left % right`.
pub(super) fn modulo(state: &mut State<'_, '_>, left: &Value, right: &Value) -> Result<Value, Error> {
    if let Some(pattern) = left.as_str() {
        let args: Vec<Value> = if right.is_tuple() { right.try_iter()?.collect() } else { vec![right.clone()] };
        return printf(state, pattern, &args).map(Value::from);
    }
    let whole = |a: i128, b: i128| {
        a.checked_rem(b).map(|rest| if rest != 0 && (rest < 0) != (b < 0) { rest + b } else { rest })
    };
    number(left, right, "%", whole, |a, b| a - b * (a / b).floor())
}

/// `printf`-style formatting, if the budget bears the result.
pub(super) fn printf(state: &mut State<'_, '_>, pattern: &str, args: &[Value]) -> Result<String, Error> {
    formatted(state, FormatStyle::Printf, pattern, args)
}

/// `str.format`, if the budget bears the result.
pub(super) fn braces(state: &mut State<'_, '_>, pattern: &str, args: &[Value]) -> Result<String, Error> {
    formatted(state, FormatStyle::StrFormat, pattern, args)
}

fn formatted(state: &mut State<'_, '_>, style: FormatStyle, pattern: &str, args: &[Value]) -> Result<String, Error> {
    let mut plain = Vec::with_capacity(args.len());
    for arg in args {
        let composite = matches!(arg.kind(), ValueKind::Seq | ValueKind::Map) && !arg.is_kwargs();
        plain.push(if composite { Value::from(dump::text(state, arg)?) } else { arg.clone() });
    }
    let fields = pattern.matches(['%', '{']).count();
    let widths = pattern.split(|c: char| !c.is_ascii_digit()).filter(|digits| !digits.is_empty());
    let widest = widths.map(|digits| digits.parse().unwrap_or(usize::MAX)).max().unwrap_or(0);
    let said = plain.iter().map(|arg| arg.as_str().map_or(32, str::len)).sum::<usize>();
    Budget::of(state).charge(pattern.len().saturating_add(fields.saturating_mul(widest.saturating_add(said))))?;
    format(style, pattern, &plain)
}

fn repetitions(state: &mut State<'_, '_>, size: usize, count: &Value) -> Result<usize, Error> {
    let count = i128::try_from(count.clone())
        .map_err(|_| Error::new(ErrorKind::InvalidOperation, "can only be repeated a whole number of times"))?;
    let count = usize::try_from(count.max(0)).map_err(|_| Limit::Bytes)?;
    Budget::of(state).charge(size.checked_mul(count).ok_or(Limit::Bytes)?)?;
    Ok(count)
}

fn number(
    left: &Value,
    right: &Value,
    sign: &str,
    whole: impl Fn(i128, i128) -> Option<i128>,
    float: impl Fn(f64, f64) -> f64,
) -> Result<Value, Error> {
    let cannot = || {
        let (left, right) = (left.kind(), right.kind());
        Error::new(ErrorKind::InvalidOperation, format!("unsupported operands for {sign}: {left} and {right}"))
    };
    let is_whole = |value: &Value| value.is_integer() || value.kind() == ValueKind::Bool;
    if is_whole(left) && is_whole(right) {
        let (left, right) = (i128::try_from(left.clone())?, i128::try_from(right.clone())?);
        let result = whole(left, right).ok_or_else(cannot)?;
        return Ok(i64::try_from(result).map_or_else(|_| Value::from(result), Value::from));
    }
    if !left.is_number() || !right.is_number() {
        return Err(cannot());
    }
    Ok(Value::from(float(f64::try_from(left.clone())?, f64::try_from(right.clone())?)))
}
