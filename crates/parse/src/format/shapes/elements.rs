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
    if let Some(empty) = empty(schema).filter(|_| text.trim().is_empty()) {
        return empty;
    }
    let pairs = match pairs(text, param, schema) {
        Some(pairs) if !pairs.is_empty() && depth < DEEPEST => pairs,
        _ => return value::typed(text, schema).value,
    };
    let wants_object = alternatives(schema).any(|schema| property(schema, ITEM).is_some());
    if pairs.iter().all(|(key, _)| *key == ITEM) && !wants_object {
        let items = alternatives(schema).find_map(|schema| schema.get("items")).unwrap_or(&Value::Bool(true));
        let first = alternatives(schema).find_map(|schema| schema.get("prefixItems")?.as_array());
        let of = |index: usize| first.and_then(|first| first.get(index)).unwrap_or(items);
        let read = |(index, (_, inner)): (usize, (_, &str))| read_at(inner, param, of(index), depth + 1);
        return pairs.into_iter().enumerate().map(read).collect();
    }
    let fits = |schema: &&Value| pairs.iter().all(|(key, _)| property(schema, key).is_some());
    let schema = alternatives(schema).find(fits).unwrap_or(schema);
    let mut map = Map::new();
    for (key, inner) in pairs {
        let schema = property(schema, key).unwrap_or(&Value::Bool(true));
        map.insert(key.to_owned(), read_at(inner, param, schema, depth + 1));
    }
    Value::Object(map)
}

/// The schema, or what it lets one choose from.
fn alternatives(schema: &Value) -> impl Iterator<Item = &Value> {
    let choices = ["anyOf", "oneOf"].iter().filter_map(|word| schema.get(word)?.as_array()).flatten();
    std::iter::once(schema).chain(choices)
}

fn property<'s>(schema: &'s Value, key: &str) -> Option<&'s Value> {
    schema.get("properties")?.get(key)
}

/// The list or object that an element without content is, where the schema wants one.
fn empty(schema: &Value) -> Option<Value> {
    let wants = |word: &str| alternatives(schema).any(|schema| schema.get("type").is_some_and(|kind| kind == word));
    match (wants("string"), wants("array"), wants("object")) {
        (false, true, _) => Some(Value::Array(Vec::new())),
        (false, false, true) => Some(Value::Object(Map::new())),
        _ => None,
    }
}

/// The elements that the text consists of; none where it is anything else. The last may be open where it is empty.
fn pairs<'t>(text: &'t str, param: &Template, schema: &Value) -> Option<Vec<(&'t str, &'t str)>> {
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
        let Some(end) = matching(inner, &open, &close) else {
            let wanted = alternatives(schema).find_map(|schema| property(schema, key)).and_then(empty);
            return (inner.trim().is_empty() && wanted.is_some()).then(|| {
                pairs.push((key, ""));
                pairs
            });
        };
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
