//! Provider errors, in whatever shape, as one of our kinds.
//!
//! Vendors wrap errors in a dozen ways and change them; so one lenient reader takes all shapes, wherever they come from:
//! a status with a body, a body with status 200, or a frame in the middle of a stream.

use std::time::Duration;

use reqwest::header::HeaderMap;
use serde_json::Value;

use super::reset::reset_after;
use super::retry::retry_after;
use callwright_parse::error::FailureKind;

/// A failure, before it is known whose request it was.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Trouble {
    pub(super) kind: FailureKind,
    /// What the server said, or what we found. Not yet cleaned of keys.
    pub(super) message: String,
    pub(super) status: Option<u16>,
    pub(super) code: Option<String>,
    pub(super) request_id: Option<String>,
    pub(super) retry_after: Option<Duration>,
    /// What the server itself says about trying again.
    pub(super) retryable: Option<bool>,
}

impl Trouble {
    pub(super) fn new(kind: FailureKind, message: impl Into<String>) -> Self {
        Self {
            kind,
            message: message.into(),
            status: None,
            code: None,
            request_id: None,
            retry_after: None,
            retryable: None,
        }
    }

    pub(super) fn malformed(message: impl Into<String>) -> Self {
        Self::new(FailureKind::Malformed, message)
    }

    pub(super) fn truncated(message: impl Into<String>) -> Self {
        Self::new(FailureKind::Truncated, message)
    }

    /// An answer whose status is no success.
    pub(super) fn of_answer(status: u16, headers: &HeaderMap, body: &str) -> Self {
        let value: Value = serde_json::from_str(body).unwrap_or(Value::Null);
        let told = Told::of(&value);
        let header = |name: &str| headers.get(name).and_then(|value| value.to_str().ok()).map(str::to_owned);
        let request_id = header("x-request-id").or_else(|| header("request-id"));
        let should = header("x-should-retry");
        let message = told.as_ref().map_or_else(|| plain(body), |told| told.message.clone());
        let told = told.unwrap_or_default();
        // Limits come with every answer; they are the reason only where the server says so.
        let reset = || reset_after(headers).filter(|_| status == 429);
        Self {
            kind: kind(Some(status), &told, &message),
            message,
            status: Some(status),
            retry_after: retry_after(headers).or(told.retry_after).or_else(reset),
            // A conflict is someone else's turn; the vendors' own clients try again.
            retryable: should.map(|should| should == "true").or((status == 409).then_some(true)),
            code: told.code,
            request_id: request_id.or(told.request_id),
        }
    }

    /// The error in a frame or in a body of status 200, where there is one.
    pub(super) fn in_frame(event: Option<&str>, value: &Value) -> Option<Self> {
        let is_error = event == Some("error") || says_error(value);
        let told = Told::of(value).filter(|_| is_error)?;
        let status = told.code.as_deref().and_then(|code| code.parse().ok()).filter(|code| (400..600).contains(code));
        Some(Self {
            kind: kind(status, &told, &told.message),
            message: told.message,
            status: None,
            code: told.code,
            request_id: told.request_id,
            retry_after: told.retry_after,
            retryable: None,
        })
    }
}

fn says_error(value: &Value) -> bool {
    match value {
        Value::Array(items) => items.first().is_some_and(says_error),
        Value::Object(fields) => {
            fields.get("error").is_some_and(|error| !error.is_null())
                || ["type", "object"].iter().any(|key| fields.get(*key).and_then(Value::as_str) == Some("error"))
        }
        _ => false,
    }
}

/// An error as some vendor tells it.
#[derive(Debug, Default)]
struct Told {
    message: String,
    code: Option<String>,
    request_id: Option<String>,
    retry_after: Option<Duration>,
    /// All words that name the kind, in lower case.
    words: Vec<String>,
}

impl Told {
    fn of(value: &Value) -> Option<Self> {
        let outer = match value {
            Value::Array(items) => items.first()?,
            other => other,
        };
        let inner = match outer.get("error") {
            Some(Value::Null) | None => outer,
            Some(error) => error,
        };
        let text = |of: &Value| match of {
            Value::String(text) => Some(text.clone()),
            Value::Number(number) => Some(number.to_string()),
            _ => None,
        };
        let message = match inner {
            Value::String(text) => Some(text.clone()),
            inner => ["message", "detail", "errors"].iter().find_map(|key| match inner.get(*key)? {
                Value::Null => None,
                Value::String(text) => Some(text.clone()),
                other => Some(other.to_string()),
            }),
        }?;
        let details = inner.get("details").cloned().unwrap_or(Value::Null);
        let mut words: Vec<String> = Vec::new();
        for key in ["code", "type", "status"] {
            words.extend([outer, inner].into_iter().filter_map(|of| of.get(key)).filter_map(text));
        }
        gather(&details, &mut words);
        let code = ["code", "type", "status"].iter().find_map(|key| inner.get(*key).and_then(text));
        let retry_after = words.iter().find_map(|word| seconds(word));
        let request_id = outer.get("request_id").and_then(text);
        let words = words.into_iter().map(|word| word.to_lowercase()).collect();
        Some(Self { message, code, request_id, retry_after, words })
    }
}

/// The strings of an error's details: reasons, codes, quotas, and how long to wait.
fn gather(details: &Value, words: &mut Vec<String>) {
    match details {
        Value::String(text) if words.len() < 64 => words.push(text.clone()),
        Value::Array(items) => items.iter().for_each(|item| gather(item, words)),
        Value::Object(fields) => fields.values().for_each(|value| gather(value, words)),
        _ => {}
    }
}

/// A duration as protobuf writes it: `34s`, `0.5s`.
fn seconds(word: &str) -> Option<Duration> {
    let number = word.strip_suffix('s')?;
    number.parse::<f64>().ok().and_then(|seconds| Duration::try_from_secs_f64(seconds).ok())
}

/// Messages about an exhausted quota. Waiting does not help.
const QUOTA: [&str; 8] = [
    "insufficient_quota",
    "credit_balance",
    "credit balance",
    "spend_limit",
    "usage_limit",
    "billing",
    "perday",
    "payment",
];

/// Messages about a conversation that is too long.
const OVERFLOW: [&str; 9] = [
    "context_length",
    "context_size",
    "context_window",
    "context length",
    "context window",
    "prompt is too long",
    "input token count",
    "maximum context",
    "request_too_large",
];

/// Messages about an unknown key, where the status does not say so: LiteLLM looks for it in a database, and without one
/// says that.
const STRANGER: [&str; 1] = ["no_db_connection"];

const FILTER: [&str; 3] = ["content_filter", "content_policy", "content management policy"];

/// Messages of errors without a status, each with its kind. The first match decides.
const WORDS: [(&str, FailureKind); 20] = [
    ("authentication", FailureKind::Auth),
    ("unauthenticated", FailureKind::Auth),
    ("invalid_api_key", FailureKind::Auth),
    ("unauthorized", FailureKind::Auth),
    ("permission", FailureKind::Permission),
    ("forbidden", FailureKind::Permission),
    ("not_found", FailureKind::NotFound),
    ("rate_limit", FailureKind::RateLimit),
    ("resource_exhausted", FailureKind::RateLimit),
    ("too_many_requests", FailureKind::RateLimit),
    ("slow_down", FailureKind::RateLimit),
    ("invalid_request", FailureKind::InvalidRequest),
    ("invalid_argument", FailureKind::InvalidRequest),
    ("bad_request", FailureKind::InvalidRequest),
    ("overloaded", FailureKind::Overloaded),
    ("unavailable", FailureKind::Overloaded),
    ("timeout", FailureKind::Overloaded),
    ("server_error", FailureKind::Overloaded),
    ("api_error", FailureKind::Overloaded),
    ("internal", FailureKind::Overloaded),
];

fn kind(status: Option<u16>, told: &Told, message: &str) -> FailureKind {
    let message = message.to_lowercase();
    let named = |words: &[&str]| {
        words.iter().any(|word| told.words.iter().any(|told| told.contains(word)) || message.contains(word))
    };
    let coded = |words: &[&str]| words.iter().any(|word| told.words.iter().any(|told| told.contains(word)));
    let may_be_money = status.is_none_or(|status| matches!(status, 400 | 402 | 403 | 429));
    if status == Some(402) || (may_be_money && (coded(&QUOTA) || message.contains("credit balance"))) {
        return FailureKind::Quota;
    }
    if status.is_none_or(|status| matches!(status, 400 | 413 | 422)) && named(&OVERFLOW) {
        return FailureKind::ContextOverflow;
    }
    if status.is_none_or(|status| matches!(status, 400 | 403 | 422)) && coded(&FILTER) {
        return FailureKind::ContentFilter;
    }
    if status == Some(400) && coded(&STRANGER) {
        return FailureKind::Auth;
    }
    match status {
        None => {
            let word = WORDS.iter().find(|(word, _)| coded(&[word]));
            let silent = if message.contains("not found") { FailureKind::NotFound } else { FailureKind::Overloaded };
            word.map_or(silent, |(_, kind)| *kind)
        }
        Some(401 | 498) => FailureKind::Auth,
        Some(403) => FailureKind::Permission,
        Some(404) => FailureKind::NotFound,
        Some(413) => FailureKind::ContextOverflow,
        Some(429) => FailureKind::RateLimit,
        Some(501) => FailureKind::Unsupported,
        Some(408 | 425 | 499 | 500..) => FailureKind::Overloaded,
        Some(_) => FailureKind::InvalidRequest,
    }
}

/// A body that is not JSON: its text without markup.
fn plain(body: &str) -> String {
    let mut words = String::new();
    let mut in_tag = false;
    for c in body.chars().take(4096) {
        match c {
            '<' => in_tag = true,
            '>' => in_tag = false,
            c if !in_tag => words.push(c),
            _ => {}
        }
    }
    words.trim().to_owned()
}
