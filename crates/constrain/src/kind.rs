//! A tool's schema, as far as a grammar of our own can hold values to it.
//!
//! JSON is enforced with llguidance's own compiler of schemas. Where a format writes values in another way, its grammar
//! is made from these kinds: types, enum, const, alternatives, references, members and items with their bounds. Anything
//! else in a schema is left to the check, and reported. It must not know how values are written.

use std::collections::HashMap;

use serde_json::{Map, Value, json};

/// What a value may be.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Kind {
    Any,
    Null,
    Boolean,
    /// A number; the schema says which.
    Number(Value),
    /// A text; the schema says more than its length.
    Text {
        least: u64,
        most: Option<u64>,
        schema: Value,
    },
    List {
        first: Vec<Self>,
        rest: Box<Self>,
        least: u64,
        most: Option<u64>,
        schema: Value,
    },
    Object {
        members: Vec<Member>,
        /// What additional members may be, where they are allowed.
        others: Option<Box<Self>>,
        schema: Value,
    },
    Constants(Vec<Value>),
    Either(Vec<Self>),
    /// A kind that is referred to by name, because it may be recursive.
    Named(usize),
}

/// A member of an object.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Member {
    pub(super) key: String,
    pub(super) kind: Kind,
    pub(super) required: bool,
}

/// The kinds of one tool's schema.
#[derive(Debug)]
pub(super) struct Kinds<'s> {
    root: &'s Value,
    named: Vec<Kind>,
    places: HashMap<String, usize>,
    /// What is checked but not enforced.
    pub(super) told: Vec<String>,
}

/// Keywords that say nothing about what a value may be.
const ASIDE: [&str; 18] = [
    "title",
    "description",
    "default",
    "example",
    "examples",
    "deprecated",
    "readOnly",
    "writeOnly",
    "$comment",
    "$schema",
    "$id",
    "$anchor",
    "$defs",
    "definitions",
    "contentEncoding",
    "contentMediaType",
    "strict",
    "type",
];
/// Schemas inside schemas are followed this far.
const DEPTH: usize = 64;
/// Limit up to which items and characters are counted; beyond it is left to the check.
const COUNTED: u64 = 2000;
/// Characters that are counted in texts whose end is looked for: each makes the lexer larger by all that is looked for.
const SEARCHED: u64 = 256;

impl<'s> Kinds<'s> {
    pub(super) fn new(root: &'s Value) -> Self {
        Self { root, named: Vec::new(), places: HashMap::new(), told: Vec::new() }
    }

    /// The kind with this number.
    pub(super) fn named(&self, index: usize) -> &Kind {
        self.named.get(index).unwrap_or(&Kind::Any)
    }

    /// The members of the whole schema; each alternative has its own.
    pub(super) fn members(&mut self) -> Vec<Vec<Member>> {
        let kind = self.of(self.root, "", 0);
        let mut alternatives = Vec::new();
        self.gather(kind, &mut alternatives, 0);
        if alternatives.is_empty() { vec![Vec::new()] } else { alternatives }
    }

    fn gather(&self, kind: Kind, alternatives: &mut Vec<Vec<Member>>, depth: usize) {
        match kind {
            Kind::Object { members, .. } => alternatives.push(members),
            Kind::Either(kinds) => kinds.into_iter().for_each(|kind| self.gather(kind, alternatives, depth + 1)),
            Kind::Named(index) if depth < 8 => self.gather(self.named(index).clone(), alternatives, depth + 1),
            _ => {}
        }
    }

    fn tell(&mut self, place: &str, keyword: &str) {
        let place = if place.is_empty() { "the whole schema" } else { place };
        let told = format!("`{keyword}` of {place} is checked but not enforced");
        if !self.told.contains(&told) {
            self.told.push(told);
        }
    }

    fn of(&mut self, schema: &Value, place: &str, depth: usize) -> Kind {
        let map = match schema {
            Value::Bool(false) => return Kind::Constants(Vec::new()),
            Value::Object(map) if depth < DEPTH => map,
            _ => return Kind::Any,
        };
        if let Some(target) = map.get("$ref").and_then(Value::as_str) {
            self.tell_others(map, place, &["$ref"]);
            return self.reference(target, place, depth);
        }
        if let Some(members) = map.get("enum").and_then(Value::as_array) {
            self.tell_others(map, place, &["enum"]);
            return Kind::Constants(members.iter().filter(|member| is_of(map.get("type"), member)).cloned().collect());
        }
        if let Some(value) = map.get("const") {
            self.tell_others(map, place, &["const"]);
            return Kind::Constants(vec![value.clone()]);
        }
        for key in ["anyOf", "oneOf"] {
            if let Some(Value::Array(parts)) = map.get(key).filter(|_| !map.contains_key("properties")) {
                self.tell_others(map, place, &[key]);
                let kinds: Vec<Kind> = (0..)
                    .zip(parts)
                    .map(|(index, part): (usize, &Value)| self.of(part, &format!("{place}/{key}/{index}"), depth + 1))
                    .collect();
                if key == "oneOf" && may_overlap(&kinds) {
                    self.tell(place, key);
                }
                return Kind::Either(kinds);
            }
        }
        if let Some(Value::Array(parts)) = map.get("allOf")
            && let ([part], false) = (parts.as_slice(), map.contains_key("properties"))
        {
            self.tell_others(map, place, &["allOf"]);
            return self.of(part, &format!("{place}/allOf/0"), depth + 1);
        }
        match map.get("type") {
            Some(Value::String(name)) => self.of_type(name, map, place, depth),
            Some(Value::Array(names)) => {
                let names: Vec<&str> = names.iter().filter_map(Value::as_str).collect();
                let wanted = names.iter().filter(|name| !(**name == "integer" && names.contains(&"number")));
                Kind::Either(wanted.map(|name| self.of_type(name, map, place, depth)).collect())
            }
            _ if map.contains_key("properties") => self.of_type("object", map, place, depth),
            _ if map.contains_key("items") || map.contains_key("prefixItems") => {
                self.of_type("array", map, place, depth)
            }
            _ => {
                self.tell_others(map, place, &["format"]);
                Kind::Any
            }
        }
    }

    fn reference(&mut self, target: &str, place: &str, depth: usize) -> Kind {
        if let Some(index) = self.places.get(target) {
            return Kind::Named(*index);
        }
        let Some(schema) = target.strip_prefix('#').and_then(|pointer| self.root.pointer(pointer)) else {
            self.tell(place, "$ref");
            return Kind::Any;
        };
        let index = self.named.len();
        self.named.push(Kind::Any);
        self.places.insert(target.to_owned(), index);
        let kind = self.of(schema, target.trim_start_matches('#'), depth + 1);
        // A name that refers to itself says nothing.
        self.named[index] = if kind == Kind::Named(index) { Kind::Any } else { kind };
        Kind::Named(index)
    }

    fn of_type(&mut self, name: &str, map: &Map<String, Value>, place: &str, depth: usize) -> Kind {
        match name {
            "null" => Kind::Null,
            "boolean" => Kind::Boolean,
            "integer" | "number" => {
                let known = ["minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum", "multipleOf", "format"];
                self.tell_others_of(map, place, &known, &NUMBERS);
                Kind::Number(part(name, map, &known[..5]))
            }
            "string" => {
                let known = ["minLength", "maxLength", "pattern", "format"];
                self.tell_others_of(map, place, &known, &TEXTS);
                let (least, most) = self.bounds(map, place, ["minLength", "maxLength"]);
                Kind::Text { least, most, schema: part(name, map, &known) }
            }
            "array" => {
                self.tell_others_of(map, place, &["items", "prefixItems", "minItems", "maxItems"], &LISTS);
                let (least, most) = self.bounds(map, place, ["minItems", "maxItems"]);
                let first = map.get("prefixItems").and_then(Value::as_array).map_or(&[][..], Vec::as_slice);
                let first = (0..).zip(first);
                let first = first
                    .map(|(index, item): (usize, &Value)| {
                        self.of(item, &format!("{place}/prefixItems/{index}"), depth + 1)
                    })
                    .collect();
                let items = map.get("items").unwrap_or(&Value::Bool(true));
                let rest = Box::new(self.of(items, &format!("{place}/items"), depth + 1));
                Kind::List { first, rest, least, most, schema: Value::Object(map.clone()) }
            }
            "object" => self.object(map, place, depth),
            _ => Kind::Any,
        }
    }

    fn object(&mut self, map: &Map<String, Value>, place: &str, depth: usize) -> Kind {
        self.tell_others_of(map, place, &["properties", "required", "additionalProperties"], &OBJECTS);
        let required = map.get("required").and_then(Value::as_array);
        let is_required = |key: &str| required.is_some_and(|keys| keys.iter().any(|known| known == key));
        let none = Map::new();
        let properties = map.get("properties").and_then(Value::as_object).unwrap_or(&none);
        let mut members = Vec::new();
        for (key, schema) in properties {
            let kind = self.of(schema, &format!("{place}/properties/{key}"), depth + 1);
            members.push(Member { key: key.clone(), kind, required: is_required(key) });
        }
        let unnamed = required.into_iter().flatten().filter_map(Value::as_str);
        for key in unnamed.filter(|key| !properties.contains_key(*key)) {
            members.push(Member { key: key.to_owned(), kind: Kind::Any, required: true });
        }
        // Where members are named, no others are allowed: a model that is free to add others does.
        let others = match map.get("additionalProperties") {
            Some(Value::Bool(false)) => None,
            _ if !members.is_empty() => None,
            Some(schema) => Some(Box::new(self.of(schema, &format!("{place}/additionalProperties"), depth + 1))),
            None => Some(Box::new(Kind::Any)),
        };
        Kind::Object { members, others, schema: Value::Object(map.clone()) }
    }

    /// Tells what of a text's schema only the check looks at.
    pub(super) fn relax(&mut self, schema: &Value, place: &str) {
        for key in ["pattern", "format"].into_iter().filter(|key| schema.get(key).is_some()) {
            self.tell(place, key);
        }
    }

    /// The same for a text whose end is looked for, with the lengths that it is held to.
    pub(super) fn searched(
        &mut self,
        schema: &Value,
        (least, most): (u64, Option<u64>),
        place: &str,
    ) -> (u64, Option<u64>) {
        self.relax(schema, place);
        if least > SEARCHED {
            self.tell(place, "minLength");
        }
        if most.is_some_and(|most| most > SEARCHED) {
            self.tell(place, "maxLength");
        }
        (least.min(SEARCHED), most.filter(|most| *most <= SEARCHED))
    }

    fn bounds(&mut self, map: &Map<String, Value>, place: &str, keys: [&str; 2]) -> (u64, Option<u64>) {
        let mut bound = |key: &str| {
            let number = map.get(key).and_then(|value| value.as_u64().or_else(|| whole(value.as_f64()?)))?;
            if number > COUNTED {
                self.tell(place, key);
            }
            Some(number).filter(|number| *number <= COUNTED)
        };
        (bound(keys[0]).unwrap_or(0), bound(keys[1]))
    }

    /// Tells keywords that are neither known here nor of no meaning.
    fn tell_others(&mut self, map: &Map<String, Value>, place: &str, known: &[&str]) {
        self.tell_others_of(map, place, known, &[]);
    }

    /// The same, where keywords for values of other types mean nothing.
    fn tell_others_of(&mut self, map: &Map<String, Value>, place: &str, known: &[&str], own: &[&str]) {
        for key in beyond(map, known, own) {
            self.tell(place, key);
        }
    }
}

/// The keywords of a schema that say more of a value than the known ones do. Where a type has keywords of its own, those
/// of other types mean nothing.
pub fn beyond<'m>(map: &'m Map<String, Value>, known: &[&str], own: &[&str]) -> Vec<&'m str> {
    let of_some_type = |key: &str| [&NUMBERS[..], &TEXTS, &LISTS, &OBJECTS].iter().any(|keys| keys.contains(&key));
    let foreign = |key: &str| !own.is_empty() && !own.contains(&key) && of_some_type(key);
    let said = |key: &str| known.contains(&key) || ASIDE.contains(&key) || foreign(key) || key.starts_with("x-");
    map.keys().map(String::as_str).filter(|key| !said(key)).collect()
}

/// Keywords for numbers.
pub const NUMBERS: [&str; 5] = ["minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum", "multipleOf"];
/// Keywords for strings.
pub const TEXTS: [&str; 4] = ["minLength", "maxLength", "pattern", "format"];
/// Keywords for arrays.
pub const LISTS: [&str; 9] = [
    "items",
    "prefixItems",
    "minItems",
    "maxItems",
    "uniqueItems",
    "contains",
    "minContains",
    "maxContains",
    "unevaluatedItems",
];
/// Keywords for objects.
pub const OBJECTS: [&str; 10] = [
    "properties",
    "required",
    "additionalProperties",
    "patternProperties",
    "propertyNames",
    "minProperties",
    "maxProperties",
    "dependentRequired",
    "dependentSchemas",
    "unevaluatedProperties",
];

fn part(name: &str, map: &Map<String, Value>, keys: &[&str]) -> Value {
    let mut part = json!({"type": name});
    for (key, value) in map.iter().filter(|(key, _)| keys.contains(&key.as_str())) {
        part[key] = value.clone();
    }
    part
}

/// A count that was written as `5.0`.
fn whole(number: f64) -> Option<u64> {
    (0.0..1e15).contains(&number).then(|| format!("{number:.0}").parse().ok()).flatten()
}

/// Whether a constant is of a type that the schema beside it says.
pub fn is_of(said: Option<&Value>, value: &Value) -> bool {
    let is = |name: &str| match name {
        "null" => value.is_null(),
        "boolean" => value.is_boolean(),
        "integer" => value.is_i64() || value.is_u64() || value.as_f64().is_some_and(|number| number.fract() == 0.0),
        "number" => value.is_number(),
        "string" => value.is_string(),
        "array" => value.is_array(),
        "object" => value.is_object(),
        _ => true,
    };
    match said {
        Some(Value::String(name)) => is(name),
        Some(Value::Array(names)) => names.iter().filter_map(Value::as_str).any(is),
        _ => true,
    }
}

/// Whether one value may be of two of these kinds.
fn may_overlap(kinds: &[Kind]) -> bool {
    let sorts: Vec<_> = kinds.iter().map(std::mem::discriminant).collect();
    let unclear = |kind: &Kind| matches!(kind, Kind::Any | Kind::Either(_) | Kind::Named(_) | Kind::Constants(_));
    kinds.iter().any(unclear) || sorts.iter().enumerate().any(|(index, sort)| sorts[..index].contains(sort))
}
