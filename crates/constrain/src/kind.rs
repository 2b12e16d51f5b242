//! What values a tool's parameters may have: the one tree that every grammar is written from.
//!
//! It holds what a grammar can hold values to: types, constants, alternatives, references, members, items, bounds and
//! patterns. What a schema says beyond that is not in it, and was told when it was made. It must not know how values are
//! written, nor JSON Schema.

use serde_json::{Map, Value};

use super::pattern::Pattern;
use callwright_parse::format::type_of;

/// What a value may be.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Kind {
    Any,
    Null,
    Boolean,
    /// A number; the schema says which.
    Number(Value),
    Text(Text),
    List(List),
    Object(Object),
    /// One of these values; an empty list allows no value.
    Constants(Vec<Value>),
    Either(Vec<Self>),
    /// A kind that is referred to by name, because it may be recursive.
    Named(usize),
}

/// A text: its length in letters, and what all of it matches.
#[derive(Debug, Clone, Default, PartialEq)]
pub(super) struct Text {
    pub(super) least: u64,
    pub(super) most: Option<u64>,
    pub(super) patterns: Vec<Pattern>,
}

/// A list: its first items, each of its own kind, and how many there are in all.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct List {
    pub(super) first: Vec<Kind>,
    /// What the other items are, where there may be others.
    pub(super) rest: Option<Box<Kind>>,
    pub(super) least: u64,
    pub(super) most: Option<u64>,
}

/// An object: its members, and how many there are in all.
#[derive(Debug, Clone, Default, PartialEq)]
pub(super) struct Object {
    pub(super) members: Vec<Member>,
    /// Members whose names match a schema's pattern.
    pub(super) matching: Vec<(String, Kind)>,
    /// What additional members may be, where they are allowed.
    pub(super) others: Option<Box<Kind>>,
    pub(super) least: u64,
    pub(super) most: Option<u64>,
}

/// A member of an object.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Member {
    pub(super) key: String,
    pub(super) kind: Kind,
    pub(super) required: bool,
}

impl Kind {
    /// No value at all.
    pub(super) const NEVER: Self = Self::Constants(Vec::new());

    pub(super) fn is_never(&self) -> bool {
        matches!(self, Self::Constants(values) if values.is_empty())
    }

    /// Whether this kind and the other one have no value in common, as far as can be seen.
    pub(super) fn is_apart_from(&self, other: &Self, named: &[Self], depth: usize) -> bool {
        let apart = |one: &Self, other: &Self| depth < 8 && one.is_apart_from(other, named, depth + 1);
        match (self, other) {
            (Self::Named(index), other) => named.get(*index).is_some_and(|kind| apart(kind, other)),
            (one, Self::Named(index)) => named.get(*index).is_some_and(|kind| apart(one, kind)),
            (Self::Either(kinds), other) => kinds.iter().all(|kind| apart(kind, other)),
            (one, Self::Either(kinds)) => kinds.iter().all(|kind| apart(one, kind)),
            (Self::Any, other) | (other, Self::Any) => other.is_never(),
            (Self::Constants(ones), Self::Constants(others)) => ones.iter().all(|one| !others.contains(one)),
            (Self::Constants(values), kind) | (kind, Self::Constants(values)) => {
                values.iter().all(|value| type_of(value) != kind.sort())
            }
            (Self::Object(one), Self::Object(other)) => {
                one.lacks_what_is_needed_in(other, &apart) && other.lacks_what_is_needed_in(one, &apart)
            }
            (one, other) => one.sort() != other.sort(),
        }
    }

    fn sort(&self) -> &'static str {
        match self {
            Self::Null => "null",
            Self::Boolean => "boolean",
            Self::Number(_) => "number",
            Self::Text(_) => "string",
            Self::List(_) => "array",
            Self::Object(_) => "object",
            Self::Any | Self::Constants(_) | Self::Either(_) | Self::Named(_) => "",
        }
    }
}

impl Object {
    /// Whether no object of this kind has what the other one requires.
    fn lacks_what_is_needed_in(&self, other: &Self, apart: &dyn Fn(&Kind, &Kind) -> bool) -> bool {
        other.members.iter().filter(|needed| needed.required).any(|needed| {
            match self.members.iter().find(|member| member.key == needed.key) {
                Some(member) => apart(&member.kind, &needed.kind),
                None => self.others.is_none() && self.matching.is_empty(),
            }
        })
    }
}

/// The keywords of a schema that say more of a value than the known ones do. Where a type has keywords of its own, those
/// of other types mean nothing, and what is no keyword of a schema is an annotation.
pub fn beyond<'m>(map: &'m Map<String, Value>, known: &[&str], own: &[&str]) -> Vec<&'m str> {
    let of_some_type = |key: &str| [&NUMBERS[..], &TEXTS, &LISTS, &OBJECTS].iter().any(|keys| keys.contains(&key));
    let means = |key: &str| if own.is_empty() || own.contains(&key) { of_some_type(key) } else { false };
    let says = |key: &str| !known.contains(&key) && (means(key) || OF_ALL.contains(&key));
    map.keys().map(String::as_str).filter(|key| says(key)).collect()
}

/// Keywords for values of any type.
const OF_ALL: [&str; 10] =
    ["enum", "const", "allOf", "anyOf", "oneOf", "not", "if", "$ref", "$dynamicRef", "$recursiveRef"];
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
