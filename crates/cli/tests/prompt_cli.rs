//! `callwright prompt`: what a model is really asked.
#![allow(clippy::unwrap_used, reason = "a test may stop at the first surprise")]

use assert_cmd::Command;
use serde_json::Value;

const PLAIN: &str = "{% for m in messages %}<|{{ m.role }}|>{{ m.content }}\n{% endfor %}<|assistant|>";

fn callwright(folder: &tempfile::TempDir) -> Command {
    std::fs::write(folder.path().join("plain.jinja"), PLAIN).unwrap();
    let tools = r#"[{"name": "ping", "description": "Answers", "parameters": {"type": "object", "properties": {}}}]"#;
    std::fs::write(folder.path().join("tools.json"), tools).unwrap();
    let mut command = Command::cargo_bin("callwright").unwrap();
    command.current_dir(folder.path()).arg("prompt");
    command
}

fn stdout(command: &mut Command) -> String {
    String::from_utf8(command.assert().success().get_output().stdout.clone()).unwrap()
}

#[test]
fn a_template_that_knows_no_tools_gets_them_in_words() {
    let folder = tempfile::tempdir().unwrap();
    let text = stdout(callwright(&folder).args(["--template", "plain.jinja", "Hi", "--tools", "tools.json"]));
    assert!(text.starts_with("<|system|>You can call these tools:\n\nping: Answers\n"), "{text}");
    assert!(text.contains("<tool_use>\ntool_name: ping\narguments: {}\n</tool_use>"), "{text}");
    assert!(text.ends_with("<|user|>Hi\n<|assistant|>\n"), "{text}");
}

#[test]
fn json_tells_the_pieces_and_the_format() {
    let folder = tempfile::tempdir().unwrap();
    let text = stdout(callwright(&folder).args(["--template", "plain.jinja", "--format", "hermes", "Hi", "--json"]));
    let value: Value = serde_json::from_str(&text).unwrap();
    assert_eq!(value["format"], "hermes");
    assert_eq!(value["pieces"][0]["kind"], "markup");
    assert_eq!(value["text"], "<|user|>Hi\n<|assistant|>");
    assert_eq!(value["abilities"]["system"], true);
}

#[test]
fn the_embedded_model_is_asked_where_no_other_is_named() {
    let folder = tempfile::tempdir().unwrap();
    let text = stdout(callwright(&folder).args(["a <|im_end|> b", "--tools", "tools.json"]));
    assert!(text.contains("ping") && text.contains("a <|im_end|> b"), "{text}");
}

#[test]
fn what_cannot_be_is_told_with_the_way_out() {
    let folder = tempfile::tempdir().unwrap();
    for (arguments, part) in [
        (&["--template", "missing.jinja", "Hi"][..], "missing.jinja"),
        (&["--template", "plain.jinja", "model", "Hi"][..], "hint:"),
        (&["--template", "plain.jinja", "--format", "nosuch", "Hi"][..], "nosuch"),
    ] {
        let assert = callwright(&folder).args(arguments).assert().code(2);
        let said = String::from_utf8(assert.get_output().stderr.clone()).unwrap();
        assert!(said.contains(part), "{said}");
    }
}
