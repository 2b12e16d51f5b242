//! The model in Ollama's lists, and in LM Studio's: with the window that is served.

use std::sync::Arc;

use axum::body::Body;
use axum::extract::State;
use axum::response::Response;
use serde_json::{Map, Value, json};

use super::{Chat, Ollama, stamp};
use crate::http::{self, of_json, refused};
use crate::model::Model;
use crate::server::Server;
use crate::surface::Refusal;

/// The release of Ollama whose API this is. Clients look whether it is as new as they need.
const SPOKEN: &str = "0.32.15";

pub(super) async fn tags(State(server): State<Arc<Server>>) -> Response {
    all(&server, |model, name| entry(&server, model, name))
}

pub(super) async fn ps(State(server): State<Arc<Server>>) -> Response {
    all(&server, |model, name| {
        let mut entry = entry(&server, model, name);
        entry["context_length"] = model.window().into();
        entry["size_vram"] = 0.into();
        entry["expires_at"] = stamp(u64::from(u32::MAX)).into();
        entry
    })
}

pub(super) async fn version() -> Response {
    of_json(&json!({"version": SPOKEN}))
}

pub(super) async fn show(State(server): State<Arc<Server>>, body: Body) -> Response {
    told(&server, body, |model| {
        let info = model.info();
        let architecture = if info.architecture.is_empty() { "callwright" } else { &info.architecture };
        let mut known = Map::new();
        known.insert("general.architecture".to_owned(), architecture.into());
        known.insert("general.parameter_count".to_owned(), info.parameters.into());
        known.insert(format!("{architecture}.context_length"), model.window().into());
        json!({
            "modelfile": "", "parameters": "", "template": "", "details": details(model), "model_info": known,
            "capabilities": ["completion", "tools"], "modified_at": stamp(server.since),
        })
    })
    .await
}

/// The model that is served is here; others are pulled by the owner.
pub(super) async fn pull(State(server): State<Arc<Server>>, body: Body) -> Response {
    told(&server, body, |_| json!({"status": "success"})).await
}

pub(super) async fn lm_studio(State(server): State<Arc<Server>>) -> Response {
    let listed = server.model().map(|model| {
        let entry = |name: &str| {
            json!({
                "id": name, "object": "model", "type": "llm", "arch": model.info().architecture, "state": "loaded",
                "max_context_length": model.info().trained_context_length.max(model.window()),
                "loaded_context_length": model.window(), "capabilities": ["tool_use"],
            })
        };
        json!({"object": "list", "data": server.names(model).map(entry).collect::<Vec<_>>()})
    });
    listed.map_or_else(|refusal| refused::<Ollama<Chat>>(&server, &refusal), |list| of_json(&list))
}

fn all(server: &Server, entry: impl Fn(&Model, &str) -> Value) -> Response {
    let listed = server.model().map(|model| server.names(model).map(|name| entry(model, name)).collect::<Vec<_>>());
    listed
        .map_or_else(|refusal| refused::<Ollama<Chat>>(server, &refusal), |models| of_json(&json!({"models": models})))
}

/// Answers a request about one model, which it names.
async fn told(server: &Server, body: Body, tell: impl Fn(&Model) -> Value) -> Response {
    let told = async {
        let body = http::json(server, body).await?;
        let name = body.get("model").or_else(|| body.get("name")).and_then(Value::as_str).unwrap_or_default();
        if name.is_empty() {
            return Err(Refusal::invalid("the request names no `model`"));
        }
        server.named(name).map(&tell)
    };
    told.await.map_or_else(|refusal| refused::<Ollama<Chat>>(server, &refusal), |told| of_json(&told))
}

/// A count as Ollama has it: 7.6B.
fn billions(count: u64) -> String {
    let tenths = count.saturating_add(50_000_000) / 100_000_000;
    format!("{}.{}B", tenths / 10, tenths % 10)
}

fn details(model: &Model) -> Value {
    let info = model.info();
    json!({
        "format": "gguf", "family": info.architecture, "families": [info.architecture],
        "parameter_size": billions(info.parameters), "quantization_level": "",
    })
}

fn entry(server: &Server, model: &Model, name: &str) -> Value {
    json!({
        "name": name, "model": name, "size": model.info().bytes, "digest": "", "modified_at": stamp(server.since),
        "details": details(model),
    })
}
