//! Arguments out of their wrappings: JSON text, an envelope, the schema's own shape, a lone value, values by position.

use serde_json::{Map, Value};

use super::schema::Compiled;
use super::{Where, names};
use crate::chat::{Arguments, Fix, FixKind};
use crate::schema::{Types, View};
use crate::value;

/// Keys under which models put the arguments once more.
const ENVELOPES: [&str; 7] = ["arguments", "parameters", "params", "args", "kwargs", "input", "properties"];

/// Keys that name a tool, in a whole call.
const NAMES: [&str; 4] = ["name", "tool_name", "function", "tool"];

/// Keys of a whole call beside its name and arguments.
const ASIDE: [&str; 5] = ["id", "type", "tool_call_id", "call_id", "index"];

/// Wrappings are taken off this often.
const LAYERS: usize = 3;

/// The arguments object, where there is one.
pub(super) fn unwrap(tool: &Compiled, mut arguments: Value, place: &Where, fixes: &mut Vec<Fix>) -> Value {
    for _ in 0..LAYERS {
        let (next, kind) = match layer(tool, arguments) {
            Ok(unwrapped) => unwrapped,
            Err(arguments) => return arguments,
        };
        fixes.push(place.fix(kind, None));
        arguments = next;
    }
    arguments
}

fn layer(tool: &Compiled, arguments: Value) -> Result<(Value, FixKind), Value> {
    match arguments {
        Value::Null if !tool.requires_any() => Ok((Value::Object(Map::new()), FixKind::NoArguments)),
        Value::String(text) => {
            if text.trim().is_empty() && !tool.requires_any() {
                return Ok((Value::Object(Map::new()), FixKind::NoArguments));
            }
            match value::any(&text, 0) {
                Ok(read)
                    if text[read.end..].trim().is_empty() && (read.value.is_object() || read.value.is_string()) =>
                {
                    Ok((read.value, FixKind::DoubleEncoded))
                }
                // What is cut off or broken is not the text that the parameter wants.
                _ if text.trim_start().starts_with(['{', '[']) => Err(Value::String(text)),
                _ => lone(tool, Value::String(text)),
            }
        }
        Value::Array(mut items) if items.len() == 1 && items[0].is_object() && !is_lone_list(tool) => {
            Ok((items.swap_remove(0), FixKind::Shape))
        }
        Value::Object(map) => envelope(tool, map),
        Value::Null => Err(Value::Null),
        other => lone(tool, other),
    }
}

/// A value that is no object, for a tool with one parameter.
fn lone(tool: &Compiled, value: Value) -> Result<(Value, FixKind), Value> {
    let mut parameters = tool.parameters();
    match (parameters.next(), parameters.next()) {
        (Some(only), None) => {
            let arguments = Map::from_iter([(only.to_owned(), value)]);
            Ok((Value::Object(arguments), FixKind::Positional))
        }
        _ => Err(value),
    }
}

fn is_lone_list(tool: &Compiled) -> bool {
    let mut parameters = tool.parameters();
    let (Some(only), None) = (parameters.next(), parameters.next()) else { return false };
    tool.parameter(only).is_some_and(|part| part.types().has(Types::LIST))
}

/// `{"arguments": {..}}`, and `{"type": "object", "properties": {..}}` as the schema itself would say it.
fn envelope(tool: &Compiled, mut map: Map<String, Value>) -> Result<(Value, FixKind), Value> {
    let of_tool = |key: &str| tool.parameter(key).is_some();
    if let Some((name, key)) = whole_call(tool, &map)
        && names::fold(name) == names::fold(&tool.name)
    {
        let inner = map.remove(key).unwrap_or_default();
        return Ok((inner, FixKind::Shape));
    }
    let aside = |map: &Map<String, Value>| {
        let mut wrapped =
            ENVELOPES.into_iter().filter(|key| !of_tool(key) && map.get(*key).is_some_and(Value::is_object));
        let key = wrapped.next().filter(|_| wrapped.next().is_none())?;
        let inner = map.get(key)?.as_object()?;
        let fits = inner.keys().all(|key| of_tool(key) && !map.contains_key(key));
        (fits && map.keys().any(|key| of_tool(key))).then_some(key)
    };
    if let Some(Value::Object(inner)) = aside(&map).and_then(|key| map.shift_remove(key)) {
        map.extend(inner);
        return Ok((Value::Object(map), FixKind::Shape));
    }
    if map.keys().any(|key| of_tool(key)) {
        return Err(Value::Object(map));
    }
    let schema_like = map.get("type") == Some(&Value::from("object"));
    let key = ENVELOPES.into_iter().find(|key| match map.get(*key) {
        Some(Value::Object(_)) => map.len() == 1 || (*key == "properties" && schema_like),
        Some(Value::String(text)) => map.len() == 1 && text.trim_start().starts_with('{'),
        _ => false,
    });
    match key.and_then(|key| map.remove(key)) {
        Some(inner) => Ok((inner, FixKind::Shape)),
        None => Err(Value::Object(map)),
    }
}

/// The tool's name and the arguments' key in what says a whole call, where the tool itself takes no such arguments.
fn whole_call<'m>(tool: &Compiled, map: &'m Map<String, Value>) -> Option<(&'m str, &'static str)> {
    let of_tool = |key: &str| tool.parameter(key).is_some();
    let (name_key, name) = NAMES.into_iter().find_map(|key| Some((key, map.get(key)?.as_str()?)))?;
    let key = ENVELOPES.into_iter().find(|key| !of_tool(key) && map.get(*key).is_some_and(Value::is_object))?;
    let rest = |other: &String| other == name_key || other == key || ASIDE.contains(&other.as_str());
    map.keys().all(rest).then_some((name, key))
}

/// The other tool whose whole call stands where this one's arguments should.
pub(super) fn call_of_another<'m>(tool: &Compiled, arguments: &'m Value) -> Option<&'m str> {
    let (name, _) = whole_call(tool, arguments.as_object()?)?;
    let own_name = NAMES.iter().any(|key| tool.parameter(key).is_some());
    (!own_name && names::fold(name) != names::fold(&tool.name)).then_some(name)
}

/// Values named by the order of the tool's properties.
pub(super) fn by_position(tool: Option<&Compiled>, mut values: Vec<Value>) -> Arguments {
    let parameters: Vec<&str> = tool.map(|tool| tool.parameters().collect()).unwrap_or_default();
    if let [Value::Object(map)] = values.as_slice() {
        let folded: Vec<String> = parameters.iter().map(|name| names::fold(name)).collect();
        let named = map.keys().any(|key| folded.contains(&names::fold(key)));
        let first = tool.zip(parameters.first()).and_then(|(tool, name)| tool.parameter(name));
        let takes = first.map(View::types).is_some_and(|types| types.has(Types::OBJECT));
        if named || !takes {
            return object_or_empty(values.swap_remove(0));
        }
    }
    if let Some(named) = quoted_names(&parameters, &values) {
        return named;
    }
    let named = values.into_iter().enumerate();
    named
        .map(|(at, value)| (parameters.get(at).map_or_else(|| at.to_string(), |name| (*name).to_owned()), value))
        .collect()
}

/// `f('base=6', 'height=10')`: each value is text that names its parameter.
fn quoted_names(parameters: &[&str], values: &[Value]) -> Option<Arguments> {
    let named = values.iter().map(|value| {
        let (name, text) = value.as_str()?.split_once('=')?;
        let name = parameters.iter().find(|parameter| **parameter == name.trim())?;
        let text = text.trim();
        let read = value::any(text, 0).ok().filter(|read| read.end == text.len());
        Some(((*name).to_owned(), read.map_or_else(|| Value::from(text), |read| read.value)))
    });
    named.collect::<Option<Arguments>>().filter(|named| !named.is_empty())
}

/// The object, or none: only where a fault says so, too.
pub(super) fn object_or_empty(arguments: Value) -> Arguments {
    if let Value::Object(arguments) = arguments { arguments } else { Arguments::new() }
}
