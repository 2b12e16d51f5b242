//! Numbers, texts, lists and objects: what several schemas together say of each.
//!
//! Of two bounds the tighter one holds; members and items must satisfy what all schemas say of them. Members are closed
//! where any are named: a model that is free to add others does so. It must not know how values are written.

use serde_json::{Value, json};

use super::formats;
use super::kind::{Kind, List, Member, NUMBERS, Object, Text};
use super::kinds::{Kinds, Part, either};
use super::pattern::{Pattern, possible, some_text};

/// Limit up to which items are counted; beyond it is left to the check.
const COUNTED: u64 = 2000;
/// The largest multiple: of 15 digits, which bounds are exact to.
const MULTIPLE: i64 = 999_999_999_999_999;
/// Members of which at least one is required, each in an alternative of its own.
const ALTERNATIVES: usize = 24;

impl<'s> Kinds<'s> {
    pub(super) fn of_type(&mut self, name: &str, parts: &[Part<'s>], place: &str, depth: usize) -> Kind {
        match name {
            "null" => Kind::Null,
            "boolean" => Kind::Boolean,
            "integer" | "number" => self.number(name, parts, place),
            "string" => self.text(parts, place),
            "array" => self.list(parts, place, depth),
            "object" => self.object(parts, place, depth),
            _ => Kind::Any,
        }
    }

    /// The tightest of the counts that a keyword gives.
    fn count(&mut self, parts: &[Part<'s>], place: &str, keyword: &str, most: bool) -> Option<u64> {
        let said = parts.iter().filter_map(|part| {
            let value = self.said(*part, place, keyword)?;
            value.as_u64().or_else(|| whole(value.as_f64()?))
        });
        if most { said.min() } else { said.max() }
    }

    fn number(&mut self, name: &str, parts: &[Part<'s>], place: &str) -> Kind {
        let mut schema = json!({"type": name});
        for part in parts {
            for keyword in NUMBERS {
                let Some(value) = self.said(*part, place, keyword) else { continue };
                // Draft 4 says of the bound beside it that it is exclusive.
                let (keyword, value) = match (keyword, value) {
                    ("exclusiveMinimum", Value::Bool(true)) => (keyword, part.map.get("minimum")),
                    ("exclusiveMaximum", Value::Bool(true)) => (keyword, part.map.get("maximum")),
                    (_, value) => (keyword, Some(value)),
                };
                let Some((value, size)) = value.and_then(|value| Some((value, value.as_f64()?))) else { continue };
                let tighter = match (keyword, schema.get(keyword).and_then(Value::as_f64)) {
                    (_, None) => true,
                    ("minimum" | "exclusiveMinimum", Some(known)) => size > known,
                    ("maximum" | "exclusiveMaximum", Some(known)) => size < known,
                    (_, Some(known)) => {
                        // Of two steps the larger one is held to.
                        self.tell(place, keyword, "there are several");
                        size > known
                    }
                };
                if tighter {
                    schema[keyword] = value.clone();
                }
            }
        }
        let bound = |keys: [&str; 2]| keys.map(|key| schema.get(key).and_then(Value::as_f64));
        let ([least, above], [most, below]) =
            (bound(["minimum", "exclusiveMinimum"]), bound(["maximum", "exclusiveMaximum"]));
        let over = |least: Option<f64>, most: Option<f64>| least.zip(most).is_some_and(|(least, most)| least > most);
        if over(least, most) || over(above, most) || over(least, below) {
            return Kind::NEVER;
        }
        if schema.get("multipleOf").is_some() {
            // The digits of what is a multiple are not counted otherwise.
            if least.or(above).is_none() {
                schema["minimum"] = (-MULTIPLE).into();
            }
            if most.or(below).is_none() {
                schema["maximum"] = MULTIPLE.into();
            }
        }
        Kind::Number(schema)
    }

    fn text(&mut self, parts: &[Part<'s>], place: &str) -> Kind {
        let mut patterns: Vec<(&str, Pattern)> = Vec::new();
        for part in parts {
            if let Some(Value::String(pattern)) = part.map.get("pattern")
                && self.said(*part, place, "pattern").is_some()
            {
                match Pattern::read(pattern) {
                    Ok((pattern, without)) => {
                        if let Some(without) = without {
                            self.tell(place, "pattern", &format!("enforced without its {without}"));
                        }
                        patterns.push(("pattern", pattern));
                    }
                    Err(why) => self.tell(place, "pattern", &why),
                }
            }
            let format = part.map.get("format").and_then(Value::as_str).and_then(formats::named);
            if let Some(format) = format
                && self.said(*part, place, "format").is_some()
            {
                patterns.push(("format", format));
            }
        }
        let mut least = self.count(parts, place, "minLength", false).unwrap_or(0);
        let mut most = self.count(parts, place, "maxLength", true);
        if most.is_some_and(|most| most < least) {
            return Kind::NEVER;
        }
        if let [(_, only)] = patterns.as_mut_slice() {
            (least, most) = only.fold(least, most);
        }
        let written = |patterns: &[(&str, Pattern)]| patterns.iter().map(|(_, one)| one.written()).collect::<Vec<_>>();
        let length = |least: u64, most: Option<u64>| {
            let most = most.map(|most| most.to_string()).unwrap_or_default();
            format!("(?s:.{{{least},{most}}})")
        };
        if !patterns.is_empty() && (least > 0 || most.is_some()) {
            let both: Vec<String> = written(&patterns).into_iter().chain([length(least, most)]).collect();
            if some_text(&both, &[]) != Some(true) {
                let bounds = [("minLength", least > 0), ("maxLength", most.is_some())];
                for (keyword, _) in bounds.into_iter().filter(|(_, said)| *said) {
                    self.tell(place, keyword, "it is too much together with the pattern");
                }
                (least, most) = (0, None);
            }
        }
        while possible(&patterns.iter().map(|(_, one)| one).collect::<Vec<_>>()) != Some(true) {
            if let Some((keyword, _)) = patterns.pop() {
                self.tell(place, keyword, "no text was found that matches");
            }
        }
        Kind::Text(Text { least, most, patterns: patterns.into_iter().map(|(_, pattern)| pattern).collect() })
    }

    fn list(&mut self, parts: &[Part<'s>], place: &str, depth: usize) -> Kind {
        let first = |part: &Part<'s>| -> &'s [Value] {
            let listed = part.map.get("prefixItems").or_else(|| part.map.get("items").filter(|items| items.is_array()));
            listed.and_then(Value::as_array).map_or(&[], Vec::as_slice)
        };
        let rest = |part: &Part<'s>| match part.map.get("items") {
            Some(Value::Array(_)) => part.map.get("additionalItems"),
            None if !first(part).is_empty() => {
                part.map.get("additionalItems").or_else(|| part.map.get("unevaluatedItems"))
            }
            items => items,
        };
        let mut least = self.count(parts, place, "minItems", false).unwrap_or(0);
        let mut most = self.count(parts, place, "maxItems", true);
        if least > COUNTED {
            self.tell(place, "minItems", "more items than are counted");
            least = COUNTED;
        }
        if most.is_some_and(|most| most > COUNTED) {
            self.tell(place, "maxItems", "more items than are counted");
            most = None;
        }
        let unique = parts.iter().any(|part| part.map.get("uniqueItems") == Some(&Value::Bool(true)));
        if unique && most.is_none_or(|most| most > 1) {
            self.tell(place, "uniqueItems", "");
        }
        if parts.iter().any(|part| part.map.contains_key("contains")) {
            self.tell(place, "contains", "");
        }
        let longest = parts.iter().map(|part| first(part).len()).max().unwrap_or(0);
        let mut firsts = Vec::new();
        for index in 0..longest {
            let all: Vec<&'s Value> =
                parts.iter().filter_map(|part| first(part).get(index).or_else(|| rest(part))).collect();
            firsts.push(self.of(&all, &format!("{place}/prefixItems/{index}"), depth + 1));
        }
        let all: Vec<&'s Value> = parts.iter().filter_map(rest).collect();
        let mut rest =
            Some(Box::new(self.of(&all, &format!("{place}/items"), depth + 1))).filter(|rest| !rest.is_never());
        if let Some(never) = firsts.iter().position(Kind::is_never) {
            firsts.truncate(never);
            rest = None;
        }
        let count = |number: usize| u64::try_from(number).unwrap_or(u64::MAX);
        if rest.is_none() {
            most = Some(most.map_or(count(firsts.len()), |most| most.min(count(firsts.len()))));
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

    fn object(&mut self, parts: &[Part<'s>], place: &str, depth: usize) -> Kind {
        for keyword in ["dependentRequired", "dependentSchemas", "dependencies"] {
            if parts.iter().any(|part| part.map.contains_key(keyword)) {
                self.tell(place, keyword, "");
            }
        }
        let listed = |part: &Part<'s>, keyword: &str| part.map.get(keyword).and_then(Value::as_object);
        let required: Vec<&'s str> = parts
            .iter()
            .filter_map(|part| part.map.get("required").and_then(Value::as_array))
            .flat_map(|keys| keys.iter().filter_map(Value::as_str))
            .collect();
        let mut keys: Vec<&'s str> = Vec::new();
        let properties = parts.iter().filter_map(|part| listed(part, "properties"));
        for key in properties.flat_map(|map| map.keys().map(String::as_str)).chain(required.iter().copied()) {
            if !keys.contains(&key) {
                keys.push(key);
            }
        }
        let mut members = Vec::new();
        for key in keys {
            let mut all: Vec<&'s Value> = Vec::new();
            for part in parts {
                let own = listed(part, "properties").and_then(|map| map.get(key));
                let matching: Vec<&'s Value> = listed(part, "patternProperties")
                    .into_iter()
                    .flatten()
                    .filter_map(|(pattern, schema)| is_match(pattern, key).then_some(schema))
                    .collect();
                let known = own.is_some() || !matching.is_empty();
                all.extend(own.into_iter().chain(matching));
                all.extend(part.map.get("additionalProperties").filter(|_| !known));
            }
            let kind = self.of(&all, &format!("{place}/properties/{key}"), depth + 1);
            let required = required.contains(&key);
            if !kind.is_never() {
                members.push(Member { key: key.to_owned(), kind, required });
            } else if required {
                return Kind::NEVER;
            }
        }
        let mut matching: Vec<(String, Kind)> = Vec::new();
        for (pattern, schema) in parts.iter().filter_map(|part| listed(part, "patternProperties")).flatten() {
            let kind = self.of(&[schema], &format!("{place}/patternProperties"), depth + 1);
            let pattern = Pattern::read(pattern).map(|(pattern, _)| format!("^(?:{})$", pattern.written()));
            if let Ok(pattern) = pattern
                && !kind.is_never()
            {
                matching.push((pattern, kind));
            }
        }
        let lists = |part: &Part<'s>| ["properties", "patternProperties"].iter().any(|key| part.map.contains_key(*key));
        let named = !members.is_empty() || parts.iter().any(lists);
        let others = self.others(parts, named, place, depth);
        let object = Object { members, matching, others, least: 0, most: None };
        let object = self.names(object, parts, place, depth);
        self.counted(object, parts, place)
    }

    /// What members may be that are not named.
    fn others(&mut self, parts: &[Part<'s>], named: bool, place: &str, depth: usize) -> Option<Box<Kind>> {
        let all: Vec<&'s Value> = parts.iter().filter_map(|part| part.map.get("additionalProperties")).collect();
        let closed = parts.iter().any(|part| part.map.get("unevaluatedProperties") == Some(&Value::Bool(false)));
        if (named && all.is_empty()) || closed {
            return None;
        }
        let kind = self.of(&all, &format!("{place}/additionalProperties"), depth + 1);
        Some(Box::new(kind)).filter(|kind| !kind.is_never())
    }

    /// Holds the names of members that are not named to what is said of names.
    fn names(&mut self, mut object: Object, parts: &[Part<'s>], place: &str, depth: usize) -> Object {
        let said: Vec<&'s Value> = parts.iter().filter_map(|part| part.map.get("propertyNames")).collect();
        let Some(others) = object.others.clone().filter(|_| !said.is_empty()) else { return object };
        let place = format!("{place}/propertyNames");
        match self.of(&said, &place, depth + 1) {
            Kind::Any => {}
            Kind::Text(text) if text == Text::default() => {}
            Kind::Text(Text { least: 0, most: None, patterns }) if patterns.len() == 1 => {
                let pattern = patterns.into_iter().map(|pattern| format!("^(?:{})$", pattern.written()));
                object.matching.extend(pattern.map(|pattern| (pattern, (*others).clone())));
                object.others = None;
            }
            Kind::Constants(keys) => {
                for key in keys.iter().filter_map(Value::as_str) {
                    if object.members.iter().all(|member| member.key != key) {
                        object.members.push(Member { key: key.to_owned(), kind: (*others).clone(), required: false });
                    }
                }
                object.others = None;
            }
            _ => self.tell(&place, "propertyNames", ""),
        }
        object
    }

    /// Counts members, as far as alternatives can.
    fn counted(&mut self, mut object: Object, parts: &[Part<'s>], place: &str) -> Kind {
        let least = self.count(parts, place, "minProperties", false).unwrap_or(0);
        let most = self.count(parts, place, "maxProperties", true);
        let required = object.members.iter().filter(|member| member.required).count();
        let count = |number: usize| u64::try_from(number).unwrap_or(u64::MAX);
        if object.members.is_empty() {
            (object.least, object.most) = (least, most);
            let none = object.others.is_none() && object.matching.is_empty();
            return if none && least > 0 { Kind::NEVER } else { Kind::Object(object) };
        }
        let optional = object.members.len() - required;
        let missing = least.saturating_sub(count(required));
        let open = object.others.is_some() || !object.matching.is_empty();
        if most.is_some_and(|most| most < count(required)) || (!open && missing > count(optional)) {
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
                either(object.members.iter().filter(|member| !member.required).map(one).collect())
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

/// Whether a name matches a pattern; true if that cannot be known.
fn is_match(pattern: &str, name: &str) -> bool {
    let regex = Pattern::read(pattern).ok().and_then(|(own, _)| llguidance::derivre::Regex::new(&own.written()).ok());
    regex.is_none_or(|mut regex| regex.is_match(name))
}

/// A count that was written as `5.0`.
fn whole(number: f64) -> Option<u64> {
    (0.0..1e15).contains(&number).then(|| format!("{number:.0}").parse().ok()).flatten()
}
