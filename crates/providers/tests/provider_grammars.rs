//! Law 6 for other engines: what a grammar lets through that was translated for them parses strictly and fits the schema.
#![allow(clippy::expect_used, clippy::print_stdout, reason = "a test stops at the first surprise, and tells figures")]

#[path = "common/asking.rs"]
mod asking;
#[path = "common/gbnf.rs"]
mod gbnf;

use std::sync::Arc;

use asking::{QUICK, block_on, catalog, gate};
use callwright_constrain::Constraint;
use callwright_infer::{Generator, Job};
use callwright_parse::chat::{Prompt, Tool, ToolChoice};
use callwright_parse::check::{Level, ToolSet};
use callwright_parse::format::Formats;
use callwright_parse::read::Parser;
use callwright_providers::{Bodies, Parts, Raw};
use callwright_test_support::fault_server::{Came, Server, answer, streamed};
use gbnf::Gbnf;
use serde_json::json;

/// A llama-server that keeps what it is asked.
fn engine() -> Server {
    Server::start(|_, came: &Came| {
        let json = |text: &str| answer(200, &[("content-type", "application/json")], text.as_bytes());
        match came.line.split(' ').nth(1).unwrap_or_default() {
            "/props" => json("{\"default_generation_settings\": {\"n_ctx\": 4096}}"),
            "/v1/models" => json("{\"data\": [{\"id\": \"m\"}]}"),
            "/tokenize" => json("{\"tokens\": [1]}"),
            _ => streamed("text/event-stream", b"data: {\"content\":\"\",\"stop\":true,\"stop_type\":\"eos\"}\n\n"),
        }
    })
}

/// What is sent in place of our grammar.
fn translated(raw: &Raw, server: &Server, constraint: Constraint) -> String {
    let job = Job { prompt: Prompt::markup("x"), constraint: Some(constraint), ..Job::default() };
    block_on(async {
        let mut chunks = raw.generate(job).expect("begun");
        while let Some(chunk) = std::future::poll_fn(|context| chunks.as_mut().poll_next(context)).await {
            chunk.expect("a chunk");
        }
    });
    let asked = server.came().pop().expect("a request").json();
    asked["grammar"].as_str().expect("a grammar").to_owned()
}

fn tools() -> Vec<Tool> {
    let weather = json!({"type": "object", "properties": {
        "city": {"type": "string"}, "days": {"type": "integer"}, "unit": {"enum": ["c", "f"]}, "warm": {"type": "boolean"},
        "tags": {"type": "array", "items": {"type": "string"}, "minItems": 1},
        "place": {"type": "object", "properties": {"lat": {"type": "number"}, "note": {"type": ["string", "null"]}},
            "required": ["lat"], "additionalProperties": false},
    }, "required": ["city", "days"]});
    let note = json!({"type": "object", "properties": {"text": {"type": "string"}}, "required": ["text"]});
    let odd = json!({"type": "object", "$defs": {"level": {"enum": ["low", "high", 3, null], "type": "string"}}, "properties": {
        "level": {"$ref": "#/$defs/level"}, "kind": {"type": "integer", "enum": [1, 2, "three"]},
        "limits": {"type": "object", "additionalProperties": {"type": "integer"}},
        "more": {"type": "object", "properties": {"a": {"type": "boolean"}}, "required": ["a", "unnamed"]},
        "either": {"anyOf": [{"type": "object", "properties": {"x": {"type": "integer"}}, "required": ["x"]}, {"type": "null"}]},
        "only": {"allOf": [{"type": "boolean"}]}, "untyped": {"properties": {"y": {"const": "z"}}, "required": ["y"]},
    }, "required": ["level", "limits", "more"]});
    vec![
        Tool::new("get_weather", "The weather", weather),
        Tool::new("note", "Keeps a text", note),
        Tool::new("odd", "Takes what is rare", odd),
    ]
}

#[test]
fn law_6_enforced_means_valid_on_other_engines() {
    let folder = tempfile::tempdir().expect("a folder");
    let server = engine();
    let catalog = catalog("openai_chat", &server.address, QUICK);
    let parts = Parts::new(Arc::clone(catalog.get("test").expect("a row")), None, gate(folder.path(), Bodies::LeftOut));
    let raw = block_on(Raw::connect(parts)).expect("an engine");
    let mut seed = 0x9e37_79b9_7f4a_7c15_u64;
    let mut dice = |sides: usize| {
        seed ^= seed << 13;
        seed ^= seed >> 7;
        seed ^= seed << 17;
        usize::try_from(seed >> 33).expect("small") % sides
    };
    let (mut written, mut formats, mut wrong) = (0, 0, Vec::new());
    for format in Formats::builtin().iter() {
        let tools = Arc::new(ToolSet::compile(&tools()).expect("tools"));
        let Ok(Some(constraint)) = Constraint::compile(format, &tools, &ToolChoice::Required, true, "") else {
            continue;
        };
        let own = Constraint::compile(format, &tools, &ToolChoice::Auto, true, "").expect("a grammar").expect("some");
        assert!(raw.enforces(&own), "{}: a call of the model's own choice", format.name());
        let grammar = Gbnf::read(&translated(&raw, &server, constraint));
        formats += 1;
        let mut misses = Vec::new();
        for _ in 0..150 {
            let text = grammar.write(&mut dice);
            let mut parser = Parser::new(Arc::clone(format), Arc::clone(&tools)).level(Level::Strict);
            parser.push(text.as_bytes());
            let parsed = parser.finish();
            written += 1;
            if parsed.calls.is_empty() || !parsed.faults.is_empty() {
                misses.push(format!("{text:?}: {:?} {:?}", parsed.calls.len(), parsed.faults));
            }
        }
        if !misses.is_empty() {
            wrong.push(format!("{}: {} of 150, as {}", format.name(), misses.len(), misses[0]));
        }
    }
    println!("{written} texts of {formats} formats");
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}
