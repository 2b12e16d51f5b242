//! Enforcement in every built-in format: what the grammar lets through is read strictly and satisfies the schemas
//! (law 6), and what the format writes is let through (law 3).
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::print_stdout, reason = "a test stops at the first surprise")]

mod common;

use std::collections::BTreeMap;
use std::sync::Arc;

use callwright::chat::{FinishReason, Prompt, Tool, ToolChoice};
use callwright::check::{Level, ToolSet};
use callwright::constrain::Constraint;
use callwright::format::{Field, Format, Formats, Piece, ShapeName};
use callwright::infer::{Generator, Job, Local};
use callwright::read::Parser;
use callwright_test_support::schemas;
use common::jobs::collect;
use common::scripted::{Script, Scripted, Words};
use serde_json::json;

fn literals(pieces: &[Piece]) -> Vec<String> {
    let literal = |piece: &Piece| match piece {
        Piece::Literal(text) => Some(text.clone()),
        Piece::Field(_) => None,
    };
    pieces.iter().filter_map(literal).collect()
}

/// Pieces of the format's own markers, whole and in parts that look alike: what a text is likely to be mistaken by.
fn markers(format: &Format) -> Vec<String> {
    let enforce = format.enforce();
    let mut words = vec!["\"".to_owned(), "}".to_owned(), "\n".to_owned(), ", ".to_owned(), "'".to_owned()];
    words.extend([enforce.call_close.to_owned(), enforce.call_open.to_owned(), enforce.close.clone()]);
    words.extend(literals(enforce.item.pieces()));
    words.extend(enforce.quote.map(str::to_owned));
    if let Some(param) = enforce.param {
        let close = literals(param.after(Field::Value)).concat();
        let tail = literals(enforce.item.after(Field::Params)).concat();
        words.extend(literals(param.pieces()));
        words.push(format!("{close}{tail}{}", enforce.call_close));
        words.push(format!("{close}{}", param.lead()));
        words.push(format!("\n{}", param.lead()));
        words.push(format!("{}{}", close.trim(), tail.trim()));
    }
    let trimmed: Vec<String> = words.iter().map(|word| word.trim().to_owned()).collect();
    words.extend(trimmed);
    words.retain(|word| word.len() > 1);
    words.sort();
    words.dedup();
    words
}

/// A model that says anything and likes the format's markers.
fn rambler(format: &Format, seed: u64) -> Local {
    let markers = markers(format);
    let liked: Vec<&str> = markers.iter().map(String::as_str).collect();
    let words =
        Words::with(&["12", " the", "Paris", "3.5", "true", "None"], &liked, &["<think>", "</think>", "<|end|>"]);
    Scripted::open_over(words, Script::Random(seed), 4000, true).0
}

/// What is held to: schemas that a grammar of our own keeps to the letter, and that the format has room for.
fn whole(format: &Format, tools: Vec<Tool>) -> Vec<Tool> {
    let plain = |mut tool: Tool| {
        strip(&mut tool.parameters);
        if is_block(format) {
            let code = json!({"type": "string", "minLength": tool.name.len() / 3});
            tool.parameters = json!({"type": "object", "properties": {"code": code}});
        }
        tool
    };
    tools.into_iter().map(plain).collect()
}

/// Whether a call of this format is one text.
fn is_block(format: &Format) -> bool {
    format.enforce().shape == ShapeName::NamedText
}

fn strip(schema: &mut serde_json::Value) {
    match schema {
        serde_json::Value::Object(map) => {
            map.shift_remove("pattern");
            if map.get("format").is_some_and(serde_json::Value::is_string) {
                map.shift_remove("format");
            }
            map.values_mut().for_each(strip);
        }
        serde_json::Value::Array(items) => items.iter_mut().for_each(strip),
        _ => {}
    }
}

#[test]
fn every_format_has_a_grammar_that_compiles() {
    let mut wrong = Vec::new();
    for format in Formats::builtin().iter() {
        let tools = if is_block(format) { whole(format, schemas::plain()) } else { schemas::plain() };
        let tools = ToolSet::compile(&tools).unwrap();
        for choice in [ToolChoice::Auto, ToolChoice::Required] {
            let compiled = Constraint::compile(format, &tools, &choice, true, "");
            let proven = compiled.and_then(|constraint| constraint.unwrap().prove().map(<[_]>::to_vec));
            match proven {
                Ok(relaxed) if relaxed.is_empty() => {}
                Ok(relaxed) => wrong.push(format!("{}: {relaxed:?}", format.name())),
                Err(error) => wrong.push(format!(
                    "{}: {error} {:?}",
                    format.name(),
                    std::error::Error::source(&error).map(ToString::to_string)
                )),
            }
        }
    }
    assert!(wrong.is_empty(), "{} wrong\n{}", wrong.len(), wrong.join("\n"));
}

/// How often walks ended in which way.
#[derive(Debug, Default)]
struct Tally {
    whole: usize,
    forced: usize,
    calls: usize,
    told: usize,
}

fn walk(
    model: &dyn Generator,
    format: &Arc<Format>,
    seed: u64,
    temperature: f32,
    tally: &mut Tally,
) -> Result<(), String> {
    let tools = Arc::new(ToolSet::compile(&whole(format, schemas::tools(seed))).unwrap());
    let constraint = match Constraint::compile(format, &tools, &ToolChoice::Required, seed.is_multiple_of(3), "") {
        Ok(constraint) => constraint.unwrap(),
        // A name that the format cannot say is refused, and the error says which.
        Err(error) => {
            tally.told += 1;
            let cause = std::error::Error::source(&error).map(ToString::to_string).unwrap_or_default();
            return if cause.contains("cannot represent") { Ok(()) } else { Err(format!("{error}: {cause}")) };
        }
    };
    let mut job = Job { prompt: Prompt::markup(format!("Case {seed}.\n")), ..Job::default() };
    job.sampling.temperature = temperature;
    job.sampling.seed = seed;
    job.limits.max_tokens = 400;
    job.constraint = Some(constraint.clone());
    let (output, end) = collect(model, job).map_err(|error| format!("{error:?}\n{:.3000}", constraint.grammar()))?;
    let text = String::from_utf8_lossy(&output);
    let mut parser = Parser::new(Arc::clone(format), Arc::clone(&tools)).level(Level::Strict);
    parser.push(&output);
    let parsed = parser.finish();
    let told = |what: &str| {
        Err(format!(
            "{} seed {seed} temperature {temperature}: {what}\n{text:?}\n{:?}\n{:?} {:?}\n{}",
            format.name(),
            parsed.calls,
            parsed.fixes,
            parsed.faults,
            serde_json::to_string(tools.tools()).unwrap()
        ))
    };
    if end.reason != FinishReason::Stop {
        return told("it does not end");
    }
    if parsed.calls.is_empty() || !parsed.text.trim().is_empty() {
        return told("no call");
    }
    if !parsed.fixes.is_empty() {
        return told("fixes");
    }
    if !parsed.faults.is_empty() && constraint.relaxed().is_empty() {
        return told("faults");
    }
    tally.calls += parsed.calls.len();
    tally.told += usize::from(!constraint.relaxed().is_empty());
    if end.forced.is_empty() {
        tally.whole += 1;
    } else {
        tally.forced += 1;
    }
    Ok(())
}

#[test]
fn law_6_enforced_means_valid_in_every_format() {
    let mut wrong: BTreeMap<String, Vec<String>> = BTreeMap::new();
    let mut all = 0;
    for format in Formats::builtin().iter() {
        let mut tally = Tally::default();
        for seed in 300..308 {
            for temperature in [0.0, 1.0] {
                if let Err(told) = walk(&rambler(format, seed), format, seed, temperature, &mut tally) {
                    wrong.entry(format.name().to_owned()).or_default().push(told);
                }
            }
        }
        println!("{} {tally:?}", format.name());
        all += tally.whole + tally.forced;
    }
    let count: usize = wrong.values().map(Vec::len).sum();
    let first: Vec<&String> = wrong.values().filter_map(|told| told.first()).collect();
    let counts: Vec<String> = wrong.iter().map(|(name, told)| format!("{name} {}", told.len())).collect();
    assert!(
        wrong.is_empty(),
        "{count} of {all} wrong: {counts:?}\n{}",
        first.into_iter().map(String::as_str).collect::<Vec<_>>().join("\n\n")
    );
}

/// The same with a model's own tokens and weights that know nothing.
#[cfg(any(feature = "llama", feature = "candle"))]
#[test]
fn law_6_on_a_random_model_in_every_format() {
    for model in common::jobs::models() {
        let mut tally = Tally::default();
        let mut wrong = Vec::new();
        for format in Formats::builtin().iter() {
            for seed in 320..323 {
                for temperature in [0.0, 1.5] {
                    wrong.extend(walk(&*model, format, seed, temperature, &mut tally).err());
                }
            }
        }
        println!("{tally:?}");
        assert!(wrong.is_empty(), "{} wrong\n{}", wrong.len(), wrong.join("\n\n"));
    }
}

/// Where the format's tags are tokens that no text can spell, they end texts as such.
#[test]
fn tags_may_be_control_tokens() {
    let tools = Arc::new(ToolSet::compile(&schemas::plain()).unwrap());
    for name in
        ["glm45", "glm47", "kimi_k3", "qwen3_coder", "gemma4", "functiongemma", "minicpm5", "hermes", "mistral_v13"]
    {
        let format = Formats::builtin().get(name).unwrap();
        let controls = [
            "<tool_call>",
            "</tool_call>",
            "<arg_key>",
            "</arg_key>",
            "<arg_value>",
            "</arg_value>",
            "<|open|>",
            "<|close|>",
            "<|sep|>",
            "<|\"|>",
            "<escape>",
            "<parameter=",
            "</parameter>",
            "<|tool_call>",
            "<tool_call|>",
            "</param>",
            "<start_function_call>",
            "<end_function_call>",
            "[TOOL_CALLS]",
            "[ARGS]",
            "<|end|>",
        ];
        for seed in 0..8 {
            let constraint = Constraint::compile(&format, &tools, &ToolChoice::Required, seed % 2 == 0, "").unwrap();
            let words = Words::with(&["12", " the", "\n", "</", "arg_value"], &[], &controls);
            let model = Scripted::open_over(words, Script::Random(seed), 4000, true).0;
            let mut job = Job { prompt: Prompt::markup("."), constraint, ..Job::default() };
            job.sampling.temperature = 1.0;
            job.sampling.seed = seed;
            job.limits.max_tokens = 300;
            let (output, end) = collect(&model, job).unwrap();
            let mut parser = Parser::new(Arc::clone(&format), Arc::clone(&tools)).level(Level::Strict);
            parser.push(&output);
            let parsed = parser.finish();
            let told = || format!("{name} {seed}: {:?} {parsed:?} {end:?}", String::from_utf8_lossy(&output));
            assert!(parsed.faults.is_empty() && parsed.fixes.is_empty() && !parsed.calls.is_empty(), "{}", told());
        }
    }
}

#[test]
fn a_schema_is_kept_to_in_every_shape() {
    let tools = [Tool::new(
        "set",
        "",
        json!({
            "type": "object",
            "properties": {
                "mode": {"enum": ["on", "off"]},
                "level": {"type": "integer", "minimum": 1, "maximum": 3},
                "tags": {"type": "array", "items": {"type": "boolean"}, "minItems": 1, "maxItems": 2},
                "place": {"type": "object", "properties": {"x": {"type": "null"}}, "required": ["x"]},
            },
            "required": ["mode", "level", "tags", "place"],
        }),
    )];
    let tools = Arc::new(ToolSet::compile(&tools).unwrap());
    for format in Formats::builtin().iter().filter(|format| !is_block(format)) {
        let constraint = Constraint::compile(format, &tools, &ToolChoice::Required, false, "").unwrap().unwrap();
        assert_eq!(constraint.relaxed(), [], "{}", format.name());
        for seed in 0..4 {
            let mut job = Job { prompt: Prompt::markup("."), constraint: Some(constraint.clone()), ..Job::default() };
            job.sampling.temperature = 1.0;
            job.sampling.seed = seed;
            let (output, _) = collect(&rambler(format, seed), job).unwrap();
            let mut parser = Parser::new(Arc::clone(format), Arc::clone(&tools)).level(Level::Strict);
            parser.push(&output);
            let parsed = parser.finish();
            let told = || format!("{}: {:?} {parsed:?}", format.name(), String::from_utf8_lossy(&output));
            assert!(parsed.faults.is_empty() && parsed.fixes.is_empty() && parsed.calls.len() == 1, "{}", told());
        }
    }
}
