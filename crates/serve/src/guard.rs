//! Who may ask: the key, and the `Host` and `Origin` headers.
//!
//! A page of any site can make a browser send requests to this machine. `Origin` says which page it was, and a name that
//! a stranger's DNS turned into this machine's address (DNS rebinding) shows in `Host`. Programs send no `Origin`.

use std::sync::Arc;

use axum::extract::{Request, State};
use axum::http::header::{AUTHORIZATION, HOST, ORIGIN};
use axum::http::{HeaderMap, HeaderName, Uri};
use axum::middleware::Next;
use axum::response::Response;
use callwright::models::address::is_loopback;
use subtle::ConstantTimeEq as _;

use crate::http::refused;
use crate::server::Server;
use crate::settings::Settings;
use crate::surface::{Refusal, Surface, Why};

/// Lets a request pass, or answers it in the surface's own form.
pub(crate) async fn guard<S: Surface>(State(server): State<Arc<Server>>, request: Request, next: Next) -> Response {
    match allowed(&server.settings, request.headers(), request.uri()) {
        Ok(()) => next.run(request).await,
        Err(refusal) => refused::<S>(&server, &refusal),
    }
}

fn allowed(settings: &Settings, headers: &HeaderMap, uri: &Uri) -> Result<(), Refusal> {
    let text = |name: HeaderName| headers.get(name).map(|value| value.to_str().unwrap_or("\u{fffd}"));
    let host = text(HOST).or_else(|| uri.authority().map(axum::http::uri::Authority::as_str)).unwrap_or_default();
    let name = host_of(host);
    let known = is_loopback(&name) || settings.hosts.iter().any(|known| known.eq_ignore_ascii_case(&name));
    if !known {
        let message = format!(
            "requests to the host `{name}` are not answered; start the server with `--host-name {name}` to allow it"
        );
        return Err(Refusal::new(Why::Forbidden, message));
    }
    if let Some(origin) = text(ORIGIN) {
        let own =
            origin.parse::<Uri>().ok().and_then(|uri| uri.authority().map(|authority| authority.as_str() == host));
        if own != Some(true) && !settings.origins.iter().any(|known| known == origin) {
            let message =
                format!("pages of `{origin}` may not ask; start the server with `--origin {origin}` to allow it");
            return Err(Refusal::new(Why::Forbidden, message));
        }
    }
    let Some(key) = &settings.api_key else { return Ok(()) };
    let bearer =
        text(AUTHORIZATION).and_then(|value| value.strip_prefix("Bearer ").or_else(|| value.strip_prefix("bearer ")));
    let given = bearer.or_else(|| text(HeaderName::from_static("x-api-key"))).unwrap_or_default();
    // How long the comparison takes says nothing of the key but its length.
    if bool::from(given.trim().as_bytes().ct_eq(key.as_bytes())) {
        return Ok(());
    }
    Err(Refusal::new(Why::Unauthorized, "the API key is missing or wrong; send it as `Authorization: Bearer KEY`"))
}

/// The name in a `Host` header, without the port.
fn host_of(host: &str) -> String {
    let name = match host.strip_prefix('[') {
        Some(rest) => rest.split(']').next().unwrap_or_default(),
        None => host.rsplit_once(':').map_or(host, |(name, _)| name),
    };
    name.trim_end_matches('.').to_lowercase()
}

#[cfg(test)]
mod tests {
    use axum::http::HeaderValue;

    use super::*;

    #[test]
    fn only_this_machine_and_what_the_owner_named_may_ask() {
        let mut settings = Settings::default();
        let asks = |settings: &Settings, host: &'static str, origin: Option<&'static str>| {
            let mut headers = HeaderMap::new();
            headers.insert(HOST, HeaderValue::from_static(host));
            if let Some(origin) = origin {
                headers.insert(ORIGIN, HeaderValue::from_static(origin));
            }
            allowed(settings, &headers, &Uri::from_static("/"))
        };
        for host in ["127.0.0.1:8080", "localhost", "LOCALHOST:1", "[::1]:8080", "127.0.0.2"] {
            assert_eq!(asks(&settings, host, None), Ok(()), "{host}");
        }
        for host in
            ["evil.example", "evil.example:8080", "127.0.0.1.evil.example", "", "10.0.0.1", "localhost.evil.example"]
        {
            assert!(asks(&settings, host, None).is_err(), "{host}");
        }
        for (origin, may) in [
            ("http://127.0.0.1:8080", true),
            ("http://localhost:8080", false),
            ("https://evil.example", false),
            ("null", false),
        ] {
            assert_eq!(asks(&settings, "127.0.0.1:8080", Some(origin)).is_ok(), may, "{origin}");
        }
        settings.hosts.push("llm.example.org".into());
        settings.origins.push("https://app.example.org".into());
        assert_eq!(asks(&settings, "LLM.example.org:443", Some("https://app.example.org")), Ok(()));
    }

    #[test]
    fn a_key_that_is_set_must_be_brought() {
        let settings = Settings { api_key: Some("secret".into()), ..Settings::default() };
        let asks = |name: &'static str, value: &'static str| {
            let mut headers = HeaderMap::new();
            headers.insert(HOST, HeaderValue::from_static("127.0.0.1"));
            headers.insert(name, HeaderValue::from_static(value));
            allowed(&settings, &headers, &Uri::from_static("/")).map_err(|refusal| refusal.why)
        };
        assert_eq!(asks("authorization", "Bearer secret"), Ok(()));
        assert_eq!(asks("x-api-key", "secret"), Ok(()));
        for (name, value) in
            [("authorization", "Bearer secre"), ("authorization", "secret"), ("x-api-key", ""), ("x-other", "secret")]
        {
            assert_eq!(asks(name, value), Err(Why::Unauthorized), "{name}: {value}");
        }
    }
}
