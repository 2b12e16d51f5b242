//! A JSON Schema as rules of GBNF, as far as they can hold a model to it.
//!
//! Objects have their properties in the schema's order, the optional ones left out or not, as llguidance has it. What
//! cannot be said (patterns, bounds of numbers, lengths of texts) is left to the check that every call goes through.

use std::collections::BTreeSet;
use std::fmt::Write as _;

use serde_json::Value;

use super::gbnf::literal;

/// How deep references are followed before any value will do.
const DEPTH: usize = 12;

/// Keywords that the rules keep to, or that say nothing about what a value may be.
const SAID: [&str; 25] = [
    "$ref",
    "const",
    "enum",
    "anyOf",
    "oneOf",
    "type",
    "items",
    "minItems",
    "properties",
    "required",
    "additionalProperties",
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
];

/// The rules that all schemas share, and how objects are written.
#[derive(Debug)]
pub(super) struct Rules {
    used: BTreeSet<&'static str>,
    item: String,
    key: String,
    /// Keywords that are left to the check.
    pub(super) told: BTreeSet<String>,
}

impl Default for Rules {
    fn default() -> Self {
        Self { used: BTreeSet::new(), item: ", ".to_owned(), key: ": ".to_owned(), told: BTreeSet::new() }
    }
}

/// The shared rules, with those that each needs.
const SHARED: [(&str, &str, &[&str]); 7] = [
    ("integer", "\"-\"? (\"0\" | [1-9] [0-9]{0,17})", &[]),
    ("number", "integer (\".\" [0-9]{1,17})? ([eE] [-+]? [0-9]{1,2})?", &["integer"]),
    ("boolean", "\"true\" | \"false\"", &[]),
    ("string", "\"\\\"\" char* \"\\\"\"", &["char"]),
    ("char", "[^\"\\\\\\x00-\\x1f\\x7f] | \"\\\\\" ([\"\\\\/bfnrt] | \"u\" [0-9a-fA-F]{4})", &[]),
    (
        "any",
        "string | number | boolean | \"null\" | any-object | any-list",
        &["string", "number", "boolean", "members"],
    ),
    (
        "members",
        "string \": \" any\nany-object ::= \"{\" (members (\", \" members)*)? \"}\"\nany-list ::= \"[\" (any (\", \" any)*)? \"]\"",
        &["string", "any"],
    ),
];

impl Rules {
    /// How objects and lists are written from here on.
    pub(super) fn style(&mut self, style: Option<&Value>) {
        let said = |key: &str, default: &str| style.and_then(|style| style[key].as_str()).unwrap_or(default).to_owned();
        self.item = said("item_separator", ", ");
        self.key = said("key_separator", ": ");
    }

    /// The shared rules that were used.
    pub(super) fn text(&self) -> String {
        let mut text = String::new();
        for (name, body, _) in SHARED.iter().filter(|(name, ..)| self.used.contains(name)) {
            // Writing to a string cannot fail.
            let _ = writeln!(text, "{name} ::= {body}");
        }
        text
    }

    fn shared(&mut self, name: &'static str) -> String {
        if self.used.insert(name) {
            let needs = SHARED.iter().find(|(known, ..)| *known == name).map_or(&[][..], |(.., needs)| *needs);
            for need in needs {
                self.shared(need);
            }
        }
        name.to_owned()
    }

    /// A value of this schema, which is a part of `root`.
    pub(super) fn value(&mut self, schema: &Value, root: &Value, depth: usize) -> Option<String> {
        self.tell(schema);
        if depth > DEPTH {
            return Some(self.shared("any"));
        }
        if let Some(reference) = schema["$ref"].as_str() {
            let target = root.pointer(reference.strip_prefix('#')?)?;
            return self.value(target, root, depth + 1);
        }
        if let Some(constant) = schema.get("const") {
            return Some(literal(&constant.to_string()));
        }
        if let Some(values) = schema["enum"].as_array() {
            let values: Vec<_> = values.iter().map(|value| literal(&value.to_string())).collect();
            return Some(format!("({})", values.join(" | ")));
        }
        for key in ["anyOf", "oneOf"] {
            if let Some(branches) = schema[key].as_array() {
                let branches =
                    branches.iter().map(|branch| self.value(branch, root, depth + 1)).collect::<Option<Vec<_>>>()?;
                return Some(format!("({})", branches.join(" | ")));
            }
        }
        match &schema["type"] {
            Value::String(kind) => self.typed(kind, schema, root, depth),
            Value::Array(kinds) => {
                let kinds = kinds.iter().map(|kind| self.typed(kind.as_str()?, schema, root, depth));
                Some(format!("({})", kinds.collect::<Option<Vec<_>>>()?.join(" | ")))
            }
            _ => Some(self.shared("any")),
        }
    }

    /// Notes the keywords that say more than the rules do.
    fn tell(&mut self, schema: &Value) {
        let keys = schema.as_object().into_iter().flat_map(|schema| schema.keys());
        let beyond = keys.filter(|key| !SAID.contains(&key.as_str()) && !key.starts_with("x-"));
        self.told.extend(beyond.cloned());
    }

    fn typed(&mut self, kind: &str, schema: &Value, root: &Value, depth: usize) -> Option<String> {
        Some(match kind {
            "string" => self.shared("string"),
            "integer" => self.shared("integer"),
            "number" => self.shared("number"),
            "boolean" => self.shared("boolean"),
            "null" => "\"null\"".to_owned(),
            "array" => {
                let item = match schema.get("items") {
                    Some(items) => self.value(items, root, depth + 1)?,
                    None => self.shared("any"),
                };
                let least = schema["minItems"].as_u64().unwrap_or(0);
                let more = format!("({} {item})", literal(&self.item));
                if least == 0 {
                    format!("\"[\" ({item} {more}*)? \"]\"")
                } else {
                    format!("\"[\" {item} {more}{{{},}} \"]\"", least - 1)
                }
            }
            "object" => self.object(schema, root, depth)?,
            _ => return None,
        })
    }

    fn object(&mut self, schema: &Value, root: &Value, depth: usize) -> Option<String> {
        let Some(properties) = schema["properties"].as_object().filter(|properties| !properties.is_empty()) else {
            let is_open = schema["additionalProperties"] != Value::Bool(false);
            return Some(if is_open && schema.get("properties").is_none() {
                self.shared("any");
                "any-object".to_owned()
            } else {
                "\"{}\"".to_owned()
            });
        };
        let is_required =
            |name: &str| schema["required"].as_array().is_some_and(|all| all.iter().any(|one| one == name));
        let mut members = Vec::new();
        for (name, below) in properties {
            let key = literal(&format!("{}{}", Value::from(name.as_str()), self.key));
            members.push((format!("{key} {}", self.value(below, root, depth + 1)?), is_required(name)));
        }
        Some(format!("\"{{\" {} \"}}\"", self.listed(&members)))
    }

    /// Members in their order, with separators only between those that are there: at each place it is known whether one
    /// came before, so each optional member is said twice at most.
    fn listed(&self, members: &[(String, bool)]) -> String {
        let separator = literal(&self.item);
        // What follows where one came before.
        let after = |from: usize| -> String {
            let rest = members[from..].iter().map(|(member, required)| {
                if *required { format!("{separator} {member}") } else { format!("({separator} {member})?") }
            });
            rest.collect::<Vec<_>>().join(" ")
        };
        let mut firsts = Vec::new();
        for (at, (member, required)) in members.iter().enumerate() {
            firsts.push(format!("{member} {}", after(at + 1)).trim().to_owned());
            if *required {
                return one_of(&firsts);
            }
        }
        firsts.push("\"\"".to_owned());
        one_of(&firsts)
    }
}

fn one_of(alternatives: &[String]) -> String {
    match alternatives {
        [only] => only.clone(),
        several => format!("({})", several.join(" | ")),
    }
}
