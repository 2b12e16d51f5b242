//! What every format writes may be generated under its grammar (law 3), and a model that writes it is not disturbed.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::print_stdout, reason = "a test stops at the first surprise")]

mod common;

use std::sync::Arc;

use callwright::chat::{Call, Prompt, Tool, ToolChoice};
use callwright::check::{Level, ToolSet};
use callwright::constrain::Constraint;
use callwright::format::{Escape, Format, Formats, Nested, ShapeName};
use callwright::infer::Job;
use callwright::read::Parser;
use callwright_test_support::reading::{call, nasty_calls, tools_of};
use common::jobs::collect;
use common::scripted::{Script, Scripted, Words};
use serde_json::json;

/// Calls that a format writes and its grammar does not let through, and why that is so.
fn narrower(format: &Format, title: &str, calls: &[Call]) -> bool {
    match title {
        // The end of a CDATA section inside one.
        "cdata" => format.enforce().escape == Escape::Cdata,
        // Objects with members that no schema names, written as elements.
        "nested" | "key with a blank" => format.enforce().nested == Nested::Elements,
        _ => calls.iter().any(|call| holds_own_tag(format, &json!(call.arguments).to_string())),
    }
}

/// Whether a text holds a tag of the format's own calls: the reader counts those that open and close inside a value, and
/// a grammar cannot.
fn holds_own_tag(format: &Format, text: &str) -> bool {
    let tagged = format.enforce().shape == ShapeName::TaggedParams;
    let tags = format.endings();
    tagged
        && tags.own.iter().chain(&tags.names).any(|tag| text.contains(tag.split_inclusive('=').next().unwrap_or(tag)))
}

/// Texts where the schema allows another type, too, which begins with the same letters.
fn ambiguous_calls() -> Vec<(&'static str, Vec<Call>, ToolSet)> {
    let schema = json!({"type": "object", "properties": {
        "note": {"type": ["string", "null"]},
        "mode": {"enum": ["on", "once", "on time", null]},
        "last": {"anyOf": [{"type": "string"}, {"type": "boolean"}, {"type": "null"}]},
    }});
    let tools = || ToolSet::compile(&[Tool::new("note_it", "", schema.clone())]).unwrap();
    let mut calls = Vec::new();
    for (title, note) in
        [("null", json!(null)), ("no", json!("no")), ("nul", json!("nul")), ("nullify", json!("nullify it"))]
    {
        for (mode, last) in
            [("on", json!("f")), ("once", json!("falsely")), ("on time", json!(false)), ("on", json!(null))]
        {
            calls.push((title, vec![call("note_it", json!({"note": note, "mode": mode, "last": last}))], tools()));
        }
    }
    calls
}

#[test]
fn law_3_what_is_written_may_be_generated() {
    let mut wrong = Vec::new();
    for format in Formats::builtin().iter() {
        let nasty = nasty_calls().into_iter().map(|(title, calls)| {
            let tools = tools_of(&calls);
            (title, calls, tools)
        });
        let ambiguous = ambiguous_calls().into_iter().map(|(title, calls, tools)| (title, calls, Arc::new(tools)));
        for (title, calls, tools) in nasty.chain(ambiguous) {
            let Ok(text) = format.write(&calls) else { continue };
            // A loop is led out of, and these bytes are one.
            if title == "long" || narrower(format, title, &calls) {
                continue;
            }
            let constraint = match Constraint::compile(format, &tools, &ToolChoice::Required, true, "") {
                Ok(constraint) => constraint.unwrap(),
                Err(error) => {
                    wrong.push(format!("{} {title}: {error}", format.name()));
                    continue;
                }
            };
            let words = Words::bytes();
            let end = words.end();
            let script = text.bytes().map(u32::from).chain([end]).collect();
            let model = Scripted::open_over(words, Script::Behind(script), 4000, true).0;
            let mut job = Job { prompt: Prompt::markup("."), constraint: Some(constraint.clone()), ..Job::default() };
            job.limits.max_tokens = 3000;
            match collect(&model, job) {
                Ok((output, _)) if output == text.as_bytes() => {}
                Ok((output, _)) => {
                    let same = output.iter().zip(text.as_bytes()).take_while(|(a, b)| a == b).count();
                    let (output, written) =
                        (String::from_utf8_lossy(&output[same..]), String::from_utf8_lossy(&text.as_bytes()[same..]));
                    let show = |text: &str| text.chars().take(40).collect::<String>();
                    wrong.push(format!(
                        "{} {title} at {same}: wanted {:?}, got {:?}",
                        format.name(),
                        show(&written),
                        show(&output)
                    ));
                }
                Err(error) => {
                    wrong.push(format!("{} {title}: {error:?}\n{:.300}", format.name(), constraint.grammar()));
                }
            }
        }
    }
    assert!(wrong.is_empty(), "{} wrong\n{}", wrong.len(), wrong.join("\n"));
}

/// A model that makes a call by itself, as its format writes it, is not disturbed.
#[test]
fn what_the_model_writes_by_itself_is_left_as_it_is() {
    let mut wrong = Vec::new();
    for format in Formats::builtin().iter() {
        for (title, calls) in
            nasty_calls().into_iter().filter(|(title, _)| ["plain", "two calls", "quotes"].contains(title))
        {
            let Ok(text) = format.write(&calls) else { continue };
            let tools = tools_of(&calls);
            let constraint = Constraint::compile(format, &tools, &ToolChoice::Auto, true, "").unwrap();
            let words = Words::bytes();
            let end = words.end();
            let script = text.bytes().map(u32::from).chain([end]).collect();
            let model = Scripted::open_over(words, Script::Behind(script), 4000, true).0;
            let mut job = Job { prompt: Prompt::markup("."), constraint, ..Job::default() };
            job.limits.max_tokens = 3000;
            let (output, end) = collect(&model, job).unwrap();
            if output != text.as_bytes() || end.usage.forced_tokens == 0 {
                let output = String::from_utf8_lossy(&output);
                wrong.push(format!("{} {title}: wanted {text:?}, got {output:?}, {end:?}", format.name()));
            }
        }
    }
    assert!(wrong.is_empty(), "{} wrong\n{}", wrong.len(), wrong.join("\n"));
}

/// A model may not know how a text ends in this format. Where it would rather end its answer, the text ends.
#[test]
fn a_text_ends_where_the_model_would_end_its_answer() {
    let city = json!({"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]});
    let tools = Arc::new(ToolSet::compile(&[Tool::new("weather_now", "", city)]).unwrap());
    let wanted = call("weather_now", json!({"city": "Oslo"}));
    for format in Formats::builtin().iter() {
        let text = format.write(std::slice::from_ref(&wanted)).unwrap();
        let begun = &text[..text.find("Oslo").unwrap() + "Oslo".len()];
        let constraint = Constraint::compile(format, &tools, &ToolChoice::Required, false, "").unwrap();
        let script = begun.bytes().map(u32::from).collect();
        let model = Scripted::open_over(Words::bytes(), Script::Behind(script), 4000, true).0;
        let job = Job { prompt: Prompt::markup("."), constraint, ..Job::default() };
        let (output, end) = collect(&model, job).unwrap();
        let mut parser = Parser::new(Arc::clone(format), Arc::clone(&tools)).level(Level::Strict);
        parser.push(&output);
        let parsed = parser.finish();
        let told = || format!("{}: {:?} {parsed:?}", format.name(), String::from_utf8_lossy(&output));
        assert!(parsed.faults.is_empty() && parsed.fixes.is_empty() && end.forced.is_empty(), "{}", told());
        assert_eq!(parsed.calls[0].arguments, wanted.arguments, "{}", told());
    }
}
