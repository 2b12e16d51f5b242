//! Lists and objects as elements inside a parameter's element: `<days><item>mon</item></days>`.
//!
//! Only the schema can tell a list of one from an object with a key `item`, and a text from a number, so it is asked at
//! every step.

use serde_json::{Map, Value};

use crate::format::row::JsonStyle;
use crate::format::shapes::json_text;
use crate::format::template::{Field, Piece, Template};
use crate::value;

/// The name of a list's elements.
const ITEM: &str = "item";

/// Writes a value's content; an empty list or object as JSON, so that it stays one.
pub(crate) fn write(value: &Value, param: &Template, text: &mut String) {
    match value {
        Value::Array(items) if !items.is_empty() => items.iter().for_each(|item| element(ITEM, item, param, text)),
        Value::Object(map) if !map.is_empty() => map.iter().for_each(|(key, item)| element(key, item, param, text)),
        Value::String(own) => text.push_str(own),
        other => text.push_str(&json_text::text(other, JsonStyle::Spaced)),
    }
}

fn element(key: &str, value: &Value, param: &Template, text: &mut String) {
    text.push_str(&open(param, key));
    write(value, param, text);
    text.push_str(&close(param, key));
}

/// Elements nested deeper are text: each level costs a look at all of what it holds.
const DEEPEST: usize = 32;

/// Reads a value's content.
pub(crate) fn read(text: &str, param: &Template, schema: &Value) -> Value {
    read_at(text, param, schema, 0)
}

fn read_at(text: &str, param: &Template, schema: &Value, depth: usize) -> Value {
    let pairs = match pairs(text, param) {
        Some(pairs) if !pairs.is_empty() && depth < DEEPEST => pairs,
        _ => return value::typed(text, schema).value,
    };
    let wants_object = schema.get("properties").is_some_and(|known| known.get(ITEM).is_some());
    if pairs.iter().all(|(key, _)| *key == ITEM) && !wants_object {
        let items = schema.get("items").unwrap_or(&Value::Bool(true));
        return pairs.into_iter().map(|(_, inner)| read_at(inner, param, items, depth + 1)).collect();
    }
    let mut map = Map::new();
    for (key, inner) in pairs {
        let schema = schema.get("properties").and_then(|known| known.get(key)).unwrap_or(&Value::Bool(true));
        map.insert(key.to_owned(), read_at(inner, param, schema, depth + 1));
    }
    Value::Object(map)
}

/// The elements that the text consists of; none where it is anything else.
fn pairs<'t>(text: &'t str, param: &Template) -> Option<Vec<(&'t str, &'t str)>> {
    let mut rest = text.trim();
    let mut pairs = Vec::new();
    while !rest.is_empty() {
        let after = rest.strip_prefix(param.lead())?;
        let end = after.find(param.closer(Field::Key))?;
        let key = &after[..end];
        if key.is_empty() || key.starts_with('/') {
            return None;
        }
        let inner = &after[end + param.closer(Field::Key).len()..];
        let (open, close) = (open(param, key), close(param, key));
        let end = matching(inner, &open, &close)?;
        pairs.push((key, &inner[..end]));
        rest = inner[end + close.len()..].trim_start();
    }
    Some(pairs)
}

/// Where the closing tag stands that belongs to an element opened before the text.
fn matching(text: &str, open: &str, close: &str) -> Option<usize> {
    let (mut at, mut depth) = (0, 1);
    loop {
        let end = at + text[at..].find(close)?;
        depth += text[at..end].matches(open).count();
        depth -= 1;
        if depth == 0 {
            return Some(end);
        }
        at = end + close.len();
    }
}

fn open(param: &Template, key: &str) -> String {
    fill(param.before(Field::Value), key)
}

/// The closing tag of this key's element.
pub(crate) fn close(param: &Template, key: &str) -> String {
    fill(param.after(Field::Value), key).trim().to_owned()
}

fn fill(pieces: &[Piece], key: &str) -> String {
    let word = |piece: &Piece| match piece {
        Piece::Literal(text) => text.clone(),
        Piece::Field(_) => key.to_owned(),
    };
    pieces.iter().map(word).collect()
}
