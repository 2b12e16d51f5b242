//! `callwright show FORMAT`: description, models, examples with the calls they mean; the user's own formats too.
#![allow(clippy::unwrap_used, reason = "a test may stop at the first surprise")]

mod common;

use std::fs;

use callwright_parse::format::Formats;
use common::Home;
use serde_json::Value;

fn show(home: &Home, arguments: &[&str]) -> String {
    let output = home.callwright().arg("show").args(arguments).output().unwrap();
    assert_eq!(output.status.code(), Some(0), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}

/// A format of one's own, in the folder where people put theirs.
fn own(home: &Home) {
    let folder = home.path().join(".config/callwright/grammars");
    fs::create_dir_all(&folder).unwrap();
    let text = fs::read_to_string(common::root().join("grammars/hermes.toml")).unwrap();
    let text = text.replace("name = \"hermes\"", "name = \"mine\"").replace("tool_call>", "call_me>");
    fs::write(folder.join("mine.toml"), text).unwrap();
}

#[test]
fn a_format_is_shown_with_what_it_means() {
    let home = Home::new();
    insta::assert_snapshot!("hermes", show(&home, &["hermes"]));
    insta::assert_snapshot!("pythonic", show(&home, &["pythonic"]));
}

#[test]
fn every_format_can_be_shown() {
    let home = Home::new();
    for format in Formats::builtin().iter() {
        let shown: Value = serde_json::from_str(&show(&home, &[format.name(), "--json"])).unwrap();
        assert_eq!(shown["format"]["name"], format.name());
        let examples = shown["examples"].as_array().unwrap();
        assert!(!examples.is_empty(), "{} has no example", format.name());
        assert!(examples.iter().all(|example| example["text"].is_string() && example["calls"].is_array()));
    }
}

#[test]
fn a_user_s_own_format_is_shown_and_a_model_s_name_goes_first() {
    let home = Home::new();
    own(&home);
    let shown = show(&home, &["mine"]);
    assert!(shown.contains("<call_me>") && !shown.contains("<tool_call>"), "{shown}");
    assert!(show(&home, &["embedded"]).starts_with("model\n"));
    let output = home.callwright().args(["show", "nobody"]).output().unwrap();
    assert_eq!(output.status.code(), Some(2));
}

/// The model is told of the format, held to it and read by it, none of which needed a rebuild.
#[cfg(any(feature = "llama", feature = "candle"))]
#[test]
fn a_user_s_own_format_is_run_with() {
    let home = Home::new();
    own(&home);
    let arguments = ["--tools", "examples/tools.json", "--tool-choice", "required", "--format", "mine", "--json"];
    let output = home.callwright().args(["run", "Set a timer for 25 minutes."]).args(arguments).output().unwrap();
    let response: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(response["format"], "mine", "{}", String::from_utf8_lossy(&output.stderr));
    assert!(response["raw"].as_str().unwrap().contains("<call_me>"), "{response}");
    assert_eq!(response["calls"].as_array().unwrap().len(), 1);
}
