//! Requests of wrong shape, and wrong visitors: each surface refuses them in its own form, and goes on.
#![allow(clippy::unwrap_used, reason = "a test stops at the first surprise")]

mod common;

use callwright::infer::Played;
use callwright_serve::Settings;
use serde_json::{Value, json};

use common::{Player, Reply, Served};

/// A surface: its address, and its message of an error.
const SURFACES: [(&str, &str); 5] = [
    ("/v1/chat/completions", "/error/message"),
    ("/v1/responses", "/error/message"),
    ("/v1/messages", "/error/message"),
    ("/api/chat", "/error"),
    ("/api/generate", "/error"),
];

/// A good body for every surface.
fn body() -> Value {
    json!({"model": "replay", "messages": [{"role": "user", "content": "?"}], "input": "?", "prompt": "?", "stream": false})
}

fn refused(surface: (&str, &str), reply: &Reply, statuses: &[u16], what: &str) {
    assert!(statuses.contains(&reply.status), "{}: {what}: {reply:?}", surface.0);
    let said = reply.json();
    let message = said.pointer(surface.1).and_then(Value::as_str).unwrap_or_else(|| panic!("{what}: {said}"));
    assert!(!message.is_empty() && !message.contains("SECRET"), "{what}: {message}");
}

#[tokio::test]
async fn wrong_bodies_are_refused_in_each_dialect() {
    let mut settings = Settings::default();
    settings.max_body = 200_000;
    settings.max_tools = 3;
    let outputs = || (0..400).map(|_| Played::new("Hello.", &[]));
    let served = Served::with(settings, Player::new(outputs(), 100_000)).await;
    let tool = json!({"name": "a", "function": {"name": "a", "parameters": {}}, "input_schema": {}});
    let bad_tool = json!({"type": "function", "function": {"parameters": {}}});
    // What is wrong, in which field, and for which surfaces: those that have the field.
    let chat: &[usize] = &[0, 3];
    let messages: &[usize] = &[0, 2, 3];
    let all: &[usize] = &[0, 1, 2, 3, 4];
    let fields: Vec<(&str, Value, &[usize])> = vec![
        ("model", 5.into(), all),
        ("model", json!(["replay"]), all),
        ("stream", "yes".into(), all),
        ("messages", "text".into(), messages),
        ("messages", 7.into(), messages),
        ("messages", json!([]), messages),
        ("messages", json!(["text"]), messages),
        ("messages", json!([{"content": "no role"}]), messages),
        ("messages", json!([{"role": "wizard", "content": "?"}]), messages),
        ("messages", json!([{"role": "user", "content": 5}]), messages),
        ("messages", json!([{"role": "user", "content": [{"type": "image", "source": 5}]}]), messages),
        ("messages", json!([{"role": "assistant", "tool_calls": "none"}]), chat),
        ("messages", json!([{"role": "assistant", "tool_calls": [{"id": "x"}]}]), chat),
        ("input", 5.into(), &[1]),
        ("input", json!([{"type": "message", "content": "no role"}]), &[1]),
        ("input", json!([{"role": "wizard", "content": "?"}]), &[1]),
        ("previous_response_id", "resp_none".into(), &[1]),
        ("prompt", 5.into(), &[4]),
        ("tools", "all".into(), &[0, 1, 2, 3]),
        ("tools", json!([bad_tool]), &[0, 1, 3]),
        ("tools", json!([{"type": "custom"}]), &[1, 2]),
        ("tools", json!([tool, tool, tool, tool]), &[0, 1, 2, 3]),
        ("temperature", "warm".into(), &[0, 1, 2]),
        ("temperature", (-1).into(), &[0, 1, 2]),
        ("top_p", 5.into(), &[0, 1, 2]),
        ("max_tokens", "many".into(), &[0, 2]),
        ("max_output_tokens", json!({}), &[1]),
        ("stop", 5.into(), &[0]),
        ("stop_sequences", 5.into(), &[2]),
        ("n", 2.into(), &[0]),
        ("response_format", json!({"type": "xml"}), &[0]),
        ("response_format", json!({"type": "json_schema"}), &[0]),
        ("text", json!({"format": {"type": "json_schema"}}), &[1]),
        ("tool_choice", json!({"type": "tool"}), &[2]),
        ("tool_choice", "perhaps".into(), &[1]),
        ("options", "hot".into(), &[3, 4]),
        ("options", json!({"temperature": "hot"}), &[3, 4]),
    ];
    for (number, surface) in SURFACES.into_iter().enumerate() {
        for (field, value, surfaces) in &fields {
            if surfaces.contains(&number) {
                let mut wrong = body();
                wrong[field] = value.clone();
                let reply = served.post(surface.0, &wrong).await;
                refused(surface, &reply, &[400], &format!("{field} = {value}"));
            }
        }
        let deep = format!("{{\"messages\": {}1{}}}", "[".repeat(50_000), "]".repeat(50_000));
        let raw: [(&str, &str); 6] = [
            ("no JSON", "SECRET"),
            ("empty", ""),
            ("cut", "{\"model\":"),
            ("a list", "[]"),
            ("null", "null"),
            ("deep", &deep),
        ];
        for (what, text) in raw {
            refused(surface, &served.raw(surface.0, text, &[]).await, &[400], what);
        }
        refused(surface, &served.raw(surface.0, format!("\"{}\"", "x".repeat(300_000)), &[]).await, &[413], "large");
        let mut absent = body();
        absent["model"] = "absent".into();
        refused(surface, &served.post(surface.0, &absent).await, &[404], "an absent model");
        refused(surface, &served.get(surface.0).await, &[405], "GET");
        // And it goes on.
        let reply = served.post(surface.0, &body()).await;
        assert_eq!(reply.status, 200, "{}: {reply:?}", surface.0);
    }
}

#[tokio::test]
async fn wrong_visitors_are_refused_in_each_dialect() {
    let mut settings = Settings::default();
    settings.api_key = Some("SECRET".to_owned());
    let served = Served::with(settings, Player::new((0..20).map(|_| Played::new("Hello.", &[])), 1000)).await;
    for surface in SURFACES {
        let ask = async |headers: &[(&'static str, &str)]| served.raw(surface.0, body().to_string(), headers).await;
        let key = ("authorization", "Bearer SECRET");
        assert_eq!(ask(&[key]).await.status, 200);
        assert_eq!(ask(&[("x-api-key", "SECRET")]).await.status, 200);
        refused(surface, &ask(&[]).await, &[401], "no key");
        refused(surface, &ask(&[("authorization", "Bearer wrong")]).await, &[401], "a wrong key");
        refused(surface, &ask(&[key, ("host", "evil.example")]).await, &[403], "another host");
        refused(surface, &ask(&[key, ("origin", "https://evil.example")]).await, &[403], "another origin");
    }
}

#[tokio::test]
async fn a_server_says_how_it_is_without_a_word_of_what_was_said() {
    let served = Served::of_texts(&["Hello SECRET."]).await;
    let mut asks = body();
    asks["messages"][0]["content"] = "SECRET".into();
    assert_eq!(served.post("/v1/chat/completions", &asks).await.status, 200);
    assert_eq!(served.get("/health").await.json()["status"], "ok");
    let metrics = served.get("/metrics").await.text;
    assert!(metrics.contains("callwright_turns_total 1\n") && !metrics.contains("SECRET"), "{metrics}");
    let models = served.get("/v1/models").await.json();
    assert_eq!((&models["data"][0]["id"], &models["data"][0]["context_length"]), (&json!("replay"), &json!(100_000)));
    assert_eq!(served.get("/v1/models/replay").await.json()["id"], "replay");
    assert_eq!(served.get("/v1/models/other").await.status, 404);
    let text = "<tool_call>{\"name\": \"a\", \"arguments\": {\"b\": 1,}}</tool_call>";
    let tool = json!({"name": "a", "parameters": {"type": "object", "properties": {"b": {"type": "integer"}}}});
    let parsed = served.post("/api/parse", &json!({"text": text, "tools": [tool], "format": "hermes"})).await.json();
    assert_eq!((&parsed["calls"][0]["arguments"]["b"], parsed["fixes"].as_array().unwrap().len()), (&json!(1), 1));
    assert_eq!(served.get("/nowhere").await.status, 404);
}
