//! A failure as an error for people: what went wrong, with a hint.

use super::redact::{Redactor, Said};
use super::row::ProviderRow;
use super::trouble::Trouble;
use callwright_parse::chat::Request;
use callwright_parse::error::{Error, Failure, FailureKind, Wait};

/// The error, without keys and without words of the conversation.
pub(super) fn error(trouble: Trouble, row: &ProviderRow, redactor: &Redactor, request: Option<&Request>) -> Error {
    error_without(trouble, row, redactor, &request.map(Said::from).unwrap_or_default())
}

/// The error, without keys and without the conversation.
pub(super) fn error_without(trouble: Trouble, row: &ProviderRow, redactor: &Redactor, hidden: &Said) -> Error {
    let mut failure = Failure::new(trouble.kind, row.name.as_str());
    failure.status = trouble.status;
    failure.code = trouble.code.map(|code| redactor.quote(&code, hidden));
    failure.request_id = trouble.request_id.map(|id| redactor.quote(&id, hidden));
    failure.retry_after = trouble.retry_after;
    failure.retryable = trouble.retryable.unwrap_or(failure.retryable);
    let said = redactor.quote(&trouble.message, hidden);
    let colon = if said.is_empty() { "" } else { ": " };
    let status = trouble.status.map(|status| format!(" ({status})")).unwrap_or_default();
    let error = Error::provider(failure, format!("`{}`: {}{status}{colon}{said}", row.name, trouble.kind));
    match hint(trouble.kind, row) {
        Some(hint) => error.hint(hint),
        None => error,
    }
}

fn hint(kind: FailureKind, row: &ProviderRow) -> Option<String> {
    let name = &row.name;
    Some(match kind {
        FailureKind::Auth => match &row.key {
            Some(variable) => format!("set {variable}, or `key_file` in [providers.{name}]"),
            None => format!("set `key` or `key_file` in [providers.{name}]"),
        },
        FailureKind::NotFound => format!("`callwright providers test {name}` lists its models"),
        FailureKind::Quota => "check the balance and limits of your account with the provider".to_owned(),
        FailureKind::RateLimit => format!("set `limits` in [providers.{name}] to what your account allows"),
        FailureKind::ContextOverflow => "shorten the conversation, or use a model with a larger context".to_owned(),
        FailureKind::Network | FailureKind::Timeout(Wait::Connect) => {
            format!("check that it is running and that `base_url` of [providers.{name}] is right")
        }
        FailureKind::Timeout(Wait::Queue) => format!("raise `limits.concurrency` or `limits.queue` of `{name}`"),
        FailureKind::Timeout(_) => format!("raise the timeouts in `limits` of [providers.{name}]"),
        FailureKind::Malformed => format!("check `dialect` of [providers.{name}]"),
        _ => return None,
    })
}
