//! The egress gate: every byte of a conversation to a provider passes [`Gate::send`].
//!
//! The gate holds the providers' only HTTP client and is closed until it is opened with [`Rules`]. It checks the
//! address, writes the audit before a send and what became of it afterwards, follows no redirect, asks for no compression
//! and uses no proxy towards this machine. It knows no dialect and no vendor.

use std::collections::BTreeMap;
use std::error::Error as StdError;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, SystemTime};

use reqwest::header::HeaderMap;
use reqwest::{Client, Method, Response, Url};

use super::address::{Reach, Refused, Unknown};
use super::audit::{Audit, Became, Bodies, Line};
use super::redact::{Redactor, Said};
use super::{Kind, Reason, ledger, tls};
use callwright_models::address::is_loopback;
use callwright_parse::error::{Error, ErrorKind, Failure, FailureKind, Reached, Result, Wait};
use callwright_prompt::Clock;

/// The gate through which conversations leave.
#[derive(Debug)]
pub struct Gate {
    rules: Option<Rules>,
    clients: Mutex<BTreeMap<(Reach, Duration), Client>>,
}

/// What may pass the gate.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Rules {
    /// Whether the network is switched off: then nothing passes, whatever else is set.
    pub offline: bool,
    /// Where sends are recorded.
    pub audit: Audit,
    /// A proxy for hosts that are not this machine, as `http://proxy:3128`.
    pub proxy: Option<String>,
}

impl Rules {
    /// Open, every send recorded here.
    #[must_use]
    pub fn recorded_in(audit: Audit) -> Self {
        Self { offline: false, audit, proxy: None }
    }
}

/// One send, as a provider asks for it.
#[derive(Debug)]
pub(super) struct Outgoing<'a> {
    pub(super) provider: &'a str,
    pub(super) kind: Kind,
    pub(super) model: &'a str,
    pub(super) reason: Reason,
    pub(super) method: Method,
    pub(super) url: Url,
    /// Whether plain HTTP may go beyond this machine.
    pub(super) plain_http: bool,
    pub(super) headers: HeaderMap,
    pub(super) body: Vec<u8>,
    pub(super) connect: Duration,
    pub(super) redactor: &'a Redactor,
}

impl Gate {
    /// A gate through which nothing passes.
    #[must_use]
    pub fn shut() -> Self {
        Self { rules: None, clients: Mutex::default() }
    }

    /// A gate that lets through what these rules allow.
    #[must_use]
    pub fn open(rules: Rules) -> Self {
        Self { rules: Some(rules), clients: Mutex::default() }
    }

    /// Whether anything may pass.
    #[must_use]
    pub fn is_open(&self) -> bool {
        self.rules.as_ref().is_some_and(|rules| !rules.offline)
    }

    /// Sends, and waits for the head of the answer. An answer of any status is one, but for redirects and compressed
    /// bodies, which were not requested.
    pub(super) async fn send(&self, out: Outgoing<'_>) -> Result<Response> {
        let failed = |kind, why: String| Error::provider(Failure::new(kind, out.provider), why);
        let rules = match &self.rules {
            Some(rules) if !rules.offline => rules,
            Some(_) => {
                return Err(failed(FailureKind::EgressDenied, "the network is switched off".to_owned())
                    .hint("remove `--offline` and CALLWRIGHT_OFFLINE to ask providers"));
            }
            None => {
                return Err(failed(FailureKind::EgressDenied, "no setting allows asking a provider".to_owned())
                    .hint("set `[fallback] enabled = true`, or name a provider with --provider"));
            }
        };
        let reach = Reach::from(out.kind);
        reach
            .check(&out.url, out.plain_http)
            .map_err(|refused| failed(FailureKind::EgressDenied, refused.to_string()))?;
        tls::require(&out.url)?;
        let client = self.client(reach, &out, rules)?;
        let line = line(&out, rules.audit.bodies());
        rules.audit.record(&line)?;
        let (provider, redactor) = (out.provider, out.redactor);
        let request = client.request(out.method, out.url).headers(out.headers).body(out.body);
        let response = request.send().await;
        rules.audit.ended(&line, became(&response));
        admit(response.map_err(|cause| sending_failed(&cause, provider, redactor))?, provider)
    }

    fn client(&self, reach: Reach, out: &Outgoing<'_>, rules: &Rules) -> Result<Client> {
        let mut clients = self.clients.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(client) = clients.get(&(reach, out.connect)) {
            return Ok(client.clone());
        }
        // An invalid proxy must not be taken for no proxy.
        let proxy = rules
            .proxy
            .as_deref()
            .map(Url::parse)
            .transpose()
            .map_err(|cause| Error::new(ErrorKind::Config, "invalid proxy address").because(cause))?;
        let client = build(reach, out.connect, proxy)
            .map_err(|cause| Error::new(ErrorKind::Config, "cannot create the HTTP client").because(cause))?;
        clients.insert((reach, out.connect), client.clone());
        Ok(client)
    }
}

fn build(reach: Reach, connect: Duration, proxy: Option<Url>) -> reqwest::Result<Client> {
    tls::provide();
    let builder = Client::builder()
        .user_agent(concat!("callwright/", env!("CARGO_PKG_VERSION")))
        .redirect(reqwest::redirect::Policy::none())
        .referer(false)
        .retry(reqwest::retry::never())
        .dns_resolver(reach)
        .connect_timeout(connect)
        .pool_idle_timeout(Duration::from_secs(30))
        .http2_max_header_list_size(64 << 10)
        .no_proxy();
    match proxy {
        Some(proxy) => {
            let beyond = move |url: &Url| (!url.host_str().is_some_and(is_loopback)).then(|| proxy.clone());
            builder.proxy(reqwest::Proxy::custom(beyond)).build()
        }
        None => builder.build(),
    }
}

fn line(out: &Outgoing<'_>, bodies: Bodies) -> Line {
    let kept = bodies == Bodies::Kept && !out.body.is_empty();
    Line {
        id: ledger::fresh_id(),
        time: now(),
        provider: out.provider.to_owned(),
        model: out.model.to_owned(),
        host: host(&out.url),
        reason: out.reason.as_str().to_owned(),
        bytes: out.body.len(),
        sha256: Line::hash(&out.body),
        body: kept.then(|| out.redactor.clean(&String::from_utf8_lossy(&out.body))),
        became: Became::Unknown,
    }
}

/// What became of a send, by what it came to. Without a connection no byte of it was sent.
fn became(response: &reqwest::Result<Response>) -> Became {
    match response {
        Err(cause) if refusal(cause).is_some() => Became::Refused,
        Err(cause) if cause.is_connect() => Became::Failed,
        _ => Became::Sent,
    }
}

/// The address that was refused, where that is why nothing was sent.
fn refusal(cause: &reqwest::Error) -> Option<&Refused> {
    let mut next: Option<&(dyn StdError + 'static)> = cause.source();
    while let Some(source) = next {
        if let Some(refused) = source.downcast_ref() {
            return Some(refused);
        }
        next = source.source();
    }
    None
}

/// Host and port of an address.
pub(super) fn host(url: &Url) -> String {
    let host = url.host_str().unwrap_or_default();
    url.port().map_or_else(|| host.to_owned(), |port| format!("{host}:{port}"))
}

fn now() -> String {
    Clock::of(SystemTime::now()).format("%Y-%m-%dT%H:%M:%SZ")
}

/// Refuses answers that would lead elsewhere or grow when they are unpacked.
fn admit(response: Response, provider: &str) -> Result<Response> {
    let status = response.status();
    let failed = |kind, why: String| {
        let error = Error::provider(Failure::new(kind, provider), why);
        Err(error.with_failure(|failure| failure.status = Some(status.as_u16())))
    };
    if status.is_redirection() {
        return failed(FailureKind::EgressDenied, format!("the server redirects ({status})")).map_err(|error| {
            error.hint(
                "redirects are not followed, to protect conversations and keys: set the final address as base_url",
            )
        });
    }
    match response.headers().get(reqwest::header::CONTENT_ENCODING) {
        Some(coding) if coding != "identity" => {
            failed(FailureKind::Malformed, "the server compressed its answer without being asked to".to_owned())
        }
        _ => Ok(response),
    }
}

/// What a failure to send comes to. Nothing of the address or the headers is shown.
fn sending_failed(cause: &reqwest::Error, provider: &str, redactor: &Redactor) -> Error {
    if let Some(refused) = refusal(cause) {
        return Error::provider(Failure::new(FailureKind::EgressDenied, provider), refused.to_string());
    }
    let mut chain = Vec::new();
    let (mut is_unknown, mut is_tls) = (false, false);
    let mut next: Option<&(dyn StdError + 'static)> = cause.source();
    while let Some(source) = next {
        is_unknown |= source.is::<Unknown>();
        is_tls |= tls::is_error(source);
        chain.push(source.to_string());
        next = source.source();
    }
    let kind = match () {
        () if cause.is_timeout() && cause.is_connect() => FailureKind::Timeout(Wait::Connect),
        () if cause.is_timeout() => FailureKind::Timeout(Wait::Total),
        () if cause.is_connect() => FailureKind::Network,
        () if chain.iter().any(|told| told.contains("parse")) => FailureKind::Malformed,
        () => FailureKind::Network,
    };
    // No byte of an answer arrived, so that sending again cannot give a second answer.
    let mut failure = Failure::new(kind, provider);
    if cause.is_connect() {
        failure.reached = Reached::Nobody;
    }
    let base = format!("`base_url` of [providers.{provider}]");
    let hint = match () {
        () if is_unknown => format!("check the spelling of {base}, and the network"),
        () if is_tls => {
            // The next handshake would fail the same way.
            failure.retryable = false;
            format!("check {base}: no trusted https connection could be made")
        }
        () => format!("check that it is running and that {base} is right"),
    };
    let detail = chain.last().map(|last| format!(": {}", redactor.quote(last, &Said::default()))).unwrap_or_default();
    Error::provider(failure, format!("`{provider}`: {kind}{detail}")).hint(hint)
}
