//! A JSON Schema as GBNF rules, as far as they can express it.
//!
//! Objects have their properties in the schema's order, the optional ones left out or not, as llguidance has it. What
//! cannot be said (patterns, bounds of numbers, lengths of texts) is left to the check that every call goes through.

use std::collections::BTreeSet;
use std::fmt::Write as _;

use serde_json::{Map, Value};

use super::gbnf::literal;
use callwright_constrain::{LISTS, NUMBERS, OBJECTS, TEXTS, beyond, is_of};

/// How deep nested schemas and references are followed before any value is allowed.
const DEPTH: usize = 12;
/// The longest rule before any value is allowed: a recursive one is written out at every place.
const LONG: usize = 64 << 10;
/// Items that are counted: engines refuse longer repetitions.
const COUNTED: u64 = 2000;
/// What values of `true`, `false` and `null` have keywords of their own for: nothing.
const PLAIN: [&str; 1] = ["type"];

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
    (
        "char",
        "[^\"\\\\\\x00-\\x1f\\x7f] | \"\\\\\" ([\"\\\\/bfnrt] | \"u\" ([0-9abcefABCEF] [0-9a-fA-F]{3} | [dD] [0-7] [0-9a-fA-F]{2}))",
        &[],
    ),
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

    /// A value of this schema, which is a part of `root`. What is not enforced is reported; `None` where nothing can be
    /// enforced.
    pub(super) fn value(&mut self, schema: &Value, root: &Value, depth: usize) -> Option<String> {
        let map = match schema {
            Value::Bool(true) => return Some(self.shared("any")),
            Value::Object(map) => map,
            _ => return None,
        };
        let rule = if depth > DEPTH { None } else { Some(self.rule(map, root, depth)?) };
        Some(rule.filter(|rule| rule.len() <= LONG).unwrap_or_else(|| {
            self.told.insert("deeply nested parts".to_owned());
            self.shared("any")
        }))
    }

    fn rule(&mut self, map: &Map<String, Value>, root: &Value, depth: usize) -> Option<String> {
        if let Some(reference) = map.get("$ref").and_then(Value::as_str) {
            self.tell(map, &["$ref"], &[]);
            return self.value(root.pointer(reference.strip_prefix('#')?)?, root, depth + 1);
        }
        if let Some(values) = map.get("enum").and_then(Value::as_array) {
            self.tell(map, &["enum"], &[]);
            let fitting = values.iter().filter(|value| is_of(map.get("type"), value));
            let values: Vec<_> = fitting.map(|value| literal(&value.to_string())).collect();
            return (!values.is_empty()).then(|| format!("({})", values.join(" | ")));
        }
        if let Some(constant) = map.get("const") {
            self.tell(map, &["const"], &[]);
            return Some(literal(&constant.to_string()));
        }
        // Members that are named beside alternatives hold for each of them: then the alternatives are left to the check.
        let alone = !map.contains_key("properties");
        for key in ["anyOf", "oneOf"] {
            if let Some(branches) = map.get(key).and_then(Value::as_array).filter(|_| alone) {
                self.tell(map, &[key], &[]);
                if key == "oneOf" && may_overlap(branches) {
                    self.told.insert(key.to_owned());
                }
                let branches =
                    branches.iter().map(|branch| self.value(branch, root, depth + 1)).collect::<Option<Vec<_>>>()?;
                return (!branches.is_empty()).then(|| format!("({})", branches.join(" | ")));
            }
        }
        if let Some([part]) = map.get("allOf").and_then(Value::as_array).filter(|_| alone).map(Vec::as_slice) {
            self.tell(map, &["allOf"], &[]);
            return self.value(part, root, depth + 1);
        }
        match map.get("type") {
            Some(Value::String(kind)) => self.typed(kind, map, root, depth),
            Some(Value::Array(kinds)) => {
                let kinds = kinds.iter().map(|kind| self.typed(kind.as_str()?, map, root, depth));
                Some(format!("({})", kinds.collect::<Option<Vec<_>>>()?.join(" | ")))
            }
            _ if !alone => self.typed("object", map, root, depth),
            _ if map.contains_key("items") || map.contains_key("prefixItems") => self.typed("array", map, root, depth),
            _ => {
                self.tell(map, &[], &[]);
                Some(self.shared("any"))
            }
        }
    }

    /// Notes the keywords that say more than the rules do.
    fn tell(&mut self, map: &Map<String, Value>, known: &[&str], own: &[&str]) {
        self.told.extend(beyond(map, known, own).into_iter().map(str::to_owned));
    }

    fn typed(&mut self, kind: &str, map: &Map<String, Value>, root: &Value, depth: usize) -> Option<String> {
        let (known, own): (&[&str], &[&str]) = match kind {
            "string" => (&[], &TEXTS),
            "integer" | "number" => (&[], &NUMBERS),
            "array" => (&["items", "minItems"], &LISTS),
            "object" => (&["properties", "required", "additionalProperties"], &OBJECTS),
            _ => (&[], &PLAIN),
        };
        self.tell(map, known, own);
        Some(match kind {
            "string" => self.shared("string"),
            "integer" => self.shared("integer"),
            "number" => self.shared("number"),
            "boolean" => self.shared("boolean"),
            "null" => "\"null\"".to_owned(),
            "array" => self.list(map, root, depth)?,
            "object" => self.object(map, root, depth)?,
            _ => return None,
        })
    }

    fn list(&mut self, map: &Map<String, Value>, root: &Value, depth: usize) -> Option<String> {
        let mut least = map.get("minItems").and_then(Value::as_u64).unwrap_or(0);
        if least > COUNTED {
            self.told.insert("minItems".to_owned());
            least = 0;
        }
        let item = match map.get("items") {
            // Then `items` speaks only of those behind the first.
            items if map.contains_key("prefixItems") => {
                self.told.extend(items.map(|_| "items".to_owned()));
                self.shared("any")
            }
            Some(Value::Bool(false)) if least == 0 => return Some("\"[]\"".to_owned()),
            Some(items) => self.value(items, root, depth + 1)?,
            None => self.shared("any"),
        };
        let more = format!("({} {item})", literal(&self.item));
        Some(if least == 0 {
            format!("\"[\" ({item} {more}*)? \"]\"")
        } else {
            format!("\"[\" {item} {more}{{{},}} \"]\"", least - 1)
        })
    }

    fn object(&mut self, map: &Map<String, Value>, root: &Value, depth: usize) -> Option<String> {
        let required: Vec<&str> =
            map.get("required").and_then(Value::as_array).into_iter().flatten().filter_map(Value::as_str).collect();
        let none = Map::new();
        let properties = map.get("properties").and_then(Value::as_object).unwrap_or(&none);
        let mut members = Vec::new();
        for (name, below) in properties {
            let is_required = required.contains(&name.as_str());
            // What nothing matches is left out.
            if *below != Value::Bool(false) || is_required {
                members.push((self.member(name, below, root, depth)?, is_required));
            }
        }
        for name in required.iter().filter(|name| !properties.contains_key(**name)) {
            members.push((self.member(name, &Value::Bool(true), root, depth)?, true));
        }
        // Where members are named, no others are allowed: a model that is free to add others does.
        Some(match map.get("additionalProperties") {
            _ if !members.is_empty() => format!("\"{{\" {} \"}}\"", self.listed(&members)),
            Some(Value::Bool(false)) => "\"{}\"".to_owned(),
            None | Some(Value::Bool(true)) => {
                self.shared("any");
                "any-object".to_owned()
            }
            Some(others) => {
                let member = format!(
                    "{} {} {}",
                    self.shared("string"),
                    literal(&self.key),
                    self.value(others, root, depth + 1)?
                );
                format!("\"{{\" ({member} ({} {member})*)? \"}}\"", literal(&self.item))
            }
        })
    }

    fn member(&mut self, name: &str, below: &Value, root: &Value, depth: usize) -> Option<String> {
        let key = literal(&format!("{}{}", Value::from(name), self.key));
        Some(format!("{key} {}", self.value(below, root, depth + 1)?))
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

/// Whether a value may fit two of these.
fn may_overlap(branches: &[Value]) -> bool {
    let sort = |branch: &Value| match branch["type"].as_str() {
        Some("integer") => Some("number".to_owned()),
        sort => sort.map(str::to_owned),
    };
    let sorts: Vec<_> = branches.iter().map(sort).collect();
    sorts.iter().enumerate().any(|(index, sort)| sort.is_none() || sorts[..index].contains(sort))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn told(schema: &Value) -> Vec<String> {
        let mut rules = Rules::default();
        rules.value(schema, schema, 0).expect("a rule");
        rules.told.into_iter().collect()
    }

    #[test]
    fn what_is_not_kept_is_told() {
        let text = json!({"type": "string"});
        let object = |more: Value| {
            let mut schema = json!({"type": "object", "properties": {"a": {"type": "integer"}}});
            schema.as_object_mut().expect("an object").extend(more.as_object().expect("an object").clone());
            schema
        };
        assert_eq!(told(&object(json!({"anyOf": [{"required": ["a"]}]}))), ["anyOf"]);
        assert_eq!(told(&json!({"$defs": {"t": text}, "$ref": "#/$defs/t", "minLength": 3})), ["minLength"]);
        assert_eq!(told(&json!({"const": 1, "maximum": 0})), ["maximum"]);
        assert_eq!(told(&json!({"oneOf": [text, {"type": "null"}]})), Vec::<String>::new());
        assert_eq!(told(&json!({"oneOf": [text, text]})), ["oneOf"]);
        assert_eq!(told(&json!({"prefixItems": [text], "items": {"type": "integer"}})), ["items", "prefixItems"]);
        assert_eq!(told(&json!({"type": ["string", "null"], "minLength": 3, "minimum": 3})), ["minLength"]);
        assert_eq!(told(&json!({"type": "object", "properties": {"next": {"$ref": "#"}}})), ["deeply nested parts"]);
    }

    #[test]
    fn a_schema_that_is_many_times_part_of_itself_stays_short() {
        let names = ["a", "b", "c", "d", "e"];
        let properties: Map<String, Value> =
            names.iter().map(|name| ((*name).to_owned(), json!({"$ref": "#"}))).collect();
        let schema = json!({"type": "object", "properties": properties});
        let mut rules = Rules::default();
        assert!(rules.value(&schema, &schema, 0).is_some_and(|rule| rule.len() <= LONG));
    }

    #[test]
    fn nothing_is_held_to_what_nothing_fits() {
        for none in [json!({"enum": ["a"], "type": "integer"}), json!(false), json!({"anyOf": []})] {
            assert_eq!(Rules::default().value(&none, &none, 0), None, "{none}");
        }
        let closed = json!({"type": "object", "properties": {"a": false}, "additionalProperties": false});
        assert_eq!(Rules::default().value(&closed, &closed, 0).as_deref(), Some("\"{}\""));
    }
}
