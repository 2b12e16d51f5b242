//! `callwright grammar`: a grammar for every format, and what it does not hold to told beside it.
#![allow(clippy::expect_used, reason = "a test that cannot go on stops")]

mod common;

use callwright_parse::format::{Formats, ShapeName};
use common::Home;
use serde_json::Value;

const TOOLS: &str = "examples/tools.json";

#[test]
fn every_format_prints_a_grammar() {
    let home = Home::new();
    let code = home.path().join("code.json");
    std::fs::write(&code, r#"[{"name": "get_weather", "parameters": {"properties": {"code": {"type": "string"}}}}]"#)
        .expect("written");
    let code = code.to_str().expect("text");
    for format in Formats::builtin().iter() {
        // Calls that are one text have no room for other tools.
        let tools = if format.enforce().shape == ShapeName::NamedText { code } else { TOOLS };
        let output = home.callwright().args(["grammar", "--tools", tools, "--format", format.name()]).output();
        let output = output.expect("the binary starts");
        let (out, err) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
        assert_eq!(output.status.code(), Some(0), "{}: {err}", format.name());
        assert!(out.contains("start:") && out.contains("get_weather"), "{}: {out}", format.name());
    }
}

#[test]
fn what_is_not_enforced_is_told_on_stderr() {
    let home = Home::new();
    let file = home.path().join("tools.json");
    let odd = r#"[{"name": "pick", "parameters": {"type": "object", "properties": {
        "code": {"type": "string", "pattern": "^x+$"},
        "some": {"type": "array", "items": {"type": "integer"}, "uniqueItems": true}}}}]"#;
    std::fs::write(&file, odd).expect("written");
    let file = file.to_str().expect("text");
    for format in ["hermes", "qwen3_coder"] {
        let output = home.callwright().args(["grammar", "--tools", file, "--format", format]).output();
        let output = output.expect("the binary starts");
        let err = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(0), "{err}");
        assert!(err.contains("uniqueItems") && err.contains("`pick`") && !err.contains("pattern"), "{format}: {err}");
        let output = home.callwright().args(["grammar", "--tools", file, "--format", format, "--json"]).output();
        let told: Value = serde_json::from_slice(&output.expect("the binary starts").stdout).expect("JSON");
        assert_eq!(told["relaxed"][0]["tool"], "pick", "{told}");
    }
}

#[test]
fn what_a_format_cannot_say_is_refused() {
    let home = Home::new();
    let file = home.path().join("tools.json");
    let odd = r#"[{"name": "pick", "parameters": {"type": "object", "properties": {"a b": {"type": "integer"}}, "required": ["a b"]}}]"#;
    std::fs::write(&file, odd).expect("written");
    let file = file.to_str().expect("text");
    let output = home.callwright().args(["grammar", "--tools", file, "--format", "pythonic"]).output();
    let output = output.expect("the binary starts");
    let err = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(2), "{err}");
    assert!(["`pick`", "`pythonic`", "`a b`", "hint: "].iter().all(|word| err.contains(word)), "{err}");
}
