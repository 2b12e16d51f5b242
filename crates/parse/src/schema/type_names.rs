//! The names of types, as people write them.
//!
//! Python's, TypeScript's and SQL's words for JSON's types mean one thing each. It must not know other keywords.

use serde_json::{Map, Value, json};

use super::mend::{Mending, short};

/// The JSON type that a name means; an empty name for any type.
pub(super) fn named(name: &str) -> Option<&'static str> {
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

/// Makes `type` a name, or a list of names, that JSON Schema has; leaves it out where any type is meant.
pub(super) fn normalise(map: &mut Map<String, Value>, place: &str, mending: &mut Mending) {
    match map.get("type").cloned() {
        None => {}
        Some(Value::String(name)) => one(&name, map, place, mending),
        Some(Value::Array(names)) => several(&names, map, place, mending),
        Some(_) => unknown(map, place, mending, "not a type's name, so any type is allowed".to_owned()),
    }
}

fn unknown(map: &mut Map<String, Value>, place: &str, mending: &mut Mending, why: String) {
    map.shift_remove("type");
    mending.ignored(place, "type", why);
}

fn one(name: &str, map: &mut Map<String, Value>, place: &str, mending: &mut Mending) {
    // `Optional[int]`, `list[int]`: what is inside is the type, or the items' type.
    let argument = name.split_once('[').and_then(|(head, rest)| Some((head, rest.strip_suffix(']')?)));
    let (head, argument) = argument.map_or((name, None), |(head, rest)| (head, named(rest)));
    let optional = head.trim().eq_ignore_ascii_case("optional");
    let Some(meant) = (if optional { argument } else { named(name) }) else {
        let why = format!("unknown type `{}`, so any type is allowed", short(name));
        return unknown(map, place, mending, why);
    };
    let read = match meant {
        "" => {
            map.shift_remove("type");
            mending.mended(place, "type", format!("`{name}` read as any type"));
            return;
        }
        meant if optional => json!([meant, "null"]),
        meant => json!(meant),
    };
    if let ("array", Some(item), false, false) =
        (meant, argument.filter(|item| !item.is_empty()), optional, map.contains_key("items"))
    {
        map.insert("items".to_owned(), json!({"type": item}));
    }
    if read != *name {
        mending.mended(place, "type", format!("`{name}` read as {read}"));
    }
    map.insert("type".to_owned(), read);
}

fn several(names: &[Value], map: &mut Map<String, Value>, place: &str, mending: &mut Mending) {
    let meant: Option<Vec<&str>> = names.iter().map(|name| named(name.as_str()?)).collect();
    let Some(mut meant) = meant.filter(|meant| !meant.is_empty()) else {
        return unknown(map, place, mending, "not a list of types, so any type is allowed".to_owned());
    };
    let mut seen = Vec::new();
    meant.retain(|name| {
        let new = !seen.contains(name);
        seen.push(*name);
        new
    });
    if meant.contains(&"") {
        map.shift_remove("type");
        return mending.mended(place, "type", "read as any type");
    }
    let read = if let [one] = meant.as_slice() { json!(one) } else { json!(meant) };
    if names.iter().map(Value::as_str).ne(meant.iter().map(|name| Some(*name))) {
        mending.mended(place, "type", format!("read as {read}"));
    }
    map.insert("type".to_owned(), read);
}
