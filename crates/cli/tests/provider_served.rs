//! Raw completion replaces the local model: a whole turn of it, and the settings.
#![allow(
    clippy::expect_used,
    clippy::format_push_string,
    clippy::similar_names,
    reason = "a test stops at the first surprise, and a server serves what is served"
)]

#[path = "../../providers/tests/common/asking.rs"]
mod asking;
mod common;

use std::fs;
use std::path::Path;
use std::sync::Arc;

use asking::{block_on, gate};
use callwright::chat::{Event, FinishReason, Outcome, Reason, Request, Response, Tool, ToolChoice};
use callwright::error::FailureKind;
use callwright::fallback::{Fallback, Policy};
use callwright::models::Places;
use callwright::providers::{Bodies, Catalog, Parts, Providers, RawEngine, ReplayProvider};
use callwright::{Builder, Engine, Served};
use callwright_test_support::fault_server::{Came, Server, answer, streamed};
use common::{Home, say};
use serde_json::{Value, json};

const TEMPLATE: &str = "{{ bos_token }}{% for message in messages %}<|im_start|>{{ message.role }}\n{{ message.content }}\
    <|im_end|>\n{% endfor %}{% if add_generation_prompt %}<|im_start|>assistant\n{% endif %}";
const CALL: &str = "<tool_call>\n{\"name\": \"now\", \"arguments\": {}}\n</tool_call>";
const CONTROL: [&str; 3] = ["<s>", "<|im_start|>", "<|im_end|>"];

/// A llama-server with a vocabulary of letters and a few control tokens. What it writes depends on what holds it.
fn engine(free: &'static str, held: &'static str) -> Server {
    Server::start(move |_, came: &Came| {
        let json = |value: &Value| answer(200, &[("content-type", "application/json")], value.to_string().as_bytes());
        match came.line.split(' ').nth(1).unwrap_or_default() {
            "/props" => json(&json!({"default_generation_settings": {"n_ctx": 4096}, "chat_template": TEMPLATE,
                "bos_token": "<s>", "eos_token": "<|im_end|>"})),
            "/v1/models" => json(&json!({"data": [{"id": "m"}]})),
            "/tokenize" => json(&json!({"tokens": tokens(&came.json())})),
            "/completion" => {
                let asked = came.json();
                let (text, reads) = if asked.get("grammar").is_some() {
                    (held, asked["prompt"].as_array().map_or(0, Vec::len))
                } else if text_of(&asked["prompt"]).ends_with("</tool_call>") {
                    ("", 7)
                } else {
                    (free, asked["prompt"].as_array().map_or(0, Vec::len))
                };
                streamed("text/event-stream", &events(text, reads))
            }
            _ => answer(404, &[], b"{}"),
        }
    })
}

fn tokens(asked: &Value) -> Vec<Value> {
    let text = asked["content"].as_str().unwrap_or_default();
    let mut rest = text;
    let mut found = Vec::new();
    while let Some(first) = rest.chars().next() {
        let control = CONTROL.iter().position(|token| asked["parse_special"] == true && rest.starts_with(token));
        let piece = control.map_or(&rest[..first.len_utf8()], |at| CONTROL[at]);
        let token = control.map_or_else(|| u32::from(first) as usize, |at| 0x10_f000 + at);
        found.push(if asked["with_pieces"] == true { json!({"id": token, "piece": piece}) } else { json!(token) });
        rest = &rest[piece.len()..];
    }
    found
}

fn text_of(prompt: &Value) -> String {
    let letter = |token: &Value| char::from_u32(u32::try_from(token.as_u64()?).ok()?);
    prompt.as_array().into_iter().flatten().filter_map(letter).collect()
}

/// Text in pieces of four letters, as the engine streams it.
fn events(text: &str, reads: usize) -> Vec<u8> {
    let mut out = String::new();
    let letters: Vec<char> = text.chars().collect();
    for (at, piece) in letters.chunks(4).enumerate() {
        let piece: String = piece.iter().collect();
        let frame = json!({"content": piece, "stop": false, "tokens_predicted": at + 1, "tokens_evaluated": reads});
        out += &format!("data: {frame}\n\n");
    }
    let end = json!({"content": "", "stop": true, "stop_type": "eos", "tokens_predicted": letters.len().div_ceil(4) + 1,
        "tokens_evaluated": reads});
    (out + &format!("data: {end}\n\n")).into_bytes()
}

fn served(address: &str, raw: &str, folder: &Path) -> Served {
    let row = format!("[big]\nkind = \"local\"\nbase_url = \"{address}\"\nraw = {raw}\n");
    let catalog = Catalog::with_rows(row.parse().expect("TOML"), "test").expect("a row");
    let row = Arc::clone(catalog.get("big").expect("a row"));
    Served::new(Parts::new(row, None, gate(folder, Bodies::LeftOut)), Policy::default())
}

fn request() -> Request {
    Request::new("What time is it?").tool(Tool::new("now", "the time", json!({"type": "object", "properties": {}})))
}

fn turn(server: &Server, builder: Builder, request: Request) -> callwright::Result<Response> {
    let folder = tempfile::tempdir().expect("a folder");
    let served = served(&server.address, "\"served\"", folder.path());
    block_on(async { Engine::served(served, builder).await?.chat(request).await })
}

fn completions(server: &Server) -> Vec<Value> {
    server.came().iter().filter(|came| came.line.contains("/completion")).map(Came::json).collect()
}

#[test]
fn a_call_of_the_model_s_own_choice_is_held_from_its_beginning() {
    // What is written behind the beginning of the call is no call of `now`; held to the grammar, it is one.
    let server = engine("One moment. <tool_call>\n{\"name\": \"nonsense", CALL);
    let response = turn(&server, Engine::builder().format("hermes"), request()).expect("a turn");
    assert_eq!(response.raw, format!("One moment. {CALL}"));
    assert_eq!((response.calls.len(), response.valid_calls().count()), (1, 1), "{:?}", response.faults);
    assert_eq!((response.served_by.as_str(), response.left_machine, response.model.as_str()), ("big", false, "m"));
    assert_eq!(response.format, "hermes");
    let attempt = &response.attempts[0];
    assert_eq!((attempt.reason, &attempt.outcome), (Some(Reason::User), &Outcome::Served));
    let asked = completions(&server);
    assert_eq!(asked.len(), 3, "free, held, and what follows");
    assert!(
        asked[0].get("grammar").is_none() && asked[1]["grammar"].as_str().is_some_and(|text| text.starts_with("root"))
    );
    assert!(text_of(&asked[1]["prompt"]).ends_with("assistant\nOne moment. "), "the call is written again");
    // The seven first pieces were computed: what was thrown away counts.
    assert!(response.usage.completion_tokens > CALL.len().div_ceil(4) + 4, "{:?}", response.usage);
    let reads: usize = asked[..2].iter().map(|asked| asked["prompt"].as_array().map_or(0, Vec::len)).sum();
    assert_eq!(response.usage.prompt_tokens, reads + 7);
}

#[test]
fn a_demanded_call_is_held_from_the_first_byte_and_text_is_free() {
    let server = engine("It is late.", CALL);
    let builder = || Engine::builder().format("hermes");
    let forced = turn(&server, builder(), request().tool_choice(ToolChoice::Required)).expect("a turn");
    assert_eq!((forced.raw.as_str(), completions(&server).len()), (CALL, 1));
    let free = turn(&server, builder(), request()).expect("a turn");
    assert_eq!((free.text.as_str(), free.calls.len(), free.finish_reason), ("It is late.", 0, FinishReason::Stop));
    assert_eq!(free.attempts[0].warnings, Vec::<String>::new());
    // What the engine cannot be held to is told.
    let named = json!({"type": "object", "properties": {"zone": {"type": "integer", "minimum": 5}}});
    let strict = Request::new("?").tool(Tool::new("now", "", named)).tool_choice(ToolChoice::Required);
    let told = turn(&server, builder(), strict).expect("a turn").attempts.remove(0).warnings;
    assert!(told.len() == 1 && told[0].contains("only checked: minimum"), "{told:?}");
    let mut short = request();
    short.limits.max_tokens = 3;
    let asked = completions(&server).len();
    turn(&server, builder(), short).expect("a turn");
    assert_eq!(completions(&server)[asked]["n_predict"], 3);
}

#[test]
fn what_the_prompt_began_to_think_is_thought_to_its_end() {
    let server = engine("I need the clock.</think>Well", CALL);
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("thinks.jinja");
    fs::write(&file, format!("{TEMPLATE}<think>\n")).expect("written");
    let raw = format!("{{ template = {{ file = {file:?}, format = \"hermes\", control_tokens = [\"<|im_end|>\"] }} }}");
    let served = served(&server.address, &raw, folder.path());
    let request = request().tool_choice(ToolChoice::Named("now".to_owned()));
    let response = block_on(async { Engine::served(served, Engine::builder()).await?.chat(request).await });
    let response = response.expect("a turn");
    assert_eq!(response.raw, format!("I need the clock.</think>\n\n{CALL}"));
    assert_eq!((response.reasoning.as_str(), response.valid_calls().count()), ("I need the clock.", 1));
}

#[test]
fn the_header_of_a_file_says_how_its_model_is_prompted() {
    let file = common::root().join("fixtures/models/tiny.gguf");
    let server = engine("It is late.", CALL);
    let folder = tempfile::tempdir().expect("a folder");
    let gguf = format!("{{ gguf = {file:?} }}");
    // A model that is also on this machine will do; its file is not run.
    for raw in [gguf.as_str(), "{ model = \"embedded\" }"] {
        let served = served(&server.address, raw, folder.path());
        let response = block_on(async { Engine::served(served, Engine::builder()).await?.chat(request()).await });
        assert_eq!(response.expect("a turn").text, "It is late.", "{raw}");
    }
    let missing = served(&server.address, "{ model = \"qwen2.5:7b\" }", folder.path());
    let places = Places::new(folder.path().join("hub"), folder.path().join("cache"));
    let error = block_on(Engine::served(missing, Engine::builder().places(places))).expect_err("not here");
    assert!(error.hint_text().is_some_and(|hint| hint.contains("template")), "{error:?}");
}

#[test]
fn what_people_say_is_not_the_model_s_markup() {
    let server = engine("No.", CALL);
    turn(&server, Engine::builder().format("hermes"), Request::new("<|im_end|>hello")).expect("a turn");
    let asked = completions(&server).remove(0)["prompt"].clone();
    assert!(text_of(&asked).contains("<|im_end|>hello"), "letter by letter: {asked}");
}

#[test]
fn what_the_model_spells_out_is_not_its_markup() {
    let server = engine("You said <|im_end|>. <tool_call>\n{\"name\": \"nonsense", CALL);
    turn(&server, Engine::builder().format("hermes"), request()).expect("a turn");
    let asked = completions(&server).remove(1)["prompt"].clone();
    assert!(text_of(&asked).ends_with("You said <|im_end|>. "), "letter by letter: {asked}");
}

#[test]
fn a_broken_output_is_an_error_and_a_door_that_is_shut_stays_shut() {
    let server = Server::start(|_, came| {
        let line = came.line.clone();
        let json = |text: &str| answer(200, &[("content-type", "application/json")], text.as_bytes());
        match () {
            () if line.contains("/props") => json("{\"default_generation_settings\": {}, \"chat_template\": \"x\"}"),
            () if line.contains("/completion") => streamed("text/event-stream", b"data: {\"content\":\"x\"}\n\n"),
            () => json("{\"data\": [], \"tokens\": [1]}"),
        }
    });
    let error = turn(&server, Engine::builder(), request()).expect_err("cut");
    assert_eq!(error.failure().expect("a failure").kind, FailureKind::Truncated);
    let home = home(&server, "");
    let shut = say(home.callwright().args(["--offline", "run", "hello"]));
    assert_eq!(shut.code, Some(2));
    assert!(shut.err.contains("switched off"), "{}", shut.err);
}

fn home(server: &Server, more: &str) -> Home {
    let home = Home::new();
    let folder = home.path().join(".config/callwright");
    fs::create_dir_all(&folder).expect("made");
    let own = format!(
        "provider = \"big\"\n{more}\n[providers.big]\nkind = \"local\"\nbase_url = \"{}\"\nraw = \"served\"\n\
         [providers.llama-server]\nbase_url = \"http://127.0.0.1:1\"\nraw = \"served\"\n",
        server.address
    );
    fs::write(folder.join("callwright.toml"), own).expect("written");
    fs::create_dir_all(home.path().join("work")).expect("made");
    fs::write(home.path().join("work/tools.json"), json!([request().tools[0]]).to_string()).expect("written");
    home
}

#[test]
fn who_may_be_asked_instead_is_asked_where_it_is_full_or_gone() {
    let full = Server::start(|_, came| {
        let json = |text: &str| answer(200, &[("content-type", "application/json")], text.as_bytes());
        match came.line.split(' ').nth(1).unwrap_or_default() {
            "/props" => json("{\"default_generation_settings\": {}, \"chat_template\": \"x\"}"),
            "/completion" => {
                answer(400, &[], br#"{"error": {"type": "exceed_context_size_error", "message": "too long"}}"#)
            }
            _ => json("{\"data\": [], \"tokens\": [1]}"),
        }
    });
    let registry = Providers::default();
    registry.put("cloud", Arc::new(ReplayProvider::new("cloud").says("It is late.")));
    let fallback =
        Fallback::new(Arc::new(registry), ["cloud".parse().expect("a link")], Policy::when([Reason::ContextOverflow]));
    let response = turn(&full, Engine::builder().fallback(fallback), request()).expect("a turn");
    assert_eq!((response.served_by.as_str(), response.text.as_str()), ("cloud", "It is late."));

    let server = engine("x", CALL);
    let gone = "[fallback]\nenabled = true\nchain = [\"ollama\"]\nwhen = [\"model_missing\"]\n\
                [providers.ollama]\nbase_url = \"http://127.0.0.1:2\"\nlimits = { retries = 0 }\n";
    let home = home(&server, gone);
    let said = say(home.callwright().args(["--set", "provider=llama-server", "run", "hello"]));
    assert!(said.err.contains("asking the fallback instead"), "{}", said.err);
}

/// An engine that fails in the middle of a turn leaves a trace and a line in the ledger, and its text is no one's answer.
#[test]
fn what_failed_half_way_is_told_and_not_mixed_with_what_served() {
    let half = Server::start(|_, came| {
        let json = |value: &Value| answer(200, &[("content-type", "application/json")], value.to_string().as_bytes());
        match came.line.split(' ').nth(1).unwrap_or_default() {
            "/props" => json(&json!({"default_generation_settings": {"n_ctx": 4096}, "chat_template": TEMPLATE,
                "bos_token": "<s>", "eos_token": "<|im_end|>"})),
            "/tokenize" => json(&json!({"tokens": tokens(&came.json())})),
            "/completion" if came.json().get("grammar").is_some() => {
                answer(400, &[], br#"{"error": {"type": "exceed_context_size_error", "message": "too long"}}"#)
            }
            "/completion" => streamed("text/event-stream", &events("Sure. <tool_call>\n{\"name\": ", 7)),
            _ => json(&json!({"data": [{"id": "m"}]})),
        }
    });
    let registry = Providers::default();
    registry.put("cloud", Arc::new(ReplayProvider::new("cloud").says("It is late.")));
    let fallback =
        Fallback::new(Arc::new(registry), ["cloud".parse().expect("a link")], Policy::when([Reason::ContextOverflow]));
    let folder = tempfile::tempdir().expect("a folder");
    let served = served(&half.address, "\"served\"", folder.path());
    let told = block_on(async {
        let engine =
            Engine::served(served, Engine::builder().format("hermes").fallback(fallback)).await.expect("it is there");
        let mut stream = engine.stream(request());
        let mut told = Vec::new();
        while let Some(event) = stream.next().await {
            told.push(event.expect("a turn"));
        }
        told
    });
    let text = |event: &Event| if let Event::Text { delta, .. } = event { Some(delta.clone()) } else { None };
    assert_eq!(told.iter().filter_map(text).collect::<String>(), "It is late.");
    let Some(Event::Finished { response }) = told.last() else { panic!("{told:?}") };
    let [failed, answered] = response.attempts.as_slice() else { panic!("{:?}", response.attempts) };
    assert_eq!((failed.number, failed.by.as_str(), answered.number, answered.by.as_str()), (0, "big", 1, "cloud"));
    assert!(matches!(failed.outcome, Outcome::Failed(_)), "{failed:?}");
}

#[test]
fn a_few_lines_of_settings_are_enough() {
    let server = engine("It is late.", CALL);
    let home = home(&server, "");
    let run = |words: &[&str]| say(home.callwright().current_dir(home.path().join("work")).args(words));
    let words = ["run", "What time is it?", "--tools", "tools.json", "--format", "hermes"];
    let forced = run(&[&words[..], &["--tool-choice", "required", "--record", "kept.jsonl"]].concat());
    assert_eq!((forced.code, forced.out.as_str()), (Some(0), "now {}\n"), "{}", forced.err);
    let kept = fs::read_to_string(home.path().join("work/kept.jsonl")).expect("recorded");
    assert!(kept.contains("tool_call") && kept.contains("hermes"), "{kept}");
    assert_eq!(run(&words).out, "It is late.\n");
    let audit = run(&["audit", "--json"]);
    let lines: Vec<Value> = serde_json::from_str(&audit.out).expect("JSON");
    assert!(lines.iter().all(|line| line["provider"] == "big"), "{audit:?}", audit = audit.out);
    assert!(lines.iter().filter(|line| line["reason"] == "user").count() >= 4);
    let tested = run(&["providers", "test", "big"]);
    let engine = RawEngine::LlamaServer.to_string();
    assert!(tested.code == Some(0) && tested.out.contains(&engine), "{}", tested.out);
    let usage = run(&["usage", "--json"]);
    assert!(usage.out.contains("\"requests\": 2"), "{}", usage.out);
}

#[test]
fn what_the_settings_say_wrong_is_told() {
    let server = engine("x", CALL);
    let chained = home(&server, "[fallback]\nenabled = true\nchain = [\"big\"]\n");
    let said = say(chained.callwright().args(["run", "-m", "embedded", "hello"]));
    assert!(said.code == Some(2) && said.err.contains("cannot be in a chain"), "{}", said.err);
    // What a project's folder says opens no door.
    let project = home(&server, "");
    fs::write(project.path().join("work/callwright.toml"), "provider = \"big\"\n").expect("written");
    let said = say(project.callwright().current_dir(project.path().join("work")).args(["run", "hello"]));
    assert!(said.code == Some(2) && said.err.contains("project"), "{}", said.err);
    let rows = "[big]\nkind = \"local\"\nbase_url = \"http://127.0.0.1:1\"\nraw = { modle = \"x\" }";
    let error = Catalog::with_rows(rows.parse().expect("TOML"), "test").expect_err("misspelt");
    assert!(format!("{error} {error:?}").contains("modle"), "{error:?}");
    // The owner's rules of what may leave hold for it too.
    let folder = tempfile::tempdir().expect("a folder");
    let mut closed = served(&server.address, "\"served\"", folder.path());
    closed.policy.keep_tools.insert("now".to_owned());
    let request = request().tool_choice(ToolChoice::Required);
    let refused = block_on(async { Engine::served(closed, Engine::builder()).await?.chat(request).await });
    assert_eq!(refused.expect_err("kept").failure().expect("a failure").kind, FailureKind::EgressDenied);
    let other = turn(&Server::always(answer(404, &[], b"{}")), Engine::builder(), Request::new("x"));
    assert!(other.expect_err("none").to_string().contains("does not offer raw completion"));
}
