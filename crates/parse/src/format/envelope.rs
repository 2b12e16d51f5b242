//! From a JSON value to the calls that it says.
//!
//! Models wrap calls in many ways: other keys, the arguments first, an envelope with `function` inside, a list of `tool_calls`,
//! the tool's name as the key. All are read here, in one place, for formats and for recovery. What deviates from the
//! format's own words is told as a fix. It makes nothing up: an object that names no tool is no call.

use std::collections::HashMap;
use std::ops::Range;

use serde_json::{Map, Value};

use super::Offered;
use super::keys::{Keys, is};
use crate::chat::{Fix, FixKind};
use crate::value;

/// A call as it was written, before the check.
#[derive(Debug, Clone, PartialEq)]
pub struct RawCall {
    /// The name, as written.
    pub name: String,
    /// The arguments: an object, or whatever stood in its place.
    pub arguments: Value,
    /// The id, as written.
    pub id: Option<String>,
    /// Its place in the raw text.
    pub span: Range<usize>,
    /// What was tolerated.
    pub fixes: Vec<Fix>,
    /// Where its arguments stand, in a call expression.
    pub sources: Vec<(String, Range<usize>)>,
    /// Where the object begins that holds its arguments, or says all of it.
    pub object: Option<usize>,
}

/// The keys that a format itself uses.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct OwnKeys {
    name: String,
    arguments: String,
    name_is_key: bool,
    enveloped: bool,
}

impl OwnKeys {
    /// The keys of a `json_calls` template; `open` is what stands before the first call.
    pub(crate) fn of(item: &str, open: &str) -> Self {
        let item = item.replace('\'', "\"");
        let text = item.replace("{arguments}", "\"@arguments\"").replace("{name}", "@name").replace("{index}", "0");
        let Ok(Value::Object(outer)) = serde_json::from_str(&text) else { return Self::default() };
        let enveloped = outer.values().find_map(Value::as_object);
        let object = enveloped.unwrap_or(&outer);
        let key_of = |wanted: &str| object.iter().find(|(_, value)| **value == wanted).map(|(key, _)| key.clone());
        Self {
            name: key_of("@name").unwrap_or_default(),
            arguments: key_of("@arguments").unwrap_or_default(),
            name_is_key: object.contains_key("@name"),
            enveloped: enveloped.is_some() || open.contains('{'),
        }
    }
}

/// The calls that a value says; none if it says anything else.
pub(crate) fn calls_of(value: Value, span: &Range<usize>, own: &OwnKeys, offered: &dyn Offered) -> Vec<RawCall> {
    let mut calls = Vec::new();
    gather(value, &Place { span, own, offered }, 0, &mut calls);
    calls
}

/// The calls that a value says, in nobody's own words.
#[must_use]
pub(crate) fn calls_in(value: Value, span: &Range<usize>, offered: &dyn Offered) -> Vec<RawCall> {
    calls_of(value, span, &OwnKeys::default(), offered)
}

struct Place<'a> {
    span: &'a Range<usize>,
    own: &'a OwnKeys,
    offered: &'a dyn Offered,
}

impl Place<'_> {
    fn fix(&self, kind: FixKind, note: Option<String>) -> Fix {
        Fix { kind, span: self.span.clone(), call: None, note }
    }

    fn call(&self, name: String, arguments: Value, id: Option<String>, fixes: Vec<Fix>) -> RawCall {
        RawCall { name, arguments, id, span: self.span.clone(), fixes, sources: Vec::new(), object: None }
    }
}

/// No model nests envelopes deeper.
const DEEPEST: usize = 4;

fn gather(value: Value, place: &Place<'_>, depth: usize, calls: &mut Vec<RawCall>) {
    match value {
        Value::Array(items) if depth < DEEPEST => {
            for item in items {
                gather(item, place, depth + 1, calls);
            }
        }
        Value::Object(object) => object_calls(object, place, depth, calls),
        _ => {}
    }
}

fn object_calls(mut object: Map<String, Value>, place: &Place<'_>, depth: usize, calls: &mut Vec<RawCall>) {
    let keys = Keys::table();
    if place.own.name_is_key && names_are_keys(&object, place) {
        by_key(object, place, calls);
        return;
    }
    if let Some(name_key) = find(&object, &keys.name, Value::is_string)
        && let Some(Value::String(name)) = object.get(&name_key).cloned()
    {
        calls.extend(apart(named(object, &name_key, name, place), place.offered));
        return;
    }
    if depth < DEEPEST
        && let Some(key) = find(&object, &keys.envelope, |value| value.is_object() || value.is_array())
        && let Some(inner) = object.remove(&key)
    {
        let (before, id) = (calls.len(), find_id(&object));
        gather(inner, place, depth + 1, calls);
        arguments_around(&mut object, &mut calls[before..], place);
        for call in &mut calls[before..] {
            call.id = call.id.take().or_else(|| id.clone());
            if !place.own.enveloped {
                call.fixes.push(place.fix(FixKind::Shape, Some(key.clone())));
            }
        }
        return;
    }
    if names_are_keys(&object, place) {
        by_key(object, place, calls);
    }
}

/// Whether every key is a tool and every value may be its arguments.
fn names_are_keys(object: &Map<String, Value>, place: &Place<'_>) -> bool {
    let lists =
        |value: &Value| matches!(value, Value::Array(items) if !items.is_empty() && items.iter().all(Value::is_object));
    let fits = |value: &Value| value.is_object() || value.is_null() || lists(value);
    !object.is_empty() && object.iter().all(|(key, value)| place.offered.resolves(key) && fits(value))
}

fn by_key(object: Map<String, Value>, place: &Place<'_>, calls: &mut Vec<RawCall>) {
    for (name, arguments) in object {
        let own = place.own.name_is_key && !arguments.is_array();
        let fixes = if own { Vec::new() } else { vec![place.fix(FixKind::Shape, None)] };
        match arguments {
            // A list of arguments is a call for each.
            Value::Array(items) => {
                calls.extend(items.into_iter().map(|item| place.call(name.clone(), item, None, fixes.clone())));
            }
            arguments => calls.push(place.call(name, arguments, None, fixes)),
        }
    }
}

fn named(mut object: Map<String, Value>, name_key: &str, name: String, place: &Place<'_>) -> RawCall {
    let keys = Keys::table();
    let mut fixes = Vec::new();
    let id = find_id(&object);
    let first = find(&object, &keys.arguments, |_| true);
    let alias = |key: &str, own: &str| !own.is_empty() && key != own;
    if alias(name_key, &place.own.name) {
        fixes.push(place.fix(FixKind::KeyAlias, Some(name_key.to_owned())));
    }
    if let Some(key) = first {
        if alias(&key, &place.own.arguments) {
            fixes.push(place.fix(FixKind::KeyAlias, Some(key.clone())));
        }
        let position = |wanted: &str| object.keys().position(|key| key == wanted);
        if position(&key) < position(name_key) {
            fixes.push(place.fix(FixKind::Shape, Some("arguments before name".to_owned())));
        }
        let mut arguments = object.shift_remove(&key).unwrap_or_default();
        object.shift_remove(name_key);
        beside(object, &name, &mut arguments, place, &mut fixes);
        return place.call(name, arguments, id, fixes);
    }
    object.shift_remove(name_key);
    let of_tool = |key: &str, value: &Value| {
        place.offered.parameter(&name, key).is_some() && !(key == "type" && value == "function")
    };
    let of_call = |key: &str| is(&keys.id, key) || is(&keys.aside, key);
    object.retain(|key, value| !of_call(key) || of_tool(key, value));
    let id = id.filter(|_| !object.keys().any(|key| is(&keys.id, key)));
    if object.is_empty() {
        return place.call(name, Value::Null, id, fixes);
    }
    fixes.push(place.fix(FixKind::Shape, Some(BESIDE.to_owned())));
    place.call(name, Value::Object(object), id, fixes)
}

/// What stands beside a call's name and arguments: what is the tool's is taken, all else is told.
fn beside(object: Map<String, Value>, name: &str, arguments: &mut Value, place: &Place<'_>, fixes: &mut Vec<Fix>) {
    let keys = Keys::table();
    for (key, value) in object {
        let own = place.offered.parameter(name, &key).is_some();
        if is(&keys.id, &key) || is(&keys.aside, &key) {
            continue;
        }
        let more = match value {
            Value::Object(more) if !own && is(&keys.arguments, &key) => more,
            value if own => Map::from_iter([(key.clone(), value)]),
            _ => {
                fixes.push(place.fix(FixKind::Surplus, Some(key)));
                continue;
            }
        };
        if arguments.is_null() {
            *arguments = Value::Object(Map::new());
        }
        for (key, value) in more {
            match arguments.as_object_mut() {
                Some(map) if !map.contains_key(&key) => {
                    map.insert(key, value);
                    fixes.push(place.fix(FixKind::Shape, Some(BESIDE.to_owned())));
                }
                Some(map) if map.get(&key) == Some(&value) => {}
                _ => fixes.push(place.fix(FixKind::Duplicate, Some(key))),
            }
        }
    }
}

/// `{"function": {"name": ..}, "arguments": {..}}`: the arguments stand around the object that names the tool.
fn arguments_around(object: &mut Map<String, Value>, calls: &mut [RawCall], place: &Place<'_>) {
    let [call] = calls else { return };
    let Some(key) = find(object, &Keys::table().arguments, |value| !value.is_null()) else { return };
    if call.arguments.is_null() {
        call.arguments = object.shift_remove(&key).unwrap_or_default();
    } else {
        call.fixes.push(place.fix(FixKind::Surplus, Some(key)));
    }
}

/// A call with a list of arguments is a call for each, where each is an object of the tool's own parameters.
pub(crate) fn apart(call: RawCall, offered: &dyn Offered) -> Vec<RawCall> {
    let own = |value: &Value| {
        let keys = value.as_object().filter(|map| !map.is_empty()).map(Map::keys);
        keys.is_some_and(|mut keys| keys.all(|key| offered.parameter(&call.name, key).is_some()))
    };
    match &call.arguments {
        Value::Array(items) if items.len() > 1 && items.iter().all(own) => {
            let shape = Fix { kind: FixKind::Shape, span: call.span.clone(), call: None, note: None };
            let one = |item: &Value| RawCall {
                name: call.name.clone(),
                arguments: item.clone(),
                id: None,
                span: call.span.clone(),
                fixes: vec![shape.clone()],
                sources: Vec::new(),
                object: None,
            };
            let mut calls: Vec<RawCall> = items.iter().map(one).collect();
            if let Some(first) = calls.first_mut() {
                first.id = call.id;
                first.fixes.splice(0..0, call.fixes);
            }
            calls
        }
        _ => vec![call],
    }
}

/// What an object says in which a key of a call stands twice.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Twice {
    /// The same again, or nothing that matters.
    Same,
    /// Several calls, one after the other, each an object of its own.
    Calls(Vec<Value>),
    /// Parts of two calls: whose argument is whose cannot be told.
    Muddled,
}

/// Looks whether the object at this brace names a tool or gives arguments twice, so that one of them would be lost.
#[must_use]
pub(crate) fn said_twice(text: &str, brace: usize) -> Twice {
    let keys = Keys::table();
    let names = |key: &str| is(&keys.name, key);
    let own = value::sources(text, brace);
    let mut said = HashMap::new();
    let mut counting = own.iter().filter(|(key, _)| names(key) || is(&keys.arguments, key));
    if !counting
        .any(|(key, place)| said.insert(key, &text[place.clone()]).is_some_and(|one| one != &text[place.clone()]))
    {
        return Twice::Same;
    }
    let mut calls: Vec<Map<String, Value>> = Vec::new();
    for (key, place) in &own {
        let call = match calls.last_mut() {
            Some(call) if !names(key) => call,
            _ => {
                calls.push(Map::new());
                match calls.last_mut() {
                    Some(call) => call,
                    None => return Twice::Muddled,
                }
            }
        };
        let Ok(read) = value::any_closed(&text[..place.end], place.start) else { return Twice::Muddled };
        if call.insert(key.clone(), read.value).is_some() {
            return Twice::Muddled;
        }
    }
    let whole =
        |call: &Map<String, Value>| call.keys().any(|key| names(key)) && call.keys().any(|key| holds_arguments(key));
    if calls.iter().all(whole) { Twice::Calls(calls.into_iter().map(Value::Object).collect()) } else { Twice::Muddled }
}

/// What is told of a call whose arguments stand beside its name.
const BESIDE: &str = "arguments beside the name";

/// Whether this key of a call's object holds the arguments.
#[must_use]
pub(crate) fn holds_arguments(key: &str) -> bool {
    is(&Keys::table().arguments, key)
}

/// Whether the call's arguments stand beside its name, so that the object's end is their end.
pub(crate) fn is_flat(call: &RawCall) -> bool {
    call.arguments.is_null() || call.fixes.iter().any(|fix| fix.note.as_deref() == Some(BESIDE))
}

/// The first of these words that is a key with a fitting value.
fn find(object: &Map<String, Value>, words: &[String], fits: impl Fn(&Value) -> bool) -> Option<String> {
    words.iter().find_map(|word| {
        let key = object.keys().find(|key| key.eq_ignore_ascii_case(word))?;
        fits(&object[key]).then(|| key.clone())
    })
}

fn find_id(object: &Map<String, Value>) -> Option<String> {
    let key = find(object, &Keys::table().id, |value| value.is_string() || value.is_number())?;
    match &object[&key] {
        Value::String(id) => Some(id.clone()),
        other => Some(other.to_string()),
    }
}
