//! Numbers, texts, lists and objects: how far a grammar can hold values to what a schema says of each.
//!
//! Counts beyond a bound, several multiples, names by two patterns: a grammar has its limits, and what lies beyond them is
//! told. Members are closed where any are named. It must not know how values are written.

use callwright_parse::schema::{Arrays, Bound, Node, Numbers, Objects, Strings};
use serde_json::Number;

use super::expression::letters;
use super::formats;
use super::kind::{Kind, List, Member, Object, Text};
use super::kinds::Kinds;
use super::pattern::{Pattern, possible, some_text};

/// Limit up to which items are counted; beyond it is left to the check.
const COUNTED: u64 = 2000;
/// Members of which at least one is required, each in an alternative of its own.
const ALTERNATIVES: usize = 24;

impl Kinds<'_> {
    pub(super) fn number(&mut self, numbers: &Numbers, place: &str) -> Kind {
        let Numbers { integer, least, most, multiple_of } = numbers;
        let named = |bound: &Bound, keywords: [&'static str; 2]| keywords[usize::from(bound.excluded)];
        let least = least.clone().filter(|least| self.holds(place, named(least, ["minimum", "exclusiveMinimum"])));
        let most = most.clone().filter(|most| self.holds(place, named(most, ["maximum", "exclusiveMaximum"])));
        // Of several multiples the largest one is held to.
        let size = |number: &Number| number.as_f64().unwrap_or(0.0);
        let multiple = multiple_of.iter().max_by(|one, other| size(one).total_cmp(&size(other)));
        if multiple_of.len() > 1 {
            self.tell(place, "multipleOf", "there are several");
        }
        let multiple_of: Vec<Number> =
            multiple.filter(|_| self.holds(place, "multipleOf")).into_iter().cloned().collect();
        let numbers = Numbers { integer: *integer, least, most, multiple_of };
        if let (Some(least), Some(most)) = (&numbers.least, &numbers.most) {
            let (from, to) = (size(&least.value), size(&most.value));
            #[expect(clippy::float_cmp, reason = "the bounds are as they were written")]
            if from > to || from == to && (least.excluded || most.excluded) {
                return Kind::NEVER;
            }
        }
        Kind::Number(numbers)
    }

    pub(super) fn text(&mut self, strings: &Strings, place: &str) -> Kind {
        let mut patterns: Vec<Pattern> = Vec::new();
        for pattern in &strings.patterns {
            if self.holds(place, "pattern") {
                match Pattern::read(pattern) {
                    Ok((pattern, without)) => {
                        if let Some(without) = without {
                            self.tell(place, "pattern", &format!("enforced without its {without}"));
                        }
                        patterns.push(pattern);
                    }
                    Err(why) => self.tell(place, "pattern", &why),
                }
            }
        }
        for format in &strings.formats {
            match formats::of(*format) {
                Some(own) if self.holds(place, "format") => patterns.push(own),
                Some(_) => {}
                None => self.tell(place, "format", "no grammar is known for it"),
            }
        }
        let said = (strings.least, strings.most);
        if said.1.is_some_and(|most| most < said.0) {
            return Kind::NEVER;
        }
        let mut least = if said.0 > 0 && self.holds(place, "minLength") { said.0 } else { 0 };
        let mut most = said.1.filter(|_| self.holds(place, "maxLength"));
        if let [only] = patterns.as_mut_slice() {
            (least, most) = only.fold(least, most);
        }
        if !patterns.is_empty() && (least > 0 || most.is_some()) {
            let both: Vec<String> = patterns.iter().map(Pattern::written).chain([letters(least, most)]).collect();
            if some_text(&both, &[]) != Some(true) {
                let bounds = [("minLength", least > 0), ("maxLength", most.is_some())];
                for (keyword, _) in bounds.into_iter().filter(|(_, said)| *said) {
                    self.tell(place, keyword, "it is too much together with the pattern");
                }
                (least, most) = (0, None);
            }
        }
        while possible(&patterns) != Some(true) {
            if let Some(pattern) = patterns.pop() {
                self.tell(place, pattern.keyword(), "no text was found that matches");
            }
        }
        Kind::Text(Text { least, most, patterns })
    }

    pub(super) fn list(&mut self, arrays: &Arrays, place: &str, depth: usize) -> Kind {
        let mut least = if arrays.least > 0 && self.holds(place, "minItems") { arrays.least } else { 0 };
        let mut most = arrays.most.filter(|_| self.holds(place, "maxItems"));
        if least > COUNTED {
            self.tell(place, "minItems", "more items than are counted");
            least = COUNTED;
        }
        if most.is_some_and(|most| most > COUNTED) {
            self.tell(place, "maxItems", "more items than are counted");
            most = None;
        }
        if arrays.unique && most.is_none_or(|most| most > 1) {
            self.tell(place, "uniqueItems", "");
        }
        if !arrays.contains.is_empty() {
            self.tell(place, "contains", "");
        }
        let mut firsts: Vec<Kind> = Vec::new();
        let mut rest = arrays.rest.as_deref();
        for node in &arrays.first {
            let kind = self.of(node, depth + 1);
            if kind.is_never() {
                // No item may stand here, and so none behind it.
                rest = None;
                break;
            }
            firsts.push(kind);
        }
        let mut rest = rest.map(|rest| Box::new(self.of(rest, depth + 1))).filter(|rest| !rest.is_never());
        let count = u64::try_from(firsts.len()).unwrap_or(u64::MAX);
        if rest.is_none() {
            most = Some(most.map_or(count, |most| most.min(count)));
        }
        if let Some(most) = most.and_then(|most| usize::try_from(most).ok())
            && most <= firsts.len()
        {
            firsts.truncate(most);
            rest = None;
        }
        if most.is_some_and(|most| most < least) {
            return Kind::NEVER;
        }
        Kind::List(List { first: firsts, rest, least, most })
    }

    pub(super) fn object(&mut self, objects: &Objects, place: &str, depth: usize) -> Kind {
        if !objects.needs.is_empty() {
            self.tell(place, "dependentRequired", "");
        }
        let mut members = Vec::with_capacity(objects.members.len());
        for member in &objects.members {
            let kind = self.of(&member.node, depth + 1);
            if !kind.is_never() {
                members.push(Member { key: member.key.clone(), kind, required: member.required });
            } else if member.required {
                return Kind::NEVER;
            }
        }
        let others = self.others(objects, depth);
        let matching = self.matching(&objects.patterns, others.is_some(), place, depth);
        let object = Object { members, matching, others, least: 0, most: None };
        let object = self.names(object, objects.names.as_deref(), depth);
        self.counted(object, objects, place)
    }

    /// Members whose names match patterns. A name that matches two would have to be of both kinds, and one that no
    /// grammar knows to match is among the others, where those are allowed.
    fn matching(&mut self, patterns: &[(String, Node)], open: bool, place: &str, depth: usize) -> Vec<(Pattern, Kind)> {
        let (mut matching, mut left_out): (Vec<(Pattern, Kind)>, bool) = (Vec::new(), false);
        if patterns.is_empty() || !self.holds(place, "patternProperties") {
            return matching;
        }
        for (pattern, node) in patterns {
            let kind = self.of(node, depth + 1);
            let own = Pattern::read(pattern).ok().filter(|(_, without)| without.is_none()).map(|(own, _)| own);
            let apart = own.filter(|own| {
                matching.iter().all(|(other, _)| some_text(&[own.written(), other.written()], &[]) == Some(false))
            });
            match apart {
                Some(own) => matching.push((own, kind)),
                None => left_out = true,
            }
        }
        // A name of another pattern, or one of the others, may match what is left out.
        if left_out && (open || !matching.is_empty()) {
            self.tell(place, "patternProperties", "a name may match several");
        }
        if !open {
            matching.retain(|(_, kind)| !kind.is_never());
        }
        matching
    }

    /// Holds the names of members that are not named to what is said of names.
    fn names(&mut self, mut object: Object, said: Option<&Node>, depth: usize) -> Object {
        let Some(said) = said else { return object };
        if !object.matching.is_empty() {
            self.tell(&said.place, "propertyNames", "names have to match patterns, too");
            return object;
        }
        let Some(others) = object.others.clone() else { return object };
        match self.of(said, depth + 1) {
            Kind::Any => {}
            Kind::Text(text) if text == Text::default() => {}
            Kind::Text(Text { least: 0, most: None, patterns }) if patterns.len() == 1 => {
                object.matching.extend(patterns.into_iter().map(|pattern| (pattern, (*others).clone())));
                object.others = None;
            }
            Kind::Constants(keys) => {
                for key in keys.iter().filter_map(serde_json::Value::as_str) {
                    if object.members.iter().all(|member| member.key != key) {
                        object.members.push(Member { key: key.to_owned(), kind: (*others).clone(), required: false });
                    }
                }
                object.others = None;
            }
            _ => self.tell(&said.place, "propertyNames", ""),
        }
        object
    }

    /// Counts members, as far as alternatives can.
    fn counted(&mut self, mut object: Object, objects: &Objects, place: &str) -> Kind {
        let least = if objects.least > 0 && self.holds(place, "minProperties") { objects.least } else { 0 };
        let most = objects.most.filter(|_| self.holds(place, "maxProperties"));
        let required = object.members.iter().filter(|member| member.required).count();
        let count = |number: usize| u64::try_from(number).unwrap_or(u64::MAX);
        if object.members.is_empty() {
            (object.least, object.most) = (least, most);
            let none = object.others.is_none() && object.matching.is_empty();
            let never = none && least > 0 || most.is_some_and(|most| most < least);
            return if never { Kind::NEVER } else { Kind::Object(object) };
        }
        let optional = object.members.len() - required;
        let missing = least.saturating_sub(count(required));
        let open = object.others.is_some() || !object.matching.is_empty();
        if most.is_some_and(|most| most < count(required) || most < least) || (!open && missing > count(optional)) {
            return Kind::NEVER;
        }
        let room = most.map(|most| most - count(required)).filter(|room| open || *room < count(optional));
        match (missing, room) {
            (0, None) => Kind::Object(object),
            (0, Some(0)) if !open => {
                object.members.retain(|member| member.required);
                Kind::Object(object)
            }
            (1, None | Some(1)) if optional <= ALTERNATIVES && !open => {
                let exactly = room.is_some();
                let one = |wanted: &Member| {
                    let mut own = object.clone();
                    if exactly {
                        own.members.retain(|member| member.required || member.key == wanted.key);
                    }
                    own.members
                        .iter_mut()
                        .filter(|member| member.key == wanted.key)
                        .for_each(|member| member.required = true);
                    Kind::Object(own)
                };
                Kind::either(object.members.iter().filter(|member| !member.required).map(one).collect())
            }
            (missing, room) => {
                if missing > 0 {
                    self.tell(place, "minProperties", "");
                }
                if room.is_some() {
                    self.tell(place, "maxProperties", "");
                }
                Kind::Object(object)
            }
        }
    }
}
