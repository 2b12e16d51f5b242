//! What those who run a server ask it: is it well, what happened, how was this turn read.

use std::convert::Infallible;
use std::sync::Arc;

use axum::Router;
use axum::body::Body;
use axum::extract::{Path, State};
use axum::http::header::CONTENT_TYPE;
use axum::http::{HeaderValue, StatusCode, Uri};
use axum::response::{IntoResponse as _, Response};
use axum::routing::{get, post};
use callwright::check::ToolSet;
use callwright::format::Formats;
use callwright::read::Parser;
use futures_util::stream;
use serde_json::json;
use tokio::sync::broadcast::error::RecvError;

use crate::http::{self, of_json, refused};
use crate::server::{Server, now};
use crate::surface::chat::Chat;
use crate::surface::fields::Fields;
use crate::surface::openai::tools;
use crate::surface::{Refusal, Surface, Why};

/// The addresses.
pub(crate) fn routes() -> Router<Arc<Server>> {
    Router::new()
        .route("/health", get(health))
        .route("/metrics", get(metrics))
        .route("/api/trace/{id}", get(trace))
        .route("/api/events", get(events))
        .route("/api/parse", post(parse))
}

async fn health(State(server): State<Arc<Server>>) -> Response {
    let (status, word) = match server.model() {
        Ok(_) => (StatusCode::OK, "ok"),
        Err(_) => (StatusCode::SERVICE_UNAVAILABLE, "loading model"),
    };
    let mut response = of_json(&json!({"status": word, "uptime_seconds": now().saturating_sub(server.since)}));
    *response.status_mut() = status;
    response
}

async fn metrics(State(server): State<Arc<Server>>) -> Response {
    let running = server.settings.parallel.saturating_sub(server.seats.available_permits());
    let waiting = server.waiting.load(std::sync::atomic::Ordering::Relaxed);
    let mut response = server.metrics.text(running, waiting).into_response();
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("text/plain; version=0.0.4"));
    response
}

async fn trace(State(server): State<Arc<Server>>, Path(id): Path<String>) -> Response {
    if let Some(trace) = server.traces.get(&id) {
        return of_json(&trace);
    }
    let message = format!("no turn `{id}` is kept; the last {} are", server.settings.traces);
    refused::<Chat>(&server, &Refusal::new(Why::NotFound, message))
}

/// Reads a text that some model wrote: `{"text", "tools", "format"?}`. Without a format the text says which one it is in.
async fn parse(State(server): State<Arc<Server>>, body: Body) -> Response {
    let parsed = async {
        let mut fields = Fields::of(http::json(&server, body).await?)?;
        let text = fields.take::<String>("text")?.ok_or_else(|| Refusal::invalid("the request has no `text`"))?;
        let (tools, _) = tools(fields.list("tools")?)?;
        let tools = ToolSet::compile(&tools).map(Arc::new).map_err(|error| Refusal::of(&error))?;
        let mut parser = match fields.take::<String>("format")?.filter(|name| name != "auto") {
            Some(name) => Parser::new(Formats::builtin().get(&name).map_err(|error| Refusal::of(&error))?, tools),
            None => Parser::auto(Formats::builtin(), tools),
        };
        drop(parser.push(text.as_bytes()));
        let parsed = parser.finish();
        Ok(json!({
            "format": parsed.format, "calls": parsed.calls, "text": parsed.text, "reasoning": parsed.reasoning,
            "fixes": parsed.fixes, "faults": parsed.faults, "segments": parsed.segments,
        }))
    };
    parsed.await.map_or_else(|refusal| refused::<Chat>(&server, &refusal), |parsed| of_json(&parsed))
}

async fn events(State(server): State<Arc<Server>>) -> Response {
    let lines = stream::unfold(server.news.watch(), |mut watch| async move {
        loop {
            match watch.recv().await {
                Ok(line) => return Some((Ok::<_, Infallible>(format!("data: {line}\n\n")), watch)),
                Err(RecvError::Lagged(_)) => {}
                Err(RecvError::Closed) => return None,
            }
        }
    });
    let mut response = Body::from_stream(lines).into_response();
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("text/event-stream"));
    response
}

/// An address that there is not.
pub(crate) async fn unknown(State(server): State<Arc<Server>>, uri: Uri) -> Response {
    let refusal = Refusal::new(Why::NotFound, format!("there is no {} here", uri.path()));
    refused::<Chat>(&server, &refusal)
}

/// An address that does not answer this method.
pub(crate) async fn method<S: Surface>(State(server): State<Arc<Server>>) -> Response {
    refused::<S>(&server, &Refusal::new(Why::Method, "this address does not answer that method"))
}
