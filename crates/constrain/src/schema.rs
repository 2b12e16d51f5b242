//! A kind as the JSON Schema that llguidance makes grammars of.
//!
//! It has nothing but what llguidance holds to, so that nothing in it can be refused or passed over: closed objects, and
//! references by number. It must not know grammars of formats.

use std::collections::BTreeSet;

use callwright_parse::format::JsonStyle;
use callwright_parse::schema::Numbers;
use serde_json::{Map, Value, json};

use super::kind::{Kind, Text};
use super::kinds::Kinds;
use super::pattern::Pattern;

/// The largest multiple: of 15 digits, which bounds are exact to.
const MULTIPLE: i64 = 999_999_999_999_999;

/// The schema of a kind, with the options of llguidance's JSON compiler.
pub(super) fn enforced(kind: &Kind, kinds: &Kinds<'_>, spacing: JsonStyle) -> Value {
    let (mut open, mut defined) = (BTreeSet::new(), Map::new());
    let mut schema = written(kind, &mut open);
    while let Some(index) = open.pop_first() {
        let name = format!("k{index}");
        if !defined.contains_key(&name) {
            let own = written(kinds.named(index), &mut open);
            defined.insert(name, own);
        }
    }
    if !schema.is_object() {
        schema = json!({"allOf": [schema]});
    }
    if !defined.is_empty() {
        schema["$defs"] = Value::Object(defined);
    }
    schema["x-guidance"] = json!({
        "whitespace_flexible": false,
        "item_separator": spacing.item_separator(),
        "key_separator": spacing.key_separator(),
    });
    schema
}

fn written(kind: &Kind, named: &mut BTreeSet<usize>) -> Value {
    match kind {
        Kind::Any => json!({}),
        Kind::Null => json!({"type": "null"}),
        Kind::Boolean => json!({"type": "boolean"}),
        Kind::Number(numbers) => number(numbers),
        Kind::Text(text) => self::text(text),
        Kind::Constants(values) if values.is_empty() => Value::Bool(false),
        Kind::Constants(values) => json!({ "enum": values }),
        Kind::Either(kinds) => {
            let alternatives: Vec<Value> = kinds.iter().map(|kind| written(kind, named)).collect();
            json!({ "anyOf": alternatives })
        }
        Kind::Named(index) => {
            named.insert(*index);
            json!({"$ref": format!("#/$defs/k{index}")})
        }
        Kind::List(list) => {
            let mut schema = json!({"type": "array"});
            if !list.first.is_empty() {
                schema["prefixItems"] = list.first.iter().map(|kind| written(kind, named)).collect();
            }
            schema["items"] = list.rest.as_ref().map_or(Value::Bool(false), |rest| written(rest, named));
            counted(&mut schema, ["minItems", "maxItems"], list.least, list.most);
            schema
        }
        Kind::Object(object) => {
            let mut schema = json!({"type": "object"});
            let own: Map<String, Value> =
                object.members.iter().map(|member| (member.key.clone(), written(&member.kind, named))).collect();
            let required: Vec<&str> =
                object.members.iter().filter(|member| member.required).map(|member| member.key.as_str()).collect();
            if !own.is_empty() {
                schema["properties"] = Value::Object(own);
            }
            if !required.is_empty() {
                schema["required"] = json!(required);
            }
            if !object.matching.is_empty() {
                let matching = object.matching.iter().map(|(pattern, kind)| (whole(pattern), written(kind, named)));
                schema["patternProperties"] = Value::Object(matching.collect());
            }
            schema["additionalProperties"] =
                object.others.as_ref().map_or(Value::Bool(false), |others| written(others, named));
            counted(&mut schema, ["minProperties", "maxProperties"], object.least, object.most);
            schema
        }
    }
}

fn text(text: &Text) -> Value {
    let mut schema = json!({"type": "string"});
    counted(&mut schema, ["minLength", "maxLength"], text.least, text.most);
    let mut patterns = text.patterns.iter().map(whole);
    if let Some(first) = patterns.next() {
        schema["pattern"] = first.into();
    }
    let others: Vec<Value> = patterns.map(|pattern| json!({"type": "string", "pattern": pattern})).collect();
    if !others.is_empty() {
        schema["allOf"] = Value::Array(others);
    }
    schema
}

/// A pattern as JSON Schema has it, which searches.
fn whole(pattern: &Pattern) -> String {
    format!("^(?:{})$", pattern.written())
}

fn number(numbers: &Numbers) -> Value {
    let Numbers { integer, least, most, multiple_of } = numbers;
    let mut schema = json!({"type": if *integer { "integer" } else { "number" }});
    for (keyword, bound) in numbers.bounds() {
        schema[keyword] = bound.value.clone().into();
    }
    if let Some(multiple) = multiple_of.first() {
        schema["multipleOf"] = multiple.clone().into();
        // The digits of what is a multiple are not counted otherwise.
        if least.is_none() {
            schema["minimum"] = (-MULTIPLE).into();
        }
        if most.is_none() {
            schema["maximum"] = MULTIPLE.into();
        }
    }
    schema
}

fn counted(schema: &mut Value, keys: [&str; 2], least: u64, most: Option<u64>) {
    if least > 0 {
        schema[keys[0]] = least.into();
    }
    if let Some(most) = most {
        schema[keys[1]] = most.into();
    }
}
