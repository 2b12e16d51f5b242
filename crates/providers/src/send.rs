//! HTTP around a dialect: the address, the key, and what the head of an answer says.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{SystemTime, UNIX_EPOCH};

use futures_util::StreamExt as _;
use reqwest::header::{CONTENT_TYPE, HeaderMap, HeaderName, HeaderValue};
use reqwest::{Method, Response, Url};
use serde_json::Value;
use sha2::{Digest as _, Sha256};
use tokio::time::{Instant, timeout_at};

use super::dialect::Dialect;
use super::egress::{Gate, Outgoing, host};
use super::frames::Framing;
use super::redact::Redactor;
use super::registry::Parts;
use super::trouble::Trouble;
use super::{Ask, KeyHeader, ProviderRow, Reason, told};
use callwright_models::Secret;
use callwright_parse::error::{Error, ErrorKind, FailureKind, Result, Wait};

/// The most bytes of an answer that is not streamed.
const BODY: usize = 4 << 20;
/// The most bytes of an error.
const ERROR_BODY: usize = 64 << 10;

/// Sends a provider's requests.
#[derive(Debug)]
pub(super) struct Sender {
    gate: Arc<Gate>,
    row: Arc<ProviderRow>,
    base: Url,
    key: Option<Secret>,
    redactor: Redactor,
}

/// What a request is about, and what its headers must say.
struct About<'a> {
    model: &'a str,
    reason: Reason,
    key_header: KeyHeader,
    quirks: Vec<(&'a str, String)>,
}

impl Sender {
    pub(super) fn new(parts: &Parts, address: &str) -> Result<Self> {
        let row = Arc::clone(&parts.row);
        let base = parse(address, &row.name)?;
        let redactor = Redactor::new(parts.key.clone());
        Ok(Self { gate: Arc::clone(&parts.gate), row, base, key: parts.key.clone(), redactor })
    }

    /// Host and port.
    pub(super) fn host(&self) -> String {
        host(&self.base)
    }

    pub(super) fn host_name(&self) -> &str {
        self.base.host_str().unwrap_or_default()
    }

    pub(super) fn redactor(&self) -> &Redactor {
        &self.redactor
    }

    /// Sends a turn.
    pub(super) async fn ask(&self, ask: &Ask, dialect: &dyn Dialect, id: &str, body: Vec<u8>) -> Result<Response> {
        let mut about = self.about(&ask.model, ask.reason, dialect);
        about.quirks.extend(self.row.quirks.idempotency.as_deref().map(|header| (header, id.to_owned())));
        self.send(about, Method::POST, &dialect.path(&ask.model), body).await
    }

    /// Sends anything without a conversation.
    pub(super) async fn fetch(&self, dialect: &dyn Dialect, path: &str, body: Option<Value>) -> Result<Response> {
        let method = if body.is_some() { Method::POST } else { Method::GET };
        let body = body.map(|body| body.to_string().into_bytes()).unwrap_or_default();
        self.send(self.about("", Reason::Check, dialect), method, path, body).await
    }

    fn about<'a>(&self, model: &'a str, reason: Reason, dialect: &dyn Dialect) -> About<'a> {
        About { model, reason, key_header: dialect.key_header(), quirks: dialect.headers(&self.row.quirks) }
    }

    /// Fetches what an engine reports about itself.
    pub(super) async fn get(&self, path: &str, until: Instant) -> Result<Response> {
        let about = About { model: "", reason: Reason::Check, key_header: KeyHeader::Bearer, quirks: Vec::new() };
        self.answered(self.send(about, Method::GET, path, Vec::new()), until).await
    }

    /// Asks an engine for a plain completion, or what goes with one.
    pub(super) async fn complete(
        &self,
        model: &str,
        path: &str,
        body: &Value,
        reason: Reason,
        until: Instant,
    ) -> Result<Response> {
        let about = About { model, reason, key_header: KeyHeader::Bearer, quirks: Vec::new() };
        self.answered(self.send(about, Method::POST, path, body.to_string().into_bytes()), until).await
    }

    /// Waits for the head of an answer, and no longer than this: an engine may take a connection and say nothing.
    async fn answered(&self, sent: impl Future<Output = Result<Response>>, until: Instant) -> Result<Response> {
        let late = |_| Trouble::new(FailureKind::Timeout(Wait::FirstByte), "the engine did not answer");
        let fail = |trouble| told::error(trouble, &self.row, &self.redactor, None);
        timeout_at(until, sent).await.map_err(late).map_err(fail)?
    }

    async fn send(&self, about: About<'_>, method: Method, path: &str, body: Vec<u8>) -> Result<Response> {
        let url = format!("{}{path}", self.base.as_str().trim_end_matches('/'));
        let url = parse(&url, &self.row.name)?;
        let outgoing = Outgoing {
            provider: &self.row.name,
            kind: self.row.kind,
            model: about.model,
            reason: about.reason,
            method,
            url,
            plain_http: self.row.allow_http,
            headers: self.headers(&about, !body.is_empty())?,
            body,
            connect: super::clocks::Clocks::from(&self.row.limits).connect,
            redactor: &self.redactor,
        };
        self.gate.send(outgoing).await
    }

    fn headers(&self, about: &About<'_>, has_body: bool) -> Result<HeaderMap> {
        let mut headers = HeaderMap::new();
        let mut add = |name: &str, value: &str, is_key: bool| {
            let wrong = || Error::new(ErrorKind::Config, format!("invalid header `{name}` of `{}`", self.row.name));
            let name: HeaderName = name.parse().map_err(|_| wrong())?;
            let mut value = HeaderValue::from_str(value).map_err(|_| wrong())?;
            value.set_sensitive(is_key);
            headers.insert(name, value);
            Ok(())
        };
        for (name, value) in &about.quirks {
            add(name, value, false)?;
        }
        for (name, value) in &self.row.headers {
            add(name, value, true)?;
        }
        if has_body {
            add("content-type", "application/json", false)?;
        }
        if let Some(key) = &self.key {
            let key = key.expose();
            match self.row.key_header.unwrap_or(about.key_header) {
                KeyHeader::Bearer => add("authorization", &format!("Bearer {key}"), true)?,
                KeyHeader::XApiKey => add("x-api-key", key, true)?,
                KeyHeader::XGoogApiKey => add("x-goog-api-key", key, true)?,
                KeyHeader::ApiKey => add("api-key", key, true)?,
            }
        }
        Ok(headers)
    }
}

/// A unique id for a request, from its content, the time and the process.
pub(super) fn fresh_id(body: &[u8]) -> String {
    static WRITTEN: AtomicU64 = AtomicU64::new(0);
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_nanos();
    let number = WRITTEN.fetch_add(1, Ordering::Relaxed);
    let hash = Sha256::new().chain_update(body).chain_update(format!("{now} {number} {}", std::process::id()));
    format!("callwright-{:x}", hash.finalize())[..43].to_owned()
}

fn parse(address: &str, provider: &str) -> Result<Url> {
    address.parse().map_err(|cause| {
        Error::new(ErrorKind::Config, format!("`base_url` of the provider `{provider}` is not a valid URL"))
            .because(Box::<dyn std::error::Error + Send + Sync>::from(cause))
    })
}

/// An answer that streams, with what the provider calls it; anything else is a trouble.
pub(super) async fn answer_or_trouble(
    response: Response,
    framing: Framing,
    until: Instant,
) -> Result<(Response, Option<String>), Trouble> {
    let status = response.status();
    let headers = response.headers().clone();
    let request_id = ["x-request-id", "request-id"].iter().find_map(|name| headers.get(*name));
    let request_id = request_id.and_then(|value| value.to_str().ok()).map(str::to_owned);
    if !status.is_success() {
        let body = body(response, ERROR_BODY, until).await.unwrap_or_default();
        return Err(Trouble::of_answer(status.as_u16(), &headers, &String::from_utf8_lossy(&body)));
    }
    let kind = headers.get(CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let kind = kind.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
    let refused = match (kind.as_str(), framing) {
        ("application/json", Framing::Events) => "the server answered in one piece, not as a stream",
        ("text/html", _) => "the server answered with a web page",
        _ => return Ok((response, request_id)),
    };
    let body = body(response, ERROR_BODY, until).await.unwrap_or_default();
    let told = serde_json::from_slice(&body).ok().and_then(|value| Trouble::in_frame(None, &value));
    let mut trouble = told.unwrap_or_else(|| Trouble::malformed(refused));
    trouble.request_id = request_id.or(trouble.request_id);
    Err(trouble)
}

/// A whole answer as JSON.
pub(super) async fn json(response: Response, until: Instant) -> Result<Value, Trouble> {
    let (status, headers) = (response.status(), response.headers().clone());
    let body = body(response, BODY, until).await?;
    if !status.is_success() {
        return Err(Trouble::of_answer(status.as_u16(), &headers, &String::from_utf8_lossy(&body)));
    }
    let value: Value = serde_json::from_slice(&body).map_err(|_| Trouble::malformed("the answer is not JSON"))?;
    Trouble::in_frame(None, &value).map_or(Ok(value), Err)
}

/// A body, as far as is read.
async fn body(response: Response, most: usize, until: Instant) -> Result<Vec<u8>, Trouble> {
    let mut chunks = response.bytes_stream();
    let mut body = Vec::new();
    loop {
        match timeout_at(until, chunks.next()).await {
            Ok(Some(Ok(chunk))) if body.len() + chunk.len() > most => {
                body.extend_from_slice(&chunk[..most - body.len()]);
                return Ok(body);
            }
            Ok(Some(Ok(chunk))) => body.extend_from_slice(&chunk),
            Ok(Some(Err(_))) => return Err(Trouble::truncated("the connection was lost in the middle of the answer")),
            Ok(None) => return Ok(body),
            Err(_) => {
                return Err(Trouble::new(FailureKind::Timeout(Wait::FirstByte), "the answer did not come in time"));
            }
        }
    }
}
