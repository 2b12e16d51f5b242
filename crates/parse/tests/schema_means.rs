//! The typed tree means what the schema means: over random schemas and values, what the kinds let through the validator
//! lets through, and the other way round, but for what the tree says that it does not say.
#![allow(clippy::unwrap_used, reason = "a test may stop at the first surprise")]

use callwright_parse::schema::{Apart, Kind, Node, Others, Schema};
use callwright_test_support::dice::Dice;
use jsonschema::Validator;
use serde_json::{Number, Value, json};

/// What the tree says of a value.
struct Reader<'s> {
    schema: &'s Schema,
    /// It met something that it does not say, or says more narrowly.
    unsure: bool,
}

impl Reader<'_> {
    fn takes(&mut self, node: &Node, value: &Value) -> bool {
        self.unsure |= !node.beyond.is_empty();
        match &node.kind {
            Kind::Any => true,
            Kind::Null => value.is_null(),
            Kind::Boolean => value.is_boolean(),
            Kind::Reference(number) => self.takes(&self.schema.named(*number).clone(), value),
            Kind::Constants(values) => {
                values.iter().any(|one| one == value || one.is_number() && one.as_f64() == value.as_f64())
            }
            Kind::Number(numbers) => value.as_f64().is_some_and(|number| {
                let float = |number: &Number| number.as_f64().unwrap();
                let least = numbers.least.as_ref().is_none_or(|least| {
                    number > float(&least.value) || !least.excluded && number >= float(&least.value)
                });
                let most = numbers
                    .most
                    .as_ref()
                    .is_none_or(|most| number < float(&most.value) || !most.excluded && number <= float(&most.value));
                let divided = |step: &Number| (number / float(step)).fract() == 0.0;
                least && most && (!numbers.integer || number.fract() == 0.0) && numbers.multiple_of.iter().all(divided)
            }),
            Kind::String(strings) => value.as_str().is_some_and(|text| {
                let length = text.chars().count() as u64;
                let matches = |pattern: &String| jsonschema::is_valid(&json!({"pattern": pattern}), value);
                length >= strings.least
                    && strings.most.is_none_or(|most| length <= most)
                    && strings.patterns.iter().all(matches)
            }),
            Kind::Array(arrays) => {
                let Value::Array(items) = value else { return false };
                let length = items.len() as u64;
                let each = items
                    .iter()
                    .enumerate()
                    .all(|(index, item)| arrays.item(index).is_some_and(|node| self.takes(node, item)));
                let same = |one: &Value, other: &Value| {
                    !jsonschema::is_valid(&json!({"uniqueItems": true}), &json!([one, other]))
                };
                let unique = !arrays.unique
                    || items.iter().enumerate().all(|(at, one)| !items[..at].iter().any(|other| same(one, other)));
                let contains = arrays.contains.iter().all(|one| {
                    let count = items.iter().filter(|item| self.takes(&one.item, item)).count() as u64;
                    count >= one.least && one.most.is_none_or(|most| count <= most)
                });
                each && unique && contains && length >= arrays.least && arrays.most.is_none_or(|most| length <= most)
            }
            Kind::Object(objects) => {
                let Value::Object(map) = value else { return false };
                let length = map.len() as u64;
                let all = map.iter().all(|(key, value)| {
                    let own = objects.member(key).map(|member| &member.node);
                    let patterns: Vec<&Node> = objects
                        .patterns
                        .iter()
                        .filter(|(pattern, _)| jsonschema::is_valid(&json!({"pattern": pattern}), &json!(key)))
                        .map(|(_, node)| node)
                        .collect();
                    // A required member that no schema lists is a member here, and one of the others there.
                    let listed = own.is_some() || !patterns.is_empty();
                    let other = match &objects.others {
                        Others::Of(node) if !listed => self.takes(node, value),
                        Others::Forbidden => listed,
                        _ => true,
                    };
                    let name = objects.names.as_deref().is_none_or(|names| self.takes(names, &json!(key)));
                    own.is_none_or(|node| self.takes(node, value))
                        && patterns.iter().all(|node| self.takes(node, value))
                        && other
                        && name
                });
                let required = objects.members.iter().all(|member| !member.required || map.contains_key(&member.key));
                let needs = objects
                    .needs
                    .iter()
                    .all(|(key, others)| !map.contains_key(key) || others.iter().all(|other| map.contains_key(other)));
                all && required && needs && length >= objects.least && objects.most.is_none_or(|most| length <= most)
            }
            Kind::Either(either) => {
                let taking = either.of.iter().filter(|node| self.takes(node, value)).count();
                if either.exclusive && taking > 1 {
                    // `Apart` promises that this cannot be, but for members that are not listed.
                    let apart = self.schema.apart(either);
                    assert!(matches!(apart, Apart::Unclear | Apart::Keys), "{apart:?} {value}");
                    return false;
                }
                taking > 0
            }
        }
    }
}

/// Whether all schemas in it say their types, so that no type is only meant.
fn says_types(schema: &Value) -> bool {
    match schema {
        Value::Object(map) => {
            let own = !map
                .keys()
                .any(|key| !matches!(key.as_str(), "$ref" | "allOf" | "anyOf" | "oneOf" | "enum" | "const" | "$defs"))
                || map.contains_key("type");
            own && map.iter().all(|(key, value)| {
                matches!(key.as_str(), "enum" | "const" | "type" | "required" | "dependentRequired")
                    || inner(key, value)
            })
        }
        _ => true,
    }
}

fn inner(key: &str, value: &Value) -> bool {
    match value {
        Value::Object(map) if matches!(key, "properties" | "patternProperties" | "$defs") => {
            map.values().all(says_types)
        }
        Value::Array(list) => list.iter().all(says_types),
        value => says_types(value),
    }
}

#[test]
fn kinds_let_through_what_the_schema_does() {
    let mut dice = Dice::new(1);
    let (mut both, mut neither, mut unsure, mut narrower) = (0, 0, 0, 0);
    for round in 0..4_000 {
        let mut given = dice.schema(3);
        given["$defs"] = json!({"d": dice.schema(1), "e": dice.schema(2)});
        // Of this one the tree says nothing at all, so that nothing could be compared.
        if given.to_string().contains("dependentSchemas") {
            continue;
        }
        let schema = Schema::of_value(&given).unwrap();
        let validator: Validator = jsonschema::validator_for(schema.json()).unwrap();
        for _ in 0..12 {
            let value = dice.value(3);
            let mut reader = Reader { schema: &schema, unsure: false };
            let (takes, valid) = (reader.takes(schema.root(), &value), validator.is_valid(&value));
            match (takes, valid) {
                _ if reader.unsure => unsure += 1,
                (true, true) => both += 1,
                (false, false) => neither += 1,
                // Where no type is said, the type that is spoken of is meant.
                (false, true) if !says_types(&given) => narrower += 1,
                _ => panic!(
                    "round {round}: the tree says {takes}, the validator {valid} of {value}\n{given:#}\n{:#?}",
                    schema.root()
                ),
            }
        }
    }
    println!("{both} both, {neither} neither, {unsure} unsure, {narrower} narrower");
    assert!(both > 4_000 && neither > 10_000 && unsure < 5_000, "{both} {neither} {unsure} {narrower}");
}
