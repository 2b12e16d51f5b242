//! Schemas as people write them, as JSON Schema 2020-12.
//!
//! Tools come from everywhere: Python's type names, `OpenAPI`'s `nullable`, older drafts' tuples. What has one meaning is
//! rewritten; what has none stays, for the compiler to refuse. Values (`enum`, `const`, `default`) are left alone.

use serde_json::{Map, Value, json};

use crate::value::MAX_DEPTH;

/// Why a schema is refused, and where.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Refusal {
    pub(super) pointer: String,
    pub(super) why: String,
}

impl Refusal {
    fn new(pointer: &str, why: impl Into<String>) -> Self {
        Self { pointer: pointer.to_owned(), why: why.into() }
    }
}

/// The schema of a tool's arguments, normalised: always of type object, with `properties`.
pub(super) fn normal(given: &Value) -> Result<Value, Refusal> {
    let map = match given {
        Value::Null | Value::Bool(true) => Map::new(),
        Value::Object(map) => map.clone(),
        _ => return Err(Refusal::new("", "a schema must be an object")),
    };
    let mut schema = Value::Object(map);
    normalise(&mut schema, "", 0)?;
    let Value::Object(map) = &mut schema else { return Err(Refusal::new("", "a schema must be an object")) };
    map.shift_remove("$schema");
    let combined = ["$ref", "allOf", "anyOf", "oneOf"].iter().any(|key| map.contains_key(*key));
    match map.get("type") {
        None if combined => {}
        None => drop(map.insert("type".to_owned(), json!("object"))),
        Some(Value::String(name)) if name == "object" => {}
        // Optional as a whole: null is read as no arguments.
        Some(Value::Array(names)) if names.contains(&json!("object")) => {
            drop(map.insert("type".to_owned(), json!("object")));
        }
        Some(_) => return Err(Refusal::new("/type", "the type of a tool's parameters must be `object`")),
    }
    if !combined && !map.contains_key("properties") {
        map.insert("properties".to_owned(), json!({}));
    }
    Ok(schema)
}

/// Keywords whose value is one schema.
const ONE: [&str; 12] = [
    "items",
    "additionalItems",
    "additionalProperties",
    "contains",
    "not",
    "if",
    "then",
    "else",
    "propertyNames",
    "unevaluatedItems",
    "unevaluatedProperties",
    "contentSchema",
];
/// Keywords whose value is a list of schemas.
const LISTS: [&str; 4] = ["allOf", "anyOf", "oneOf", "prefixItems"];
/// Keywords whose value is an object of schemas.
const MAPS: [&str; 5] = ["properties", "patternProperties", "$defs", "definitions", "dependentSchemas"];
/// Keywords for which null is a value.
const NULL_COUNTS: [&str; 3] = ["const", "default", "example"];

fn normalise(schema: &mut Value, pointer: &str, depth: usize) -> Result<(), Refusal> {
    if depth > MAX_DEPTH {
        return Err(Refusal::new(pointer, "it is nested too deeply"));
    }
    let map = match schema {
        Value::Object(map) => map,
        Value::Bool(_) => return Ok(()),
        // A bare type name where a schema belongs.
        Value::String(name) if type_name(name).is_some() => {
            *schema = json!({"type": name});
            return normalise(schema, pointer, depth);
        }
        Value::Null => {
            *schema = Value::Bool(true);
            return Ok(());
        }
        _ => return Err(Refusal::new(pointer, "a schema must be an object")),
    };
    map.retain(|key, value| !value.is_null() || NULL_COUNTS.contains(&key.as_str()));
    types(map, pointer)?;
    old_bounds(map);
    tuples(map);
    dependencies(map);
    if map.get("enum").is_some_and(|members| members.as_array().is_some_and(Vec::is_empty)) {
        map.shift_remove("enum");
    }
    inner(map, pointer, depth)?;
    required(map);
    nullable(map);
    Ok(())
}

/// Normalises the schemas inside.
fn inner(map: &mut Map<String, Value>, pointer: &str, depth: usize) -> Result<(), Refusal> {
    for (key, value) in map.iter_mut() {
        let here = || format!("{pointer}/{}", key.replace('~', "~0").replace('/', "~1"));
        match value {
            Value::Array(parts) if LISTS.contains(&key.as_str()) => {
                for (index, part) in parts.iter_mut().enumerate() {
                    normalise(part, &format!("{}/{index}", here()), depth + 1)?;
                }
            }
            Value::Object(parts) if MAPS.contains(&key.as_str()) => {
                for (name, part) in parts.iter_mut() {
                    normalise(part, &format!("{}/{}", here(), name.replace('~', "~0").replace('/', "~1")), depth + 1)?;
                }
            }
            part if ONE.contains(&key.as_str()) => normalise(part, &here(), depth + 1)?,
            _ => {}
        }
    }
    Ok(())
}

/// The JSON type that a name means; an empty name for any type.
fn type_name(name: &str) -> Option<&'static str> {
    let name = name.trim();
    let head = name.split(['[', '<']).next().unwrap_or(name).trim().to_ascii_lowercase();
    let head = head.rsplit('.').next().unwrap_or(&head);
    Some(match head {
        "object" | "dict" | "map" | "hashmap" | "dictionary" | "mapping" | "struct" | "record" | "json" => "object",
        "array" | "list" | "tuple" | "set" | "arraylist" | "sequence" | "vector" | "vec" | "frozenset" => "array",
        "integer" | "int" | "long" | "short" | "byte" | "bigint" | "int32" | "int64" | "uint" => "integer",
        "number" | "float" | "double" | "decimal" | "float32" | "float64" | "numeric" => "number",
        "string" | "str" | "char" | "text" => "string",
        "boolean" | "bool" => "boolean",
        "null" | "none" | "nonetype" | "nil" | "void" => "null",
        "any" | "" | "unknown" | "mixed" | "anytype" => "",
        _ => return None,
    })
}

fn types(map: &mut Map<String, Value>, pointer: &str) -> Result<(), Refusal> {
    let unknown = |name: &str| Refusal::new(&format!("{pointer}/type"), format!("unknown type `{name}`"));
    match map.get("type") {
        None | Some(Value::Object(_)) => Ok(()),
        Some(Value::String(name)) => {
            // `Optional[int]`, `list[int]`: what is inside is the type, or the items' type.
            let argument = name.split_once('[').and_then(|(head, rest)| Some((head, rest.strip_suffix(']')?)));
            let (head, argument) = argument.map_or((name.as_str(), None), |(head, rest)| (head, Some(rest.to_owned())));
            if let (true, Some(argument)) = (head.trim().eq_ignore_ascii_case("optional"), &argument) {
                let inner = type_name(argument).ok_or_else(|| unknown(name))?;
                map.insert("type".to_owned(), if inner.is_empty() { json!("") } else { json!([inner, "null"]) });
                return if inner.is_empty() { types(map, pointer) } else { Ok(()) };
            }
            let named = type_name(name).ok_or_else(|| unknown(name))?;
            if named.is_empty() {
                map.shift_remove("type");
                return Ok(());
            }
            if let ("array", Some(item), false) =
                (named, argument.as_deref().and_then(type_name), map.contains_key("items"))
                && !item.is_empty()
            {
                map.insert("items".to_owned(), json!({"type": item}));
            }
            map.insert("type".to_owned(), json!(named));
            Ok(())
        }
        Some(Value::Array(names)) => {
            let mut normal: Vec<&'static str> = Vec::new();
            for name in names {
                let name = name.as_str().ok_or_else(|| unknown(&name.to_string()))?;
                let name = type_name(name).ok_or_else(|| unknown(name))?;
                if !normal.contains(&name) {
                    normal.push(name);
                }
            }
            match normal.as_slice() {
                [one] if !one.is_empty() => drop(map.insert("type".to_owned(), json!(one))),
                names if names.is_empty() || names.contains(&"") => drop(map.shift_remove("type")),
                names => drop(map.insert("type".to_owned(), json!(names))),
            }
            Ok(())
        }
        Some(other) => Err(unknown(&other.to_string())),
    }
}

/// Draft 4's and `OpenAPI`'s `exclusiveMinimum: true`.
fn old_bounds(map: &mut Map<String, Value>) {
    for (exclusive, bound) in [("exclusiveMinimum", "minimum"), ("exclusiveMaximum", "maximum")] {
        match map.get(exclusive) {
            Some(Value::Bool(true)) => match map.shift_remove(bound) {
                Some(limit) => drop(map.insert(exclusive.to_owned(), limit)),
                None => drop(map.shift_remove(exclusive)),
            },
            Some(Value::Bool(false)) => drop(map.shift_remove(exclusive)),
            _ => {}
        }
    }
}

/// Older drafts' `items: [..]`.
fn tuples(map: &mut Map<String, Value>) {
    if map.get("items").is_some_and(Value::is_array) {
        if let Some(items) = map.shift_remove("items") {
            map.insert("prefixItems".to_owned(), items);
        }
        if let Some(rest) = map.shift_remove("additionalItems") {
            map.insert("items".to_owned(), rest);
        }
    }
    map.shift_remove("additionalItems");
}

/// Older drafts' `dependencies`.
fn dependencies(map: &mut Map<String, Value>) {
    let Some(Value::Object(old)) = map.shift_remove("dependencies") else { return };
    for (name, needs) in old {
        let key = if needs.is_array() { "dependentRequired" } else { "dependentSchemas" };
        if let Some(new) = map.entry(key).or_insert_with(|| json!({})).as_object_mut() {
            new.insert(name, needs);
        }
    }
}

/// `required: true` inside a property belongs to the object around it; a lone name is a list of one.
fn required(map: &mut Map<String, Value>) {
    if let Some(Value::String(name)) = map.get("required") {
        let name = name.clone();
        map.insert("required".to_owned(), json!([name]));
    }
    let Some(Value::Object(properties)) = map.get_mut("properties") else { return };
    let mut wanted = Vec::new();
    for (name, property) in properties.iter_mut() {
        let Some(property) = property.as_object_mut() else { continue };
        if let Some(Value::Bool(required)) = property.get("required") {
            if *required {
                wanted.push(name.clone());
            }
            property.shift_remove("required");
        }
    }
    if wanted.is_empty() {
        return;
    }
    if let Some(list) = map.entry("required").or_insert_with(|| json!([])).as_array_mut() {
        for name in wanted {
            if !list.contains(&json!(name)) {
                list.push(json!(name));
            }
        }
    }
}

/// `OpenAPI`'s `nullable: true`.
fn nullable(map: &mut Map<String, Value>) {
    if map.shift_remove("nullable") != Some(Value::Bool(true)) {
        return;
    }
    if let Some(members) = map.get_mut("enum").and_then(Value::as_array_mut)
        && !members.contains(&Value::Null)
    {
        members.push(Value::Null);
    }
    match map.get_mut("type") {
        Some(Value::String(name)) if name != "null" => {
            let both = json!([name, "null"]);
            map.insert("type".to_owned(), both);
        }
        Some(Value::Array(names)) if !names.contains(&json!("null")) => names.push(json!("null")),
        Some(_) => {}
        None => {
            let combined = ["$ref", "anyOf", "oneOf", "allOf", "const"].iter().any(|key| map.contains_key(*key));
            if combined {
                let inner = std::mem::take(map);
                map.insert("anyOf".to_owned(), json!([inner, {"type": "null"}]));
            }
        }
    }
}
