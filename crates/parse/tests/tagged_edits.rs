//! Law 11 for tagged formats: calls that were written and then damaged by one edit are read as they were written, or there
//! is a fault; never as others.
//!
//! The edits are made of the format's own row: each of its tags doubled, dropped, cut or torn, words put behind it, a call
//! as an example inside a value, and the text cut at every place.
#![allow(clippy::unwrap_used, clippy::print_stdout, reason = "a test may stop at the first surprise")]

use std::ops::Range;
use std::sync::Arc;

use callwright_parse::chat::{Call, FixKind, Tool};
use callwright_parse::check::ToolSet;
use callwright_parse::format::{Field, Format, Formats, Piece, ShapeName, Template};
use callwright_parse::read::{Parsed, Parser};
use serde_json::json;

fn tools() -> Arc<ToolSet> {
    let tool = |name: &str, properties: serde_json::Value, required: &[&str]| -> Tool {
        serde_json::from_value(json!({"type": "function", "function": {"name": name, "description": "", "parameters": {
            "type": "object", "properties": properties, "required": required}}}))
        .unwrap()
    };
    Arc::new(
        ToolSet::compile(&[
            tool("note_put", json!({"place": {"type": "string"}, "body": {"type": "string"}}), &["place"]),
            tool("lamp_dim", json!({"room": {"type": "string"}, "level": {"type": "integer"}}), &["room"]),
            tool("bell_ring", json!({}), &[]),
        ])
        .unwrap(),
    )
}

#[expect(clippy::needless_pass_by_value, reason = "as `json!` gives it")]
fn call(name: &str, arguments: serde_json::Value) -> Call {
    Call::new(name, arguments.as_object().cloned().unwrap())
}

fn read(format: &Arc<Format>, text: &str) -> Parsed {
    let mut parser = Parser::new(Arc::clone(format), tools());
    parser.push(text.as_bytes());
    parser.finish()
}

fn executable(parsed: &Parsed) -> Vec<&Call> {
    let faulty = |index| parsed.faults.iter().any(|fault| fault.call() == Some(index));
    parsed.calls.iter().enumerate().filter(|(index, _)| !faulty(*index)).map(|(_, call)| call).collect()
}

fn same(one: &Call, other: &Call) -> bool {
    one.name == other.name && one.arguments == other.arguments
}

/// What is wrong about a reading: a call that nobody wrote, or one that is gone without a word.
fn wrong(parsed: &Parsed, written: &[Call]) -> Option<&'static str> {
    let read = executable(parsed);
    if read.iter().any(|call| !written.iter().any(|own| same(own, call))) {
        return Some("altered");
    }
    if read.len() > written.len() {
        return Some("surplus");
    }
    (read.len() < written.len() && parsed.faults.is_empty()).then_some("silent")
}

/// Whether a call lacks an argument and a fix says that it was dropped: its key was damaged into another one.
fn dropped(parsed: &Parsed, written: &[Call]) -> bool {
    let part = |call: &Call, own: &Call| {
        call.name == own.name && call.arguments.iter().all(|(key, value)| own.arguments.get(key) == Some(value))
    };
    parsed.fixes.iter().any(|fix| fix.kind == FixKind::UnknownArgument)
        && executable(parsed).iter().all(|call| written.iter().any(|own| part(call, own)))
}

/// Whether it reads the same in pieces of this size.
fn reads_in_pieces(format: &Arc<Format>, text: &str, size: usize, whole: &Parsed) -> bool {
    let mut parser = Parser::new(Arc::clone(format), tools());
    text.as_bytes().chunks(size).for_each(|chunk| {
        parser.push(chunk);
    });
    let parsed = parser.finish();
    parsed.segments == whole.segments
        && parsed.calls == whole.calls
        && parsed.faults == whole.faults
        && parsed.fixes == whole.fixes
}

fn tagged() -> impl Iterator<Item = &'static Arc<Format>> {
    Formats::builtin().iter().filter(|format| {
        format.row().body.first().is_some_and(|body| body.shape == ShapeName::TaggedParams && body.param.is_some())
    })
}

/// The format's tags around calls and parameters.
fn tags(format: &Format) -> Vec<String> {
    let row = format.row();
    let (item, param) = (Template::new(&row.body[0].item), Template::new(row.body[0].param.as_ref().unwrap()));
    let mut tags =
        vec![row.section.open.clone(), row.section.close.clone(), row.call.open.clone(), row.call.close.clone()];
    let pieces = item.pieces().iter().chain(param.pieces());
    tags.extend(pieces.map(|piece| piece.literal().to_owned()));
    if param.after(Field::Value).contains(&Piece::Field(Field::Key)) {
        tags.extend(["place", "body", "room", "level"].map(|key| param.closer(Field::Value).to_owned() + key + ">"));
    }
    let mut tags: Vec<String> = tags.iter().map(|tag| tag.trim().to_owned()).filter(|tag| tag.len() > 2).collect();
    tags.sort_unstable();
    tags.dedup();
    tags
}

/// Where each tag stands in the text, the values aside.
fn places(format: &Format, text: &str, values: &[&str]) -> Vec<Range<usize>> {
    let inside: Vec<Range<usize>> =
        values.iter().flat_map(|value| text.match_indices(value).map(|(at, value)| at..at + value.len())).collect();
    let mut places: Vec<Range<usize>> = Vec::new();
    for tag in tags(format) {
        for (at, tag) in text.match_indices(&tag) {
            if inside.iter().all(|value| at + tag.len() <= value.start || at >= value.end) {
                places.push(at..at + tag.len());
            }
        }
    }
    places
}

fn told(format: &Format, edit: &str, text: &str, parsed: &Parsed) -> String {
    let calls: Vec<String> =
        executable(parsed).iter().map(|call| format!("{} {}", call.name, json!(call.arguments))).collect();
    format!("{} {edit}: {text:?}\n    read {calls:?}", format.name())
}

fn texts(format: &Format) -> Vec<(Vec<Call>, String)> {
    let example = format.write(&[call("lamp_dim", json!({"room": "attic", "level": 4}))]).unwrap();
    let several = [
        vec![
            call("note_put", json!({"place": "shelf", "body": "tea, then rice"})),
            call("lamp_dim", json!({"room": "hall", "level": 30})),
        ],
        vec![call("lamp_dim", json!({"room": "den", "level": 8}))],
        vec![call("note_put", json!({"body": format!("Write it so:\n{example}\nand wait."), "place": "door"}))],
        vec![
            call("note_put", json!({"place": "door", "body": format!("Write it so:\n{example}\nand wait.")})),
            call("bell_ring", json!({})),
        ],
    ];
    several.into_iter().filter_map(|calls| Some((calls.clone(), format.write(&calls).ok()?))).collect()
}

#[test]
fn one_edit_never_makes_another_call() {
    let mut failures: Vec<String> = Vec::new();
    let (mut tried, mut silent, mut right) = (0, 0, 0);
    for format in tagged() {
        for (calls, text) in texts(format) {
            let values: Vec<&str> =
                calls.iter().flat_map(|call| call.arguments.values()).filter_map(|value| value.as_str()).collect();
            let mut edits: Vec<(String, String)> = Vec::new();
            for place in places(format, &text, &values) {
                let tag = &text[place.clone()];
                let (before, after) = (&text[..place.start], &text[place.end..]);
                edits.push((format!("without {tag}"), format!("{before}{after}")));
                edits.push((format!("twice {tag}"), format!("{before}{tag}{tag}{after}")));
                edits.push((format!("twice on lines {tag}"), format!("{before}{tag}\n{tag}{after}")));
                edits.push((format!("words behind {tag}"), format!("{before}{tag} oops {after}")));
                edits.push((format!("words before {tag}"), format!("{before}oops {tag}{after}")));
                for (at, letter) in tag.char_indices() {
                    let end = at + letter.len_utf8();
                    edits.push((
                        format!("without {letter} of {tag}"),
                        format!("{before}{}{}{after}", &tag[..at], &tag[end..]),
                    ));
                }
                if let Some(open) = tag.strip_suffix('>') {
                    edits.push((format!("blank in {tag}"), format!("{before}{open} >{after}")));
                    edits.push((format!("slash in {tag}"), format!("{before}{open}/>{after}")));
                    edits.push((format!("attribute in {tag}"), format!("{before}{open} type=\"string\">{after}")));
                }
            }
            for (edit, damaged) in edits {
                let parsed = read(format, &damaged);
                tried += 1;
                if tried % 5 == 0 && !reads_in_pieces(format, &damaged, tried / 5 % 4 + 1, &parsed) {
                    failures.push(format!("pieces {}", told(format, &edit, &damaged, &parsed)));
                }
                // Words directly before a value's closing tag, or behind its opening one, are the value.
                match wrong(&parsed, &calls) {
                    Some("silent") => silent += 1,
                    Some("altered")
                        if edit.starts_with("words")
                            && executable(&parsed)
                                .iter()
                                .any(|call| json!(call.arguments).to_string().contains("oops"))
                            && parsed.fixes.is_empty() => {}
                    Some("altered") if dropped(&parsed, &calls) => {}
                    Some(what) => failures.push(format!("{what} {}", told(format, &edit, &damaged, &parsed))),
                    None if executable(&parsed).len() == calls.len() => right += 1,
                    None => {}
                }
            }
        }
    }
    println!("{tried} tried, {right} right, {silent} silent, {} wrong", failures.len());
    for failure in &failures {
        println!("{failure}");
    }
    // Where the opening marker itself lost its `>` and no other one stands, an example in its values still stands for a
    // call of its own: GLM's formats. These are known, and may only become fewer.
    assert!(failures.len() <= 4, "{} of {tried} wrong, the first:\n{}", failures.len(), failures[0]);
}

#[test]
fn what_is_cut_never_makes_another_call() {
    let mut failures: Vec<String> = Vec::new();
    for format in tagged() {
        for (calls, text) in texts(format) {
            for at in (0..text.len()).filter(|at| text.is_char_boundary(*at)) {
                let parsed = read(format, &text[..at]);
                if executable(&parsed).iter().any(|call| !calls.iter().any(|own| same(own, call))) {
                    failures.push(told(format, "cut", &text[..at], &parsed));
                }
            }
        }
    }
    for failure in &failures {
        println!("{failure}");
    }
    assert!(failures.is_empty(), "{} wrong, the first:\n{}", failures.len(), failures[0]);
}
