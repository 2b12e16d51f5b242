//! Filters, tests and functions as transformers' renderer has them, and those that the metering puts in.
//!
//! What minijinja offers and Jinja2 does not is taken away, so that a template which fails there fails here. What can
//! multiply its input (`join`, `replace`, `indent`, `center`, `format`) asks the budget before it does.

#![expect(clippy::needless_pass_by_value, reason = "minijinja hands arguments over by value")]

use minijinja::value::{Enumerator, Kwargs, Object, ObjectRepr, Rest, Serde, Value, ValueKind};
use minijinja::{Environment, Error, ErrorKind, State};

use super::arithmetic;
use super::budget::{Budget, DEPTH, Limit, settled};
use super::dump::{self, JsonStyle};
use super::growing::Growing;

/// Puts everything in its place.
pub(super) fn install(environment: &mut Environment<'_>) {
    for filter in ["lines", "split", "bool", "chain", "zip", "pprint"] {
        environment.remove_filter(filter);
    }
    for test in ["startingwith", "endingwith", "safe"] {
        environment.remove_test(test);
    }
    environment.remove_global("debug");

    environment.add_filter("__read", read);
    environment.add_filter("__made", made);
    environment.add_filter("__each", each);
    environment.add_filter("__list", list);
    environment.add_filter("__kept", kept);
    environment.add_filter("__written", written);
    environment.add_filter("__escaped", escaped);
    environment.add_filter("__member", member);
    environment.add_filter("__times", arithmetic::times);
    environment.add_filter("__modulo", arithmetic::modulo);
    environment.add_function("__text", |state: &mut State<'_, '_>, length: usize| -> Result<&'static str, Error> {
        Budget::of(state).charge(length)?;
        Ok("")
    });

    environment.add_filter("tojson", to_json);
    environment.add_filter("from_json", from_json);
    environment.add_filter("string", string);
    environment.add_filter("join", join);
    environment.add_filter("replace", replace);
    environment.add_filter("indent", indent);
    environment.add_filter("center", center);
    environment.add_filter("format", format);
    environment.add_filter("batch", batch);
    environment.add_filter("wordcount", |text: &str| text.split_whitespace().count());
    environment.add_test("sequence", |value: &Value| {
        matches!(value.kind(), ValueKind::Seq | ValueKind::String | ValueKind::Map | ValueKind::Undefined)
    });
    environment.add_test("iterable", |value: &Value| !value.is_none() && value.try_iter().is_ok());
    environment.add_test("callable", |value: &Value| value.kind() == ValueKind::Plain);
    environment.add_function("raise_exception", |message: String| -> Result<Value, Error> {
        Err(Error::new(ErrorKind::InvalidOperation, message.clone()).with_source(Raised(message)))
    });
}

/// What a template said when it refused a conversation.
#[derive(Debug)]
pub(super) struct Raised(pub(super) String);

impl std::fmt::Display for Raised {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for Raised {}

fn read(state: &mut State<'_, '_>, value: Value) -> Result<Value, Error> {
    Budget::of(state).charge(value.as_str().map_or(0, str::len))?;
    settled(state, value)
}

fn made(state: &mut State<'_, '_>, value: Value) -> Result<Value, Error> {
    let value = settled(state, value)?;
    Budget::of(state).charge_parts(&value, 0)?;
    Ok(value)
}

/// What a loop runs over. Python does not run over `None`, minijinja does.
fn each(state: &mut State<'_, '_>, value: Value) -> Result<Value, Error> {
    if value.is_none() {
        return Err(Error::new(ErrorKind::InvalidOperation, "none is not iterable"));
    }
    made(state, value)
}

/// An attribute that Python finds before any key of a dict: a method.
fn member(value: Value, name: &str) -> Result<Value, Error> {
    if value.kind() == ValueKind::Map { Ok(Value::from_object(Method)) } else { value.get_attr(name) }
}

/// A method that was named and not called: something, without anything in it.
#[derive(Debug)]
struct Method;

impl Object for Method {
    fn repr(self: &std::sync::Arc<Self>) -> ObjectRepr {
        ObjectRepr::Plain
    }
}

/// What is added to a text marked as safe gets HTML's escapes, as markupsafe does it, autoescape or not.
fn escaped(state: &mut State<'_, '_>, value: Value) -> Result<Value, Error> {
    let Some(text) = value.as_str() else { return Ok(value) };
    let text = text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;");
    let text = text.replace('\'', "&#39;").replace('"', "&#34;");
    Budget::of(state).charge(text.len())?;
    Ok(Value::from(text))
}

fn list(state: &mut State<'_, '_>, value: Value) -> Result<Value, Error> {
    let value = made(state, value)?;
    let items = value.try_iter()?.checked().collect::<Result<Vec<_>, _>>()?;
    Ok(Value::from_object(Growing::new(items)))
}

/// A namespace in a namespace could hold itself, and comparing such values never ends.
fn kept(state: &mut State<'_, '_>, value: Value) -> Result<Value, Error> {
    fn holds_namespace(value: &Value, depth: usize) -> bool {
        let Some(object) = value.as_object() else { return false };
        match value.kind() {
            _ if depth > DEPTH => true,
            ValueKind::Seq => object.try_iter().into_iter().flatten().any(|item| holds_namespace(&item, depth + 1)),
            ValueKind::Map => {
                // Of minijinja's maps only a namespace lists its keys at once.
                matches!(object.enumerate(), Enumerator::Values(_))
                    || object.try_iter_pairs().into_iter().flatten().any(|(_, item)| holds_namespace(&item, depth + 1))
            }
            _ => false,
        }
    }
    let value = settled(state, value)?;
    if holds_namespace(&value, 0) { Err(Limit::Depth.into()) } else { Ok(value) }
}

fn written(state: &mut State<'_, '_>, value: Value) -> Result<Value, Error> {
    match value.kind() {
        ValueKind::String | ValueKind::Undefined => Ok(value),
        _ => dump::text(state, &value).map(Value::from),
    }
}

fn string(state: &mut State<'_, '_>, value: &Value) -> Result<String, Error> {
    dump::text(state, value)
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
    dump::json(state, value, &JsonStyle { indent, item_separator, key_separator, ensure_ascii, sort_keys })
}

/// An argument given by its place or by its name; none where it is `none`.
fn argument(positional: &[Value], named: &Kwargs, place: usize, name: &str) -> Result<Option<Value>, Error> {
    let given = match positional.get(place) {
        Some(value) => Some(value.clone()),
        None => named.get::<Option<Value>>(name)?,
    };
    Ok(given.filter(|value| !value.is_none() && !value.is_undefined()))
}

fn from_json(text: &str) -> Result<Value, Error> {
    let value: serde_json::Value = serde_json::from_str(text)
        .map_err(|error| Error::new(ErrorKind::CannotDeserialize, "from_json: not JSON").with_source(error))?;
    Ok(Value::from(Serde(value)))
}

fn join(state: &mut State<'_, '_>, values: &Value, positional: Rest<Value>, named: Kwargs) -> Result<String, Error> {
    let separator = argument(&positional, &named, 0, "d")?.unwrap_or_default();
    let attribute = argument(&positional, &named, 1, "attribute")?;
    named.assert_all_used()?;
    let separator = dump::text(state, &separator)?;
    joined(state, values, &separator, attribute.as_ref())
}

/// The texts of values, with a separator between them.
pub(super) fn joined(
    state: &mut State<'_, '_>,
    values: &Value,
    separator: &str,
    attribute: Option<&Value>,
) -> Result<String, Error> {
    if values.is_undefined() {
        return Ok(String::new());
    }
    let mut out = String::new();
    for (at, item) in values.try_iter()?.checked().enumerate() {
        let item = match attribute {
            Some(attribute) => item?.get_item(attribute)?,
            None => item?,
        };
        let text = dump::text(state, &item)?;
        let separator = if at == 0 { "" } else { separator };
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
    let (value, old, new) = (dump::text(state, value)?, dump::text(state, old)?, dump::text(state, new)?);
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

fn center(state: &mut State<'_, '_>, value: &str, width: Option<usize>) -> Result<String, Error> {
    let missing = width.unwrap_or(80).saturating_sub(value.chars().count());
    let left = missing / 2;
    Ok(format!("{}{value}{}", spaces(state, left)?, spaces(state, missing - left)?))
}

fn format(state: &mut State<'_, '_>, pattern: &str, args: Rest<Value>) -> Result<String, Error> {
    arithmetic::printf(state, pattern, &args)
}

fn batch(state: &mut State<'_, '_>, value: &Value, size: usize, fill: Option<Value>) -> Result<Value, Error> {
    let size = size.max(1);
    let items: Vec<Value> = value.try_iter()?.checked().collect::<Result<_, _>>()?;
    let rows = items.chunks(size).map(|row| {
        let mut row = row.to_vec();
        if let Some(fill) = &fill {
            Budget::of(state).charge(size)?;
            row.resize(size, fill.clone());
        }
        Ok(Value::from(row))
    });
    rows.collect::<Result<Vec<_>, Error>>().map(Value::from)
}
