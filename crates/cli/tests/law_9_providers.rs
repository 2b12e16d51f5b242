//! Law 9 for providers: with fallback off, or offline, no socket to a provider is opened; with it on, one is, and all of
//! it is told. The provider is a listener of our own, at hand and set up each time, that counts who comes.
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test stops at the first surprise")]

mod common;

use std::fs;
use std::io::{Read as _, Write as _};
use std::net::TcpListener;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use callwright::Engine;
use callwright_cli::settings::{Flags, Settings};
use callwright_infer::Replay;
use callwright_parse::chat::{Outcome, Reason, Request, Response, Tool};
use common::{Home, say};
use serde_json::json;

const FAULTY: &str = "<tool_call>\n{\"name\": \"add\", \"arguments\": {\"a\": 1}}\n</tool_call>";
const ON: &str = "[fallback]\nenabled = true\nchain = [\"trap:small\"]\n";

/// A server of chat completions that makes one right call each time.
struct Trap {
    port: u16,
    came: Arc<AtomicUsize>,
}

impl Trap {
    fn set() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let (port, came) = (listener.local_addr().unwrap().port(), Arc::new(AtomicUsize::new(0)));
        let count = Arc::clone(&came);
        std::thread::spawn(move || {
            for stream in listener.incoming() {
                let mut stream = stream.unwrap();
                count.fetch_add(1, Ordering::SeqCst);
                // Head and body may come apart; the body ends with the request's own closing brace.
                let mut read = vec![0; 1 << 16];
                let mut text = String::new();
                while !text.trim_end().ends_with('}') {
                    let length = stream.read(&mut read).unwrap_or(0);
                    if length == 0 {
                        break;
                    }
                    text.push_str(&String::from_utf8_lossy(&read[..length]));
                }
                let call = json!({"index": 0, "id": "c1", "type": "function",
                    "function": {"name": "add", "arguments": "{\"a\": 1, \"b\": 2}"}});
                let piece = json!({"choices": [{"index": 0, "delta": {"role": "assistant", "tool_calls": [call]}}]});
                let end = json!({"choices": [{"index": 0, "delta": {}, "finish_reason": "tool_calls"}],
                    "usage": {"prompt_tokens": 50, "completion_tokens": 9, "total_tokens": 59}});
                let body = format!("data: {piece}\n\ndata: {end}\n\ndata: [DONE]\n\n");
                let head = "HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\nconnection: close\r\ncontent-length:";
                let _ = write!(stream, "{head} {}\r\n\r\n{body}", body.len());
            }
        });
        Self { port, came }
    }

    fn came(&self) -> usize {
        self.came.load(Ordering::SeqCst)
    }

    /// The user's own file: the trap as a provider, and this.
    fn file(&self, home: &Home, text: &str) {
        let folder = home.path().join(".config/callwright");
        fs::create_dir_all(&folder).unwrap();
        let row = format!(
            "\n[providers.trap]\nkind = \"local\"\ndialect = \"openai_chat\"\nbase_url = \"http://127.0.0.1:{}/v1\"\n",
            self.port
        );
        fs::write(folder.join("callwright.toml"), format!("{text}{row}")).unwrap();
    }
}

/// A turn whose local answer has a fault, under the settings of this home.
async fn turn(home: &Home, flags: &Flags) -> Response {
    let folder = |name: &str| home.path().join(name).display().to_string();
    let variable = |name: &str| match name {
        "CALLWRIGHT_CONFIG" => Some(folder(".config/callwright")),
        "CALLWRIGHT_DATA" => Some(folder("data")),
        _ => None,
    };
    let settings = Settings::of(&variable, Path::new("/"), flags).unwrap();
    let replay = Replay::of_texts([FAULTY, FAULTY]);
    let mut builder = Engine::builder().generator(Box::new(replay)).format("hermes").reasks(settings.file.reasks());
    if let Some(fallback) = settings.fallback().unwrap() {
        builder = builder.fallback(fallback);
    }
    let number = json!({"type": "integer"});
    let schema = json!({"type": "object", "properties": {"a": number, "b": number}, "required": ["a", "b"]});
    let request = Request::new("1 + 2?").tool(Tool::new("add", "", schema));
    builder.build().await.unwrap().chat(request).await.unwrap()
}

#[tokio::test]
async fn law_9_with_fallback_off_no_socket_to_a_provider_is_opened() {
    let (home, trap) = (Home::new(), Trap::set());
    let flag = |pair: &str| Flags { set: vec![pair.to_owned()], ..Flags::default() };
    let offline = Flags { offline: true, ..Flags::default() };
    for (text, flags) in [
        ("", Flags::default()),
        ("[fallback]\nenabled = false\nchain = [\"trap\"]\n", Flags::default()),
        (ON, flag("fallback.enabled=false")),
        (ON, offline),
        ("offline = true\n[fallback]\nenabled = true\nchain = [\"trap\"]\n", Flags::default()),
    ] {
        trap.file(&home, text);
        let response = turn(&home, &flags).await;
        assert_eq!((response.served_by.as_str(), response.left_machine), ("local", false), "{text}");
        assert!(!response.faults.is_empty());
    }
    assert_eq!(trap.came(), 0);
    assert!(!home.path().join("data/audit.jsonl").exists(), "nothing left, so nothing is recorded");
}

#[tokio::test]
async fn with_fallback_on_one_comes_and_it_is_told() {
    let (home, trap) = (Home::new(), Trap::set());
    trap.file(&home, ON);
    let response = turn(&home, &Flags::default()).await;
    assert_eq!(trap.came(), 1, "or the counting above means nothing");
    assert_eq!((response.served_by.as_str(), response.calls[0].arguments["b"].clone()), ("trap", json!(2)));
    let away = response.attempts.last().unwrap();
    assert_eq!(
        (away.reason, &away.outcome, away.usage.prompt_tokens),
        (Some(Reason::NoValidCall), &Outcome::Served, 50)
    );
    assert_eq!(response.attempts.len(), 3, "two tries at home came first");
    let audit = fs::read_to_string(home.path().join("data/audit.jsonl")).unwrap();
    assert!(audit.contains("no_valid_call") && !audit.contains("1 + 2?"), "{audit}");
}

#[test]
fn law_9_the_command_line_stays_local_too() {
    let (home, trap) = (Home::new(), Trap::set());
    trap.file(&home, ON);
    let ask = ["run", "--provider", "trap:small", "What is 1 + 2?", "--tools", "examples/tools.json"];
    let said = say(home.callwright().args(ask).arg("--offline"));
    assert_eq!((said.code, trap.came()), (Some(2), 0), "{}", said.err);
    let said = say(home.callwright().args(ask).env("CALLWRIGHT_OFFLINE", "1"));
    assert_eq!((said.code, trap.came()), (Some(2), 0), "{}", said.err);
    for command in [&["config"][..], &["usage"], &["prices"], &["list"], &["doctor"], &["providers"]] {
        let _ = say(home.callwright().args(command));
    }
    assert_eq!(trap.came(), 0, "what only looks contacts nobody");
    let said = say(home.callwright().args(ask).arg("--json"));
    assert_eq!(trap.came(), 1, "{}", said.err);
    assert!(said.err.contains("asked provider trap (small) because you named it"), "{}", said.err);
    let usage = say(home.callwright().args(["usage", "--by", "provider"])).out;
    assert!(usage.contains("trap"), "{usage}");
}
