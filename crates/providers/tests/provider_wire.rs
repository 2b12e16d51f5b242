//! What is sent: a conversation in each dialect's words, and what cannot be said told.
#![allow(clippy::expect_used, reason = "a test stops at the first surprise")]

#[path = "common/asking.rs"]
mod asking;

use std::collections::BTreeMap;

use asking::{KEY, QUICK, block_on, catalog, gate, provider, turn};
use callwright_parse::chat::{Arguments, Call, CallId, Image, Message, Part, Request, Sampling, Tool, ToolChoice};
use callwright_parse::error::FailureKind;
use callwright_providers::{Bodies, Whole};
use callwright_test_support::fault_server::{Came, Server, streamed};
use callwright_test_support::wires::{DIALECTS, Meant, MeantCall, body, content_type, events, sample};
use serde_json::{Value, json};

fn arguments(value: &Value) -> Arguments {
    value.as_object().cloned().expect("an object")
}

/// A conversation with everything in it: rules, a turn of two calls whose ids are counted from 1 twice over, a name that
/// no wire takes.
fn conversation() -> Request {
    let weather = Call::new("weather.get now", arguments(&json!({"city": "Oslo"}))).with_id(CallId::of_index(0));
    let add = Call::new("add", arguments(&json!({"a": 1}))).with_id(CallId::of_index(1));
    let again = Call::new("add", arguments(&json!({"a": 2}))).with_id(CallId::of_index(0));
    let mut thinking = Message::assistant("I look.", vec![weather.clone(), add.clone()]);
    thinking.reasoning = Some("hm".to_owned());
    let schema = json!({"properties": {"a": {"type": "integer"}}});
    Request::new("What is it like?")
        .system("Be brief.")
        .message(thinking)
        .message(Message::result(&weather, "rain"))
        .message(Message::result(&add, "3"))
        .message(Message::assistant("", vec![again.clone()]))
        .message(Message::result(&again, "4"))
        .message(Message::user("And now?"))
        .tool(Tool::new("weather.get now", "The weather", schema.clone()))
        .tool(Tool::new("add", "Adds", schema))
}

/// Sends a request and gives what came to the server, and the reply.
fn sent(dialect: &str, more: &str, request: Request) -> (Came, callwright_parse::Result<Whole>) {
    let folder = tempfile::tempdir().expect("a folder");
    let body = body(dialect, &events(dialect, &sample()));
    let server = Server::always(streamed(content_type(dialect), &body));
    let catalog = catalog(dialect, &server.address, &format!("{QUICK}\n{more}"));
    let provider = provider(&catalog, &gate(folder.path(), Bodies::LeftOut));
    let (_, end) = block_on(turn(&*provider, request));
    (server.came().pop().unwrap_or_default(), end)
}

/// All strings under a key, wherever it is.
fn under<'a>(value: &'a Value, key: &str, found: &mut Vec<&'a str>) {
    match value {
        Value::Object(fields) => {
            for (name, value) in fields {
                if let (true, Some(text)) = (name == key, value.as_str()) {
                    found.push(text);
                }
                under(value, key, found);
            }
        }
        Value::Array(items) => items.iter().for_each(|item| under(item, key, found)),
        _ => {}
    }
}

#[test]
fn nothing_of_a_conversation_is_lost() {
    for dialect in DIALECTS {
        let (came, end) = sent(dialect, "", conversation());
        let body = came.json();
        let text = body.to_string();
        for said in
            ["Be brief.", "What is it like?", "I look.", "rain", "\"3\"", "\"4\"", "And now?", "Oslo", "The weather"]
        {
            assert!(text.contains(said), "{dialect}: {said} is not in {text}");
        }
        assert!(!text.contains("weather.get now"), "{dialect}: a name that the wire does not take: {text}");
        let mut names = Vec::new();
        under(&body, "name", &mut names);
        let safe = |name: &&str| name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_' || byte == b'-');
        assert!(names.iter().all(safe), "{dialect}: {names:?}");
        // Three calls and three results, and each result names its own call.
        let (calls, results): (&[&str], &[&str]) = match dialect {
            "anthropic" => (&["id"], &["tool_use_id"]),
            "openai_responses" => (&["call_id"], &["call_id"]),
            "gemini" => (&["id"], &["id"]),
            _ => (&["id"], &["tool_call_id"]),
        };
        let mut made = Vec::new();
        for key in calls {
            under(&body, key, &mut made);
        }
        let unique: std::collections::BTreeSet<_> = made.iter().copied().collect();
        assert_eq!(unique.len(), 3, "{dialect}: {made:?}");
        let mut answered = Vec::new();
        for key in results {
            under(&body, key, &mut answered);
        }
        assert!(answered.iter().all(|id| unique.contains(id)), "{dialect}: {made:?} {answered:?}");
        let whole = end.expect("a reply");
        assert_eq!((whole.served_by.as_str(), whole.left_machine), ("test", false));
        let tokens = whole.tokens.expect("counted");
        assert_eq!((tokens.input, tokens.output), (11, 7), "{dialect}");
    }
}

#[test]
fn images_in_each_dialect_s_words() {
    let image = Image::of_bytes(b"\x89PNG").expect("a picture");
    let data = "data:image/png;base64,iVBORw==";
    let seeing = "models.\"m-*\" = { can = [\"vision\"] }";
    let mut request = Request::default().message(Message::user("What is it?").image(image));
    let own = |dialect, request: &Request| sent(dialect, seeing, request.clone());
    let text = |kind: &str| json!({"type": kind, "text": "What is it?"});
    let chat = json!([text("text"), {"type": "image_url", "image_url": {"url": data}}]);
    let anthropic = json!({"type": "base64", "media_type": "image/png", "data": "iVBORw=="});
    for (dialect, path, wanted) in [
        ("openai_chat", "/messages/0/content", chat.clone()),
        (
            "openai_responses",
            "/input/0/content",
            json!([text("input_text"), {"type": "input_image", "image_url": data}]),
        ),
        ("anthropic", "/messages/0/content", json!([text("text"), {"type": "image", "source": anthropic}])),
        (
            "gemini",
            "/contents/0/parts",
            json!([{"text": "What is it?"}, {"inlineData": {"mimeType": "image/png", "data": "iVBORw=="}}]),
        ),
        ("cohere", "/messages/0/content", chat),
        ("ollama", "/messages/0", json!({"role": "user", "content": "What is it?", "images": ["iVBORw=="]})),
    ] {
        let (came, end) = own(dialect, &request);
        assert_eq!(came.json().pointer(path), Some(&wanted), "{dialect}");
        end.expect("a reply");
        // A model of which nothing is known is shown nothing.
        let (came, end) = sent(dialect, "", request.clone());
        let error = end.expect_err("blind");
        assert!(came.body.is_empty() && error.to_string().contains("vision"), "{dialect}: {error}");
        assert_eq!(error.failure().expect("a failure").kind, FailureKind::Unsupported);
    }
    // By its address, where the provider looks it up.
    request.messages[0].content[1] = Part::Image(Image::Url("https://example.org/cat.png".to_owned()));
    for dialect in DIALECTS {
        let (came, end) = own(dialect, &request);
        let looks_up = !["gemini", "ollama"].contains(&dialect);
        assert_eq!(
            (end.is_ok(), String::from_utf8_lossy(&came.body).contains("cat.png")),
            (looks_up, looks_up),
            "{dialect}"
        );
    }
    // Where no dialect has a place for one, it is refused by name and not left out.
    let result = Message::result(&Call::new("add", Arguments::new()), "3").image(Image::Url("https://x/y".to_owned()));
    let error = own("openai_chat", &conversation().message(result)).1.expect_err("no place");
    assert!(error.to_string().contains("image in a message of the tool"), "{error}");
}

#[test]
fn each_dialect_s_own_words() {
    let mut request = conversation().tool_choice(ToolChoice::Named("add".to_owned()));
    request.parallel_tool_calls = Some(false);
    request.stop = vec!["END".to_owned()];
    let own = |dialect, more| sent(dialect, more, request.clone()).0.json();

    let chat =
        own("openai_chat", "quirks = { knows = [\"store\", \"strict\", \"stream_usage\", \"parallel_tool_calls\"] }");
    assert_eq!(chat["tool_choice"], json!({"type": "function", "function": {"name": "add"}}));
    assert_eq!(
        (&chat["store"], &chat["parallel_tool_calls"], &chat["max_tokens"]),
        (&json!(false), &json!(false), &json!(1024))
    );
    assert_eq!(chat["tools"][0]["function"]["strict"], false);
    assert_eq!(chat["tools"][0]["function"]["parameters"]["type"], "object", "every provider insists on it");
    assert_eq!(chat["stream_options"], json!({"include_usage": true}));
    assert_eq!(chat["messages"][2]["tool_calls"][0]["function"]["arguments"], "{\"city\":\"Oslo\"}");
    assert_eq!(chat["messages"][5]["content"], Value::Null, "calls and no words");
    let empty = own("openai_chat", "quirks = { no_text = \"empty\" }");
    assert_eq!(empty["messages"][5]["content"], "");
    assert_eq!(chat["messages"][2].get("reasoning_content"), None, "reasoning goes to whom it belongs");
    let deepseek =
        own("openai_chat", "quirks = { reasoning = \"reasoning_content\", max_tokens = \"max_completion_tokens\" }");
    assert_eq!(deepseek["messages"][2]["reasoning_content"], "hm");
    assert_eq!(
        (&deepseek["max_completion_tokens"], deepseek.get("max_tokens"), deepseek.get("store")),
        (&json!(1024), None, None)
    );
    let mistral = sent(
        "openai_chat",
        "quirks = { ids = \"nine\", required = \"any\" }",
        conversation().tool_choice(ToolChoice::Required),
    );
    let mistral = mistral.0.json();
    assert_eq!(mistral["tool_choice"], "any");
    assert!(mistral["messages"][2]["tool_calls"][0]["id"].as_str().is_some_and(|id| id.len() == 9));

    let responses = own("openai_responses", "");
    assert_eq!((&responses["store"], &responses["max_output_tokens"]), (&json!(false), &json!(1024)));
    assert_eq!(responses["tools"][0]["strict"], false);
    assert_eq!(responses["tool_choice"], json!({"type": "function", "name": "add"}));

    let anthropic = own("anthropic", "");
    assert_eq!(anthropic["system"], "Be brief.");
    assert_eq!(anthropic["tool_choice"], json!({"type": "tool", "name": "add", "disable_parallel_tool_use": true}));
    assert_eq!(anthropic["stop_sequences"], json!(["END"]));
    let roles: Vec<_> =
        anthropic["messages"].as_array().expect("messages").iter().map(|message| &message["role"]).collect();
    assert_eq!(roles, ["user", "assistant", "user", "assistant", "user"]);
    assert_eq!(anthropic["messages"][4]["content"][0]["type"], "tool_result", "results come first");
    assert_eq!(anthropic["messages"][1]["content"][1]["input"], json!({"city": "Oslo"}));

    let gemini = own("gemini", "");
    assert_eq!(gemini["toolConfig"]["functionCallingConfig"], json!({"mode": "ANY", "allowedFunctionNames": ["add"]}));
    assert_eq!(gemini["generationConfig"]["maxOutputTokens"], 1024);
    assert_eq!(gemini["contents"][2]["parts"][0]["functionResponse"]["response"]["output"], "rain");
    let cohere = own("cohere", "cannot = [\"named_choice\", \"single_call\"]");
    assert_eq!((&cohere["tool_choice"], cohere["tools"].as_array().map(Vec::len)), (&json!("REQUIRED"), Some(1)));
    let ollama = own("ollama", "cannot = [\"required_choice\", \"named_choice\", \"single_call\"]");
    assert_eq!((&ollama["options"]["num_ctx"], &ollama["options"]["num_predict"]), (&json!(8192), &json!(1024)));
    assert_eq!(ollama["messages"][3]["tool_name"], json!(ollama["messages"][2]["tool_calls"][0]["function"]["name"]));
}

#[test]
fn keys_go_where_the_dialect_wants_them() {
    for (dialect, header, value) in [
        ("openai_chat", "authorization", format!("Bearer {KEY}")),
        ("anthropic", "x-api-key", KEY.to_owned()),
        ("gemini", "x-goog-api-key", KEY.to_owned()),
    ] {
        let (came, _) = sent(dialect, "headers = { \"x-extra\" = \"1\" }", conversation());
        assert_eq!(came.header(header), Some(value.as_str()), "{dialect}");
        assert_eq!(came.header("x-extra"), Some("1"));
        assert_eq!(came.header("accept-encoding"), None, "no compression is asked for");
        assert!(!came.line.contains(KEY), "{}", came.line);
    }
    let (came, _) = sent("openai_chat", "key_header = \"api-key\"", conversation());
    assert_eq!((came.header("api-key"), came.header("authorization")), (Some(KEY), None));
}

#[test]
fn what_cannot_be_said_is_told() {
    let mut request = conversation().tool_choice(ToolChoice::Required);
    request.parallel_tool_calls = Some(false);
    request.sampling = Sampling::default();
    request.sampling.temperature = 0.7;
    request.sampling.top_k = 5;
    request.limits.max_tokens = 9000;
    let more = "cannot = [\"required_choice\", \"single_call\", \"sampling\"]\nmax_output = 4096";
    let (came, end) = sent("openai_chat", more, request.clone());
    let warnings = end.expect("a reply").warnings.join("\n");
    for told in ["left to its choice", "one call", "sampling settings", "4096"] {
        assert!(warnings.contains(told), "{told}: {warnings}");
    }
    let sent_body = came.json();
    assert_eq!((sent_body.get("temperature"), &sent_body["tool_choice"]), (None, &json!("auto")));
    assert_eq!(sent_body["max_tokens"], 4096);
    let (came, end) = sent("openai_chat", "", request);
    assert!(end.expect("a reply").warnings.iter().any(|warning| warning.contains("top_k")));
    assert_eq!(came.json()["temperature"], 0.7);

    // Where some call must be made and there is only one tool, its name says the same.
    let mut one = conversation().tool_choice(ToolChoice::Required);
    one.tools.truncate(1);
    let (came, end) = sent("openai_chat", "cannot = [\"required_choice\"]", one);
    assert!(end.expect("a reply").warnings.is_empty());
    assert_eq!(came.json()["tool_choice"]["function"]["name"], came.json()["tools"][0]["function"]["name"]);

    let (came, end) = sent("openai_chat", "cannot = [\"tools\"]", conversation());
    assert_eq!(end.expect_err("no tools").failure().expect("a failure").kind, FailureKind::Unsupported);
    assert!(came.line.is_empty(), "nothing was sent");
    let stray = Request::new("?").message(Message::result(&Call::new("add", Arguments::new()), "3"));
    let (_, end) = sent("openai_chat", "", stray);
    assert_eq!(end.expect_err("stray").failure().expect("a failure").kind, FailureKind::Unsupported);
}

/// Signed thoughts go back with the calls they led to, exactly, and to nobody else.
#[test]
fn what_a_provider_wants_back_comes_back() {
    let deepseek = "quirks = { reasoning = \"reasoning_content\" }";
    for (dialect, more, wanted) in [
        ("anthropic", "", r#"{"type":"thinking","thinking":"two tools","signature":"c2ln"}"#),
        ("openai_responses", "", r#"{"type":"reasoning","id":"rs_1","summary":[],"encrypted_content":"xyz"}"#),
        ("gemini", "", r#""thoughtSignature":"c2ln""#),
        ("cohere", "", r#""tool_plan":"two tools""#),
        ("openai_chat", deepseek, r#""reasoning_content":"two tools""#),
    ] {
        let folder = tempfile::tempdir().expect("a folder");
        let bytes = body(dialect, &events(dialect, &sample()));
        let server = Server::always(streamed(content_type(dialect), &bytes));
        let catalog = catalog(dialect, &server.address, &format!("{QUICK}\n{more}"));
        let gate = gate(folder.path(), Bodies::LeftOut);
        let (own, other) = (provider(&catalog, &gate), provider(&catalog, &gate));
        let whole = block_on(turn(&*own, asking::request())).1.expect("a reply");
        let mut next = asking::request().message(Message::assistant(whole.text.clone(), whole.calls.clone()));
        for call in &whole.calls {
            next = next.message(Message::result(call, "done"));
        }
        for (provider, is_own) in [(&own, true), (&other, false)] {
            block_on(turn(&**provider, next.clone())).1.expect("a reply");
            let came = server.came().pop().expect("a request").json().to_string();
            assert_eq!(came.contains(wanted), is_own, "{dialect}: {came}");
        }
    }
}

/// A pull has come through only when the server says so.
#[test]
fn a_server_fetches_a_model() {
    use futures_util::StreamExt as _;
    let folder = tempfile::tempdir().expect("a folder");
    let gate = gate(folder.path(), Bodies::LeftOut);
    let begun = "{\"status\":\"pulling\",\"total\":10,\"completed\":4}\n";
    for (dialect, rest, kind) in [
        ("ollama", "{\"status\":\"success\"}\n", None),
        ("ollama", "{\"error\":\"model not found\"}\n", Some(FailureKind::NotFound)),
        ("ollama", "", Some(FailureKind::Truncated)),
        ("openai_chat", "", Some(FailureKind::Unsupported)),
    ] {
        let server = Server::always(streamed("application/x-ndjson", [begun, rest].concat().as_bytes()));
        let provider = provider(&catalog(dialect, &server.address, QUICK), &gate);
        let steps: Vec<_> = block_on(provider.pull("smollm2:135m").collect());
        let last = steps.last().expect("a step");
        let told = last.as_ref().err().map(|error| error.failure().expect("a failure").kind);
        assert_eq!(told, kind, "{last:?}");
        if kind.is_none() {
            assert_eq!(server.came()[0].json()["model"], "smollm2:135m");
            assert!(steps[0].as_ref().is_ok_and(|step| (step.completed, step.total, step.done) == (4, 10, false)));
        }
    }
}

/// The vendors' own clients read what our dialects are fed: `tests/servers/sdks.py` takes it from this snapshot.
#[test]
fn the_events_that_others_read_too() {
    let again = Meant { calls: vec![MeantCall::new("call_c", "add", json!({"a": 2, "b": []}))], ..Meant::default() };
    let words = Meant { text: vec!["It ".to_owned(), "rains.".to_owned()], ..Meant::default() };
    let replies = [("two_calls", sample()), ("one_call", again), ("words", words)];
    let of = |dialect| replies.each_ref().map(|(name, meant)| (*name, events(dialect, meant)));
    let all: BTreeMap<_, BTreeMap<_, _>> = DIALECTS.map(|dialect| (dialect, of(dialect).into())).into();
    insta::assert_json_snapshot!("events", all);
}
