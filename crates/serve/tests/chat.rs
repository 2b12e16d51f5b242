//! OpenAI's chat completions over loopback: the grammar of its stream, and what clients of it send.
#![allow(clippy::unwrap_used, reason = "a test stops at the first surprise")]

mod common;

use std::time::Duration;

use callwright::infer::Played;
use callwright_serve::Settings;
use serde_json::{Value, json};

use common::{Ends, Player, Reply, Served, TOOL, Turn, on_random_turns, parameters, shapes};

const PATH: &str = "/v1/chat/completions";

fn body(stream: bool) -> Value {
    json!({
        "model": "replay", "stream": stream, "stream_options": {"include_usage": true},
        "messages": [{"role": "user", "content": "Read it."}],
        "tools": [{"type": "function", "function": {"name": TOOL, "description": "reads", "parameters": parameters()}}],
    })
}

/// The completion that a stream says, by the rules of OpenAI's reference: a role first, a call's id, name and index in its
/// first fragment, one finish reason, then the usage, then `[DONE]`.
fn completion(reply: &Reply) -> Value {
    let mut events: Vec<Value> = reply.events().into_iter().map(|(_, data)| data).collect();
    assert_eq!(events.pop().unwrap(), "[DONE]");
    let usage = events.pop().unwrap();
    assert_eq!(usage["choices"], json!([]));
    let (mut text, mut reasoning, mut calls, mut finish) = (String::new(), String::new(), Vec::new(), Value::Null);
    for (number, event) in events.iter().enumerate() {
        assert_eq!((&event["object"], &event["id"]), (&json!("chat.completion.chunk"), &events[0]["id"]));
        let choice = &event["choices"][0];
        let delta = choice["delta"].as_object().unwrap();
        assert_eq!(delta.get("role").is_some(), number == 0, "{event}");
        assert_eq!(finish, Value::Null, "nothing comes behind the finish reason");
        text.push_str(delta.get("content").and_then(Value::as_str).unwrap_or_default());
        reasoning.push_str(delta.get("reasoning_content").and_then(Value::as_str).unwrap_or_default());
        for fragment in delta.get("tool_calls").and_then(Value::as_array).into_iter().flatten() {
            let index = usize::try_from(fragment["index"].as_u64().unwrap()).unwrap();
            if index == calls.len() {
                assert!(fragment["id"].as_str().unwrap().starts_with("call_"));
                assert_eq!((&fragment["type"], &fragment["function"]["arguments"]), (&json!("function"), &json!("")));
                calls.push((fragment["function"]["name"].clone(), String::new()));
                continue;
            }
            assert_eq!((index, &fragment["id"]), (calls.len() - 1, &Value::Null), "calls come one after the other");
            calls[index].1.push_str(fragment["function"]["arguments"].as_str().unwrap());
        }
        finish = choice["finish_reason"].clone();
    }
    calls.retain(|(_, arguments)| serde_json::from_str::<Value>(arguments).is_ok());
    json!({"text": text, "reasoning": reasoning, "calls": calls, "finish": finish, "usage": usage["usage"]})
}

/// The same of a whole answer.
fn whole(reply: &Reply) -> Value {
    assert_eq!(reply.status, 200, "{reply:?}");
    let body = reply.json();
    let (choice, message) = (&body["choices"][0], &body["choices"][0]["message"]);
    let calls: Vec<(Value, Value)> = message["tool_calls"]
        .as_array()
        .into_iter()
        .flatten()
        .map(|call| (call["function"]["name"].clone(), call["function"]["arguments"].clone()))
        .collect();
    json!({
        "text": message["content"].as_str().unwrap_or_default(), "calls": calls, "finish": choice["finish_reason"],
        "reasoning": message["reasoning_content"].as_str().unwrap_or_default(), "usage": body["usage"],
    })
}

#[test]
fn random_turns_stream_by_the_rules_and_agree_with_their_whole_answers() {
    on_random_turns(|turn: Turn| async move {
        let served = turn.served().await;
        let streamed = completion(&served.post(PATH, &body(true)).await);
        let whole = whole(&served.post(PATH, &body(false)).await);
        assert_eq!(streamed, whole);
        // Never an empty answer.
        let said = !whole["text"].as_str().unwrap().trim().is_empty() || !whole["calls"].as_array().unwrap().is_empty();
        assert!(said || turn.cut, "{whole}");
        assert!(!turn.cut || whole["finish"] == "length");
    });
}

#[tokio::test]
async fn what_cannot_be_read_is_shown_and_traced() {
    let served = Served::of_texts(&["<tool_call>{\"name\": \"read\", \"arguments\": {\"path\": 5", ""]).await;
    let reply = served.post(PATH, &body(false)).await;
    assert!(whole(&reply)["text"].as_str().unwrap().contains("\"path\": 5"));
    let id = reply.headers["x-callwright-trace"].to_str().unwrap();
    let trace = served.get(&format!("/api/trace/{id}")).await.json();
    assert_eq!(trace["response"]["faults"][0]["kind"], "truncated", "{trace}");
    assert!(trace["response"]["raw"].as_str().unwrap().ends_with('5'));
    assert_eq!(served.get("/api/trace/none").await.status, 404);
    assert!(!whole(&served.post(PATH, &body(false)).await)["text"].as_str().unwrap().is_empty());
}

#[tokio::test]
async fn a_slow_turn_is_never_silent() {
    let slow = Player::new([Played::new("Hello.", &[])], 1000).ends(Ends::After(Duration::from_millis(1600)));
    let mut settings = Settings::default();
    settings.beat = Duration::from_millis(100);
    let served = Served::with(settings, slow).await;
    let reply = served.post(PATH, &body(true)).await;
    let empty = |(_, data): &(String, Value)| data["choices"][0]["delta"] == json!({"content": ""});
    assert!(reply.events().iter().filter(|event| empty(event)).count() >= 4, "{reply:?}");
    assert_eq!(completion(&reply)["text"], "Hello.");
}

#[tokio::test]
async fn an_error_in_mid_stream_ends_the_stream_in_its_form() {
    let output = Played::new("Hello there, all of you.", &[12]);
    let served = Served::of(Player::new([output], 1000).ends(Ends::InAnError)).await;
    let events = served.post(PATH, &body(true)).await.events();
    let (error, done) = (&events[events.len() - 2].1, &events[events.len() - 1].1);
    assert_eq!((&error["error"]["type"], done), (&json!("server_error"), &json!("[DONE]")));
}

#[tokio::test]
async fn what_does_not_fit_is_refused_before_the_model_reads_it() {
    let served = Served::of(Player::new([Played::new("Hello.", &[])], 50)).await;
    let mut long = body(true);
    long["messages"][0]["content"] = "word ".repeat(400).into();
    let reply = served.post(PATH, &long).await;
    assert_eq!((reply.status, &reply.json()["error"]["code"]), (400, &json!("context_length_exceeded")));
}

#[tokio::test]
async fn the_final_answer_is_what_was_asked_for_or_a_fault() {
    let served = Served::of_texts(&["{\"city\": \"Oslo\"}", "{\"town\": \"Oslo\"}"]).await;
    let mut asks = body(false);
    let schema = json!({"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]});
    asks["response_format"] = json!({"type": "json_schema", "json_schema": {"name": "place", "schema": schema}});
    for faults in [0, 1] {
        let reply = served.post(PATH, &asks).await;
        assert!(whole(&reply)["text"].as_str().unwrap().contains("Oslo"));
        let trace = served.get(&format!("/api/trace/{}", reply.headers["x-callwright-trace"].to_str().unwrap())).await;
        assert_eq!(trace.json()["response"]["faults"].as_array().unwrap().len(), faults, "{trace:?}");
    }
}

#[tokio::test]
async fn tools_that_cannot_be_served_are_named() {
    let served = Served::of_texts(&["Hello."]).await;
    let mut asks = body(false);
    asks["tools"].as_array_mut().unwrap().push(json!({"type": "web_search"}));
    assert_eq!(served.post(PATH, &asks).await.headers["x-callwright-skipped-tools"], "web_search");
}

#[tokio::test]
async fn every_clients_request_is_taken() {
    let clients = [
        "cline",
        "cn",
        "opencode",
        "opencode-title",
        "pi",
        "qwen-code",
        "aider",
        "langchain-openai",
        "openai-python",
        "pydantic-ai",
        "smolagents",
    ];
    for (client, mut body) in shapes(&clients) {
        body["model"] = "replay".into();
        let served = Served::of_texts(&["Hello."]).await;
        let reply = served.post(PATH, &body).await;
        assert_eq!(reply.status, 200, "{client}: {reply:?}");
    }
}
