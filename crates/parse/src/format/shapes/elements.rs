//! Lists and objects as elements inside a parameter's element: `<days><item>mon</item></days>`.
//!
//! Only the schema can tell a list of one from an object with a key `item`, and a text from a number, so it is asked at
//! every step.

use serde_json::{Map, Value};

use crate::chat::Digits;
use crate::format::row::JsonStyle;
use crate::format::shapes::json_text;
use crate::format::template::{Field, Piece, Template};
use crate::schema::{Arrays, Kind, Types, View};
use crate::value;

/// The name of a list's elements.
const ITEM: &str = "item";

/// Writes a value's content; an empty list or object as JSON, so that it stays one.
pub(crate) fn write(value: &Value, digits: &Digits, param: &Template, text: &mut String) {
    match value {
        Value::Array(items) if !items.is_empty() => {
            for item in items {
                element(ITEM, item, digits, param, text);
            }
        }
        Value::Object(map) if !map.is_empty() => {
            for (key, item) in map {
                element(key, item, digits, param, text);
            }
        }
        Value::String(own) => text.push_str(own),
        other => text.push_str(&json_text::text(other, digits, JsonStyle::Spaced)),
    }
}

fn element(key: &str, value: &Value, digits: &Digits, param: &Template, text: &mut String) {
    text.push_str(&open(param, key));
    write(value, digits, param, text);
    text.push_str(&close(param, key));
}

/// Elements nested deeper are text: each level costs a look at all of what it holds.
const DEEPEST: usize = 32;

/// Reads a value's content.
pub(crate) fn read(text: &str, param: &Template, view: View<'_>) -> Value {
    read_at(text, param, view, 0)
}

fn read_at(text: &str, param: &Template, view: View<'_>, depth: usize) -> Value {
    if let Some(empty) = empty(view).filter(|_| text.trim().is_empty()) {
        return empty;
    }
    let pairs = match pairs(text, param, view) {
        Some(pairs) if !pairs.is_empty() && depth < DEEPEST => pairs,
        _ => return value::typed(text, view).value,
    };
    let alternatives = view.alternatives();
    let wants_object = alternatives.iter().any(|view| listed(*view, ITEM).is_some());
    if pairs.iter().all(|(key, _)| *key == ITEM) && !wants_object {
        let arrays = alternatives.iter().find_map(|view| Some((*view, array(*view)?)));
        let item = |index: usize| {
            let node = arrays.and_then(|(view, arrays)| Some(view.beside(arrays.item(index)?)));
            node.unwrap_or(View::ANY)
        };
        let items = pairs.into_iter().enumerate();
        return items.map(|(index, (_, inner))| read_at(inner, param, item(index), depth + 1)).collect();
    }
    let fits = |view: &&View<'_>| pairs.iter().all(|(key, _)| listed(**view, key).is_some());
    let own = alternatives.iter().find(fits).copied().unwrap_or(view);
    let mut map = Map::new();
    for (key, inner) in pairs {
        let view = own.member(key).unwrap_or(View::ANY);
        map.insert(key.to_owned(), read_at(inner, param, view, depth + 1));
    }
    Value::Object(map)
}

/// The member with this name, where an object lists it.
fn listed<'s>(view: View<'s>, key: &str) -> Option<View<'s>> {
    let Kind::Object(objects) = view.kind() else { return None };
    objects.member(key).map(|member| view.beside(&member.node))
}

fn array(view: View<'_>) -> Option<&Arrays> {
    if let Kind::Array(arrays) = view.kind() { Some(arrays) } else { None }
}

/// The list or object that an element without content is, where the schema wants one.
fn empty(view: View<'_>) -> Option<Value> {
    let wanted = view.alternatives().into_iter().map(View::types).fold(Types::NONE, Types::or);
    match (wanted.has(Types::STRING), wanted.has(Types::LIST), wanted.has(Types::OBJECT)) {
        (false, true, _) => Some(Value::Array(Vec::new())),
        (false, false, true) => Some(Value::Object(Map::new())),
        _ => None,
    }
}

/// The elements that the text consists of; none where it is anything else. The last may be open where it is empty.
fn pairs<'t>(text: &'t str, param: &Template, view: View<'_>) -> Option<Vec<(&'t str, &'t str)>> {
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
            let wanted = view.alternatives().into_iter().find_map(|view| listed(view, key)).and_then(empty);
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
