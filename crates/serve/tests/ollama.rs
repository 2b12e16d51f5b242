//! Ollama's API over loopback, and LM Studio's list: lines, errors, and what clients of it send.
#![allow(clippy::unwrap_used, reason = "a test stops at the first surprise")]

mod common;

use std::time::Duration;

use callwright::infer::Played;
use callwright_serve::Settings;
use serde_json::{Value, json};

use common::{Ends, Player, Reply, Served, TOOL, Turn, on_random_turns, parameters, shapes};

fn body(stream: Option<bool>) -> Value {
    let tool =
        json!({"type": "function", "function": {"name": TOOL, "description": "reads", "parameters": parameters()}});
    let mut body = json!({"model": "replay", "messages": [{"role": "user", "content": "Read it."}], "tools": [tool]});
    if let Some(stream) = stream {
        body["stream"] = stream.into();
    }
    body
}

/// The answer that lines say together: only the last one is done, and it alone has the figures.
fn joined(reply: &Reply) -> Value {
    let lines = reply.lines();
    let (mut text, mut thinking, mut calls) = (String::new(), String::new(), Vec::new());
    for (index, line) in lines.iter().enumerate() {
        let last = index + 1 == lines.len();
        assert_eq!((&line["done"], &line["model"]), (&json!(last), &json!("replay")), "{line}");
        assert_eq!((line.get("eval_count").is_some(), line.get("done_reason").is_some()), (last, last), "{line}");
        let message = &line["message"];
        assert_eq!(message["role"], "assistant");
        text += message["content"].as_str().unwrap();
        thinking += message["thinking"].as_str().unwrap_or_default();
        calls.extend(message["tool_calls"].as_array().into_iter().flatten().cloned());
    }
    let mut whole = lines.last().unwrap().clone();
    whole["message"]["content"] = text.into();
    if !thinking.is_empty() {
        whole["message"]["thinking"] = thinking.into();
    }
    if !calls.is_empty() {
        whole["message"]["tool_calls"] = calls.into();
    }
    whole
}

/// An answer without what differs between two turns.
fn plain(mut answer: Value) -> Value {
    for name in ["created_at", "total_duration", "load_duration", "prompt_eval_duration", "eval_duration"] {
        assert!(!answer[name].take().is_null(), "{name}");
    }
    for (index, call) in answer["message"]["tool_calls"].as_array_mut().into_iter().flatten().enumerate() {
        assert!(call["id"].take().as_str().unwrap().starts_with("call_"));
        assert_eq!((&call["function"]["index"], &call["function"]["name"]), (&json!(index), &json!(TOOL)));
        assert!(call["function"]["arguments"].is_object(), "{call}");
    }
    answer
}

#[test]
fn random_turns_stream_in_lines_and_agree_with_their_whole_answers() {
    on_random_turns(|turn: Turn| async move {
        let served = turn.served().await;
        let streamed = plain(joined(&served.post("/api/chat", &body(None)).await));
        let whole = plain(served.post("/api/chat", &body(Some(false))).await.json());
        assert_eq!(streamed, whole);
        assert_eq!(whole["done_reason"], if turn.cut { "length" } else { "stop" });
        let message = &whole["message"];
        assert!(message["tool_calls"].is_array() || message["content"] != "", "{whole}");
    });
}

#[tokio::test]
async fn what_clients_send_is_accepted() {
    for (client, body) in shapes(&["ollama-python", "langchain-ollama"]) {
        let served = Served::of_texts(&["Fine."]).await;
        let mut asked = body.clone();
        asked["model"] = "replay:latest".into();
        let reply = served.post("/api/chat", &asked).await;
        assert_eq!(
            reply.lines().iter().filter_map(|line| line["message"]["content"].as_str()).collect::<String>(),
            "Fine.",
            "{client}"
        );
    }
}

#[tokio::test]
async fn generate_answers_a_prompt() {
    let served = Served::of_texts(&["<think>\nHm.\n</think>\n\nHello.", "Hello."]).await;
    let lines =
        served.post("/api/generate", &json!({"model": "replay", "prompt": "Hi", "system": "Be brief."})).await.lines();
    let said = |field: &str| lines.iter().filter_map(|line| line[field].as_str()).collect::<String>();
    assert_eq!((said("response").as_str(), said("thinking").as_str()), ("Hello.", "Hm."));
    let whole = served.post("/api/generate", &json!({"prompt": "Hi", "stream": false})).await.json();
    assert_eq!(
        (&whole["response"], &whole["done"], &whole["done_reason"]),
        (&json!("Hello."), &json!(true), &json!("stop"))
    );
}

#[tokio::test]
async fn options_and_a_format_are_read() {
    let schema = json!({"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]});
    let options = json!({"num_predict": -1, "temperature": 0.2, "top_k": 40, "top_p": 0.9, "seed": 7, "stop": ["END"], "num_ctx": 8});
    for format in [json!("json"), schema, json!(""), Value::Null] {
        let served = Served::of_texts(&["{\"city\": \"Oslo\"}"]).await;
        let mut asked = body(Some(false));
        asked["format"] = format.clone();
        asked["options"] = options.clone();
        let reply = served.post("/api/chat", &asked).await;
        assert_eq!(reply.json()["message"]["content"], "{\"city\": \"Oslo\"}", "{format}");
    }
    let served = Served::of_texts(&[]).await;
    for wrong in [
        json!({"format": "yaml"}),
        json!({"format": 7}),
        json!({"options": {"temperature": "hot"}}),
        json!({"options": []}),
    ] {
        let mut asked = body(None);
        asked.as_object_mut().unwrap().extend(wrong.as_object().unwrap().clone());
        assert_eq!(served.post("/api/chat", &asked).await.status, 400, "{wrong}");
    }
}

#[tokio::test]
async fn the_model_is_listed_with_the_window_that_is_served() {
    let mut settings = Settings::default();
    settings.aliases.push("qwen3:8b".into());
    let served = Served::with(settings, Player::new([], 12_345)).await;
    let names =
        |list: &Value, name: &str| list.as_array().unwrap().iter().map(|one| one[name].clone()).collect::<Vec<_>>();
    for path in ["/api/tags", "/api/ps"] {
        let listed = served.get(path).await.json();
        assert_eq!(names(&listed["models"], "name"), ["replay", "qwen3:8b"]);
        assert_eq!(names(&listed["models"], "model"), ["replay", "qwen3:8b"]);
    }
    for body in [json!({"model": "replay"}), json!({"name": "qwen3:8b"}), json!({"model": "replay:latest"})] {
        let shown = served.post("/api/show", &body).await.json();
        let architecture = shown["model_info"]["general.architecture"].as_str().unwrap();
        assert_eq!(shown["model_info"][format!("{architecture}.context_length")], 12_345);
        assert_eq!(shown["capabilities"], json!(["completion", "tools"]));
    }
    let studio = served.get("/api/v0/models").await.json();
    assert_eq!(names(&studio["data"], "id"), ["replay", "qwen3:8b"]);
    assert_eq!(studio["data"][0]["loaded_context_length"], 12_345);
    assert_eq!(studio["data"][0]["capabilities"], json!(["tool_use"]));
    let version = served.get("/api/version").await.json()["version"].as_str().unwrap().to_owned();
    assert_eq!(version.split('.').filter(|part| part.parse::<u32>().is_ok()).count(), 3, "{version}");
}

#[tokio::test]
async fn only_the_served_model_is_pulled() {
    let served = Served::of_texts(&[]).await;
    assert_eq!(served.post("/api/pull", &json!({"model": "replay"})).await.json(), json!({"status": "success"}));
    let other = served.post("/api/pull", &json!({"model": "llama3.2"})).await;
    assert_eq!(other.status, 404);
    let message = other.json()["error"].as_str().unwrap().to_owned();
    assert!(message.contains("not found") && message.contains("`callwright pull"), "{message}");
}

#[tokio::test]
async fn errors_have_ollamas_form() {
    let told = |reply: Reply| {
        assert!(reply.json()["error"].is_string(), "{}", reply.text);
        reply.status
    };
    let mut settings = Settings::default();
    settings.max_body = 2000;
    settings.api_key = Some("secret".into());
    let served = Served::with(settings, Player::new([], 20)).await;
    let key = [("authorization", "Bearer secret")];
    let user = |text: &str| json!([{"role": "user", "content": text}]);
    for (path, wrong, status) in [
        ("/api/chat", json!({"model": "llama3.2", "messages": user("?")}), 404),
        ("/api/chat", json!({"messages": "hello"}), 400),
        ("/api/chat", json!({"messages": [{"role": "robot", "content": "?"}]}), 400),
        ("/api/chat", json!({"messages": [{"role": "user", "content": "?", "images": [7]}]}), 400),
        ("/api/chat", json!({"messages": [{"role": "user", "content": "?", "images": ["no base64"]}]}), 400),
        ("/api/chat", json!({"messages": user("?"), "tools": [{"type": "function", "function": {}}]}), 400),
        ("/api/chat", json!({"messages": user("?"), "stream": "yes"}), 400),
        ("/api/chat", json!({"messages": user(&"word ".repeat(200))}), 400),
        ("/api/chat", json!({"messages": user(&"?".repeat(3000))}), 413),
        ("/api/chat", json!("hello"), 400),
        ("/api/generate", json!({"prompt": ["?"]}), 400),
        ("/api/show", json!({}), 400),
        ("/api/show", json!({"model": "llama3.2"}), 404),
        ("/api/pull", json!([]), 400),
    ] {
        assert_eq!(told(served.raw(path, wrong.to_string(), &key).await), status, "{path}: {wrong}");
    }
    assert_eq!(told(served.raw("/api/chat", "{\"messages\": [", &key).await), 400);
    assert_eq!(told(served.raw("/api/chat", "{}", &[]).await), 401);
    assert_eq!(told(served.raw("/api/chat", "{}", &[key[0], ("origin", "https://evil.example")]).await), 403);
}

#[tokio::test]
async fn a_stream_that_waits_is_not_silent_and_one_that_fails_says_so() {
    let mut settings = Settings::default();
    settings.beat = Duration::from_millis(50);
    let player = |ends| Player::new([Played::new("It is here.", &[5])], 1000).ends(ends);
    let waits = player(Ends::After(Duration::from_millis(1500)));
    let reply = Served::with(settings, waits).await.post("/api/chat", &body(None)).await;
    let empty = |line: &&Value| line["message"] == json!({"role": "assistant", "content": ""}) && line["done"] == false;
    assert!(reply.lines().iter().filter(empty).count() > 3, "{}", reply.text);
    assert_eq!(joined(&reply)["message"]["content"], "It is here.");

    let failed = Served::of(player(Ends::InAnError)).await.post("/api/chat", &body(None)).await.lines();
    assert!(failed.last().unwrap()["error"].is_string());
    assert!(failed.iter().all(|line| line["done"] != true));
}
