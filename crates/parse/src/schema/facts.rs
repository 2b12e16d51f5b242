//! All that a schema says of a value, type by type, so that two schemas for one value can be merged.
//!
//! JSON Schema's keywords are guards: each speaks of values of one type and lets all others through. Side by side they
//! merge keyword by keyword, which is what `allOf` means. Schemas of members and items stay places in the document until
//! all that applies to them is known. It must not know where facts come from or what is made of them.

use serde_json::{Number, Value};

use super::kind::{Bound, Numbers, Strings};
use super::types::Types;

/// A place in the document.
#[derive(Debug, Clone)]
pub(super) struct Spot<'s> {
    pub(super) place: String,
    pub(super) schema: &'s Value,
}

/// What one value has to satisfy.
#[derive(Debug, Clone)]
pub(super) struct Facts<'s> {
    pub(super) types: Types,
    pub(super) constants: Option<Vec<Value>>,
    pub(super) numbers: Numbers,
    pub(super) strings: Strings,
    pub(super) arrays: ArrayFacts<'s>,
    pub(super) objects: ObjectFacts<'s>,
    pub(super) choices: Vec<Choice<'s>>,
    pub(super) beyond: Vec<&'static str>,
}

/// `anyOf` or `oneOf`.
#[derive(Debug, Clone)]
pub(super) struct Choice<'s> {
    pub(super) of: Vec<Spot<'s>>,
    pub(super) exclusive: bool,
}

/// What is said of arrays. All places of a list apply.
#[derive(Debug, Clone, Default)]
pub(super) struct ArrayFacts<'s> {
    pub(super) first: Vec<Vec<Spot<'s>>>,
    pub(super) rest: Vec<Spot<'s>>,
    pub(super) least: u64,
    pub(super) most: Option<u64>,
    pub(super) unique: bool,
    pub(super) contains: Vec<(Spot<'s>, u64, Option<u64>)>,
    pub(super) unevaluated: Option<Spot<'s>>,
}

/// What is said of objects.
#[derive(Debug, Clone, Default)]
pub(super) struct ObjectFacts<'s> {
    pub(super) members: Vec<(String, Vec<Spot<'s>>)>,
    pub(super) required: Vec<String>,
    pub(super) patterns: Vec<(String, Spot<'s>)>,
    pub(super) others: Vec<Spot<'s>>,
    pub(super) names: Vec<Spot<'s>>,
    pub(super) least: u64,
    pub(super) most: Option<u64>,
    pub(super) needs: Vec<(String, Vec<String>)>,
    pub(super) unevaluated: Option<Spot<'s>>,
}

impl Default for Facts<'_> {
    fn default() -> Self {
        Self {
            types: Types::ALL,
            constants: None,
            numbers: Numbers::default(),
            strings: Strings::default(),
            arrays: ArrayFacts::default(),
            objects: ObjectFacts::default(),
            choices: Vec::new(),
            beyond: Vec::new(),
        }
    }
}

impl Facts<'_> {
    /// Facts that no value satisfies.
    pub(super) fn nothing() -> Self {
        Self { types: Types::NONE, ..Self::default() }
    }

    /// Both hold.
    pub(super) fn merge(&mut self, other: Self) {
        self.types = self.types.and(other.types);
        self.constants = match (self.constants.take(), other.constants) {
            (Some(own), Some(others)) => {
                Some(own.into_iter().filter(|value| others.iter().any(|other| same(value, other))).collect())
            }
            (own, others) => own.or(others),
        };
        self.numbers.merge(other.numbers);
        self.strings.merge(other.strings);
        self.arrays.merge(other.arrays);
        self.objects.merge(other.objects, &mut self.beyond);
        self.choices.extend(other.choices);
        for keyword in other.beyond {
            self.beyond(keyword);
        }
    }

    /// Notes a keyword that kinds do not express.
    pub(super) fn beyond(&mut self, keyword: &'static str) {
        if !self.beyond.contains(&keyword) {
            self.beyond.push(keyword);
        }
    }

    /// Notes and forgets what was said of members and items that nothing else speaks of: from outside it cannot be
    /// merged, because what it speaks of is only known inside.
    pub(super) fn forget_unevaluated(&mut self) {
        if self.arrays.unevaluated.take().is_some() {
            self.beyond("unevaluatedItems");
        }
        if self.objects.unevaluated.take().is_some() {
            self.beyond("unevaluatedProperties");
        }
    }

    /// The types that keywords other than `type` speak of.
    pub(super) fn spoken_of(&self) -> Types {
        let says = |said: bool, types: Types| if said { types } else { Types::NONE };
        says(self.numbers.says_something(), Types::NUMBER)
            .or(says(self.strings.says_something(), Types::STRING))
            .or(says(self.arrays.says_something(), Types::LIST))
            .or(says(self.objects.says_something(), Types::OBJECT))
    }
}

impl Numbers {
    fn merge(&mut self, other: Self) {
        self.integer |= other.integer;
        self.least = tighter(self.least.take(), other.least, |one, other| one > other);
        self.most = tighter(self.most.take(), other.most, |one, other| one < other);
        for step in other.multiple_of {
            if !self.multiple_of.contains(&step) {
                self.multiple_of.push(step);
            }
        }
    }

    fn says_something(&self) -> bool {
        *self != Self::default()
    }

    /// Whether a number is within all of them.
    pub(super) fn take(&self, number: &Number) -> bool {
        let Some(value) = number.as_f64() else { return true };
        let least = self.least.as_ref().and_then(|bound| Some((bound.value.as_f64()?, bound.excluded)));
        let most = self.most.as_ref().and_then(|bound| Some((bound.value.as_f64()?, bound.excluded)));
        let steps = self.multiple_of.iter().filter_map(Number::as_f64);
        least.is_none_or(|(least, excluded)| value > least || !excluded && value >= least)
            && most.is_none_or(|(most, excluded)| value < most || !excluded && value <= most)
            && steps.into_iter().all(|step| (value / step).fract() == 0.0)
    }
}

/// The bound that leaves less; of equal ones, the one that excludes its number.
fn tighter(one: Option<Bound>, other: Option<Bound>, beats: fn(f64, f64) -> bool) -> Option<Bound> {
    let (Some(one), Some(other)) = (&one, &other) else { return one.or(other) };
    let values = one.value.as_f64().zip(other.value.as_f64());
    let own = values.is_none_or(|(own, others)| beats(own, others) || !beats(others, own) && one.excluded);
    Some(if own { one.clone() } else { other.clone() })
}

impl Strings {
    fn merge(&mut self, other: Self) {
        self.least = self.least.max(other.least);
        self.most = fewer(self.most, other.most);
        self.patterns.extend(other.patterns);
        self.patterns.dedup();
        for format in other.formats {
            if !self.formats.contains(&format) {
                self.formats.push(format);
            }
        }
    }

    fn says_something(&self) -> bool {
        *self != Self::default()
    }
}

impl ArrayFacts<'_> {
    fn merge(&mut self, other: Self) {
        let length = self.first.len().max(other.first.len());
        let at = |facts: &Self, index: usize| facts.first.get(index).unwrap_or(&facts.rest).clone();
        self.first = (0..length).map(|index| [at(self, index), at(&other, index)].concat()).collect();
        self.rest.extend(other.rest);
        self.least = self.least.max(other.least);
        self.most = fewer(self.most, other.most);
        self.unique |= other.unique;
        self.contains.extend(other.contains);
        self.unevaluated = self.unevaluated.take().or(other.unevaluated);
    }

    fn says_something(&self) -> bool {
        !(self.first.is_empty() && self.rest.is_empty() && self.contains.is_empty())
            || self.least > 0
            || self.most.is_some()
            || self.unique
            || self.unevaluated.is_some()
    }
}

impl ObjectFacts<'_> {
    fn merge(&mut self, other: Self, beyond: &mut Vec<&'static str>) {
        // Which members a pattern covers, so that they are no others, only a matcher could say.
        let unclear = |one: &Self, other: &Self| {
            let covered = !one.patterns.is_empty() && !other.members.is_empty();
            !one.others.is_empty() && (covered || !other.patterns.is_empty())
        };
        if (unclear(self, &other) || unclear(&other, self)) && !beyond.contains(&"patternProperties") {
            beyond.push("patternProperties");
        }
        let own: Vec<String> = self.members.iter().map(|(key, _)| key.clone()).collect();
        for (key, spots) in &mut self.members {
            let more = other.members.iter().find(|(other, _)| other == key);
            spots.extend(more.map_or(&other.others, |(_, spots)| spots).iter().cloned());
        }
        for (key, mut spots) in other.members {
            if !own.contains(&key) {
                spots.extend(self.others.iter().cloned());
                self.members.push((key, spots));
            }
        }
        self.others.extend(other.others);
        for name in other.required {
            if !self.required.contains(&name) {
                self.required.push(name);
            }
        }
        self.patterns.extend(other.patterns);
        self.names.extend(other.names);
        self.least = self.least.max(other.least);
        self.most = fewer(self.most, other.most);
        self.needs.extend(other.needs);
        self.unevaluated = self.unevaluated.take().or(other.unevaluated);
    }

    fn says_something(&self) -> bool {
        !(self.members.is_empty()
            && self.required.is_empty()
            && self.patterns.is_empty()
            && self.others.is_empty()
            && self.names.is_empty()
            && self.needs.is_empty())
            || self.least > 0
            || self.most.is_some()
            || self.unevaluated.is_some()
    }
}

fn fewer(one: Option<u64>, other: Option<u64>) -> Option<u64> {
    one.into_iter().chain(other).min()
}

/// Whether two values are one for JSON Schema: `1` and `1.0` are.
pub(super) fn same(one: &Value, other: &Value) -> bool {
    match (one, other) {
        (Value::Number(one), Value::Number(other)) if one.is_f64() != other.is_f64() => one.as_f64() == other.as_f64(),
        _ => one == other,
    }
}
