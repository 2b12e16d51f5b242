//! Anthropic's Messages over loopback: the grammar of its stream, its errors, and what clients of it send.
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test stops at the first surprise")]

mod common;

use std::time::Duration;

use callwright::chat::FinishReason;
use callwright::infer::Played;
use callwright_serve::Settings;
use serde_json::{Map, Value, json};

use common::{Ends, Player, Reply, Served, TOOL, Turn, on_random_turns, parameters, shapes};

fn body(stream: bool) -> Value {
    json!({
        "model": "replay", "max_tokens": 1000, "stream": stream, "messages": [{"role": "user", "content": "Read it."}],
        "tools": [{"name": TOOL, "description": "reads", "input_schema": parameters()}],
    })
}

/// The message that a stream says, by the rules of Anthropic's "Streaming messages": blocks follow one another, each is
/// opened, goes on by deltas of its own kind and is closed; one `message_delta` and `message_stop` come last.
fn message(reply: &Reply) -> Value {
    let mut events = reply.events().into_iter().filter(|(name, _)| name != "ping");
    let mut next = || {
        let (name, event) = events.next().expect("the stream has not come to its end");
        assert_eq!(event["type"], name);
        (name, event)
    };
    let (name, start) = next();
    assert_eq!(name, "message_start");
    let mut message = start["message"].clone();
    assert_eq!((&message["content"], &message["stop_reason"]), (&json!([]), &Value::Null));
    let mut blocks: Vec<Value> = Vec::new();
    let delta = loop {
        let (name, start) = next();
        if name == "message_delta" {
            break start;
        }
        assert_eq!((name.as_str(), &start["index"]), ("content_block_start", &json!(blocks.len())));
        let (mut block, mut input) = (start["content_block"].clone(), String::new());
        assert_eq!(block["input"].as_object().unwrap_or(&Map::new()), &Map::new(), "a call's input comes in deltas");
        loop {
            let (name, event) = next();
            assert_eq!(event["index"], blocks.len());
            if name == "content_block_stop" {
                break;
            }
            assert_eq!(name, "content_block_delta");
            let delta = &event["delta"];
            let field = match (block["type"].as_str().unwrap(), delta["type"].as_str().unwrap()) {
                ("text", "text_delta") => "text",
                ("thinking", "thinking_delta") => "thinking",
                ("thinking", "signature_delta") => "signature",
                ("tool_use", "input_json_delta") => {
                    input.push_str(delta["partial_json"].as_str().unwrap());
                    continue;
                }
                other => panic!("{other:?}"),
            };
            let whole = block[field].as_str().unwrap().to_owned() + delta[field].as_str().unwrap();
            block[field] = whole.into();
        }
        if block["type"] == "tool_use" {
            // Of a call that was cut off clients see that it is not whole.
            block["input"] = serde_json::from_str(&input).unwrap_or(Value::Null);
        }
        blocks.push(block);
    };
    assert_eq!(next().0, "message_stop");
    assert_eq!(events.next(), None);
    message["content"] = blocks.into();
    for (name, value) in delta["delta"].as_object().unwrap() {
        message[name] = value.clone();
    }
    message["usage"] = delta["usage"].clone();
    message
}

/// A message without what is random in it, and without calls that were cut off.
fn plain(mut message: Value) -> Value {
    assert!(message["id"].take().as_str().unwrap().starts_with("msg_"));
    let blocks = message["content"].as_array_mut().unwrap();
    blocks.retain(|block| !block["input"].is_null() || block["type"] != "tool_use");
    for block in blocks {
        if block["type"] == "tool_use" {
            assert!(block["id"].take().as_str().unwrap().starts_with("toolu_"));
        }
    }
    message
}

#[test]
fn random_turns_stream_by_the_rules_and_agree_with_their_whole_answers() {
    on_random_turns(|turn: Turn| async move {
        let served = turn.served().await;
        let streamed = plain(message(&served.post("/v1/messages?beta=true", &body(true)).await));
        let whole = plain(served.post("/v1/messages", &body(false)).await.json());
        assert_eq!(streamed, whole);
        let blocks = whole["content"].as_array().unwrap();
        let calls = blocks.iter().any(|block| block["type"] == "tool_use");
        match (turn.cut, calls) {
            (true, _) => assert_eq!(whole["stop_reason"], "max_tokens"),
            (false, true) => assert_eq!(whole["stop_reason"], "tool_use"),
            (false, false) => assert_eq!(whole["stop_reason"], "end_turn"),
        }
    });
}

#[tokio::test]
async fn a_held_call_streams_as_it_comes_and_one_that_is_cut_off_is_no_json() {
    let text = "<think>\nIt is a file.\n</think>\n\nI look.\n<tool_call>\n{\"name\": \"read\", \"arguments\": {\"path\": \"notes and more\"}}\n</tool_call>";
    let pieces = [5; 40];
    let cut = &text[..text.find("more").unwrap()];
    let outputs = [Played::new(text, &pieces), Played::new(cut, &pieces).ended(FinishReason::Length)];
    let outputs = outputs.into_iter().flat_map(|output| [output.clone(), output]);
    let served = Served::of(Player::new(outputs, 1000).held(true)).await;

    let reply = served.post("/v1/messages", &body(true)).await;
    let arguments = reply.events().into_iter().filter(|(_, event)| event["delta"]["type"] == "input_json_delta");
    assert!(arguments.count() > 2, "{}", reply.text);
    let content = message(&reply)["content"].clone();
    assert_eq!(content[0]["thinking"], "It is a file.");
    assert_eq!(content[1], json!({"type": "text", "text": "I look."}));
    assert_eq!((&content[2]["name"], &content[2]["input"]), (&json!("read"), &json!({"path": "notes and more"})));
    assert_eq!(plain(served.post("/v1/messages", &body(false)).await.json())["content"].as_array().unwrap().len(), 3);

    let cut = message(&served.post("/v1/messages", &body(true)).await);
    assert_eq!((&cut["content"][2]["input"], &cut["stop_reason"]), (&Value::Null, &json!("max_tokens")));
    let whole = served.post("/v1/messages", &body(false)).await.json();
    assert_eq!((whole["content"].as_array().unwrap().len(), &whole["stop_reason"]), (2, &json!("max_tokens")));
}

#[tokio::test]
async fn what_clients_send_is_accepted_and_counted() {
    for (client, body) in shapes(&["claude", "claude-all-tools", "anthropic-python"]) {
        let served = Served::of_texts(&["Fine."]).await;
        let mut asked = body.clone();
        asked["model"] = "replay".into();
        let count = served.post("/v1/messages/count_tokens?beta=true", &asked).await.json();
        let reply = served.post("/v1/messages?beta=true", &asked).await;
        assert_eq!(message(&reply)["content"], json!([{"type": "text", "text": "Fine."}]), "{client}");
        assert!(count["input_tokens"].as_u64().unwrap() > 50, "{client}: {count}");
    }
}

#[tokio::test]
async fn every_kind_of_block_is_read_and_what_changes_from_session_to_session_is_not() {
    let served = Served::of_texts(&[]).await;
    let count = async |system: Value, messages: Value| {
        let mut asked = body(false);
        asked["system"] = system;
        asked["messages"] = messages;
        let reply = served.post("/v1/messages/count_tokens", &asked).await;
        assert_eq!(reply.status, 200, "{}", reply.text);
        reply.json()["input_tokens"].as_u64().unwrap()
    };
    let hello = || json!([{"role": "user", "content": "Hello."}]);
    let billing = "x-anthropic-billing-header: cc_version=1.2.3; cch=ab12c;";
    let plain = count(json!("Be brief."), hello()).await;
    for system in [
        json!([{"type": "text", "text": billing}, {"type": "text", "text": "Be brief.", "cache_control": {"type": "ephemeral"}}]),
        json!(format!("{billing}\nBe brief.")),
    ] {
        assert_eq!(count(system, hello()).await, plain);
    }
    let parts = |parts: Value| json!([{"role": "user", "content": parts}]);
    assert_eq!(count(json!("Be brief."), parts(json!([{"type": "text", "text": "Hello."}]))).await, plain);
    let document =
        json!([{"type": "document", "source": {"type": "text", "media_type": "text/plain", "data": "Hello."}}]);
    assert_eq!(count(json!("Be brief."), parts(document)).await, plain);
    let unknown = json!([{"type": "text", "text": "Hello."}, {"type": "hologram", "data": "x"}]);
    assert!(count(json!("Be brief."), parts(unknown)).await > plain, "what the model does not see is named");

    let turn = |extra: Value, result: Value| {
        let mut said = vec![json!({"type": "text", "text": "I look."})];
        said.extend(extra.as_array().unwrap().iter().cloned());
        said.push(json!({"type": "tool_use", "id": "toolu_1", "name": TOOL, "input": {"path": "a"}}));
        json!([{"role": "user", "content": "Hello."}, {"role": "assistant", "content": said},
            {"role": "user", "content": [result, {"type": "text", "text": "And now?"}]}, {"role": "system", "content": "Be kind."}])
    };
    let result = |content: Value| json!({"type": "tool_result", "tool_use_id": "toolu_1", "content": content});
    let plain = count(Value::Null, turn(json!([]), result(json!("one")))).await;
    let listed = result(json!([{"type": "text", "text": "one"}]));
    assert_eq!(count(Value::Null, turn(json!([]), listed)).await, plain);
    let served_by_anthropic = json!([{"type": "redacted_thinking", "data": "x"},
        {"type": "server_tool_use", "id": "srvtoolu_1", "name": "web_search", "input": {}},
        {"type": "web_search_tool_result", "tool_use_id": "srvtoolu_1", "content": []}]);
    assert_eq!(count(Value::Null, turn(served_by_anthropic, result(json!("one")))).await, plain);
    let mut failed = result(json!("one"));
    failed["is_error"] = true.into();
    assert!(count(Value::Null, turn(json!([]), failed)).await > plain);
}

#[tokio::test]
async fn tools_that_only_anthropic_runs_are_skipped_and_named() {
    let call = "<tool_call>\n{\"name\": \"read\", \"arguments\": {\"path\": \"a\"}}\n</tool_call>";
    let served = Served::of_texts(&[call]).await;
    let mut asked = body(false);
    asked["tools"] = json!([
        {"type": "web_search_20250305", "name": "web_search", "max_uses": 5},
        {"type": "custom", "name": TOOL, "input_schema": parameters(), "defer_loading": true, "cache_control": {"type": "ephemeral"}},
    ]);
    asked["tool_choice"] = json!({"type": "any", "disable_parallel_tool_use": true});
    let reply = served.post("/v1/messages", &asked).await;
    assert_eq!(reply.headers["x-callwright-skipped-tools"], "web_search_20250305");
    assert_eq!(reply.json()["content"][0]["name"], TOOL);
}

#[tokio::test]
async fn a_final_answer_may_be_held_to_a_schema() {
    let schema = json!({"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]});
    let format = json!({"type": "json_schema", "schema": schema});
    for config in [json!({"output_config": {"format": format}}), json!({"output_format": format})] {
        let served = Served::of_texts(&["{\"city\": \"Oslo\"}"]).await;
        let mut asked = body(false);
        asked.as_object_mut().unwrap().extend(config.as_object().unwrap().clone());
        let reply = served.post("/v1/messages", &asked).await;
        assert_eq!(reply.json()["content"][0]["text"], "{\"city\": \"Oslo\"}", "{}", reply.text);
        asked["output_config"] = json!({"format": {"type": "poem"}});
        assert_eq!(served.post("/v1/messages", &asked).await.status, 400);
    }
}

#[tokio::test]
async fn errors_have_anthropics_form() {
    let told = |reply: &Reply| {
        let error = reply.json();
        assert_eq!(error["type"], "error", "{}", reply.text);
        (reply.status, error["error"]["type"].as_str().unwrap().to_owned())
    };
    let served = Served::of(Player::new([], 20)).await;
    for path in ["/v1/messages", "/v1/messages?beta=true"] {
        let long = served.post(path, &json!({"messages": [{"role": "user", "content": "word ".repeat(100)}]})).await;
        assert_eq!(told(&long), (400, "invalid_request_error".into()));
        let message = long.json()["error"]["message"].as_str().unwrap().to_owned();
        assert!(message.starts_with("prompt is too long: ") && message.ends_with(" tokens > 20 maximum"), "{message}");
    }
    assert_eq!(told(&served.get("/v1/messages").await), (405, "invalid_request_error".into()));
    let mut settings = Settings::default();
    settings.max_body = 2000;
    settings.api_key = Some("secret".into());
    let served = Served::with(settings, Player::new([], 1000)).await;
    let key = [("x-api-key", "secret")];
    for (wrong, says) in [
        (json!({"model": "claude-unknown", "messages": [{"role": "user", "content": "?"}]}), (404, "not_found_error")),
        (json!({"messages": []}), (400, "invalid_request_error")),
        (json!({"messages": "hello"}), (400, "invalid_request_error")),
        (json!({"messages": [{"role": "robot", "content": "?"}]}), (400, "invalid_request_error")),
        (json!({"messages": [{"content": "?"}]}), (400, "invalid_request_error")),
        (json!({"messages": [{"role": "user", "content": 7}]}), (400, "invalid_request_error")),
        (
            json!({"messages": [{"role": "user", "content": "?"}], "tools": [{"type": "custom"}]}),
            (400, "invalid_request_error"),
        ),
        (
            json!({"messages": [{"role": "user", "content": "?"}], "tool_choice": "auto"}),
            (400, "invalid_request_error"),
        ),
        (json!({"messages": [{"role": "user", "content": "?"}], "temperature": "hot"}), (400, "invalid_request_error")),
        (json!([]), (400, "invalid_request_error")),
        (json!({"messages": [{"role": "user", "content": "?".repeat(3000)}]}), (413, "request_too_large")),
    ] {
        let reply = served.raw("/v1/messages", wrong.to_string(), &key).await;
        assert_eq!(told(&reply), (says.0, says.1.to_owned()), "{wrong}");
    }
    assert_eq!(told(&served.raw("/v1/messages", "{\"messages\": [", &key).await).0, 400);
    assert_eq!(told(&served.raw("/v1/messages", "{}", &[]).await), (401, "authentication_error".into()));
    let foreign = [("x-api-key", "secret"), ("origin", "https://evil.example")];
    assert_eq!(told(&served.raw("/v1/messages", "{}", &foreign).await), (403, "permission_error".into()));
}

#[tokio::test]
async fn an_error_in_the_middle_of_a_stream_is_told_in_it() {
    let half = || Player::new([Played::new("It is a", &[])], 1000).ends(Ends::InAnError);
    let events = Served::of(half()).await.post("/v1/messages", &body(true)).await.events();
    let (name, error) = events.last().unwrap();
    assert_eq!((name.as_str(), &error["error"]["type"]), ("error", &json!("api_error")));
    let of = |what: &str| events.iter().filter(|(name, _)| name == what).count();
    assert_eq!((of("content_block_start"), of("content_block_stop"), of("message_stop")), (1, 1, 0));
    let whole = Served::of(half()).await.post("/v1/messages", &body(false)).await;
    assert_eq!((whole.status, &whole.json()["error"]["type"]), (500, &json!("api_error")));
}

#[tokio::test]
async fn a_stream_that_waits_is_not_silent() {
    let mut settings = Settings::default();
    settings.beat = Duration::from_millis(50);
    let waits = Player::new([Played::new("Here", &[])], 1000).ends(Ends::After(Duration::from_millis(1500)));
    let reply = Served::with(settings, waits).await.post("/v1/messages", &body(true)).await;
    assert!(reply.events().iter().filter(|(name, _)| name == "ping").count() > 3, "{}", reply.text);
    assert_eq!(message(&reply)["content"][0]["text"], "Here");
}

#[tokio::test]
async fn claude_code_finds_the_server_there() {
    let served = Served::of_texts(&[]).await;
    for path in ["/", "/api/hello"] {
        assert_eq!(served.head(path).await.status, 200);
    }
}
