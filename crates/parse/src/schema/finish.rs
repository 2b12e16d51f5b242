//! Facts to a node: one kind for each type that is left, and alternatives where there are several.
//!
//! What is made is never wider than the facts, but for keywords that are named in `beyond`. Where no type is said and
//! all keywords speak of one, that one is meant. It must not know JSON.

use std::collections::HashSet;

use serde_json::Value;

use super::build::Builder;
use super::facts::{ArrayFacts, Facts, ObjectFacts, Spot, same};
use super::kind::{Arrays, Contains, Either, Kind, Member, Node, Numbers, Objects, Others, Strings};
use super::types::Types;

/// The types that have a kind of their own.
const TYPES: [Types; 7] =
    [Types::NULL, Types::BOOLEAN, Types::NUMBER, Types::INTEGER, Types::STRING, Types::LIST, Types::OBJECT];

impl<'s> Builder<'s> {
    pub(super) fn finish(&mut self, mut facts: Facts<'s>, place: String, depth: usize) -> Node {
        let mut beyond = std::mem::take(&mut facts.beyond);
        let kind = if facts.constants.is_some() {
            for choice in &facts.choices {
                beyond.push(if choice.exclusive { "oneOf" } else { "anyOf" });
            }
            if facts
                .constants
                .iter()
                .flatten()
                .any(|value| facts.spoken_of().has(Types::of(value)) && (value.is_array() || value.is_object()))
            {
                beyond.push("enum");
            }
            constants(&facts)
        } else if facts.choices.is_empty() {
            self.typed(facts, &place, depth, &mut beyond)
        } else {
            let node = self.chosen(facts, place.clone(), depth);
            for keyword in node.beyond {
                if !beyond.contains(&keyword) {
                    beyond.push(keyword);
                }
            }
            node.kind
        };
        Node { kind, place, beyond }
    }

    /// The alternatives of the first choice, each with all that stands beside it.
    fn chosen(&mut self, mut facts: Facts<'s>, place: String, depth: usize) -> Node {
        let choice = facts.choices.remove(0);
        let beside = facts;
        let alone = beside.choices.is_empty() && beside.types == Types::ALL && !beside.spoken_of().is_said();
        let meant = self.meant;
        let mut of = Vec::new();
        for spot in &choice.of {
            if !self.may_go_on() {
                break;
            }
            let node = if alone {
                self.node(std::slice::from_ref(spot), depth + 1)
            } else {
                let facts = self.with(&beside, spot);
                self.finish(facts, spot.place.clone(), depth + 1)
            };
            if !node.is_nothing() {
                of.push(node);
            }
        }
        if let Some(constants) = all_constants(&of, choice.exclusive) {
            return Node::new(Kind::Constants(constants), place);
        }
        if of.len() == 1 {
            return of.remove(0);
        }
        let beside = (!alone).then(|| {
            let mut beside = beside;
            beside.objects.unevaluated = None;
            beside.arrays.unevaluated = None;
            Box::new(self.finish(beside, place.clone(), depth + 1))
        });
        // Narrower alternatives let more through where a value must be of one only.
        let beyond = if choice.exclusive && self.meant > meant { vec!["oneOf"] } else { Vec::new() };
        Node { beyond, ..Node::new(Kind::Either(Either { of, exclusive: choice.exclusive, beside }), place) }
    }

    fn typed(&mut self, facts: Facts<'s>, place: &str, depth: usize, beyond: &mut Vec<&'static str>) -> Kind {
        let spoken_of = facts.spoken_of();
        let mut types = facts.types;
        if types == Types::ALL {
            match TYPES.into_iter().find(|one| *one == spoken_of) {
                Some(meant) => {
                    self.meant += 1;
                    types = meant;
                }
                None if !spoken_of.is_said() => return Kind::Any,
                None => {}
            }
        }
        let Facts { numbers, strings, arrays, objects, .. } = facts;
        let left: Vec<Types> = TYPES
            .into_iter()
            .filter(|one| types.has(*one) && !(*one == Types::INTEGER && types.has(Types::NUMBER)))
            .collect();
        let (mut arrays, mut objects) = (Some(arrays), Some(objects));
        let mut kinds: Vec<Kind> = Vec::with_capacity(left.len());
        for one in left {
            let kind = match one {
                Types::NULL => Some(Kind::Null),
                Types::BOOLEAN => Some(Kind::Boolean),
                Types::NUMBER => Some(Kind::Number(numbers.clone())),
                Types::INTEGER => Some(Kind::Number(Numbers { integer: true, ..numbers.clone() })),
                Types::STRING => Some(Kind::String(strings.clone())),
                Types::LIST => arrays.take().map(|arrays| Kind::Array(self.arrays(arrays, depth, beyond))),
                _ => objects.take().map(|objects| Kind::Object(self.objects(objects, place, depth, beyond))),
            };
            kinds.extend(kind);
        }
        match kinds.len() {
            0 => Kind::Constants(Vec::new()),
            1 => kinds.remove(0),
            _ => {
                let node = |kind| Node::new(kind, place.to_owned());
                Kind::Either(Either { of: kinds.into_iter().map(node).collect(), exclusive: false, beside: None })
            }
        }
    }

    fn arrays(&mut self, facts: ArrayFacts<'s>, depth: usize, beyond: &mut Vec<&'static str>) -> Arrays {
        let mut rest = facts.rest;
        match facts.unevaluated {
            Some(others) if rest.is_empty() && facts.contains.is_empty() => rest.push(others),
            Some(_) if rest.is_empty() => beyond.push("unevaluatedItems"),
            _ => {}
        }
        let first = facts.first.iter().map(|item| self.node(item, depth + 1)).collect();
        let rest = self.node(&rest, depth + 1);
        let contains = facts.contains.into_iter().map(|(item, least, most)| Contains {
            item: self.node(&[item], depth + 1),
            least,
            most,
        });
        Arrays {
            first,
            rest: (!rest.is_nothing()).then(|| Box::new(rest)),
            least: facts.least,
            most: facts.most,
            unique: facts.unique,
            contains: contains.collect(),
        }
    }

    fn objects(
        &mut self,
        mut facts: ObjectFacts<'s>,
        place: &str,
        depth: usize,
        beyond: &mut Vec<&'static str>,
    ) -> Objects {
        match facts.unevaluated.take() {
            // What `if` and the like evaluate is not known here.
            Some(_) if facts.others.is_empty() && !beyond.is_empty() => beyond.push("unevaluatedProperties"),
            Some(others) if facts.others.is_empty() => facts.others.push(others),
            _ => {}
        }
        let others = if facts.others.is_empty() {
            Others::Unsaid
        } else {
            let node = self.node(&facts.others, depth + 1);
            if node.is_nothing() { Others::Forbidden } else { Others::Of(Box::new(node)) }
        };
        let names = (!facts.names.is_empty()).then(|| Box::new(self.node(&facts.names, depth + 1)));
        let checked = names.as_deref().map(Names::of).unwrap_or_default();
        let matching = Matching::of(&facts.patterns);
        let mut members = Vec::with_capacity(facts.members.len());
        let mut listed: HashSet<String> = HashSet::with_capacity(facts.members.len());
        for (key, mut spots) in facts.members {
            spots.extend(matching.spots(&key));
            let node = if checked.forbid(&key) { nothing(place) } else { self.node(&spots, depth + 1) };
            listed.insert(key.clone());
            members.push(Member { required: facts.required.contains(&key), key, node });
        }
        for key in facts.required {
            if listed.insert(key.clone()) {
                let mut spots: Vec<Spot<'s>> = matching.spots(&key).collect();
                if spots.is_empty() {
                    spots.clone_from(&facts.others);
                }
                let node = match spots.as_slice() {
                    _ if checked.forbid(&key) => nothing(place),
                    [] => Node::new(Kind::Any, place.to_owned()),
                    spots => self.node(spots, depth + 1),
                };
                members.push(Member { key, node, required: true });
            }
        }
        let patterns =
            facts.patterns.into_iter().map(|(pattern, spot)| (pattern, self.node(&[spot], depth + 1))).collect();
        Objects { members, patterns, others, names, least: facts.least, most: facts.most, needs: facts.needs }
    }
}

/// A node that allows no value.
fn nothing(place: &str) -> Node {
    Node::new(Kind::Constants(Vec::new()), place.to_owned())
}

/// What the names of members have to be, as far as it can be asked here.
#[derive(Default)]
struct Names<'n> {
    constants: Option<&'n [Value]>,
    strings: Option<jsonschema::Validator>,
}

impl<'n> Names<'n> {
    fn of(node: &'n Node) -> Self {
        match &node.kind {
            Kind::Constants(values) => Self { constants: Some(values), strings: None },
            Kind::String(strings) => Self { constants: None, strings: validator(strings) },
            _ => Self::default(),
        }
    }

    fn forbid(&self, name: &str) -> bool {
        self.constants.is_some_and(|names| !names.iter().any(|one| one == name))
            || self.strings.as_ref().is_some_and(|strings| !strings.is_valid(&Value::from(name)))
    }
}

/// The patterns of members, each with what it says of those that match.
struct Matching<'f, 's>(Vec<(Option<jsonschema::Validator>, &'f Spot<'s>)>);

impl<'f, 's> Matching<'f, 's> {
    fn of(patterns: &'f [(String, Spot<'s>)]) -> Self {
        let matcher = |pattern: &String| super::matching().build(&serde_json::json!({ "pattern": pattern })).ok();
        Self(patterns.iter().map(|(pattern, spot)| (matcher(pattern), spot)).collect())
    }

    /// What applies to the member with this name.
    fn spots(&self, name: &str) -> impl Iterator<Item = Spot<'s>> {
        let name = Value::from(name);
        self.0
            .iter()
            .filter(move |(matcher, _)| matcher.as_ref().is_some_and(|one| one.is_valid(&name)))
            .map(|(_, spot)| (*spot).clone())
    }
}

/// The constants that satisfy all that stands beside them.
fn constants(facts: &Facts<'_>) -> Kind {
    let strings = validator(&facts.strings);
    let takes = |value: &&Value| {
        let whole = value.as_f64().is_some_and(|number| number.fract() == 0.0);
        let own = Types::of(value);
        (facts.types.has(own) || whole && facts.types.has(Types::INTEGER))
            && value.as_number().is_none_or(|number| facts.numbers.take(number))
            && strings.as_ref().is_none_or(|strings| strings.is_valid(value))
    };
    let mut left: Vec<Value> = Vec::new();
    for value in facts.constants.iter().flatten().filter(takes) {
        if !left.iter().any(|seen| same(seen, value)) {
            left.push(value.clone());
        }
    }
    Kind::Constants(left)
}

/// What checks strings, where anything is said of them.
fn validator(strings: &Strings) -> Option<jsonschema::Validator> {
    if *strings == Strings::default() {
        return None;
    }
    let mut all: Vec<Value> = strings.patterns.iter().map(|pattern| serde_json::json!({"pattern": pattern})).collect();
    all.extend(strings.formats.iter().map(|format| serde_json::json!({"format": format.as_str()})));
    all.push(serde_json::json!({"minLength": strings.least}));
    all.extend(strings.most.map(|most| serde_json::json!({"maxLength": most})));
    super::matching().build(&serde_json::json!({"allOf": all})).ok()
}

/// The constants of alternatives that are nothing else; with `oneOf`, only where none is in two.
fn all_constants(of: &[Node], exclusive: bool) -> Option<Vec<Value>> {
    let mut all: Vec<Value> = Vec::new();
    for node in of {
        let Kind::Constants(values) = &node.kind else { return None };
        if !node.beyond.is_empty() {
            return None;
        }
        for value in values {
            let new = !all.iter().any(|seen| same(seen, value));
            if new {
                all.push(value.clone());
            } else if exclusive {
                return None;
            }
        }
    }
    Some(all)
}
