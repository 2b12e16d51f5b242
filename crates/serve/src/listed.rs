//! The model in OpenAI's lists, with its window under each name that clients look for.

use std::sync::Arc;

use axum::Router;
use axum::extract::{Path, State};
use axum::response::Response;
use axum::routing::get;
use serde_json::{Value, json};

use crate::http::{of_json, refused};
use crate::model::Model;
use crate::server::Server;
use crate::surface::chat::Chat;

/// The addresses.
pub(crate) fn openai() -> Router<Arc<Server>> {
    Router::new().route("/v1/models", get(all)).route("/v1/models/{*id}", get(one))
}

async fn all(State(server): State<Arc<Server>>) -> Response {
    match server.model() {
        Ok(model) => {
            let data: Vec<Value> = server.names(model).map(|name| entry(&server, model, name)).collect();
            let first = data.first().map(|entry| entry["id"].clone());
            let last = data.last().map(|entry| entry["id"].clone());
            of_json(&json!({"object": "list", "data": data, "has_more": false, "first_id": first, "last_id": last}))
        }
        Err(refusal) => refused::<Chat>(&server, &refusal),
    }
}

async fn one(State(server): State<Arc<Server>>, Path(id): Path<String>) -> Response {
    match server.named(&id) {
        Ok(model) => of_json(&entry(&server, model, &id)),
        Err(refusal) => refused::<Chat>(&server, &refusal),
    }
}

/// One entry: the window is the served one, not the one that the model was trained with.
fn entry(server: &Server, model: &Model, name: &str) -> Value {
    let (info, window) = (model.info(), model.window());
    json!({
        "id": name, "object": "model", "type": "model", "created": server.since, "owned_by": "callwright",
        "display_name": name, "context_length": window, "max_model_len": window, "max_context_length": window,
        "max_input_tokens": window,
        "meta": {"n_ctx": window, "n_ctx_train": info.trained_context_length, "n_params": info.parameters, "size": info.bytes},
    })
}
