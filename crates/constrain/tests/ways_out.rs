//! The way out of a call is the shortest there is, from any place, in every format.
#![allow(clippy::unwrap_used, clippy::print_stdout, reason = "a test stops at the first surprise")]

use std::sync::Arc;

use callwright_constrain::{Compiler, Constraint, Matcher};
use callwright_parse::chat::{Tool, ToolChoice};
use callwright_parse::check::{Level, ToolSet};
use callwright_parse::format::{Format, Formats};
use callwright_parse::read::Parser;
use serde_json::{Value, json};

/// Tools whose shortest calls are not found by trying letters.
fn tools() -> Vec<(&'static str, Value)> {
    let one = |schema: Value| json!({"type": "object", "properties": {"v": schema}, "required": ["v"]});
    let text = |pattern: &str| one(json!({"type": "string", "pattern": pattern}));
    let node = json!({"type": "object", "properties": {"next": {"anyOf": [{"$ref": "#/$defs/node"}, {"type": "null"}]},
        "id": {"type": "integer"}}, "required": ["next", "id"]});
    vec![
        ("anchored", text(r"^\d+Z$")),
        ("unanchored", text(r"\d{3}")),
        ("slash", text(r"^[\w.]+\/[\w]+$")),
        ("duration", one(json!({"type": "string", "format": "duration"}))),
        ("moment", one(json!({"type": "string", "format": "date-time"}))),
        ("id", one(json!({"type": "string", "format": "uuid"}))),
        ("long", one(json!({"type": "string", "minLength": 12, "maxLength": 20}))),
        ("several", one(json!({"type": "array", "items": {"enum": ["one", "two", 3]}, "minItems": 3}))),
        (
            "node",
            json!({"type": "object", "properties": {"v": {"$ref": "#/$defs/node"}}, "required": ["v"],
            "$defs": {"node": node}}),
        ),
        (
            "either",
            one(json!({"anyOf": [
            {"type": "object", "properties": {"a": {"type": "string"}, "b": {"type": "string"}}, "required": ["a", "b"]},
            {"type": "object", "properties": {"a": {"type": "number"}}, "required": ["a"]},
            {"type": "boolean"}]})),
        ),
        (
            "options",
            json!({"type": "object", "properties": {"a": {"type": "string"}, "b": {"type": "integer"},
            "c": {"enum": ["red", "green"]}, "d": {"type": "array", "items": {"type": "string"}}}, "required": ["b"]}),
        ),
    ]
}

fn chance(state: &mut u64, of: usize) -> usize {
    *state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
    usize::try_from(*state >> 33).unwrap() % of
}

/// Whether this output is one call, strictly and by its schema.
fn is_valid(format: &Arc<Format>, tools: &Arc<ToolSet>, output: &[u8]) -> Result<(), String> {
    let mut parser = Parser::new(Arc::clone(format), Arc::clone(tools)).level(Level::Strict);
    parser.push(output);
    let parsed = parser.finish();
    let fine = parsed.calls.len() == 1 && parsed.faults.is_empty() && parsed.fixes.is_empty();
    if fine { Ok(()) } else { Err(format!("{:?}: {parsed:?}", String::from_utf8_lossy(output))) }
}

fn tokens(text: &[u32]) -> Vec<u8> {
    text.iter().map(|byte| u8::try_from(*byte).unwrap()).collect()
}

#[test]
fn the_way_out_is_the_shortest_from_any_place() {
    let compiler = Compiler::of_bytes().unwrap();
    let (mut looks, mut walks, mut wrong) = (0, 0, Vec::new());
    for (number, (name, schema)) in tools().into_iter().enumerate() {
        let set = Arc::new(ToolSet::compile(&[Tool::new(name, "", schema)]).unwrap());
        for (index, format) in Formats::builtin().iter().enumerate() {
            let Ok(Some(constraint)) = Constraint::compile(format, &set, &ToolChoice::Required, false, "") else {
                continue;
            };
            let mut state = u64::try_from(number * 100 + index).unwrap();
            let mut walked: Matcher = constraint.matcher(&compiler, &[]).unwrap();
            let told = constraint.relaxed().len();
            let mut output = Vec::new();
            for step in 0..60 {
                let place = format!("{} {name} {:?}", format.name(), String::from_utf8_lossy(&output));
                let Some(way) = walked.way_out().unwrap() else {
                    wrong.push(format!("no way: {place}"));
                    break;
                };
                looks += 1;
                if step % 10 == 0 {
                    let mut out = walked.fork();
                    for byte in &way {
                        out.consume(*byte).unwrap();
                    }
                    assert!(out.may_end(), "{place}: {:?}", String::from_utf8_lossy(&tokens(&way)));
                    let whole = [output.clone(), tokens(&way)].concat();
                    if let Err(why) =
                        is_valid(format, &set, &whole).or_else(|why| if told > 0 { Ok(()) } else { Err(why) })
                    {
                        wrong.push(format!("not valid: {} {name} {why}", format.name()));
                        break;
                    }
                }
                if walked.is_done() {
                    break;
                }
                let allowed: Vec<u32> = walked.mask().unwrap().tokens().filter(|byte| *byte < 256).collect();
                // Now and then along the way, or texts would never end.
                let next = match way.first() {
                    Some(first) if chance(&mut state, 3) > 0 => *first,
                    _ if allowed.is_empty() => break,
                    _ => allowed[chance(&mut state, allowed.len())],
                };
                walked.consume(next).unwrap();
                output.push(u8::try_from(next).unwrap());
                let then = walked.way_out().unwrap().map_or(usize::MAX, |way| way.len());
                if then + 1 < way.len() || (way.first() == Some(&next) && then + 1 != way.len()) {
                    wrong.push(format!("{} became {then} after {:?}: {place}", way.len(), char::from_u32(next)));
                    break;
                }
            }
            walks += 1;
        }
    }
    println!("{walks} walks, {looks} looks");
    assert!(wrong.is_empty(), "{} of {walks} wrong\n{}", wrong.len(), wrong.join("\n"));
    assert!(walks > 300, "{walks}");
}
