//! What 500 tools cost: writing their grammar, compiling it, the first mask and the way out of a call.
//!
//! ```text
//! cargo bench -p callwright-constrain --bench large
//! ```
#![allow(clippy::unwrap_used, clippy::print_stdout, reason = "a table is what it is for")]

use std::time::Instant;

use callwright_constrain::{Compiler, Constraint};
use callwright_parse::chat::{Tool, ToolChoice};
use callwright_parse::check::ToolSet;
use callwright_parse::format::Formats;
use serde_json::{Value, json};

/// 500 tools, each with texts, patterns, constants, lists and objects.
fn tools() -> Vec<Tool> {
    let tool = |number: usize| {
        let mut properties = serde_json::Map::new();
        for field in 0..12 {
            let schema: Value = match field % 6 {
                0 => json!({"type": "string", "description": "what it is called, in the words of those who use it"}),
                1 => json!({"type": "string", "pattern": format!("^[a-z]{{{}}}-\\d+$", 2 + number % 5)}),
                2 => json!({"enum": ["small", "middle", "large", format!("size {number}")]}),
                3 => json!({"type": "array", "items": {"type": "string"}, "maxItems": 10}),
                4 => json!({"type": "object", "properties": {"from": {"type": "string", "format": "date"},
                    "to": {"type": ["string", "null"]}}, "required": ["from"]}),
                _ => json!({"type": "integer", "minimum": 0, "maximum": 100 + number}),
            };
            properties.insert(format!("field_{field}_{}", number % 40), schema);
        }
        let required: Vec<String> = properties.keys().take(3).cloned().collect();
        Tool::new(
            format!("tool_{number}"),
            "",
            json!({"type": "object", "properties": properties, "required": required}),
        )
    };
    (0..500).map(tool).collect()
}

fn main() {
    let tools = tools();
    let size: usize = tools.iter().map(|tool| tool.parameters.to_string().len()).sum();
    let began = Instant::now();
    let set = ToolSet::compile(&tools).unwrap();
    println!("{} tools of {size} bytes, checked in {:.0?}", tools.len(), began.elapsed());
    let compiler = Compiler::of_bytes().unwrap();
    for name in ["hermes", "pythonic", "qwen3_coder", "glm45"] {
        let format = Formats::builtin().get(name).unwrap();
        for choice in [ToolChoice::Required, ToolChoice::Named("tool_250".to_owned())] {
            let began = Instant::now();
            let constraint = Constraint::compile(&format, &set, &choice, true, "").unwrap().unwrap();
            let made = began.elapsed();
            let began = Instant::now();
            let mut matcher = constraint.matcher(&compiler, &[]).unwrap();
            let grammar = began.elapsed();
            let began = Instant::now();
            matcher.mask().unwrap();
            let mask = began.elapsed();
            let began = Instant::now();
            let way = matcher.way_out().unwrap().unwrap();
            let first = began.elapsed();
            for byte in &way[..way.len() / 2] {
                matcher.consume(*byte).unwrap();
            }
            let began = Instant::now();
            matcher.way_out().unwrap().unwrap();
            let (again, told) = (began.elapsed(), constraint.relaxed().len());
            println!(
                "{name:12} {choice:?}: written {made:.1?}, compiled {grammar:.1?}, first mask {mask:.1?}, way out {first:.1?}, then {again:.1?}, {told} told"
            );
            assert!(matcher.error().is_none());
        }
    }
}
