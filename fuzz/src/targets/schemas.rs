//! Tools with any schema, and calls of them with any arguments: compiled or refused, checked, in bounded time.
//!
//! The input is JSON texts one after another: the schema, then arguments. Bytes that are no JSON choose a schema from
//! the keywords instead, so that every input says something.

use callwright_parse::chat::{FixKind, Tool};
use callwright_parse::check::{Checked, Level, ToolSet};
use serde_json::{Map, Value, json};

use super::{LONGEST, in_time};

/// Compiles the schema and checks the arguments at every level.
pub fn run(data: &[u8]) {
    let data = &data[..data.len().min(LONGEST)];
    let mut values = serde_json::Deserializer::from_slice(data).into_iter::<Value>();
    let (schema, mut arguments) = if let Some(Ok(schema)) = values.next() {
        (schema, values.filter_map(Result::ok).take(4).collect())
    } else {
        let mut bytes = Bytes { rest: data, budget: 200 };
        (bytes.schema(0), vec![bytes.value(0), bytes.value(0)])
    };
    arguments.extend([json!({}), Value::Null, json!("{\"a\": 1}"), json!({"a": "1", "b": [null], "x": {"a": "true"}})]);
    let tools = match serde_json::from_value::<Vec<Tool>>(schema.clone()) {
        Ok(tools) => tools,
        Err(_) => vec![Tool::new("t", "", schema)],
    };
    let Ok(set) = in_time("compiling", || ToolSet::compile(&tools)) else { return };
    for tool in set.tools() {
        assert!(
            set.schema(&tool.name).is_some_and(|schema| schema.json().is_object()),
            "a compiled schema is an object"
        );
        for parameter in set.parameters(&tool.name) {
            assert!(set.parameter(&tool.name, parameter).is_some(), "{parameter} has no schema");
        }
        for arguments in &arguments {
            for level in [Level::Strict, Level::Standard, Level::Lenient] {
                check(&set, &tool.name, arguments, level);
            }
        }
    }
}

/// A call that passed passes again, as it is.
fn check(set: &ToolSet, name: &str, arguments: &Value, level: Level) {
    let check = |arguments: &Value| in_time("a check", || set.check(name, arguments.clone(), level, 0..1, 0));
    let checked = check(arguments);
    if !checked.faults.is_empty() {
        return;
    }
    if level == Level::Strict {
        assert_eq!(checked.name, name);
    }
    let mut again = check(&Value::Object(checked.arguments.clone()));
    // What the schema does not list is kept, and told each time.
    again.fixes.retain(|fix| fix.kind != FixKind::UnknownArgument);
    let settled = Checked { fixes: Vec::new(), ..checked.clone() };
    assert_eq!(again, settled, "{level:?}: what was put right is put right again");
}

/// Makes values of bytes.
struct Bytes<'d> {
    rest: &'d [u8],
    /// How many more values there may be.
    budget: usize,
}

const TYPES: [&str; 16] = [
    "string",
    "integer",
    "number",
    "boolean",
    "array",
    "object",
    "null",
    "dict",
    "float",
    "tuple",
    "any",
    "list[int]",
    "Optional[str]",
    "STRING",
    "flurb",
    "",
];
const KEYS: [&str; 6] = ["a", "b", "x", "type", "$ref", "ä b"];
const SCHEMAS: [&str; 6] = ["items", "additionalProperties", "not", "contains", "propertyNames", "if"];
const LISTS: [&str; 4] = ["anyOf", "allOf", "oneOf", "prefixItems"];
const MAPS: [&str; 4] = ["properties", "$defs", "patternProperties", "dependentSchemas"];
const NUMBERS: [&str; 8] =
    ["minimum", "exclusiveMaximum", "multipleOf", "minLength", "maxItems", "minProperties", "maxLength", "maximum"];
const TEXTS: [&str; 4] = ["pattern", "format", "$ref", "$id"];
const SAID: [&str; 10] = [
    "#/$defs/a",
    "#",
    "#/properties/b",
    "^(a+)+$",
    "date-time",
    "https://example.com/a.json",
    "[",
    "\\p{L}{2,9}",
    "#/x",
    "urn:b",
];

impl Bytes<'_> {
    fn next(&mut self) -> usize {
        let Some((first, rest)) = self.rest.split_first() else { return 0 };
        self.rest = rest;
        usize::from(*first)
    }

    fn pick<T: Copy>(&mut self, from: &[T]) -> T {
        from[self.next() % from.len()]
    }

    fn schema(&mut self, depth: usize) -> Value {
        self.budget = self.budget.saturating_sub(1);
        let mut map = Map::new();
        if depth == 0 {
            map.insert("properties".to_owned(), self.schemas(depth));
        }
        let count = if self.budget == 0 || depth > 6 { 0 } else { self.next() % 5 };
        for _ in 0..count {
            let (key, value) = match self.next() % 12 {
                0..=2 => ("type", json!(self.pick(&TYPES))),
                3 => ("type", json!([self.pick(&TYPES), self.pick(&TYPES)])),
                4 => (self.pick(&SCHEMAS), self.schema(depth + 1)),
                5 => (self.pick(&LISTS), json!([self.schema(depth + 1), self.schema(depth + 1)])),
                6 | 7 => (self.pick(&MAPS), self.schemas(depth)),
                8 => (self.pick(&NUMBERS), self.value(4)),
                9 => (self.pick(&TEXTS), json!(self.pick(&SAID))),
                10 => (self.pick(&["enum", "required", "examples"]), json!([self.value(3), self.value(3)])),
                _ => (self.pick(&["const", "default", "nullable", "required", "uniqueItems"]), self.value(2)),
            };
            map.insert(key.to_owned(), value);
        }
        Value::Object(map)
    }

    fn schemas(&mut self, depth: usize) -> Value {
        let count = self.next() % 4;
        (0..count).map(|_| (self.pick(&KEYS).to_owned(), self.schema(depth + 1))).collect()
    }

    fn value(&mut self, depth: usize) -> Value {
        self.budget = self.budget.saturating_sub(1);
        let kinds = if depth > 3 || self.budget == 0 { 6 } else { 9 };
        match self.next() % kinds {
            0 => json!(self.next()),
            1 => json!(self.next() & 1 == 0),
            2 => json!(self.pick(&["", "a", "007", "1.0", "true", "null", "[1]", "{\"a\": 2}", "x,y", "5"])),
            3 => Value::Null,
            4 => json!(-0.5 * f64::from(u32::try_from(self.next()).unwrap_or(0))),
            5 => json!(self.pick(&[i64::MAX, i64::MIN, 1 << 53, -1])),
            6 => (0..self.next() % 4).map(|_| self.value(depth + 1)).collect(),
            _ => (0..self.next() % 4).map(|_| (self.pick(&KEYS).to_owned(), self.value(depth + 1))).collect(),
        }
    }
}
