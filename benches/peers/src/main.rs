//! The same texts, read by callwright, tool-parser and dynamo-parsers: whole, and in chunks of 4 bytes.
//!
//! Each is given the parser that its authors name for the format. dynamo-parsers holds a stream back and reads it at its
//! end, so its time for a stream is that of the whole text at best; it is not measured in chunks. A reader that finds no
//! call is told so: its time is worth nothing.

use std::hint::black_box;
use std::sync::Arc;
use std::time::{Duration, Instant};

use callwright::chat::{Call, Tool};
use callwright::check::ToolSet;
use callwright::format::{Format, Formats};
use callwright::read::Parser;
use openai_protocol::common::Tool as PeerTool;
use serde_json::{Value, json};
use tool_parser::{ParserFactory, ToolParser};

/// Formats with the peers' names for them.
const FORMATS: [(&str, &str, &str); 6] = [
    ("hermes", "qwen", "hermes"),
    ("llama3", "llama", "llama3_json"),
    ("qwen3_coder", "qwen_coder", "qwen3_coder"),
    ("pythonic", "pythonic", "pythonic"),
    ("kimi_k2", "kimik2", "kimi_k2"),
    ("glm47", "glm47_moe", "glm47"),
];

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let runtime = tokio::runtime::Builder::new_current_thread().build()?;
    let schema = json!({"type": "object", "properties": {"path": {"type": "string"}, "text": {"type": "string"}}});
    let tools = Arc::new(ToolSet::compile(&[Tool::new("write_file", "writes", schema.clone())])?);
    let peers: Vec<PeerTool> = serde_json::from_value(
        json!([{"type": "function", "function": {"name": "write_file", "parameters": schema}}]),
    )?;
    let factory = ParserFactory::new();
    println!("{:<12} {:>7}  {:>12} {:>22} {:>22}", "format", "bytes", "callwright", "tool-parser", "dynamo-parsers");
    for (name, theirs, dynamos) in FORMATS {
        let format = Formats::builtin().get(name)?;
        for size in [200, 2_000, 20_000, 64_000] {
            let text = written(&format, size)?;
            let whole = time(|| ours(&format, &tools, &text, text.len()));
            let stream = time(|| ours(&format, &tools, &text, 4));
            let complete = time(|| {
                let parser = factory.registry().create_parser(theirs)?;
                let read = runtime.block_on(parser.parse_complete_with_tools(&text, &peers)).ok()?;
                (!read.1.is_empty()).then_some(())
            });
            let incremental = time(|| {
                let parser = factory.registry().create_parser(theirs)?;
                runtime.block_on(in_chunks(parser, &text, &peers))
            });
            let dynamo = time(|| {
                let read =
                    runtime.block_on(dynamo_parsers::detect_and_parse_tool_call(&text, Some(dynamos), None)).ok()?;
                (!read.0.is_empty()).then_some(())
            });
            row(name, text.len(), "whole", whole, complete, dynamo);
            row(name, text.len(), "4 bytes", stream, incremental, dynamo);
        }
    }
    Ok(())
}

/// A call with an argument of this many bytes, as the format writes it.
fn written(format: &Format, size: usize) -> Result<String, Box<dyn std::error::Error>> {
    let mut line = "lorem ipsum dolor sit amet, consectetur. ".repeat(size / 41 + 1);
    line.truncate(size);
    let arguments: Value = json!({"path": "/tmp/notes.txt", "text": line});
    let call = Call::new("write_file", arguments.as_object().cloned().unwrap_or_default());
    Ok(format.write(&[call])?)
}

fn ours(format: &Arc<Format>, tools: &Arc<ToolSet>, text: &str, chunk: usize) -> Option<()> {
    let mut parser = Parser::new(Arc::clone(format), Arc::clone(tools));
    for chunk in text.as_bytes().chunks(chunk) {
        black_box(parser.push(chunk));
    }
    (parser.finish().calls.len() == 1).then_some(())
}

async fn in_chunks(mut parser: Box<dyn ToolParser>, text: &str, tools: &[PeerTool]) -> Option<()> {
    let mut calls = 0;
    for chunk in text.as_bytes().chunks(4) {
        let read = parser.parse_incremental(std::str::from_utf8(chunk).ok()?, tools).await.ok()?;
        calls += read.calls.len();
    }
    (calls > 0).then_some(())
}

/// The best of several runs, for half a second; nothing where no call was found.
fn time(mut run: impl FnMut() -> Option<()>) -> Option<Duration> {
    let (started, mut best) = (Instant::now(), Duration::MAX);
    loop {
        let one = Instant::now();
        run()?;
        best = best.min(one.elapsed());
        if started.elapsed() > Duration::from_millis(500) {
            return Some(best);
        }
    }
}

fn row(
    name: &str,
    bytes: usize,
    how: &str,
    own: Option<Duration>,
    tool_parser: Option<Duration>,
    dynamo: Option<Duration>,
) {
    let told = |time: Option<Duration>| match (time, own) {
        (Some(time), Some(own)) => format!("{time:>11.1?} ({:>6.1}x)", time.as_secs_f64() / own.as_secs_f64()),
        _ => "no call found".to_owned(),
    };
    let own = own.map_or_else(|| "no call".to_owned(), |own| format!("{own:.1?}"));
    println!("{name:<12} {bytes:>7}  {own:>12} {:>22} {:>22}  {how}", told(tool_parser), told(dynamo));
}
