//! Arguments out of their wrappings: JSON text, an envelope, the schema's own shape, a lone value, values by position.

use serde_json::{Map, Value};

use super::schema::Compiled;
use super::{Where, names};
use crate::chat::{Arguments, Fix, FixKind};
use crate::value;
use crate::value::types::Types;

/// Keys under which models put the arguments once more.
const ENVELOPES: [&str; 7] = ["arguments", "parameters", "params", "args", "kwargs", "input", "properties"];

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
    tool.parameter(only).is_some_and(|schema| Types::allowed(schema, tool.schema()).has(Types::LIST))
}

/// `{"arguments": {..}}`, and `{"type": "object", "properties": {..}}` as the schema itself would say it.
fn envelope(tool: &Compiled, mut map: Map<String, Value>) -> Result<(Value, FixKind), Value> {
    let of_tool = |key: &str| tool.properties().is_some_and(|properties| properties.contains_key(key));
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

/// Values named by the order of the tool's properties.
pub(super) fn by_position(tool: Option<&Compiled>, mut values: Vec<Value>) -> Arguments {
    let parameters: Vec<&str> = tool.map(|tool| tool.parameters().collect()).unwrap_or_default();
    if let [Value::Object(map)] = values.as_slice() {
        let folded: Vec<String> = parameters.iter().map(|name| names::fold(name)).collect();
        let named = map.keys().any(|key| folded.contains(&names::fold(key)));
        let first = tool.zip(parameters.first()).and_then(|(tool, name)| Some((tool, tool.parameter(name)?)));
        let takes = first.is_some_and(|(tool, first)| Types::allowed(first, tool.schema()).has(Types::OBJECT));
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
