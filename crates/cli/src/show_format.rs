//! `callwright show FORMAT`: how a format looks, who writes it, and texts with the calls that they mean.
//!
//! All of it comes from the format's file, whose examples are tested by reading them, so what is shown is what is so.

use serde_json::{Map, Value, json};

use callwright_parse::error::Result;
use callwright_parse::format::{Example, Format};

use super::show::{Block, put, text};
use super::{Exit, World};

pub(super) fn run(format: &Format, world: &World) -> Result<Exit> {
    let row = format.row();
    let mut lines = Map::new();
    put(&mut lines, "name", Some(format.name()));
    put(&mut lines, "looks like", Some(format.description()));
    put(&mut lines, "written by", listed(&row.models));
    put(&mut lines, "stops at", listed(&row.stop));
    let mut shapes: Vec<_> = row.body.iter().map(|body| json!(body.shape)).collect();
    shapes.dedup();
    put(&mut lines, "shapes", listed(&shapes.iter().filter_map(Value::as_str).collect::<Vec<_>>()));
    if world.printer.wants_json() {
        world.printer.json(&json!({"format": lines, "examples": row.example}))?;
        return Ok(Exit::Done);
    }
    let examples = row.example.iter().map(|example| ("example", example_lines(example)));
    let blocks: Vec<Block> = std::iter::once(("format", lines)).chain(examples).collect();
    world.printer.hanging(21, &text(&blocks))?;
    Ok(Exit::Done)
}

fn listed<T: AsRef<str>>(names: &[T]) -> Option<String> {
    let names: Vec<_> = names.iter().map(AsRef::as_ref).collect();
    (!names.is_empty()).then(|| names.join(", "))
}

fn example_lines(example: &Example) -> Map<String, Value> {
    let mut lines = Map::new();
    put(&mut lines, "text", Some(example.text.trim_start_matches('\n')));
    let calls = example.calls.iter().map(|call| format!("{} {}", call.name, json!(call.arguments)));
    let calls: Vec<_> = calls.collect();
    put(&mut lines, "means", Some(if calls.is_empty() { "no call".to_owned() } else { calls.join("\n") }));
    let said = |text: &str| Some(text.to_owned()).filter(|text| !text.is_empty());
    put(&mut lines, "text that remains", said(&example.content));
    put(&mut lines, "reasoning", said(&example.reasoning));
    lines
}
