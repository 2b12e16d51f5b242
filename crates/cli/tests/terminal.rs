//! What others wrote does not speak to the terminal: model text, names, provider text, files' names, errors.
//!
//! The commands run on a terminal of their own, made by `script`.
#![cfg(unix)]
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test stops at the first surprise")]

mod common;

use std::fs;
use std::io::Write as _;
use std::path::Path;
use std::process::{Command, Stdio};

use callwright_test_support::fault_server::{Act, Server, answer, streamed};
use callwright_test_support::wires::{Meant, MeantCall, body, content_type, events};
use callwright_test_support::{gguf, means};
use common::{Home, say};
use serde_json::json;

/// Sets the clipboard and the title, moves the cursor, turns the text around, and speaks in C1 and in line separators.
const EVIL: &str = "a\x1b]52;c;aGk=\x07b\x1b]0;t\x07c\x1b[2Jd\u{9b}31me\u{202e}f\u{2066}g\u{61c}h\u{2028}i\rj\x08\x7f";
const SPELLED: &str = "a\\u001b]52;c;aGk=\\u0007b\\u001b]0;t\\u0007c\\u001b[2Jd\\u009b31me\\u202ef\\u2066g\\u061ch\\u2028i\\u000dj\\u0008\\u007f";
/// What may name a file.
const EVIL_NAME: &str = "x\x1b]0;t\x07\u{202e}y";

fn has_script() -> bool {
    let tried = Command::new("script").args(["-qec", "true", "/dev/null"]).stdin(Stdio::null()).output();
    let there = tried.is_ok_and(|output| output.status.success());
    if !there {
        means::skip("script, which makes a terminal");
    }
    there
}

/// What a terminal would be sent.
fn on_terminal(home: &Home, folder: &Path, words: &[&str], typed: &[&str]) -> String {
    let quoted = |word: &str| format!("'{}'", word.replace('\'', r"'\''"));
    let command: Vec<_> = [env!("CARGO_BIN_EXE_callwright")].iter().chain(words).map(|word| quoted(word)).collect();
    let mut script = Command::new("script");
    script.args(["-qefc", &command.join(" "), "/dev/null"]).current_dir(folder);
    script.env_clear().env("HOME", home.path()).env("TERM", "xterm").env("PATH", "/usr/bin:/bin").env("MINE_KEY", "k");
    let mut script = script.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
    let mut keyboard = script.stdin.take().unwrap();
    for line in typed {
        // A person types once there is a prompt; what comes before it is lost.
        std::thread::sleep(std::time::Duration::from_secs(3));
        keyboard.write_all(line.as_bytes()).unwrap();
    }
    drop(keyboard);
    String::from_utf8(script.wait_with_output().unwrap().stdout).expect("text")
}

/// The text without our own colours and clap's; what then speaks to a terminal came from elsewhere.
fn strays(told: &str) -> Vec<char> {
    let mut told = told.replace("\r\n", "\n");
    for own in
        ["\x1b[1;31m", "\x1b[1;33m", "\x1b[36m", "\x1b[2m", "\x1b[0m", "\x1b[1m", "\x1b[4m", "\x1b[31m", "\x1b[33m"]
    {
        told = told.replace(own, "");
    }
    let speaks = |c: &char| {
        (c.is_control() && !"\n\t".contains(*c))
            || "\u{61c}\u{200e}\u{200f}\u{2028}\u{2029}\u{202a}\u{202b}\u{202c}\u{202d}\u{202e}".contains(*c)
            || ('\u{2066}'..='\u{2069}').contains(c)
    };
    told.chars().filter(speaks).collect()
}

fn provider(home: &Home, reply: impl Fn(usize) -> Vec<Act> + Send + Sync + 'static) -> Server {
    let server = Server::start(move |number, _| reply(number));
    let folder = home.path().join(".config/callwright");
    fs::create_dir_all(&folder).unwrap();
    let row = format!(
        "[providers.mine]\nkind = \"local\"\ndialect = \"openai_chat\"\nmodel = \"m\"\nbase_url = \"{}/v1\"\n",
        server.address
    );
    fs::write(folder.join("callwright.toml"), row).unwrap();
    server
}

/// Text and a call, the first time; then only text.
fn evil_reply(number: usize) -> Vec<Act> {
    let calls = [MeantCall::new("c1", EVIL_NAME, json!({"city": EVIL}))];
    let calls = calls.into_iter().filter(|_| number == 0).collect();
    // One letter a piece, so that each sequence comes in many.
    let text = EVIL.chars().map(String::from).collect();
    let meant = Meant { text, calls, ..Meant::default() };
    streamed(content_type("openai_chat"), &body("openai_chat", &events("openai_chat", &meant)))
}

#[test]
fn nothing_of_others_speaks_to_the_terminal() {
    if !has_script() {
        return;
    }
    let home = Home::new();
    let server = provider(&home, |_| evil_reply(0));
    let work = home.path().join("work");
    fs::create_dir_all(&work).unwrap();
    let tools = json!([{"name": EVIL_NAME, "description": EVIL, "parameters": {"type": "object", "properties": {"city": {"type": "string"}}}}]);
    fs::write(work.join("tools.json"), tools.to_string()).unwrap();
    let name = serde_json::to_string(EVIL_NAME).unwrap();
    let output =
        format!("{EVIL}\n<tool_call>{{\"name\": {name}, \"arguments\": {{\"city\": {}}}}}</tool_call>", json!(EVIL));
    fs::write(work.join("output.txt"), &output).unwrap();
    fs::write(work.join(format!("{EVIL_NAME}.gguf")), "none").unwrap();
    let model = gguf::file(
        &[("general.architecture", gguf::text("llama")), ("general.name", gguf::text(EVIL))],
        &[("w", 0, &[8], 32)],
    );
    fs::write(work.join("model.gguf"), &model).unwrap();
    let shown =
        home.path().join(format!(".cache/huggingface/hub/models--someone--{EVIL_NAME}-GGUF/snapshots/0123456789"));
    fs::create_dir_all(&shown).unwrap();
    fs::write(shown.join("x-Q8_0.gguf"), &model).unwrap();
    let data = home.path().join(".local/share/callwright");
    fs::create_dir_all(&data).unwrap();
    let line = json!({"time": "2026", "provider": EVIL, "model": EVIL, "host": EVIL, "reason": "user", "bytes": 1, "sha256": EVIL});
    fs::write(data.join("audit.jsonl"), format!("{line}\n")).unwrap();
    let evil_file = format!("{EVIL_NAME}.gguf");
    let flag = format!("--{EVIL_NAME}");
    let ask = ["run", "--provider", "mine", "hello", "--tools", "tools.json"];
    let cases: &[&[&str]] = &[
        &ask,
        &["run", "--provider", "mine", "hello", "--tools", "tools.json", "--json"],
        &["run", "--provider", "mine", "hello", "--tools", "tools.json", "--trace"],
        &["parse", "output.txt", "--tools", "tools.json"],
        &["parse", "output.txt", "--tools", "tools.json", "--format", "hermes", "--json"],
        &["list"],
        &["list", "--json"],
        &["show", "model.gguf"],
        &["audit"],
        &["audit", "--json"],
        &["show", &evil_file],
        &["run", EVIL, "hello"],
        &["config", &flag],
        &["grammar", "--tools", "tools.json"],
        &["prompt", EVIL],
    ];
    for words in cases {
        let told = on_terminal(&home, &work, words, &[]);
        assert!(!told.is_empty(), "{words:?} says nothing");
        assert!(strays(&told).is_empty(), "{words:?} speaks to the terminal: {:?} in {told:?}", strays(&told));
        assert!(told.contains("\\u001b]0;t"), "{words:?} shows it spelled out: {told:?}");
    }
    assert!(on_terminal(&home, &work, &ask, &[]).contains(SPELLED));
    assert!(!server.came().is_empty());

    // What is no terminal gets the bytes, and so does who asks for them.
    let said = say(home.callwright().current_dir(&work).args(ask));
    assert!(said.out.contains(EVIL), "{:?}", said.out);
    let raw = on_terminal(&home, &work, &[&["--raw"][..], &ask].concat(), &[]);
    assert!(raw.contains("\x1b]52;c;aGk=\x07") && raw.contains('\u{202e}'), "{raw:?}");
    // JSON on a terminal is the same JSON.
    let told = on_terminal(&home, &work, &["audit", "--json"], &[]);
    let lines: Vec<serde_json::Value> = serde_json::from_str(&told).expect("JSON");
    assert!(lines.iter().any(|line| line["provider"] == EVIL), "{told}");
}

#[test]
fn a_provider_s_error_does_not_speak_to_the_terminal() {
    if !has_script() {
        return;
    }
    let home = Home::new();
    let message = json!({"error": {"message": EVIL}}).to_string();
    provider(&home, move |_| answer(400, &[], message.as_bytes()));
    let told = on_terminal(&home, home.path(), &["run", "--provider", "mine", "hello"], &[]);
    assert!(told.contains("\\u001b]0;t") && strays(&told).is_empty(), "{told:?}");
}

/// The line editor draws for itself, so only what is ours to keep out is looked for.
#[test]
fn a_chat_does_not_speak_to_the_terminal() {
    if !has_script() {
        return;
    }
    let home = Home::new();
    provider(&home, evil_reply);
    let tools = json!([{"name": EVIL_NAME, "parameters": {"type": "object"}}]).to_string();
    fs::write(home.path().join("tools.json"), tools).unwrap();
    let words = ["chat", "--provider", "mine", "--tools", "tools.json"];
    let told = on_terminal(&home, home.path(), &words, &["hello\r", "sunny\r", "/bye\r"]);
    assert!(told.contains("\\u001b]52;c;aGk=\\u0007b"), "{told:?}");
    for evil in ["\x1b]", "\u{9b}", "\u{202e}", "\u{2066}", "\u{2028}", "\x1b[2J"] {
        assert!(!told.contains(evil), "{evil:?} in {told:?}");
    }
}
