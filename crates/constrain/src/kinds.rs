//! From a tool's JSON Schema to the kinds of values that a grammar can hold it to.
//!
//! A value must satisfy all of several schemas at once: those of `allOf`, what is referred to, what stands beside both. So
//! every step looks at a set of schemas, and alternatives are multiplied out. What cannot be held to is left out where it
//! stands, and told with its place and the reason; the tool stays. It must not know how values are written.

use std::collections::HashMap;

use serde_json::{Map, Value};

use super::kind::{Kind, Member, Object, is_of};
use callwright_parse::schema::resolve;

/// The kinds of one tool's schema.
#[derive(Debug)]
pub(super) struct Kinds<'s> {
    root: &'s Value,
    pub(super) named: Vec<Kind>,
    places: HashMap<Vec<usize>, usize>,
    made: usize,
    /// Keywords that are left out, by place, because no grammar could be made with them.
    without: &'s [(String, String)],
    /// Keywords that are held to and might be left out.
    pub(super) held: Vec<(String, String)>,
    /// What is checked but not enforced.
    pub(super) told: Vec<String>,
}

/// A schema among those that a value must satisfy, and whether its alternatives have been multiplied out.
#[derive(Debug, Clone, Copy)]
pub(super) struct Part<'s> {
    pub(super) map: &'s Map<String, Value>,
    any_of: bool,
    one_of: bool,
}

/// Nested schemas are followed this deep.
const DEPTH: usize = 64;
/// The most kinds made of one schema: nested alternatives multiply.
const MADE: usize = 20_000;
/// The types of JSON; a whole number is a number, too.
const TYPES: [&str; 6] = ["null", "boolean", "number", "string", "array", "object"];

impl<'s> Kinds<'s> {
    pub(super) fn new(root: &'s Value, without: &'s [(String, String)]) -> Self {
        let (named, places) = (Vec::new(), HashMap::new());
        Self { root, named, places, made: 0, without, held: Vec::new(), told: Vec::new() }
    }

    /// The kind with this number.
    pub(super) fn named(&self, index: usize) -> &Kind {
        self.named.get(index).unwrap_or(&Kind::Any)
    }

    /// The kind of all arguments together: an object, whatever the schema says.
    pub(super) fn whole(&mut self) -> Kind {
        let any = self.without.iter().any(|(place, keyword)| place.is_empty() && keyword == "type");
        if any {
            self.tell("", "type", "no grammar can be made of it");
        }
        let mut kind = if any { Kind::Any } else { self.of(&[self.root], "", 0) };
        if kind.is_never() {
            self.tell("", "type", "no arguments satisfy it");
            kind = Kind::Any;
        }
        match kind {
            Kind::Any => Kind::Object(Object { others: Some(Box::new(Kind::Any)), ..Object::default() }),
            kind => kind,
        }
    }

    /// The members of all arguments; each alternative has its own.
    pub(super) fn members(&mut self) -> Vec<Vec<Member>> {
        let kind = self.whole();
        let mut alternatives = Vec::new();
        self.gather(kind, &mut alternatives, 0);
        if alternatives.is_empty() { vec![Vec::new()] } else { alternatives }
    }

    fn gather(&self, kind: Kind, alternatives: &mut Vec<Vec<Member>>, depth: usize) {
        match kind {
            Kind::Object(object) => alternatives.push(object.members),
            Kind::Either(kinds) => kinds.into_iter().for_each(|kind| self.gather(kind, alternatives, depth + 1)),
            Kind::Named(index) if depth < 8 => self.gather(self.named(index).clone(), alternatives, depth + 1),
            _ => {}
        }
    }

    /// Tells that this keyword is only checked.
    pub(super) fn tell(&mut self, place: &str, keyword: &str, why: &str) {
        let place = if place.is_empty() { "the whole schema" } else { place };
        let why = if why.is_empty() { String::new() } else { format!(": {why}") };
        let told = format!("`{keyword}` of {place} is checked but not enforced{why}");
        if !self.told.contains(&told) {
            self.told.push(told);
        }
    }

    /// What a keyword says, unless it is left out.
    pub(super) fn said(&mut self, part: Part<'s>, place: &str, keyword: &str) -> Option<&'s Value> {
        let value = part.map.get(keyword)?;
        if self.without.iter().any(|(at, left_out)| at == place && left_out == keyword) {
            self.tell(place, keyword, "no grammar can be made with it");
            return None;
        }
        let entry = (place.to_owned(), keyword.to_owned());
        if !self.held.contains(&entry) {
            self.held.push(entry);
        }
        Some(value)
    }

    /// What a value may be that satisfies all of these schemas.
    pub(super) fn of(&mut self, schemas: &[&'s Value], place: &str, depth: usize) -> Kind {
        let mut referred = None;
        let Some(parts) = self.flat(schemas, place, &mut referred) else { return Kind::NEVER };
        let Some(target) = referred else { return self.of_parts(&parts, place, depth) };
        let key: Vec<usize> = parts.iter().map(|part| std::ptr::from_ref(part.map).addr()).collect();
        if let Some(index) = self.places.get(&key) {
            return Kind::Named(*index);
        }
        let index = self.named.len();
        self.named.push(Kind::Any);
        self.places.insert(key, index);
        let place = if schemas.len() == 1 { target } else { place };
        let kind = self.of_parts(&parts, place, depth + 1);
        // A name that refers to itself says nothing.
        self.named[index] = if kind == Kind::Named(index) { Kind::Any } else { kind };
        Kind::Named(index)
    }

    /// All schemas that these consist of, references followed, or `None` if one of them allows nothing.
    fn flat(&mut self, schemas: &[&'s Value], place: &str, referred: &mut Option<&'s str>) -> Option<Vec<Part<'s>>> {
        let (mut open, mut parts) = (schemas.to_vec(), Vec::<Part<'s>>::new());
        open.reverse();
        while let Some(schema) = open.pop() {
            let map = match schema {
                Value::Bool(false) => return None,
                Value::Object(map) => map,
                _ => continue,
            };
            if parts.iter().any(|known| std::ptr::eq(known.map, map)) {
                continue;
            }
            parts.push(Part { map, any_of: false, one_of: false });
            if let Some(Value::Array(all)) = map.get("allOf") {
                open.extend(all.iter().rev());
            }
            for keyword in ["$dynamicRef", "$recursiveRef"].into_iter().filter(|keyword| map.contains_key(*keyword)) {
                self.tell(place, keyword, "");
            }
            if let Some(target) = map.get("$ref").and_then(Value::as_str) {
                match resolve(target, self.root) {
                    Some(schema) => {
                        *referred = referred.or(target.strip_prefix('#'));
                        open.push(schema);
                    }
                    None => self.tell(place, "$ref", "it leads out of the schema"),
                }
            }
        }
        Some(parts)
    }

    fn of_parts(&mut self, parts: &[Part<'s>], place: &str, depth: usize) -> Kind {
        self.made += 1;
        if depth > DEPTH || self.made > MADE {
            self.tell(place, "type", "the schema is too large");
            return Kind::Any;
        }
        for (keyword, one_of) in [("anyOf", false), ("oneOf", true)] {
            let open = |part: &Part<'s>| if one_of { !part.one_of } else { !part.any_of };
            let found = parts.iter().position(|part| open(part) && part.map.get(keyword).is_some_and(Value::is_array));
            if let Some(at) = found {
                return self.alternatives(parts, at, keyword, place, depth);
            }
        }
        for keyword in ["not", "if"] {
            if parts.iter().any(|part| part.map.contains_key(keyword)) {
                self.tell(place, keyword, "");
            }
        }
        if let Some(kind) = self.constants(parts, place) {
            return kind;
        }
        let types = types(parts);
        if types.len() == TYPES.len() {
            return Kind::Any;
        }
        let mut kinds: Vec<Kind> = Vec::new();
        for name in types {
            let kind = self.of_type(name, parts, place, depth);
            if !kind.is_never() && !kinds.contains(&kind) {
                kinds.push(kind);
            }
        }
        if kinds.len() == 1 { kinds.remove(0) } else { either(kinds) }
    }

    /// Multiplies alternatives out: each with all that stands beside them.
    fn alternatives(&mut self, parts: &[Part<'s>], at: usize, keyword: &str, place: &str, depth: usize) -> Kind {
        let mut beside = parts.to_vec();
        let one_of = keyword == "oneOf";
        if one_of {
            beside[at].one_of = true;
        } else {
            beside[at].any_of = true;
        }
        let alternatives = parts[at].map.get(keyword).and_then(Value::as_array).map_or(&[][..], Vec::as_slice);
        let simple = beside.iter().all(|part| says_nothing(part));
        let mut kinds = Vec::new();
        for (index, alternative) in alternatives.iter().enumerate() {
            let place = format!("{place}/{keyword}/{index}");
            let kind = if simple {
                self.of(&[alternative], &place, depth + 1)
            } else {
                match self.flat(&[alternative], &place, &mut None) {
                    Some(own) => self.of_parts(&[beside.clone(), own].concat(), &place, depth + 1),
                    None => Kind::NEVER,
                }
            };
            kinds.push(kind);
        }
        kinds.retain(|kind| !kind.is_never());
        let overlap = |(index, kind): (usize, &Kind)| {
            kinds[..index].iter().any(|other| !kind.is_apart_from(other, &self.named, 0))
        };
        if one_of && kinds.iter().enumerate().any(overlap) {
            self.tell(place, keyword, "its alternatives cannot be told apart");
        }
        if kinds.len() == 1 { kinds.remove(0) } else { either(kinds) }
    }

    /// The values that are listed, where they are.
    fn constants(&mut self, parts: &[Part<'s>], place: &str) -> Option<Kind> {
        let mut values: Option<Vec<Value>> = None;
        for part in parts {
            let listed = part.map.get("enum").and_then(Value::as_array).cloned();
            for own in [listed, part.map.get("const").map(|value| vec![value.clone()])].into_iter().flatten() {
                values = Some(match values {
                    Some(known) => known.into_iter().filter(|value| own.contains(value)).collect(),
                    None => own,
                });
            }
        }
        let mut values = values?;
        for part in parts {
            values.retain(|value| is_of(part.map.get("type"), value) && fits(value, part.map));
            let known = ["enum", "const", "allOf", "$ref", "anyOf", "oneOf", "not", "if"];
            let checked = ["minimum", "maximum", "minLength", "maxLength", "format"];
            let said = super::kind::beyond(part.map, &[&known[..], &checked].concat(), &[]);
            let sorts: Vec<&str> =
                said.into_iter().filter(|key| values.iter().any(|value| speaks_of(key, value))).collect();
            for key in sorts {
                self.tell(place, key, "");
            }
        }
        values.dedup();
        Some(Kind::Constants(values))
    }
}

/// One of these kinds, flat.
pub(super) fn either(kinds: Vec<Kind>) -> Kind {
    if kinds.is_empty() {
        return Kind::NEVER;
    }
    let flat = kinds.into_iter().flat_map(|kind| match kind {
        Kind::Either(inner) => inner,
        kind => vec![kind],
    });
    Kind::Either(flat.collect())
}

/// Whether a schema only says where else to look.
fn says_nothing(part: &Part<'_>) -> bool {
    let looked = |key: &str| {
        matches!(key, "allOf" | "$ref") || (key == "anyOf" && part.any_of) || (key == "oneOf" && part.one_of)
    };
    let typed = part.map.contains_key("type");
    !typed && super::kind::beyond(part.map, &[], &[]).into_iter().all(looked)
}

/// Whether a keyword applies to values of this value's type.
fn speaks_of(keyword: &str, value: &Value) -> bool {
    match value {
        Value::Number(_) => super::kind::NUMBERS.contains(&keyword),
        Value::String(_) => super::kind::TEXTS.contains(&keyword),
        Value::Array(_) => super::kind::LISTS.contains(&keyword),
        Value::Object(_) => super::kind::OBJECTS.contains(&keyword),
        Value::Null | Value::Bool(_) => false,
    }
}

/// Whether a constant keeps to the bounds that stand beside it.
fn fits(value: &Value, map: &Map<String, Value>) -> bool {
    let bound = |key: &str| map.get(key).and_then(Value::as_f64);
    let within = |size: f64, keys: [&str; 2]| {
        bound(keys[0]).is_none_or(|least| size >= least) && bound(keys[1]).is_none_or(|most| size <= most)
    };
    let letters = |text: &str| u32::try_from(text.chars().count()).map_or(f64::MAX, f64::from);
    match value {
        Value::String(text) => within(letters(text), ["minLength", "maxLength"]),
        Value::Number(number) => number.as_f64().is_none_or(|size| within(size, ["minimum", "maximum"])),
        _ => true,
    }
}

/// The types that all parts allow, in their order; what no part says is guessed from the keywords.
fn types<'s>(parts: &[Part<'s>]) -> Vec<&'s str> {
    let mut types: Option<Vec<&'s str>> = None;
    for part in parts {
        let own: Vec<&'s str> = match part.map.get("type") {
            Some(Value::String(name)) => vec![name],
            Some(Value::Array(names)) => names.iter().filter_map(Value::as_str).collect(),
            _ => continue,
        };
        types = Some(match types {
            None => own,
            Some(known) => {
                let both = known.iter().flat_map(|one| own.iter().filter_map(|other| narrower(one, other)));
                both.collect()
            }
        });
    }
    let mut types = types.unwrap_or_else(|| {
        let says = |keys: &[&str]| parts.iter().any(|part| keys.iter().any(|key| part.map.contains_key(*key)));
        let guessed: Vec<&'static str> = [
            ("object", &super::kind::OBJECTS[..]),
            ("array", &super::kind::LISTS),
            ("string", &super::kind::TEXTS),
            ("number", &super::kind::NUMBERS),
        ]
        .into_iter()
        .filter_map(|(name, keys)| says(keys).then_some(name))
        .collect();
        if guessed.is_empty() { TYPES.to_vec() } else { guessed }
    });
    if types.contains(&"number") {
        types.retain(|name| *name != "integer");
    }
    let mut seen = Vec::new();
    types.retain(|name| {
        !seen.contains(name) && {
            seen.push(*name);
            true
        }
    });
    types
}

/// The type of values that are of both types.
fn narrower<'s>(one: &'s str, other: &'s str) -> Option<&'s str> {
    match (one, other) {
        ("number", "integer") | ("integer", "number") => Some("integer"),
        (one, other) => (one == other).then_some(one),
    }
}
