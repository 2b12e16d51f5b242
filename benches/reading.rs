//! How fast outputs are read: `cargo bench --no-default-features`.
//!
//! The bars: plain text at 1 GB/s or more; a call of 200 bytes read, checked and typed in under 10 µs; 64 kB of one call
//! in chunks of 4 bytes in at most 4 times the time of the whole text, and 1 MB in 16 times that of the 64 kB.
#![allow(missing_docs, clippy::unwrap_used, reason = "a bench is no library and may stop at the first surprise")]

use std::hint::black_box;
use std::sync::Arc;
use std::time::Duration;

use callwright::chat::{Call, Tool};
use callwright::check::{Level, ToolSet};
use callwright::format::{Format, Formats};
use callwright::read::{Parsed, Parser, Recovery};
use criterion::{BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use serde_json::json;

fn tools(count: usize) -> Arc<ToolSet> {
    let schema = json!({"type": "object", "properties": {
        "path": {"type": "string"}, "text": {"type": "string"}, "mode": {"enum": ["append", "replace"]},
        "lines": {"type": "array", "items": {"type": "integer"}}, "force": {"type": "boolean"}
    }, "required": ["path", "text"]});
    let mut tools = vec![Tool::new("write_file", "writes a file", schema.clone())];
    tools.extend((1..count).map(|index| Tool::new(format!("write_file_{index}"), "another one", schema.clone())));
    Arc::new(ToolSet::compile(&tools).unwrap())
}

/// A call with an argument of this many bytes, as the format writes it.
fn text(format: &Format, size: usize) -> String {
    let mut line = "lorem \"ipsum\" dolor sit amet,\n".repeat(size / 29 + 1);
    line.truncate(size);
    let arguments =
        json!({"path": "/tmp/notes.txt", "text": line, "mode": "append", "lines": [1, 2, 3], "force": true});
    let call = Call::new("write_file", arguments.as_object().cloned().unwrap());
    format.write(&[call]).unwrap()
}

fn read(format: &Arc<Format>, tools: &Arc<ToolSet>, text: &str) -> Parsed {
    stream(format, tools, &[text.as_bytes()])
}

fn stream(format: &Arc<Format>, tools: &Arc<ToolSet>, chunks: &[&[u8]]) -> Parsed {
    let mut parser = Parser::new(Arc::clone(format), Arc::clone(tools)).recovery(Recovery::Off);
    for chunk in chunks {
        for event in parser.push(chunk) {
            black_box(&event);
        }
    }
    parser.finish()
}

/// Pieces as long as a model's tokens: a word and the sign behind it, no longer than eight bytes.
fn tokens(text: &str) -> Vec<&[u8]> {
    let words = text.as_bytes().split_inclusive(|byte| !byte.is_ascii_alphanumeric());
    words.flat_map(|word| word.chunks(8)).collect()
}

fn whole_texts(criterion: &mut Criterion) {
    let tools = tools(1);
    let mut group = criterion.benchmark_group("whole");
    for format in Formats::builtin().iter() {
        let text = text(format, 20_000);
        assert_eq!(read(format, &tools, &text).calls.len(), 1, "{}", format.name());
        group.throughput(Throughput::Bytes(text.len() as u64));
        group.bench_function(format.name(), |bench| bench.iter(|| read(format, &tools, &text)));
    }
    group.finish();
}

fn streams(criterion: &mut Criterion) {
    let tools = tools(1);
    let mut group = criterion.benchmark_group("stream");
    for name in ["hermes", "qwen3_coder", "pythonic", "kimi_k2", "gemma4"] {
        let format = Formats::builtin().get(name).unwrap();
        for size in [2_000, 64_000, 1_000_000] {
            let text = text(&format, size);
            group.throughput(Throughput::Bytes(text.len() as u64));
            let fours = text.as_bytes().chunks(4).collect();
            for (title, chunks) in [("4 bytes", fours), ("tokens", tokens(&text)), ("whole", vec![text.as_bytes()])] {
                let id = BenchmarkId::new(format!("{name}, {title}"), size);
                group.bench_function(id, |bench| bench.iter(|| stream(&format, &tools, &chunks)));
            }
        }
    }
    group.finish();
}

fn plain_text(criterion: &mut Criterion) {
    let tools = tools(1);
    let mut group = criterion.benchmark_group("plain text");
    let text = "The quick brown fox jumps over the lazy dog, and nobody calls any tool about that.\n".repeat(12_000);
    group.throughput(Throughput::Bytes(text.len() as u64));
    for name in ["hermes", "llama3", "kimi_k2", "qwen3_coder", "pythonic", "harmony"] {
        let format = Formats::builtin().get(name).unwrap();
        group.bench_function(name, |bench| bench.iter(|| read(&format, &tools, &text)));
    }
    group.finish();
}

fn small_calls(criterion: &mut Criterion) {
    let tools = tools(1);
    let mut group = criterion.benchmark_group("a call of 200 bytes");
    for name in ["hermes", "qwen3_coder", "pythonic", "kimi_k2", "gemma4"] {
        let format = Formats::builtin().get(name).unwrap();
        let text = text(&format, 60);
        group.bench_function(name, |bench| bench.iter(|| read(&format, &tools, &text)));
    }
    group.bench_function("auto", |bench| {
        let text = text(&Formats::builtin().get("hermes").unwrap(), 60);
        bench.iter(|| {
            let mut parser = Parser::auto(Formats::builtin(), Arc::clone(&tools));
            parser.push(text.as_bytes());
            parser.finish()
        });
    });
    group.finish();
}

fn checking(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("check with tools");
    let arguments = json!({"path": "/tmp/x", "text": "y", "mode": "append", "lines": ["1", 2], "force": "true"});
    for count in [1, 10, 100] {
        let tools = tools(count);
        let name = format!("write_file{}", if count > 1 { "_9" } else { "" });
        group.bench_function(BenchmarkId::from_parameter(count), |bench| {
            bench.iter(|| tools.check(&name, arguments.clone(), Level::Standard, 0..1, 0));
        });
    }
    group.finish();
}

criterion_group! {
    name = reading;
    config = Criterion::default().warm_up_time(Duration::from_millis(300)).measurement_time(Duration::from_secs(1)).sample_size(20);
    targets = whole_texts, streams, plain_text, small_calls, checking
}
criterion_main!(reading);
