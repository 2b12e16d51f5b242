//! `fixtures/<format>/<case>.txt`: what models write, read by that format; a snapshot says what was found.
//!
//! A new case is a new file; `INSTA_UPDATE=always cargo test --test fixtures` writes its snapshot. Where the output goes on
//! from something that the prompt's end has opened, that end stands in `<case>.prompt` beside it.
#![allow(clippy::unwrap_used, reason = "a test may stop at the first surprise")]

use callwright_parse::format::Formats;
use callwright_parse::read::{Parsed, Parser};
use callwright_test_support::reading::{arguments, fixture_tools};
use std::fmt::Write;
use std::sync::Arc;

fn told(parsed: &Parsed) -> String {
    let mut told = String::new();
    for segment in &parsed.segments {
        let kind = serde_json::to_value(segment.kind).unwrap();
        let kind = kind["kind"].as_str().unwrap();
        writeln!(told, "{kind:<9} {:?}", &parsed.raw[segment.span.clone()]).unwrap();
    }
    for call in &parsed.calls {
        let recovered = if call.recovered { " (recovered)" } else { "" };
        writeln!(told, "=> {} {} {}{recovered}", call.id, call.name, arguments(call)).unwrap();
    }
    for fix in &parsed.fixes {
        writeln!(told, "fix {:?} {:?}", fix.kind, &parsed.raw[fix.span.clone()]).unwrap();
    }
    for fault in &parsed.faults {
        writeln!(told, "fault {fault}").unwrap();
    }
    told
}

#[test]
fn every_fixture_reads_as_its_snapshot_says() {
    let tools = fixture_tools();
    insta::glob!("../../../fixtures", "*/*.txt", |path| {
        let name = path.parent().and_then(|folder| folder.file_name()).unwrap().to_str().unwrap();
        let text = std::fs::read_to_string(path).unwrap();
        let prompt = std::fs::read_to_string(path.with_extension("prompt")).unwrap_or_default();
        let parser = Parser::new(Formats::builtin().get(name).unwrap(), Arc::clone(&tools)).recovering();
        let mut parser = parser.after_prompt(&prompt);
        parser.push(text.as_bytes());
        let parsed = parser.finish();
        insta::assert_snapshot!(told(&parsed));
    });
}
