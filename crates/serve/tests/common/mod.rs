//! What the tests of surfaces share: a server on loopback, a model that plays what it is given, and random turns.
//!
//! It knows no dialect but the framing of streams.
#![allow(dead_code, unreachable_pub, reason = "each test binary uses its own part of this")]
#![allow(clippy::unwrap_used, reason = "a test stops at the first surprise")]

use std::time::Duration;

use callwright::chat::{FinishReason, Prompt};
use callwright::infer::{Chunk, Chunks, Generator, Job, ModelInfo, Played, Replay};
use callwright::{Engine, Error, ErrorKind, Result};
use callwright_serve::{Serve, Settings};
use futures_util::StreamExt as _;
use proptest::prelude::*;
use proptest::sample::Index;
use reqwest::header::{CONTENT_TYPE, HeaderMap};
use serde_json::{Value, json};
use tokio::net::TcpListener;

/// A model that plays outputs, one a request.
#[derive(Debug)]
pub struct Player {
    replay: Replay,
    held: bool,
    ends: Ends,
}

/// How outputs end.
#[derive(Debug, Clone, Copy)]
pub enum Ends {
    Well,
    After(Duration),
    InAnError,
}

impl Player {
    /// One with a window of so many tokens.
    pub fn new(outputs: impl IntoIterator<Item = Played>, window: usize) -> Self {
        Self { replay: Replay::new(outputs).context_length(window), held: false, ends: Ends::Well }
    }

    /// Says that calls are held to the grammar, so that arguments go out as they come.
    pub fn held(self, held: bool) -> Self {
        Self { held, ..self }
    }

    pub fn ends(self, ends: Ends) -> Self {
        Self { ends, ..self }
    }
}

impl Generator for Player {
    fn model(&self) -> &ModelInfo {
        self.replay.model()
    }

    fn count(&self, prompt: &Prompt) -> Result<usize> {
        self.replay.count(prompt)
    }

    fn holds(&self) -> bool {
        self.held
    }

    fn generate(&self, job: Job) -> Result<Chunks> {
        let ends = self.ends;
        Ok(Box::pin(self.replay.generate(job)?.then(move |chunk| async move {
            match (&chunk, ends) {
                (Ok(Chunk::End(_)), Ends::InAnError) => Err(Error::new(ErrorKind::Backend, "the lamp went out")),
                (Ok(Chunk::End(_)), Ends::After(time)) => {
                    tokio::time::sleep(time).await;
                    chunk
                }
                _ => chunk,
            }
        })))
    }
}

/// A server on loopback, and a client of it.
pub struct Served {
    pub url: String,
    client: reqwest::Client,
}

/// An answer.
#[derive(Debug)]
pub struct Reply {
    pub status: u16,
    pub headers: HeaderMap,
    pub text: String,
}

impl Served {
    /// One that plays these texts.
    pub async fn of_texts(texts: &[&str]) -> Self {
        Self::of(Player::new(texts.iter().map(|text| Played::new(*text, &[])), 100_000)).await
    }

    pub async fn of(player: Player) -> Self {
        Self::with(Settings::default(), player).await
    }

    pub async fn with(settings: Settings, player: Player) -> Self {
        let engine = Engine::builder().generator(Box::new(player)).format("hermes").reasks(0);
        let serve = Serve::new(settings);
        serve.open(engine.build().await.unwrap());
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        // It ends with the test's runtime.
        drop(tokio::spawn(serve.listen(listener, std::future::pending())));
        // A client is not built without cryptography, though none is needed here. Another test may have been first.
        drop(rustls::crypto::ring::default_provider().install_default());
        Self { url, client: reqwest::Client::new() }
    }

    pub async fn post(&self, path: &str, body: &Value) -> Reply {
        self.send(self.client.post(format!("{}{path}", self.url)).body(body.to_string())).await
    }

    pub async fn get(&self, path: &str) -> Reply {
        self.send(self.client.get(format!("{}{path}", self.url))).await
    }

    pub async fn head(&self, path: &str) -> Reply {
        self.send(self.client.head(format!("{}{path}", self.url))).await
    }

    /// Sends a request whose body and headers are the test's own.
    pub async fn raw(&self, path: &str, body: impl Into<String>, headers: &[(&'static str, &str)]) -> Reply {
        let mut request = self.client.post(format!("{}{path}", self.url)).body(body.into());
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        self.send(request).await
    }

    async fn send(&self, request: reqwest::RequestBuilder) -> Reply {
        let response = request.send().await.unwrap();
        let (status, headers) = (response.status().as_u16(), response.headers().clone());
        Reply { status, headers, text: response.text().await.unwrap() }
    }
}

impl Reply {
    pub fn json(&self) -> Value {
        serde_json::from_str(&self.text).unwrap_or_else(|flaw| panic!("{flaw}: {}", self.text))
    }

    /// The events of a stream by their names, and their data; what is no JSON is a text.
    pub fn events(&self) -> Vec<(String, Value)> {
        assert_eq!(
            (self.status, &self.headers[CONTENT_TYPE]),
            (200, &"text/event-stream".parse().unwrap()),
            "{self:?}"
        );
        let frames = self.text.split_terminator("\n\n").map(|frame| {
            let (name, data) = frame.split_once('\n').unwrap_or(("", frame));
            let (name, data) = (name.strip_prefix("event: ").unwrap_or(name), data.strip_prefix("data: ").unwrap());
            (name.to_owned(), serde_json::from_str(data).unwrap_or_else(|_| data.into()))
        });
        frames.collect()
    }

    /// The JSON lines of a stream.
    pub fn lines(&self) -> Vec<Value> {
        assert_eq!(
            (self.status, &self.headers[CONTENT_TYPE]),
            (200, &"application/x-ndjson".parse().unwrap()),
            "{self:?}"
        );
        self.text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
    }
}

/// One answer of a model, and how it comes.
#[derive(Debug, Clone)]
pub struct Turn {
    text: String,
    lengths: Vec<usize>,
    /// Whether the model ran into its limit of tokens in the middle of it.
    pub cut: bool,
    held: bool,
}

impl Turn {
    /// A server that plays it twice.
    pub async fn served(&self) -> Served {
        let reason = if self.cut { FinishReason::Length } else { FinishReason::Stop };
        let played = Played::new(self.text.as_str(), &self.lengths).ended(reason);
        Served::of(Player::new([played.clone(), played], 100_000).held(self.held)).await
    }
}

/// Turns of reasoning, texts and calls of [`TOOL`], in any order, in pieces of any size, whole or cut off anywhere.
pub fn turns() -> impl Strategy<Value = Turn> {
    let text = "[a-zäß.?\\n ]{0,12}[a-z🦀]";
    let call = "\\PC{0,30}".prop_map(|path| {
        let call = json!({"name": TOOL, "arguments": {"path": path}});
        format!("<tool_call>\n{call}\n</tool_call>")
    });
    let reasoning = proptest::option::of(text.prop_map(|text| format!("<think>\n{text}\n</think>\n\n")));
    let rest = proptest::collection::vec(prop_oneof![text.prop_map(|text| text), call], 0..4);
    let lengths = proptest::collection::vec(1_usize..20, 0..60);
    let cut = proptest::option::weighted(0.3, any::<Index>());
    (reasoning, rest, lengths, cut, any::<bool>()).prop_map(|(reasoning, rest, lengths, cut, held)| {
        let mut text = reasoning.unwrap_or_default() + &rest.join("\n");
        if let Some(cut) = cut {
            text.truncate(text.floor_char_boundary(cut.index(text.len() + 1)));
        }
        Turn { text, lengths, cut: cut.is_some(), held }
    })
}

/// The one tool that random turns call, with one text as its argument `path`.
pub const TOOL: &str = "read";

/// Its schema.
pub fn parameters() -> Value {
    json!({"type": "object", "properties": {"path": {"type": "string"}}, "required": ["path"], "additionalProperties": false})
}

/// Runs a check of a server on random turns.
pub fn on_random_turns<F: Future<Output = ()>>(check: impl Fn(Turn) -> F) {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let config = ProptestConfig { cases: 96, failure_persistence: None, ..ProptestConfig::default() };
    proptest!(config, |(turn in turns())| runtime.block_on(check(turn)));
}

/// The bodies of requests that clients sent, by the client's name: the first with tools, and the next with what it added.
pub fn shapes(clients: &[&str]) -> Vec<(String, Value)> {
    let Some(shared) = callwright_test_support::shared() else { return Vec::new() };
    let read = |client: &&str| {
        let file = shared.join(format!("agents/shapes/{client}.json"));
        let shape: Value = serde_json::from_slice(&std::fs::read(file).unwrap()).unwrap();
        let (first, mut then) = (shape["body"].clone(), shape["body"].clone());
        then["messages"].as_array_mut().unwrap().extend(shape["then"].as_array().unwrap().iter().cloned());
        [((*client).to_owned(), first), (format!("{client}, later"), then)]
    };
    clients.iter().flat_map(read).collect()
}
