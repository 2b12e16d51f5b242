//! `callwright providers` and `callwright audit`, against a server on loopback.
#![allow(clippy::expect_used, reason = "a test stops at the first surprise")]

mod common;

use std::fs;

use callwright_test_support::fault_server::{Server, answer, streamed};
use callwright_test_support::wires::{Meant, MeantCall, body, content_type, events};
use common::{Home, Said, say};
use serde_json::{Value, json};

const KEY: &str = "sk-planted-0123456789abcdef";

/// A server with one model that adds.
fn server() -> Server {
    let call = MeantCall::new("c1", "add", json!({"a": 2, "b": 3}));
    let reply = body("openai_chat", &events("openai_chat", &Meant { calls: vec![call], ..Meant::default() }));
    Server::start(move |_, came| {
        if came.header("authorization") != Some(&format!("Bearer {KEY}")) {
            return answer(401, &[], format!("{{\"error\":{{\"message\":\"bad key {KEY}\"}}}}").as_bytes());
        }
        if came.line.starts_with("GET /v1/models ") {
            return answer(200, &[("content-type", "application/json")], br#"{"data": [{"id": "adder"}]}"#);
        }
        streamed(content_type("openai_chat"), &reply)
    })
}

fn home(server: &Server) -> Home {
    let home = Home::new();
    let folder = home.path().join(".config/callwright");
    fs::create_dir_all(&folder).expect("made");
    let own = format!(
        "[providers.mine]\nkind = \"local\"\ndialect = \"openai_chat\"\nkey = \"MINE_KEY\"\nbase_url = \"{}/v1\"\n",
        server.address
    );
    fs::write(folder.join("callwright.toml"), own).expect("written");
    home
}

fn ask(home: &Home, key: Option<&str>, words: &[&str]) -> Said {
    let mut command = home.callwright();
    if let Some(key) = key {
        command.env("MINE_KEY", key);
    }
    say(command.args(words))
}

#[test]
fn a_provider_is_tested_and_each_send_is_audited() {
    let server = server();
    let home = home(&server);
    let said = ask(&home, Some(KEY), &["providers", "test", "Mine"]);
    assert_eq!(said.code, Some(0), "{} {}", said.out, said.err);
    assert_eq!(said.out.matches("ok ").count(), 3, "{}", said.out);
    let audit = ask(&home, None, &["audit", "--json"]);
    let lines: Vec<Value> = serde_json::from_str(&audit.out).expect("JSON");
    assert_eq!(
        (lines.len(), lines[1]["reason"].as_str(), lines[1]["provider"].as_str()),
        (2, Some("check"), Some("mine"))
    );
    assert_eq!(lines[1]["sha256"].as_str().map(str::len), Some(64));
    assert!(lines[1].get("body").is_none() && !audit.out.contains(KEY));
    assert!(ask(&home, None, &["audit"]).out.contains("mine"));
}

#[test]
fn what_is_wrong_is_told_with_the_way_out_and_without_the_key() {
    let server = server();
    let home = home(&server);
    let wrong = "sk-wrong-0123456789abcdef";
    let said = ask(&home, Some(wrong), &["providers", "test", "mine"]);
    assert_eq!(said.code, Some(1), "{}", said.err);
    assert!(said.out.contains("BAD") && said.out.contains("MINE_KEY"), "{}", said.out);
    assert!(!format!("{}{}", said.out, said.err).contains(wrong) && !said.out.contains(KEY), "{}", said.out);
    let said = ask(&home, Some(KEY), &["providers", "test", "mime"]);
    assert_eq!(said.code, Some(2));
    assert!(said.err.contains("did you mean `mine`?"), "{}", said.err);
    let offline = ask(&home, Some(KEY), &["--offline", "providers", "test", "mine"]);
    assert_eq!(offline.code, Some(1));
    assert!(offline.out.contains("switched off"), "{}", offline.out);
    assert_eq!(server.came().len(), 1, "only the wrong key went out");
}

#[test]
fn the_list_shows_who_has_a_key_and_contacts_nobody() {
    let server = server();
    let home = home(&server);
    let said = ask(&home, Some(KEY), &["providers", "--json"]);
    let lines: Vec<Value> = serde_json::from_str(&said.out).expect("JSON");
    let of = |name: &str| lines.iter().find(|line| line["name"] == name).cloned().unwrap_or_default();
    assert_eq!((of("mine")["key"].as_str(), of("openai")["key"].as_str()), (Some("set"), Some("missing")));
    assert_eq!((of("ollama")["key"].as_str(), of("litellm")["kind"].as_str()), (Some("none"), Some("hybrid")));
    for name in [
        "openai",
        "anthropic",
        "gemini",
        "mistral",
        "cohere",
        "ollama",
        "localai",
        "vllm",
        "sglang",
        "llama-server",
        "llama-cpp-python",
        "litellm",
        "huggingface",
        "deepseek",
        "groq",
        "openrouter",
        "together",
        "openai-compatible",
    ] {
        assert!(!of(name).is_null(), "{name} has no row");
    }
    let table = ask(&home, Some(KEY), &["providers"]);
    assert!(table.out.contains("set OPENAI_API_KEY"), "{}", table.out);
    assert!(!said.out.contains(KEY) && !table.out.contains(KEY));
    assert!(server.came().is_empty());
    assert_eq!(ask(&home, None, &["audit"]).out, "");
}

/// A row that cannot be used is in nobody's way but of who asks for it, and the hint names the user's own file.
#[test]
fn a_broken_row_breaks_only_what_uses_it() {
    let server = server();
    let home = home(&server);
    let file = home.path().join(".config/callwright/callwright.toml");
    let good = fs::read_to_string(&file).expect("there");
    for (row, what) in [
        ("base_url = \"http://127.0.0.1:9\"\ndialect = \"openai_chat\"\n", "missing field `kind`"),
        ("kind = \"local\"\nbase_url = \"http://127.0.0.1:9\"\ndialect = \"openai_chatt\"\n", "unknown dialect"),
        ("kind = \"local\"\nbase_url = \"not a url\"\ndialect = \"openai_chat\"\n", "not a valid URL"),
    ] {
        fs::write(&file, format!("{good}[providers.broken]\n{row}")).expect("written");
        let said = ask(&home, Some(KEY), &["providers", "test", "broken"]);
        assert_eq!(said.code, Some(2), "{row}{}", said.out);
        assert!(said.err.contains(what), "{}", said.err);
        if what.contains("kind") {
            let named =
                said.err.contains("mend [providers.broken] in") && said.err.contains(&file.display().to_string());
            assert!(named, "{}", said.err);
        }
        for words in [&["config"][..], &["doctor", "--variables"], &["list"], &["usage"]] {
            assert_eq!(ask(&home, Some(KEY), words).code, Some(0), "{words:?}");
        }
        let said = ask(&home, Some(KEY), &["providers"]);
        assert!(said.code == Some(0) && said.out.contains("mine") && said.err.contains(what), "{}", said.err);
        assert_eq!(ask(&home, Some(KEY), &["providers", "test", "mine"]).code, Some(0));
    }
}

/// Half a line that a program left behind hides no send, and what never left is not counted as gone.
#[test]
fn the_books_say_what_happened() {
    let server = server();
    let home = home(&server);
    let data = home.path().join(".local/share/callwright");
    fs::create_dir_all(&data).expect("made");
    for name in ["audit.jsonl", "usage.jsonl"] {
        fs::write(data.join(name), "{\"time\": \"2026-11-").expect("written");
    }
    ask(&home, Some(KEY), &["providers", "test", "mine"]);
    let file = home.path().join(".config/callwright/callwright.toml");
    let row = "[providers.gone]\nkind = \"cloud\"\ndialect = \"openai_chat\"\nkey = \"MINE_KEY\"\nmodel = \"m\"\n\
        base_url = \"https://nobody.invalid/v1\"\nlimits = { retries = 0 }\n";
    fs::write(&file, fs::read_to_string(&file).expect("there") + row).expect("written");
    assert_eq!(ask(&home, Some(KEY), &["run", "--provider", "gone", "hello"]).code, Some(2));
    let said = ask(&home, None, &["audit", "--json"]);
    let lines: Vec<Value> = serde_json::from_str(&said.out).expect("JSON");
    let became: Vec<_> = lines.iter().map(|line| (line["provider"].as_str(), line["became"].as_str())).collect();
    let mine = (Some("mine"), Some("sent"));
    assert_eq!(became, [mine, mine, (Some("gone"), Some("failed"))]);
    assert!(said.err.contains("1 unreadable line(s)"), "{}", said.err);
    let table = ask(&home, None, &["audit"]).out;
    assert!(table.contains("OUTCOME") && table.contains("failed"), "{table}");
    let usage = ask(&home, None, &["usage", "--json"]);
    let sums: Vec<Value> = serde_json::from_str(&usage.out).expect("JSON");
    assert_eq!((&sums[0]["requests"], &sums[0]["left_machine"]), (&json!(1), &json!(0)), "{}", usage.out);
    assert!(usage.err.contains("1 unreadable line(s)"), "{}", usage.err);
}
