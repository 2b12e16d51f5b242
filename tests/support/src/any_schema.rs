//! Random schemas with all keywords, and random values: for what has to hold of any schema.
//!
//! They are odd on purpose (keywords that exclude each other, references that lead nowhere, types that are only meant), where
//! [`schemas`](crate::schemas) makes what people write.

use serde_json::{Map, Value, json};

use crate::dice::Dice;

impl Dice {
    pub fn value(&mut self, depth: u64) -> Value {
        match self.below(if depth == 0 { 8 } else { 12 }) {
            0 => Value::Null,
            1 => json!(self.below(2) == 0),
            2 | 3 => json!(self.below(5)),
            4 => json!(2.5),
            5 => json!(1.0),
            6 | 7 => json!(*self.pick(&["", "a", "ab", "b", "abb"])),
            8 | 9 => (0..self.below(4)).map(|_| self.value(depth - 1)).collect(),
            _ => Value::Object(
                (0..self.below(4))
                    .map(|_| ((*self.pick(&["a", "b", "c"])).to_owned(), self.value(depth - 1)))
                    .collect(),
            ),
        }
    }

    fn schemas(&mut self, depth: u64) -> Value {
        (0..2).map(|_| self.schema(depth - 1)).collect()
    }

    pub fn schema(&mut self, depth: u64) -> Value {
        let types = ["null", "boolean", "integer", "number", "string", "array", "object"];
        let mut map = Map::new();
        match self.below(4) {
            0 => {}
            1 => drop(map.insert("type".to_owned(), json!([*self.pick(&types), "string"]))),
            _ => drop(map.insert("type".to_owned(), json!(*self.pick(&types)))),
        }
        for _ in 0..self.below(4) {
            let (key, value) = match self.below(if depth == 0 { 10 } else { 26 }) {
                0 => {
                    (*self.pick(&["minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum"]), json!(self.below(4)))
                }
                1 => ("multipleOf", json!(2)),
                2 => (*self.pick(&["minLength", "minItems", "minProperties"]), json!(self.below(3))),
                3 => (*self.pick(&["maxLength", "maxItems", "maxProperties"]), json!(self.below(3))),
                4 => ("pattern", json!(*self.pick(&["^a", "b$", "^(?!ab)", "^[a-z]{2,5}$", "\\d"]))),
                5 => ("enum", (0..3).map(|_| self.value(1)).collect()),
                6 => ("const", self.value(0)),
                7 => ("required", json!([*self.pick(&["a", "b", "c"])])),
                8 => ("uniqueItems", json!(true)),
                9 => ("format", json!(*self.pick(&["date", "uuid", "email", "ipv4", "hostname", "regex", "odd"]))),
                10 => ("items", self.schema(depth - 1)),
                11 => ("prefixItems", self.schemas(depth)),
                12 | 13 => ("properties", json!({"a": self.schema(depth - 1), "b": self.schema(depth - 1)})),
                14 => ("additionalProperties", json!(false)),
                15 => ("additionalProperties", self.schema(depth - 1)),
                16 => match self.below(3) {
                    0 => {
                        ("patternProperties", json!({"^[ab]": self.schema(depth - 1), "[bc]$": self.schema(depth - 1)}))
                    }
                    _ => ("patternProperties", json!({"^[ac]": self.schema(depth - 1)})),
                },
                17 => (
                    *self.pick(&["contains", "propertyNames", "unevaluatedProperties", "unevaluatedItems"]),
                    self.schema(depth - 1),
                ),
                18 => ("$ref", json!(*self.pick(&["#/$defs/d", "#/$defs/e", "#/$defs/none"]))),
                19 => (*self.pick(&["not", "if", "then"]), self.schema(depth - 1)),
                20 => ("dependentRequired", json!({"a": ["b"]})),
                24 => ("dependentSchemas", json!({"a": self.schema(depth - 1)})),
                25 => (*self.pick(&["minContains", "maxContains"]), json!(self.below(3))),
                21 => ("allOf", self.schemas(depth)),
                22 => ("anyOf", self.schemas(depth)),
                _ => ("oneOf", self.schemas(depth)),
            };
            map.insert(key.to_owned(), value);
        }
        Value::Object(map)
    }
}

/// A schema of a tool's arguments: an object of two members at least, and now and then what else a schema may say.
pub fn tool(dice: &mut Dice, depth: u64) -> Value {
    let mut root = match dice.below(3) {
        0 => dice.schema(depth),
        _ => json!({}),
    };
    root["type"] = json!("object");
    if root.get("properties").is_none() {
        root["properties"] = json!({"a": dice.schema(depth - 1), "b": dice.schema(depth - 1)});
    }
    if dice.below(2) == 0 {
        root["required"] = json!(["a"]);
    }
    root["$defs"] = json!({"d": dice.schema(1), "e": dice.schema(2)});
    root
}
