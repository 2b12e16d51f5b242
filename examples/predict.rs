//! Reads recordings from standard input (one JSON object a line) and writes the calls that are read in each.
//!
//! `gzip -dc corpus.jsonl.gz | cargo run --release --no-default-features --example predict > predictions.jsonl`
//! An argument names the format; without one each text is read as `auto` does.
#![allow(clippy::print_stdout, reason = "its output is the predictions")]

use std::error::Error;
use std::io::{BufRead, Write};
use std::sync::Arc;

use callwright::chat::{Fault, Tool};
use callwright::check::ToolSet;
use callwright::format::Formats;
use callwright::read::Parser;
use serde_json::{Value, json};

fn main() -> Result<(), Box<dyn Error>> {
    let formats = Formats::builtin();
    let format = std::env::args().nth(1).filter(|name| name != "auto").map(|name| formats.get(&name)).transpose()?;
    let mut out = std::io::BufWriter::new(std::io::stdout().lock());
    for line in std::io::stdin().lock().lines() {
        let row: Value = serde_json::from_str(&line?)?;
        let tools: Vec<Tool> = serde_json::from_value(row["tools"].clone())?;
        let tools = Arc::new(ToolSet::compile(&tools)?);
        let mut parser = match &format {
            Some(format) => Parser::new(Arc::clone(format), tools).recovering(),
            None => Parser::auto(formats, tools),
        };
        parser.push(row["output"].as_str().unwrap_or_default().as_bytes());
        let parsed = parser.finish();
        let unknown = |index: usize| {
            parsed.faults.iter().any(|fault| matches!(fault, Fault::UnknownTool { call, .. } if *call == index))
        };
        let calls = parsed.calls.iter().enumerate().filter(|(index, _)| !unknown(*index));
        let calls: Vec<Value> =
            calls.map(|(_, call)| json!({"name": call.name, "arguments": call.arguments})).collect();
        let prediction = json!({"id": row["id"], "model": row["model"], "category": row["category"], "calls": calls});
        writeln!(out, "{prediction}")?;
    }
    Ok(())
}
