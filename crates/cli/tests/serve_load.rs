//! Many clients at once, on the model that is part of the crate: nobody is left out, and who goes away is not waited for.
#![allow(clippy::unwrap_used, reason = "a test stops at the first surprise")]

use std::time::{Duration, Instant};

use callwright::Engine;
use callwright_serve::{Serve, Settings};
use serde_json::{Value, json};
use tokio::net::TcpListener;

fn client() -> reqwest::Client {
    drop(rustls::crypto::ring::default_provider().install_default());
    reqwest::Client::new()
}

async fn served(settings: Settings) -> (String, Serve) {
    let serve = Serve::new(settings);
    serve.open(Engine::builder().build().await.unwrap());
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    drop(tokio::spawn(serve.clone().listen(listener, std::future::pending())));
    (url, serve)
}

fn body() -> Value {
    let parameters = json!({"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]});
    json!({
        "model": "embedded", "stream": true, "tool_choice": "required", "max_tokens": 60,
        "messages": [{"role": "user", "content": "What is the weather in Oslo?"}],
        "tools": [{"type": "function", "function": {"name": "get_weather", "parameters": parameters}}],
    })
}

async fn metric(client: &reqwest::Client, url: &str, name: &str) -> u64 {
    let text = client.get(format!("{url}/metrics")).send().await.unwrap().text().await.unwrap();
    let line = text.lines().find(|line| line.starts_with(&format!("callwright_{name} "))).unwrap();
    line.rsplit(' ').next().unwrap().parse().unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn every_client_of_many_gets_its_call_or_is_told_to_come_again() {
    let mut settings = Settings::default();
    settings.queue = 20;
    let (url, _serve) = served(settings).await;
    let client = client();
    let asks = (0..48).map(|_| {
        let (client, url) = (client.clone(), url.clone());
        tokio::spawn(async move {
            let reply =
                client.post(format!("{url}/v1/chat/completions")).body(body().to_string()).send().await.unwrap();
            let status = reply.status().as_u16();
            (status, reply.headers().get("retry-after").is_some(), reply.text().await.unwrap())
        })
    });
    let (mut answered, mut busy) = (0, 0);
    for ask in asks.collect::<Vec<_>>() {
        match ask.await.unwrap() {
            (200, _, text) => {
                assert!(text.contains("get_weather") && text.contains("[DONE]"), "{text}");
                answered += 1;
            }
            (429, true, _) => busy += 1,
            other => panic!("{other:?}"),
        }
    }
    assert!(answered >= 20 && answered + busy == 48, "{answered} answered, {busy} told to come again");
}

#[tokio::test(flavor = "multi_thread")]
async fn who_goes_away_frees_the_seat_at_once() {
    let mut settings = Settings::default();
    settings.parallel = 1;
    let (url, _serve) = served(settings).await;
    let client = client();
    let mut long = body();
    long["tool_choice"] = "none".into();
    long["max_tokens"] = 100_000.into();
    for wait in [0, 5, 20, 60] {
        let ask = client.post(format!("{url}/v1/chat/completions")).body(long.to_string()).send();
        // Dropped while it waits for the first bytes, or while it streams.
        drop(tokio::time::timeout(Duration::from_millis(wait), ask).await);
        let gone = Instant::now();
        while metric(&client, &url, "running").await > 0 {
            assert!(gone.elapsed() < Duration::from_secs(5), "the seat is still taken");
            tokio::time::sleep(Duration::from_millis(2)).await;
        }
    }
    let reply = client.post(format!("{url}/v1/chat/completions")).body(body().to_string()).send().await.unwrap();
    assert!(reply.text().await.unwrap().contains("get_weather"));
}
