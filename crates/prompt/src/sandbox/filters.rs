//! Filters, tests and functions as transformers' renderer has them, and those that `compiled` puts in.
//!
//! What minijinja offers and Jinja2 does not is taken away, so that a template which fails there fails here. What can
//! multiply its input (`join`, `replace`, `indent`, `center`, `format`, `batch`, `slice`) asks the budget before it
//! does; what is missing here is minijinja's own, and charged when it is done.

#![expect(clippy::needless_pass_by_value, reason = "minijinja hands arguments over by value")]

use minijinja::formatting::FormatStyle;
use minijinja::value::{Kwargs, Rest, Serde, StringInput, Value, ValueKind};
use minijinja::{Environment, Error, ErrorKind, State, filters};

use super::budget::{Budget, Limit, is_namespace, made, nested_namespace};
use super::growing::Growing;
use super::text::{JsonStyle, json, text};
use super::{methods, operators};

/// Puts everything in its place.
pub(in super::super) fn install(environment: &mut Environment<'_>) {
    for filter in ["lines", "split", "bool", "chain", "zip", "pprint"] {
        environment.remove_filter(filter);
    }
    for test in ["startingwith", "endingwith", "safe"] {
        environment.remove_test(test);
    }
    environment.remove_global("debug");
    environment.set_unknown_method_callback(methods::method);

    environment.add_filter("__made", made);
    environment.add_filter("__read", read);
    environment.add_filter("__each", each);
    environment.add_filter("__list", list);
    environment.add_filter("__kept", kept);
    environment.add_filter("__member", member);
    environment.add_filter("__add", operators::add);
    environment.add_filter("__concat", operators::concat);
    environment.add_filter("__times", operators::times);
    environment.add_filter("__modulo", operators::modulo);
    environment.add_filter("__slice", operators::slice);

    environment.add_filter("tojson", to_json);
    environment.add_filter("from_json", from_json);
    environment.add_filter("string", text);
    environment.add_filter("join", join);
    environment.add_filter("replace", replace);
    environment.add_filter("indent", indent);
    environment.add_filter("center", |state: &mut State<'_, '_>, value: &str, width: Option<usize>| {
        let missing = width.unwrap_or(80).saturating_sub(value.chars().count());
        let left = spaces(state, missing / 2)?;
        Ok::<_, Error>(left + value + &spaces(state, missing - missing / 2)?)
    });
    environment.add_filter("format", |state: &mut State<'_, '_>, pattern: &str, args: Rest<Value>| {
        operators::formatted(state, FormatStyle::Printf, pattern, &args)
    });
    environment.add_filter("batch", |state: &mut State<'_, '_>, value: Value, size: usize, fill: Option<Value>| {
        Budget::of(state).fits(if fill.is_some() { size } else { 0 })?;
        filters::batch(state, value, size, fill)
    });
    environment.add_filter("slice", |state: &mut State<'_, '_>, value: Value, count: usize, fill: Option<Value>| {
        Budget::of(state).fits(count)?;
        filters::slice(state, value, count, fill)
    });
    environment.add_filter("sum", sum);
    environment.add_filter("trim", |state: &mut State<'_, '_>, value: StringInput<'_>, chars: Option<&str>| {
        strippable(state, value.as_str(), chars)?;
        Ok::<_, Error>(filters::trim(value, chars.map(Into::into)))
    });
    environment.add_filter("wordcount", |text: &str| text.split_whitespace().count());
    environment.add_test("sequence", |value: &Value| {
        matches!(value.kind(), ValueKind::Seq | ValueKind::String | ValueKind::Map | ValueKind::Undefined)
    });
    environment.add_test("iterable", |value: &Value| !value.is_none() && value.try_iter().is_ok());
    // minijinja's own panics on a zero.
    environment.add_test("divisibleby", |state: &mut State<'_, '_>, value: &Value, by: &Value| {
        operators::modulo(state, value, by).is_ok_and(|rest| rest == Value::from(0))
    });
    environment.add_test("callable", |value: &Value| value.kind() == ValueKind::Plain);
    environment.add_function("raise_exception", |message: String| -> Result<Value, Error> {
        Err(Error::new(ErrorKind::InvalidOperation, message.clone()).with_source(Raised(message)))
    });
}

/// What a template said when it refused a conversation.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub(in super::super) struct Raised(String);

/// What is read in full: the upper operand of a comparison, a key.
fn read(state: &mut State<'_, '_>, value: Value) -> Result<Value, Error> {
    Budget::of(state).charge(value.as_str().map_or(0, str::len))?;
    Ok(value)
}

/// What a loop runs over. Python does not run over `None`, minijinja does.
fn each(state: &mut State<'_, '_>, value: Value) -> Result<Value, Error> {
    if value.is_none() {
        return Err(Error::new(ErrorKind::InvalidOperation, "none is not iterable"));
    }
    read(state, value)
}

/// A list as written in a template that grows lists.
fn list(state: &mut State<'_, '_>, value: Value) -> Result<Value, Error> {
    let held = Budget::of(state).weigh(&value, 0)?;
    Ok(Value::from_object(Growing::new(value.try_iter()?.collect(), held)))
}

/// What a namespace keeps.
fn kept(value: Value) -> Result<Value, Error> {
    if is_namespace(&value) { Err(nested_namespace()) } else { Ok(value) }
}

/// An attribute that Python finds before any key of a dict: a method, here without anything in it.
fn member(value: Value, name: &str) -> Result<Value, Error> {
    if value.kind() == ValueKind::Map { Ok(Value::from_function(|| ())) } else { value.get_attr(name) }
}

fn to_json(state: &mut State<'_, '_>, value: &Value, positional: Rest<Value>, named: Kwargs) -> Result<String, Error> {
    // transformers: `tojson(x, ensure_ascii=False, indent=None, separators=None, sort_keys=False)`
    let given = |place, name| argument(&positional, &named, place, name);
    let ensure_ascii = given(0, "ensure_ascii")?.is_some_and(|value| value.is_true());
    let indent = given(1, "indent")?.map(usize::try_from).transpose()?;
    let separators = given(2, "separators")?;
    let sort_keys = given(3, "sort_keys")?.is_some_and(|value| value.is_true());
    named.assert_all_used()?;
    let item_separator = if indent.is_some() { "," } else { ", " };
    let (mut item_separator, mut key_separator) = (item_separator.to_owned(), ": ".to_owned());
    if let Some(given) = separators {
        item_separator = given.get_item_by_index(0)?.to_string();
        key_separator = given.get_item_by_index(1)?.to_string();
    }
    json(state, value, &JsonStyle { indent, item_separator, key_separator, ensure_ascii, sort_keys })
}

/// An argument given by its place or by its name; none where it is `none`.
fn argument(positional: &[Value], named: &Kwargs, place: usize, name: &str) -> Result<Option<Value>, Error> {
    let given = match positional.get(place) {
        Some(value) => Some(value.clone()),
        None => named.get::<Option<Value>>(name)?,
    };
    Ok(given.filter(|value| !value.is_none() && !value.is_undefined()))
}

fn from_json(state: &mut State<'_, '_>, text: &str) -> Result<Value, Error> {
    Budget::of(state).charge(text.len().saturating_mul(16))?;
    let value: serde_json::Value = serde_json::from_str(text)
        .map_err(|error| Error::new(ErrorKind::CannotDeserialize, "from_json: not JSON").with_source(error))?;
    Ok(Value::from(Serde(value)))
}

fn join(state: &mut State<'_, '_>, values: &Value, positional: Rest<Value>, named: Kwargs) -> Result<String, Error> {
    let separator = argument(&positional, &named, 0, "d")?.unwrap_or_default();
    let attribute = argument(&positional, &named, 1, "attribute")?;
    named.assert_all_used()?;
    let separator = text(state, &separator)?;
    joined(state, values, &separator, attribute.as_ref())
}

/// The texts of values, with a separator between them.
pub(super) fn joined(
    state: &mut State<'_, '_>,
    values: &Value,
    separator: &str,
    attribute: Option<&Value>,
) -> Result<String, Error> {
    let mut out = String::new();
    for (at, item) in values.try_iter()?.checked().enumerate() {
        let item = item?;
        let item = attribute.map_or(Ok(item.clone()), |attribute| item.get_item(attribute))?;
        let (separator, text) = (if at == 0 { "" } else { separator }, text(state, &item)?);
        Budget::of(state).charge(separator.len() + text.len())?;
        out.extend([separator, &text]);
    }
    Ok(out)
}

fn replace(
    state: &mut State<'_, '_>,
    value: &Value,
    old: &Value,
    new: &Value,
    count: Option<usize>,
) -> Result<String, Error> {
    let (value, old, new) = (text(state, value)?, text(state, old)?, text(state, new)?);
    replaced(state, &value, &old, &new, count)
}

/// `str.replace`, if the budget bears the result.
pub(super) fn replaced(
    state: &mut State<'_, '_>,
    text: &str,
    old: &str,
    new: &str,
    count: Option<usize>,
) -> Result<String, Error> {
    let most = count.unwrap_or(usize::MAX);
    let found = if new.is_empty() { 0 } else { text.matches(old).take(most).count() };
    Budget::of(state).charge(text.len().saturating_add(found.saturating_mul(new.len())))?;
    Ok(text.replacen(old, new, most))
}

/// Charges what stripping takes: each character at the ends is looked for among those to strip.
pub(super) fn strippable(state: &mut State<'_, '_>, text: &str, chars: Option<&str>) -> Result<(), Limit> {
    Budget::of(state).charge(text.len().saturating_mul(chars.map_or(1, str::len)))
}

fn indent(state: &mut State<'_, '_>, value: &str, positional: Rest<Value>, named: Kwargs) -> Result<String, Error> {
    let given = |place, name| argument(&positional, &named, place, name);
    let width = given(0, "width")?;
    let first = given(1, "first")?.is_some_and(|first| first.is_true());
    let blank = given(2, "blank")?.is_some_and(|blank| blank.is_true());
    named.assert_all_used()?;
    let lines: Vec<&str> = value.split('\n').collect();
    let step = match width {
        None => "    ".to_owned(),
        Some(width) if width.as_str().is_some() => width.to_string(),
        Some(width) => spaces(state, usize::try_from(width)?)?,
    };
    Budget::of(state).charge(value.len().saturating_add(step.len().saturating_mul(lines.len())))?;
    let mut out = String::new();
    for (at, line) in lines.iter().enumerate() {
        let indented = if at == 0 { first } else { blank || !line.is_empty() };
        out.extend([if at == 0 { "" } else { "\n" }, if indented { &step } else { "" }, line]);
    }
    Ok(out)
}

pub(super) fn spaces(state: &mut State<'_, '_>, count: usize) -> Result<String, Error> {
    Budget::of(state).charge(count)?;
    Ok(" ".repeat(count))
}

/// Of numbers: Python sums no texts either, and summing lists takes the square of their length.
fn sum(
    state: &mut State<'_, '_>,
    values: Value,
    attribute: Option<&str>,
    start: Option<Value>,
    named: Kwargs,
) -> Result<Value, Error> {
    let start = start.map_or_else(|| named.get("start"), |start| Ok(Some(start)))?.unwrap_or_else(|| Value::from(0));
    if !start.is_number() {
        return Err(Error::new(ErrorKind::InvalidOperation, "can only sum numbers"));
    }
    filters::sum(state, values, attribute, Some(start), named)
}
