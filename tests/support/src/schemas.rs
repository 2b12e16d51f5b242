//! Tools with random schemas, from a seed: the keywords that people use, nested a few levels.

use callwright_parse::chat::Tool;
use serde_json::{Map, Value, json};

use crate::dice::Dice;

const PATTERNS: [&str; 3] = ["^[A-Z]{2,4}-[0-9]{1,3}$", "^(north|south)$", "^#[0-9a-f]{6}$"];
const FORMATS: [&str; 5] = ["date", "time", "date-time", "email", "uuid"];

/// A number below this one, by the lowest bits.
fn throw(dice: &mut Dice, sides: usize) -> usize {
    usize::try_from(dice.bits() % u64::try_from(sides).unwrap()).unwrap()
}

/// One to four tools.
pub fn tools(seed: u64) -> Vec<Tool> {
    let mut dice = Dice::new(seed);
    let count = 1 + throw(&mut dice, 4);
    (0..count)
        .map(|index| Tool::new(format!("tool-{index}_{}", "x".repeat(throw(&mut dice, 5))), "", object(&mut dice, 0)))
        .collect()
}

fn object(dice: &mut Dice, depth: usize) -> Value {
    let names = ["a", "city", "line \"two\"", "größe", "n_1", "x-y", "true", "a b"];
    let mut properties = Map::new();
    let mut required = Vec::new();
    for _ in 0..throw(dice, 4) {
        let name = names[throw(dice, names.len())];
        if properties.insert(name.to_owned(), schema(dice, depth + 1)).is_none() && throw(dice, 2) == 0 {
            required.push(name);
        }
    }
    json!({"type": "object", "properties": properties, "required": required})
}

fn schema(dice: &mut Dice, depth: usize) -> Value {
    match throw(dice, if depth > 2 { 13 } else { 17 }) {
        0 | 1 => json!({"type": "string"}),
        2 => json!({"type": "string", "minLength": throw(dice, 8), "maxLength": 8 + throw(dice, 20)}),
        3 => json!({"type": "string", "pattern": PATTERNS[throw(dice, PATTERNS.len())]}),
        4 => json!({"type": "string", "format": FORMATS[throw(dice, FORMATS.len())]}),
        5 => json!({"enum": ["low", "high", "very \"high\"", 5, null, true]}),
        6 => json!({"type": "integer"}),
        7 => json!({"type": "integer", "minimum": -7, "maximum": throw(dice, 5000)}),
        8 => json!({"type": "number"}),
        9 => json!({"type": "number", "minimum": 0, "exclusiveMaximum": 1}),
        10 => json!({"type": "boolean"}),
        11 => json!({"type": ["string", "null"]}),
        12 => json!({"const": ["fixed", 1]}),
        13 => {
            json!({"type": "array", "items": schema(dice, depth + 1), "minItems": throw(dice, 3), "maxItems": 2 + throw(dice, 9)})
        }
        14 => json!({"type": "array", "items": schema(dice, depth + 1)}),
        15 => json!({"anyOf": [schema(dice, depth + 1), schema(dice, depth + 1)]}),
        _ => object(dice, depth),
    }
}

/// Tools as people write them, of every type.
pub fn plain() -> Vec<Tool> {
    let weather = json!({
        "type": "object",
        "properties": {
            "city": {"type": "string", "description": "where"},
            "unit": {"enum": ["celsius", "fahrenheit"]},
            "days": {"type": "integer", "minimum": 1, "maximum": 14},
            "hours": {"type": "array", "items": {"type": "number"}, "maxItems": 24},
        },
        "required": ["city"],
    });
    let event = json!({
        "type": "object",
        "properties": {
            "title": {"type": "string", "minLength": 1, "maxLength": 80},
            "note": {"type": ["string", "null"]},
            "loud": {"type": "boolean"},
            "place": {"type": "object", "properties": {"name": {"type": "string"}, "x": {"type": "number"}}, "required": ["name"]},
            "guests": {"type": "array", "items": {"$ref": "#/$defs/guest"}},
        },
        "required": ["title", "place"],
        "$defs": {"guest": {"type": "object", "properties": {"name": {"type": "string"}, "with": {"$ref": "#/$defs/guest"}}}},
    });
    vec![
        Tool::new("get_weather", "weather", weather),
        Tool::new("add_event", "an event", event),
        Tool::new("now", "the time", json!({"type": "object"})),
    ]
}
