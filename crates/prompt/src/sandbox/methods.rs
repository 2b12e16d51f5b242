//! Python's methods of strings, dicts and lists, as far as templates call them.
//!
//! minijinja-contrib has most of them; here are those that it lacks, and those whose result may be far larger than
//! what they work on.

use minijinja::formatting::FormatStyle;
use minijinja::value::{Kwargs, Tuple, Value, ValueKind, from_args};
use minijinja::{Error, ErrorKind, State, filters};
use minijinja_contrib::pycompat;

use super::filters::{joined, replaced, spaces, strippable};
use super::operators;

/// Called by minijinja for a method that a value does not have.
pub(super) fn method(state: &mut State<'_, '_>, value: &Value, name: &str, args: &[Value]) -> Result<Value, Error> {
    let lacks = |what: &'static str| Error::new(ErrorKind::InvalidOperation, what);
    match (value.as_str(), value.kind(), name) {
        (Some(text), ..) => of_text(state, value, text, name, args),
        (_, ValueKind::Map, "copy") => from_args(args).map(|()| value.clone()),
        (_, ValueKind::Seq, "copy") => from_args(args).and_then(|()| Ok(value.try_iter()?.collect())),
        (_, ValueKind::Seq, "index") => {
            let (what,): (&Value,) = from_args(args)?;
            Ok(Value::from(value.try_iter()?.position(|item| item == *what).ok_or_else(|| lacks("not in list"))?))
        }
        _ => pycompat::unknown_method_callback(state, value, name, args),
    }
}

fn of_text(state: &mut State<'_, '_>, value: &Value, text: &str, name: &str, args: &[Value]) -> Result<Value, Error> {
    Ok(match name {
        "replace" => {
            let (old, new, count): (&str, &str, Option<i64>) = from_args(args)?;
            let count = count.and_then(|count| usize::try_from(count).ok());
            Value::from(replaced(state, text, old, new, count)?)
        }
        "join" => Value::from(joined(state, from_args::<(&Value,)>(args)?.0, text, None)?),
        "format" => operators::formatted(state, FormatStyle::StrFormat, text, args)?,
        "split" | "rsplit" => split(value, text, name == "rsplit", args)?,
        "strip" | "lstrip" | "rstrip" => {
            strippable(state, text, args.first().and_then(Value::as_str))?;
            pycompat::unknown_method_callback(state, value, name, args)?
        }
        "ljust" | "rjust" | "center" | "zfill" => Value::from(justified(state, text, name, args)?),
        "partition" | "rpartition" => {
            let (separator,): (&str,) = from_args(args)?;
            let parts = if name == "partition" { text.split_once(separator) } else { text.rsplit_once(separator) };
            let parts = match (parts, name) {
                (Some((before, after)), _) => [before, separator, after],
                (None, "partition") => [text, "", ""],
                (None, _) => ["", "", text],
            };
            Value::from(Tuple::from(parts.map(Value::from).to_vec()))
        }
        "removeprefix" => Value::from(text.strip_prefix(from_args::<(&str,)>(args)?.0).unwrap_or(text)),
        "removesuffix" => Value::from(text.strip_suffix(from_args::<(&str,)>(args)?.0).unwrap_or(text)),
        "index" => {
            let place = pycompat::unknown_method_callback(state, value, "find", args)?;
            let missing = || Error::new(ErrorKind::InvalidOperation, "substring not found");
            Some(place).filter(|place| place.as_usize().is_some()).ok_or_else(missing)?
        }
        "casefold" => Value::from(text.to_lowercase()),
        "swapcase" => {
            let swap =
                |c: char| if c.is_uppercase() { c.to_lowercase().to_string() } else { c.to_uppercase().to_string() };
            Value::from(text.chars().map(swap).collect::<String>())
        }
        _ => pycompat::unknown_method_callback(state, value, name, args)?,
    })
}

/// `split` and `rsplit`: at white space, or at a separator, at most so many times.
fn split(value: &Value, text: &str, from_right: bool, args: &[Value]) -> Result<Value, Error> {
    let (separator, most, named): (Option<Value>, Option<i64>, Kwargs) = from_args(args)?;
    let separator = separator.map_or_else(|| named.get("sep"), |separator| Ok(Some(separator)))?;
    let most = most.map_or_else(|| named.get("maxsplit"), |most| Ok(Some(most)))?;
    named.assert_all_used()?;
    let separator = separator.filter(|separator: &Value| !separator.is_none());
    if separator.as_ref().is_some_and(|separator| separator.as_str().is_none_or(str::is_empty)) {
        return Err(Error::new(ErrorKind::InvalidOperation, "a separator must be a string and not empty"));
    }
    if !from_right {
        return filters::split(value, separator.as_ref().and_then(Value::to_str), most);
    }
    let most = most.and_then(|most| usize::try_from(most).ok()).unwrap_or(usize::MAX - 1);
    let mut parts: Vec<&str> = match separator.as_ref().and_then(Value::as_str) {
        Some(separator) => text.rsplitn(most + 1, separator).collect(),
        None => words_from_right(text, most),
    };
    parts.reverse();
    Ok(parts.into_iter().map(Value::from).collect())
}

fn words_from_right(text: &str, most: usize) -> Vec<&str> {
    let (mut rest, mut words) = (text.trim_end(), Vec::new());
    while words.len() < most
        && let Some((before, word)) = rest.rsplit_once(char::is_whitespace)
    {
        words.push(word);
        rest = before.trim_end();
    }
    words.extend(Some(rest).filter(|rest| !rest.is_empty()));
    words
}

fn justified(state: &mut State<'_, '_>, text: &str, name: &str, args: &[Value]) -> Result<String, Error> {
    let (width, fill): (usize, Option<&str>) = from_args(args)?;
    let missing = width.saturating_sub(text.chars().count());
    let fill = if name == "zfill" { "0" } else { fill.unwrap_or(" ") };
    let padding = spaces(state, missing)?.replace(' ', fill);
    Ok(match name {
        "ljust" => text.to_owned() + &padding,
        "center" => {
            let left = fill.len() * (missing / 2 + (missing & width & 1));
            [&padding[..left], text, &padding[left..]].concat()
        }
        "zfill" if text.starts_with(['-', '+']) => [&text[..1], &padding, &text[1..]].concat(),
        _ => padding + text,
    })
}
