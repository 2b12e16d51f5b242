//! A valid schema without loose ends to typed nodes.
//!
//! All that applies to one value is gathered first: the keywords of its schema, its `allOf`, the target of a reference
//! beside others. The alternatives of `anyOf` and `oneOf` are each merged with what stands beside them. Only then nodes
//! are made. A reference by itself stays one, so that recursion ends.

use std::collections::HashMap;

use serde_json::{Map, Value};

use super::facts::{Choice, Facts, Spot, same};
use super::format::StringFormat;
use super::keywords::{constrains, step};
use super::kind::{Bound, GIVEN_UP, Kind, Node};
use super::refs;
use super::types::Types;

/// The most nodes made and schemas read for one tool; whatever comes later accepts any value.
const MOST: usize = 200_000;

/// Nodes nest at most this deep.
const DEEPEST: usize = 200;

/// Makes the nodes of one document.
pub(super) struct Builder<'s> {
    pub(super) root: &'s Value,
    pub(super) named: Vec<Node>,
    /// The number of each pointer that is referred to.
    numbers: HashMap<String, usize>,
    /// What is being merged into what stands beside a reference to it.
    merging: Vec<String>,
    left: usize,
    /// How many nodes are of a type that is only meant.
    pub(super) meant: usize,
}

impl<'s> Builder<'s> {
    pub(super) fn new(root: &'s Value) -> Self {
        let (named, numbers, merging) = Default::default();
        Self { root, named, numbers, merging, left: MOST, meant: 0 }
    }

    /// The node for a value to which all of these apply.
    pub(super) fn node(&mut self, spots: &[Spot<'s>], depth: usize) -> Node {
        let place = spots.first().map(|spot| spot.place.clone()).unwrap_or_default();
        if !self.may_go_on() || depth > DEEPEST {
            let beyond = if spots.is_empty() { Vec::new() } else { vec![GIVEN_UP] };
            return Node { beyond, ..Node::new(Kind::Any, place) };
        }
        let parts = flat(spots);
        if let [only] = parts.as_slice()
            && let Some(target) = bare_reference(only.schema)
        {
            return Node::new(Kind::Reference(self.number(target, depth)), place);
        }
        let mut facts = Facts::default();
        for part in &parts {
            let mut said = self.read(part);
            // What is left over is known where all that applies is inside the schema that speaks of it.
            if !matches!(spots, [only] if only.place == part.place) {
                said.forget_unevaluated();
            }
            facts.merge(said);
        }
        self.finish(facts, place, depth)
    }

    fn number(&mut self, target: &str, depth: usize) -> usize {
        let pointer = refs::pointer(target);
        if let Some(number) = self.numbers.get(&pointer) {
            return *number;
        }
        let number = self.named.len();
        self.named.push(Node { place: pointer.clone(), ..Node::ANY });
        self.numbers.insert(pointer.clone(), number);
        if let Some(schema) = self.root.pointer(&pointer) {
            self.named[number] = self.node(&[Spot { place: pointer, schema }], depth + 1);
        }
        number
    }

    /// All of them, from outside.
    fn all(&mut self, parts: &[Spot<'s>]) -> Facts<'s> {
        let mut facts = Facts::default();
        for part in parts {
            let part = self.read(part);
            facts.merge(part);
        }
        facts.forget_unevaluated();
        facts
    }

    /// What one schema says, but for its `allOf`.
    fn read(&mut self, spot: &Spot<'s>) -> Facts<'s> {
        let mut facts = Facts::default();
        if !self.may_go_on() {
            facts.beyond(GIVEN_UP);
            return facts;
        }
        let Value::Object(map) = spot.schema else {
            return if *spot.schema == Value::Bool(false) { Facts::nothing() } else { facts };
        };
        let text = |key: &str| map.get(key).and_then(Value::as_str);
        let count = |key: &str| map.get(key).and_then(Value::as_u64);
        let names = |value: &Value| {
            let names = value.as_array().into_iter().flatten().filter_map(Value::as_str);
            names.map(str::to_owned).collect::<Vec<_>>()
        };
        match map.get("type") {
            Some(Value::String(name)) => facts.types = Types::named(name),
            Some(Value::Array(several)) => {
                facts.types = several.iter().filter_map(Value::as_str).map(Types::named).fold(Types::NONE, Types::or);
            }
            _ => {}
        }
        facts.constants = match (map.get("enum"), map.get("const")) {
            (Some(Value::Array(members)), constant) => {
                let beside = |member: &&Value| constant.is_none_or(|constant| same(member, constant));
                Some(members.iter().filter(beside).cloned().collect())
            }
            (_, constant) => constant.map(|constant| vec![constant.clone()]),
        };
        facts.numbers.least = bound(map, "minimum", "exclusiveMinimum", |one, other| one > other);
        facts.numbers.most = bound(map, "maximum", "exclusiveMaximum", |one, other| one < other);
        facts.numbers.multiple_of = map.get("multipleOf").and_then(Value::as_number).into_iter().cloned().collect();
        facts.strings.least = count("minLength").unwrap_or(0);
        facts.strings.most = count("maxLength");
        facts.strings.patterns = text("pattern").into_iter().map(str::to_owned).collect();
        facts.strings.formats = text("format").and_then(StringFormat::named).into_iter().collect();
        let one = |key: &str| map.get(key).map(|schema| Spot { place: format!("{}/{key}", spot.place), schema });
        let list = |key: &str| -> Vec<Spot<'s>> {
            let schemas = map.get(key).and_then(Value::as_array).into_iter().flatten().enumerate();
            schemas.map(|(index, schema)| Spot { place: format!("{}/{key}/{index}", spot.place), schema }).collect()
        };
        let by_name = |key: &str| -> Vec<(String, Spot<'s>)> {
            let schemas = map.get(key).and_then(Value::as_object).into_iter().flatten();
            let spot = |name: &str, schema| Spot { place: format!("{}/{key}{}", spot.place, step(name)), schema };
            schemas.map(|(name, schema)| (name.clone(), spot(name, schema))).collect()
        };
        let arrays = &mut facts.arrays;
        arrays.first = list("prefixItems").into_iter().map(|item| vec![item]).collect();
        arrays.rest = one("items").into_iter().collect();
        arrays.least = count("minItems").unwrap_or(0);
        arrays.most = count("maxItems");
        arrays.unique = map.get("uniqueItems") == Some(&Value::Bool(true));
        let least = count("minContains").unwrap_or(1);
        arrays.contains = one("contains").map(|item| (item, least, count("maxContains"))).into_iter().collect();
        arrays.unevaluated = one("unevaluatedItems");
        let objects = &mut facts.objects;
        objects.members = by_name("properties").into_iter().map(|(name, spot)| (name, vec![spot])).collect();
        objects.required = map.get("required").map(names).unwrap_or_default();
        objects.patterns = by_name("patternProperties");
        objects.others = one("additionalProperties").into_iter().collect();
        objects.names = one("propertyNames").into_iter().collect();
        objects.least = count("minProperties").unwrap_or(0);
        objects.most = count("maxProperties");
        let needs = map.get("dependentRequired").and_then(Value::as_object).into_iter().flatten();
        objects.needs = needs.map(|(name, others)| (name.clone(), names(others))).collect();
        objects.unevaluated = one("unevaluatedProperties");
        for (key, exclusive) in [("anyOf", false), ("oneOf", true)] {
            let of = list(key);
            if !of.is_empty() {
                facts.choices.push(Choice { of, exclusive });
            }
        }
        for key in ["not", "dependentSchemas"] {
            if map.contains_key(key) {
                facts.beyond(key);
            }
        }
        if map.contains_key("if") && (map.contains_key("then") || map.contains_key("else")) {
            facts.beyond("if");
        }
        if let Some(target) = text("$ref") {
            self.merge_target(target, &mut facts);
        }
        facts
    }

    /// What a reference beside other keywords leads to is merged with them.
    fn merge_target(&mut self, target: &str, facts: &mut Facts<'s>) {
        let place = refs::pointer(target);
        let Some(schema) = self.root.pointer(&place).filter(|_| !self.merging.contains(&place)) else { return };
        self.merging.push(place.clone());
        let more = self.all(&flat(&[Spot { place, schema }]));
        facts.merge(more);
        self.merging.pop();
    }

    /// Facts of one alternative, with what stands beside it.
    pub(super) fn with(&mut self, beside: &Facts<'s>, spot: &Spot<'s>) -> Facts<'s> {
        let mut facts = beside.clone();
        let more = self.all(&flat(std::slice::from_ref(spot)));
        facts.merge(more);
        facts
    }

    /// One more step is about to be taken; false where there are too many.
    pub(super) fn may_go_on(&mut self) -> bool {
        self.left = self.left.saturating_sub(1);
        self.left > 0
    }
}

/// The tighter one of a bound and its excluding twin.
fn bound(map: &Map<String, Value>, key: &str, excluding: &str, beats: fn(f64, f64) -> bool) -> Option<Bound> {
    let of = |key: &str, excluded: bool| {
        map.get(key).and_then(Value::as_number).map(|value| Bound { value: value.clone(), excluded })
    };
    match (of(key, false), of(excluding, true)) {
        (Some(plain), Some(excluded)) => {
            let wins = plain.value.as_f64().zip(excluded.value.as_f64()).is_some_and(|(one, other)| beats(one, other));
            Some(if wins { plain } else { excluded })
        }
        (plain, excluded) => plain.or(excluded),
    }
}

/// The schemas that apply, with those of `allOf` as their equals, and without those that say nothing.
fn flat<'s>(spots: &[Spot<'s>]) -> Vec<Spot<'s>> {
    let mut parts: Vec<Spot<'s>> = Vec::new();
    let mut open: Vec<Spot<'s>> = spots.iter().rev().cloned().collect();
    while let Some(spot) = open.pop() {
        if parts.iter().any(|part| part.place == spot.place) {
            continue;
        }
        let Value::Object(map) = spot.schema else {
            if *spot.schema == Value::Bool(false) {
                parts.push(spot);
            }
            continue;
        };
        if let Some(Value::Array(all)) = map.get("allOf") {
            let inner = all.iter().enumerate().rev();
            open.extend(inner.map(|(index, schema)| Spot { place: format!("{}/allOf/{index}", spot.place), schema }));
        }
        if map.keys().any(|key| key != "allOf" && constrains(key)) {
            parts.push(spot);
        }
    }
    parts
}

/// The target of a schema that is a reference and nothing else.
fn bare_reference(schema: &Value) -> Option<&str> {
    let map = schema.as_object()?;
    let alone = map.keys().all(|key| key == "$ref" || !constrains(key));
    map.get("$ref").and_then(Value::as_str).filter(|_| alone)
}
