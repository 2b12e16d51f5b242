//! Python's methods of strings, dicts and lists, as far as templates call them.
//!
//! minijinja-contrib has most of them; here are those that it lacks, and those whose result may be far larger than
//! what they work on.

use minijinja::value::{Kwargs, Tuple, Value, ValueKind, from_args};
use minijinja::{Error, ErrorKind, State};
use minijinja_contrib::pycompat;

use super::arithmetic;
use super::filters::{joined, replaced, spaces};

/// Called by minijinja for a method that a value does not have.
pub(super) fn method(state: &mut State<'_, '_>, value: &Value, name: &str, args: &[Value]) -> Result<Value, Error> {
    let own = match value.kind() {
        ValueKind::String => of_text(state, value.as_str().unwrap_or_default(), name, args)?,
        ValueKind::Map => of_map(value, name, args)?,
        ValueKind::Seq => of_list(value, name, args)?,
        _ => None,
    };
    match own {
        Some(value) => Ok(value),
        None => pycompat::unknown_method_callback(state, value, name, args),
    }
}

fn of_text(state: &mut State<'_, '_>, text: &str, name: &str, args: &[Value]) -> Result<Option<Value>, Error> {
    Ok(Some(match name {
        "replace" => {
            let (old, new, count): (&str, &str, Option<i64>) = from_args(args)?;
            let count = count.and_then(|count| usize::try_from(count).ok());
            Value::from(replaced(state, text, old, new, count)?)
        }
        "join" => {
            let (values,): (&Value,) = from_args(args)?;
            Value::from(joined(state, values, text, None)?)
        }
        "format" => Value::from(arithmetic::braces(state, text, args)?),
        "split" | "rsplit" => split(text, name == "rsplit", args)?,
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
        "removeprefix" => {
            let (prefix,): (&str,) = from_args(args)?;
            Value::from(text.strip_prefix(prefix).unwrap_or(text))
        }
        "removesuffix" => {
            let (suffix,): (&str,) = from_args(args)?;
            Value::from(text.strip_suffix(suffix).unwrap_or(text))
        }
        "index" => {
            let (what,): (&str,) = from_args(args)?;
            let place = text.find(what).map(|at| text[..at].chars().count());
            Value::from(place.ok_or_else(|| Error::new(ErrorKind::InvalidOperation, "substring not found"))?)
        }
        "casefold" => Value::from(text.to_lowercase()),
        "swapcase" => {
            let swap =
                |c: char| if c.is_uppercase() { c.to_lowercase().to_string() } else { c.to_uppercase().to_string() };
            Value::from(text.chars().map(swap).collect::<String>())
        }
        _ => return Ok(None),
    }))
}

/// `split` and `rsplit`: at white space, or at a separator, at most so many times.
fn split(text: &str, from_right: bool, args: &[Value]) -> Result<Value, Error> {
    let (separator, most, named): (Option<Value>, Option<i64>, Kwargs) = from_args(args)?;
    let separator = match separator {
        Some(separator) => Some(separator),
        None => named.get::<Option<Value>>("sep")?,
    };
    let most = most.map_or_else(|| named.get::<Option<i64>>("maxsplit"), |most| Ok(Some(most)))?;
    named.assert_all_used()?;
    let most = most.and_then(|most| usize::try_from(most).ok()).unwrap_or(usize::MAX - 1);
    let separator = separator.filter(|separator| !separator.is_none());
    let separator = separator.as_ref().map(|separator| {
        let text = separator.as_str().filter(|text| !text.is_empty());
        text.ok_or_else(|| Error::new(ErrorKind::InvalidOperation, "a separator must be a string and not empty"))
    });
    let parts: Vec<&str> = match (separator.transpose()?, from_right) {
        (Some(separator), false) => text.splitn(most + 1, separator).collect(),
        (Some(separator), true) => text.rsplitn(most + 1, separator).collect::<Vec<_>>().into_iter().rev().collect(),
        (None, false) => words(text, most),
        (None, true) => words_from_right(text, most),
    };
    Ok(parts.into_iter().map(Value::from).collect())
}

fn words(text: &str, most: usize) -> Vec<&str> {
    let mut rest = text.trim_start();
    let mut words = Vec::new();
    while !rest.is_empty() {
        let end = if words.len() < most { rest.find(char::is_whitespace) } else { None };
        let Some(end) = end else {
            words.push(if words.len() < most { rest.trim_end() } else { rest });
            break;
        };
        words.push(&rest[..end]);
        rest = rest[end..].trim_start();
    }
    words
}

fn words_from_right(text: &str, most: usize) -> Vec<&str> {
    let mut rest = text.trim_end();
    let mut words = Vec::new();
    while !rest.is_empty() {
        let last = if words.len() < most { rest.char_indices().rev().find(|(_, c)| c.is_whitespace()) } else { None };
        let Some((at, space)) = last else {
            words.push(if words.len() < most { rest.trim_start() } else { rest });
            break;
        };
        words.push(&rest[at + space.len_utf8()..]);
        rest = rest[..at].trim_end();
    }
    words.reverse();
    words
}

fn justified(state: &mut State<'_, '_>, text: &str, name: &str, args: &[Value]) -> Result<String, Error> {
    let (width, fill): (usize, Option<&str>) = from_args(args)?;
    let missing = width.saturating_sub(text.chars().count());
    let fill = if name == "zfill" { "0" } else { fill.unwrap_or(" ") };
    let padding = |state: &mut State<'_, '_>, count| Ok::<_, Error>(spaces(state, count)?.replace(' ', fill));
    Ok(match name {
        "ljust" => format!("{text}{}", padding(state, missing)?),
        "center" => {
            let left = missing / 2 + (missing & width & 1);
            format!("{}{text}{}", padding(state, left)?, padding(state, missing - left)?)
        }
        "zfill" if text.starts_with(['-', '+']) => format!("{}{}{}", &text[..1], padding(state, missing)?, &text[1..]),
        _ => format!("{}{text}", padding(state, missing)?),
    })
}

fn of_map(value: &Value, name: &str, args: &[Value]) -> Result<Option<Value>, Error> {
    Ok(match name {
        "copy" => {
            let () = from_args(args)?;
            Some(value.clone())
        }
        _ => None,
    })
}

fn of_list(value: &Value, name: &str, args: &[Value]) -> Result<Option<Value>, Error> {
    Ok(match name {
        "index" => {
            let (what,): (&Value,) = from_args(args)?;
            let place = value.try_iter()?.position(|item| item == *what);
            Some(Value::from(place.ok_or_else(|| Error::new(ErrorKind::InvalidOperation, "not in list"))?))
        }
        "copy" => {
            let () = from_args(args)?;
            Some(value.try_iter()?.collect())
        }
        _ => None,
    })
}
