//! What enforcing costs a step: masks and grammars over real vocabularies, with 50 tools.
//!
//! ```text
//! cargo bench --bench masks -- FILE.gguf..
//! ```
//!
//! The files give the vocabularies; weights are not needed (`benches/random_model.py` writes files with the markers of
//! calls as control tokens). For some formats each tool is called once with arguments of every kind; a mask is made
//! before each token that is not forced. The first one after compiling is not counted, since it builds the lexer.
#![allow(clippy::print_stdout, reason = "a table is what it is for")]

use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use callwright::chat::{Call, Tool, ToolChoice};
use callwright::check::ToolSet;
use callwright::constrain::Constraint;
use callwright::format::{Format, Formats};
use callwright::infer::{Early, Lexicon, Words};
use callwright::models::gguf::Vocab;
use serde_json::json;

const FORMATS: [&str; 6] = ["hermes", "llama3", "mistral_v11", "qwen3_coder", "glm45", "pythonic"];
const TOOLS: usize = 50;

fn tools() -> Vec<Tool> {
    let tool = |number: usize| {
        let properties = json!({
            "place": {"type": "string"},
            "count": {"type": "integer", "minimum": 0},
            "ratio": {"type": "number"},
            "unit": {"enum": ["metric", "imperial", "nautical"]},
            "urgent": {"type": "boolean"},
            "labels": {"type": "array", "items": {"type": "string"}},
            "window": {"type": "object", "properties": {"from": {"type": "string"}, "to": {"type": "string"}}},
        });
        let schema = json!({"type": "object", "properties": properties, "required": ["place", "count"]});
        Tool::new(format!("{}_{number}", ["find", "set", "list", "send", "plan"][number % 5]), "does something", schema)
    };
    (0..TOOLS).map(tool).collect()
}

fn call(tool: &Tool) -> Call {
    let arguments = [
        ("place", json!("Ålesund, at the quay <north side>")),
        ("count", json!(42)),
        ("ratio", json!(0.75)),
        ("unit", json!("nautical")),
        ("urgent", json!(true)),
        ("labels", json!(["first of all", "two\nlines"])),
        ("window", json!({"from": "08:15", "to": "the evening"})),
    ];
    Call::new(&tool.name, arguments.into_iter().map(|(key, value)| (key.to_owned(), value)).collect())
}

fn main() -> callwright::Result<()> {
    let files: Vec<String> = std::env::args().skip(1).filter(|argument| !argument.starts_with('-')).collect();
    if files.is_empty() {
        println!("name GGUF files whose vocabularies to use: cargo bench --bench masks -- FILE.gguf");
    }
    let tools = tools();
    for file in &files {
        let began = Instant::now();
        let header = callwright::models::header(Path::new(file))?;
        let Vocab { model, texts, kinds, .. } = &header.vocab;
        let ends = [&header.vocab.eos, &header.vocab.eot, &header.vocab.eom].into_iter().flatten().map(|end| end.id);
        let words = model.as_deref().and_then(|model| Words::of(model, texts.iter(), kinds, ends));
        let early = words.and_then(Early::begin);
        let read = began.elapsed();
        let lexicon = Lexicon::begun(callwright_llama::vocabulary(Path::new(file))?, early);
        let loaded = began.elapsed();
        let began = Instant::now();
        lexicon.compiler()?;
        let ready = began.elapsed();
        println!(
            "{file}: {} tokens; header read in {read:.0?}, loaded in {loaded:.0?}, ready {ready:.0?} later",
            lexicon.vocab().size()
        );
        println!("{:14} {:>10} {:>7} {:>10} {:>10} {:>10}", "format", "compiled", "masks", "median", "p99", "most");
        for name in FORMATS {
            measure(&Formats::builtin().get(name)?, &tools, &lexicon)?;
        }
    }
    Ok(())
}

fn measure(format: &Arc<Format>, tools: &[Tool], lexicon: &Lexicon) -> callwright::Result<()> {
    let set = ToolSet::compile(tools)?;
    let began = Instant::now();
    let Some(constraint) = Constraint::compile(format, &set, &ToolChoice::Required, false, "")? else { return Ok(()) };
    let grammar = lexicon.matcher(&constraint)?;
    let compiled = began.elapsed();
    let mut masks = Vec::new();
    for tool in tools {
        let Ok(text) = format.write(&[call(tool)]) else { continue };
        let mut matcher = grammar.fork();
        let mut written = matcher.consume_forced();
        // What is forced may be written in other tokens than the text's own.
        let forced: usize = written.iter().map(|token| lexicon.vocab().piece(*token).len()).sum();
        let Some(rest) = text.as_bytes().get(forced..) else { continue };
        for token in lexicon.vocab().tokenize(rest, true) {
            if matcher.is_done() || !matcher.fits(token) {
                break;
            }
            let began = Instant::now();
            std::hint::black_box(matcher.mask()?);
            masks.push(began.elapsed());
            matcher.consume(token)?;
            written.push(token);
        }
    }
    let mut masks = masks.split_off(1.min(masks.len()));
    masks.sort_unstable();
    let at = |share: f64| {
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            clippy::cast_precision_loss,
            reason = "a rank"
        )]
        let rank = (masks.len() as f64 * share) as usize;
        masks.get(rank.min(masks.len().saturating_sub(1))).copied().unwrap_or(Duration::ZERO)
    };
    println!(
        "{:14} {:>10.1?} {:>7} {:>10.1?} {:>10.1?} {:>10.1?}",
        format.name(),
        compiled,
        masks.len(),
        at(0.5),
        at(0.99),
        at(1.0)
    );
    Ok(())
}
