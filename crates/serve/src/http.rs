//! HTTP in and out for every surface: a body to a turn, a turn to a whole answer or a stream.
//!
//! A stream is never silent for longer than [`Settings::beat`](crate::Settings): while the prompt is read, while a
//! request waits for its seat, and while a call is written that goes out only once it is whole. Bytes are made as the
//! client takes them, so that a slow reader holds up nobody else.

use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use axum::body::{Body, to_bytes};
use axum::extract::State;
use axum::http::header::{CACHE_CONTROL, CONTENT_TYPE, RETRY_AFTER};
use axum::http::{HeaderName, HeaderValue};
use axum::response::{IntoResponse, Response};
use futures_util::stream;
use serde_json::Value;
use tokio::time::{Interval, MissedTickBehavior, interval, timeout};

use crate::running::{Running, Step};
use crate::server::Server;
use crate::surface::{Frames, Refusal, Surface, Why};

/// How long a stream waits for the first sign of an error before it begins: an error that comes later is told in it.
const FIRST: Duration = Duration::from_millis(900);

/// Names the turn, for `/api/trace/ID`.
const TRACE: HeaderName = HeaderName::from_static("x-callwright-trace");
/// Names the tools that were left out.
const SKIPPED: HeaderName = HeaderName::from_static("x-callwright-skipped-tools");
/// Says who answered: `local`, or a provider.
const SERVED_BY: HeaderName = HeaderName::from_static("x-callwright-served-by");

/// Answers a request of this surface.
pub(crate) async fn answer<S: Surface>(State(server): State<Arc<Server>>, body: Body) -> Response {
    server.metrics.requests.add(1);
    match answered::<S>(&server, body).await {
        Ok(response) => response,
        Err(refusal) => refused::<S>(&server, &refusal),
    }
}

async fn answered<S: Surface>(server: &Arc<Server>, body: Body) -> Result<Response, Refusal> {
    let body = json(server, body).await?;
    let (asked, surface) = S::read(body, server)?;
    let (stream, skipped) = (asked.stream, asked.skipped.join(", "));
    let running = Running::begin(server, asked)?;
    let turn = running.turn.clone();
    let mut response =
        if stream { streamed(server, running, surface).await? } else { whole(server, running, surface).await? };
    let headers = response.headers_mut();
    if server.traces.keeps() {
        set(headers, TRACE, &turn.id);
    }
    if !skipped.is_empty() {
        set(headers, SKIPPED, &skipped);
    }
    Ok(response)
}

fn set(headers: &mut axum::http::HeaderMap, name: HeaderName, value: &str) {
    let plain: String =
        value.chars().map(|letter| if letter.is_ascii_graphic() || letter == ' ' { letter } else { '?' }).collect();
    if let Ok(value) = HeaderValue::from_str(&plain) {
        headers.insert(name, value);
    }
}

/// A body as JSON.
pub(crate) async fn json(server: &Server, body: Body) -> Result<Value, Refusal> {
    let most = server.settings.max_body;
    let too_large =
        |_| Refusal::new(Why::TooLarge, format!("the body could not be read, or is larger than {most} bytes"));
    let bytes = to_bytes(body, most).await.map_err(too_large)?;
    serde_json::from_slice(&bytes).map_err(|flaw| Refusal::invalid(format!("the body is not JSON: {flaw}")))
}

async fn whole<S: Surface>(server: &Server, mut running: Running, mut surface: S) -> Result<Response, Refusal> {
    loop {
        if let Step::End(_, response) = running.step().await? {
            surface.keep(&running.turn, &running.answer, server);
            let body = surface.whole(&running.turn, &running.answer);
            let mut answer = of_json(&body);
            let by = if response.served_by.is_empty() { "local" } else { &response.served_by };
            set(answer.headers_mut(), SERVED_BY, by);
            return Ok(answer);
        }
    }
}

/// A stream that has begun.
struct Streaming<S> {
    server: Arc<Server>,
    running: Running,
    surface: S,
    frames: Frames,
    beat: Interval,
    /// The first step, where it was taken before the stream began.
    first: Option<Step>,
    over: bool,
}

async fn streamed<S: Surface>(server: &Arc<Server>, mut running: Running, surface: S) -> Result<Response, Refusal> {
    let first = timeout(FIRST, running.step()).await.ok().transpose()?;
    let mut beat = interval(server.settings.beat);
    beat.set_missed_tick_behavior(MissedTickBehavior::Delay);
    beat.reset();
    let mut streaming =
        Streaming { server: Arc::clone(server), running, surface, frames: Frames::default(), beat, first, over: false };
    let turn = streaming.running.turn.clone();
    streaming.surface.begin(&turn, &mut streaming.frames);
    let body = stream::unfold(streaming, |mut streaming| async move {
        let bytes = streaming.next().await?;
        Some((Ok::<_, Infallible>(bytes), streaming))
    });
    let mut response = Body::from_stream(body).into_response();
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static(S::FRAMING.media_type()));
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-cache"));
    // Proxies that collect what they pass on make a stream silent.
    headers.insert(HeaderName::from_static("x-accel-buffering"), HeaderValue::from_static("no"));
    Ok(response)
}

impl<S: Surface> Streaming<S> {
    /// The next bytes, once there are any.
    async fn next(&mut self) -> Option<bytes::Bytes> {
        loop {
            if let Some(bytes) = self.frames.take() {
                self.beat.reset();
                return Some(bytes);
            }
            if self.over {
                return None;
            }
            if let Some(step) = self.first.take() {
                self.told(Ok(step));
                continue;
            }
            tokio::select! {
                biased;
                step = self.running.step() => self.told(step),
                _ = self.beat.tick() => self.surface.alive(&self.running.turn, &mut self.frames),
            }
        }
    }

    fn told(&mut self, step: Result<Step, Refusal>) {
        let Self { running: Running { turn, answer, .. }, surface, frames, server, .. } = self;
        match step {
            Ok(Step::Parts(parts)) => {
                for part in &parts {
                    surface.part(turn, part, frames);
                }
            }
            Ok(Step::End(parts, _)) => {
                for part in &parts {
                    surface.part(turn, part, frames);
                }
                surface.end(turn, answer, frames);
                surface.keep(turn, answer, server);
                self.over = true;
            }
            Err(refusal) => {
                surface.failed(turn, &refusal, frames);
                self.over = true;
            }
        }
    }
}

/// An error in the surface's own form.
pub(crate) fn refused<S: Surface>(server: &Server, refusal: &Refusal) -> Response {
    server.metrics.refused.add(1);
    let mut response = of_json(&S::refused(refusal));
    *response.status_mut() = refusal.status();
    if matches!(refusal.why, Why::Busy | Why::Unavailable) {
        response.headers_mut().insert(RETRY_AFTER, HeaderValue::from_static("1"));
    }
    response
}

/// JSON as a response.
pub(crate) fn of_json(body: &Value) -> Response {
    let mut response = body.to_string().into_response();
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    response
}
