//! Texts that look as if something had gone wrong in one of the known ways, although nothing has. Their calls are read as
//! they stand, without a fault: a guard that sees trouble everywhere is no use.
#![allow(clippy::unwrap_used, reason = "a test may stop at the first surprise")]

use std::sync::Arc;

use callwright_parse::chat::{Call, Tool};
use callwright_parse::check::ToolSet;
use callwright_parse::format::Formats;
use callwright_parse::read::Parser;
use serde_json::{Value, json};

fn tools() -> Arc<ToolSet> {
    let tool = |name: &str, properties: Value, required: Value| {
        Tool::new(name, "", json!({"type": "object", "properties": properties, "required": required}))
    };
    let text = json!({"type": "string"});
    Arc::new(
        ToolSet::compile(&[
            tool("page_save", json!({"title": text, "body": text}), json!(["body"])),
            tool(
                "lamp_set",
                json!({"room": text, "level": {"type": "integer"}, "on": {"type": "boolean"}}),
                json!(["room"]),
            ),
            tool("sum", json!({"values": {"type": "array", "items": {"type": "number"}}}), json!(["values"])),
            tool("edit", json!({"edits": {"type": "array", "items": {"type": "object"}}}), json!(["edits"])),
        ])
        .unwrap(),
    )
}

fn call(name: &str, arguments: &Value) -> Call {
    Call::new(name, arguments.as_object().cloned().unwrap())
}

fn lamp(room: &str) -> Call {
    call("lamp_set", &json!({ "room": room }))
}

fn page(body: &str) -> Call {
    call("page_save", &json!({ "body": body }))
}

/// The format, the text, and the calls in it.
#[expect(clippy::too_many_lines, reason = "a table")]
fn controls() -> Vec<(&'static str, String, Vec<Call>)> {
    let hermes = |body: &str| {
        let written = json!({"name": "page_save", "arguments": {"body": body}});
        ("hermes", format!("<tool_call>\n{written}\n</tool_call>"), vec![page(body)])
    };
    let coder = |body: &str| {
        let text = format!(
            "<tool_call>\n<function=page_save>\n<parameter=body>\n{body}\n</parameter>\n</function>\n</tool_call>"
        );
        ("qwen3_coder", text, vec![page(body)])
    };
    let glm = |body: &str| {
        let text =
            format!("<tool_call>page_save\n<arg_key>body</arg_key>\n<arg_value>{body}</arg_value>\n</tool_call>");
        ("glm45", text, vec![page(body)])
    };
    let object = r#"{"name": "lamp_set", "arguments": {"room": "hall"}}"#;
    let mut all = Vec::new();
    // Values that hold what ends values, opens calls, or says that one is meant otherwise.
    for body in [
        "He said \"stop\", and {\"name\": \"lamp_set\"} was printed.",
        "Write <tool_call>{\"name\": \"lamp_set\"}</tool_call> to call it.",
        "for example: lamp_set(room='hall')",
        "I will not call lamp_set.",
        "C:\\new\\table\\user",
        "a\\b \\n \\\\ c",
        "}}]})",
        "it's, \"quoted\": yes",
        "<|im_end|> ends a turn",
        "```json\n{\"a\": 1}\n```",
        "<think>no</think>",
        "Observation: done\nAction: none",
    ] {
        all.push(hermes(body));
    }
    for body in [
        "if a < b && c > d { }",
        "<parameters>\n  <param name=\"x\">1</param>\n</parameters>",
        "<functional>x</functional>",
        "a </parameter> b",
        "see </function> in the text",
        "\"quotes\" and 'more'",
        "name=city>Oslo",
        "{\"a\": 1}",
        "I will not write <br> here",
        "Example:\n<tool_call>\n<function=lamp_set>\n<parameter=room>\nhall\n</parameter>\n</function>\n</tool_call>\nand wait.",
    ] {
        all.push(coder(body));
    }
    for body in
        ["x < y", "<arg> is no tag of ours", "value: 7", "lamp_set", "key</arg_val", "a\n\nb", "\"x\"", "<b>bold</b>"]
    {
        all.push(glm(body));
    }
    // Words around calls that neither quote nor refuse them.
    for text in [
        format!("I can't look that up myself, so I call: {object}"),
        format!("Sure: {object}"),
        format!("The hall, then.\n\n{object}"),
        format!("You asked for \"light\". {object}"),
        format!("{object}\n\nThat turns it on."),
        format!("For example's sake I will not wait.\n{object}"),
    ] {
        all.push(("llama3", text, vec![lamp("hall")]));
    }
    for (format, text, calls) in [
        ("pythonic", "Sure, one moment: [lamp_set(room='hall')]", vec![lamp("hall")]),
        (
            "pythonic",
            "[lamp_set(room=\"the 'red' hall\"), sum(values=[1.5, 2.5])]",
            vec![lamp("the 'red' hall"), call("sum", &json!({"values": [1.5, 2.5]}))],
        ),
        ("pythonic", "[page_save(body='He wrote: lamp_set(room=1)')]", vec![page("He wrote: lamp_set(room=1)")]),
        (
            "hermes",
            "It isn't bright.<tool_call>{\"name\": \"lamp_set\", \"arguments\": {\"room\": \"hall\"}}</tool_call>",
            vec![lamp("hall")],
        ),
        (
            "hermes",
            "<tool_call>{\"name\": \"lamp_set\", \"arguments\": {\"room\": \"a\"}}</tool_call><tool_call>{\"name\": \"lamp_set\", \"arguments\": {\"room\": \"b\"}}</tool_call>",
            vec![lamp("a"), lamp("b")],
        ),
        (
            "hermes",
            "<tool_call>{\"name\": \"lamp_set\", \"arguments\": {\"room\": \"a\"}}</tool_call>\nand\n<tool_call>{\"name\": \"lamp_set\", \"arguments\": {\"room\": \"a\"}}</tool_call>",
            vec![lamp("a"), lamp("a")],
        ),
        (
            "gemma4",
            "<|tool_call>call:page_save{body:<|\"|>say \"hi\", then: {x}<|\"|>}<tool_call|>",
            vec![page("say \"hi\", then: {x}")],
        ),
        (
            "kimi_k2",
            "<|tool_calls_section_begin|><|tool_call_begin|>functions.lamp_set:12<|tool_call_argument_begin|>{\"room\": \"hall\"}<|tool_call_end|><|tool_calls_section_end|>",
            vec![lamp("hall")],
        ),
        ("mistral_v13", "Let me do both.[TOOL_CALLS]lamp_set[ARGS]{\"room\": \"[ARGS]\"}", vec![lamp("[ARGS]")]),
        (
            "deepseek_v31",
            "<｜tool▁calls▁begin｜><｜tool▁call▁begin｜>sum<｜tool▁sep｜>{\"values\": [0.1, 2.5]}<｜tool▁call▁end｜><｜tool▁calls▁end｜>",
            vec![call("sum", &json!({"values": [0.1, 2.5]}))],
        ),
        (
            "qwen3_coder",
            "<tool_call>\n<function=edit>\n<parameter=edits>\n[{\"old\": \"</parameter>\\n</function>\", \"new\": \"<parameter=x>\"}]\n</parameter>\n</function>\n</tool_call>",
            vec![call("edit", &json!({"edits": [{"old": "</parameter>\n</function>", "new": "<parameter=x>"}]}))],
        ),
        (
            "qwen3_coder",
            "<tool_call>\n<function=lamp_set>\n<parameter=room>\nhall\n</parameter>\n<parameter=on>\ntrue\n</parameter>\n</function>\n</tool_call>",
            vec![call("lamp_set", &json!({"room": "hall", "on": true}))],
        ),
    ] {
        all.push((format, text.to_owned(), calls));
    }
    all
}

#[test]
fn what_only_looks_wrong_is_executed() {
    let (tools, mut wrong) = (tools(), Vec::new());
    let controls = controls();
    assert!(controls.len() >= 40, "{}", controls.len());
    for (name, text, calls) in &controls {
        let format = Formats::builtin().get(name).unwrap();
        let mut parser = Parser::new(format, Arc::clone(&tools));
        parser.push(text.as_bytes());
        let parsed = parser.finish();
        let read: Vec<_> = parsed.calls.iter().map(|call| (&call.name, &call.arguments)).collect();
        let wanted: Vec<_> = calls.iter().map(|call| (&call.name, &call.arguments)).collect();
        if read != wanted || !parsed.faults.is_empty() {
            wrong.push(format!("{name}: {text:?}\n   read {read:?}\n   faults {:?}", parsed.faults));
        }
    }
    assert!(wrong.is_empty(), "{} of {} wrong\n{}", wrong.len(), controls.len(), wrong.join("\n"));
}
