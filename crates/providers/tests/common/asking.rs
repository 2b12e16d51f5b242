//! Asks a provider on loopback, as a program would.

#![allow(
    dead_code,
    clippy::expect_used,
    clippy::format_push_string,
    reason = "each test uses its own part, and stops where it cannot go on"
)]

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::{Arc, Mutex};

use callwright_models::Secret;
use callwright_parse::chat::{Request, Tool};
use callwright_parse::{Error, Result};
use callwright_providers::{
    Ask, Audit, Bodies, Catalog, Gate, Provider, ProviderRow, Providers, Reason, Reply, Rules, Whole,
};
use serde_json::json;

/// A key that must never be seen anywhere.
pub(crate) const KEY: &str = "sk-planted-0123456789abcdef";
/// Words that must never be seen anywhere but at the provider.
pub(crate) const PROMPT: &str = "the planted prompt about the purple submarine";

/// Times that make a test quick.
pub(crate) const QUICK: &str =
    "limits = { retries = 0, connect_s = 2.0, first_byte_s = 0.5, idle_s = 0.4, progress_s = 0.9, total_s = 8.0 }";

/// The question of most tests.
pub(crate) fn request() -> Request {
    let city = json!({"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]});
    Request::new(PROMPT).tool(Tool::new("get_weather", "The weather", city)).tool(Tool::new(
        "add",
        "Adds",
        json!({"type": "object", "properties": {"a": {"type": "integer"}, "b": {"type": "array"}}}),
    ))
}

/// A row of one provider, `test`, that speaks a dialect at an address; more lines may say more.
pub(crate) fn catalog(dialect: &str, address: &str, more: &str) -> Catalog {
    let row = format!(
        "[test]\nkind = \"local\"\ndialect = \"{dialect}\"\nbase_url = \"{address}/v1\"\nmodel = \"m-1\"\n{more}\n"
    );
    Catalog::with_rows(row.parse().expect("TOML"), "test").expect("a row")
}

/// The row of a provider that is never asked.
pub(crate) fn row(dialect: &str) -> Arc<ProviderRow> {
    static ROWS: Mutex<BTreeMap<String, Arc<ProviderRow>>> = Mutex::new(BTreeMap::new());
    let mut rows = ROWS.lock().expect("not poisoned");
    let made = || Arc::clone(catalog(dialect, "http://127.0.0.1:1", "").get("test").expect("a row"));
    Arc::clone(rows.entry(dialect.to_owned()).or_insert_with(made))
}

/// An open door, its sends recorded below a folder.
pub(crate) fn gate(folder: &Path, bodies: Bodies) -> Arc<Gate> {
    Arc::new(Gate::open(Rules::recorded_in(Audit::new(folder.join("audit.jsonl"), bodies))))
}

/// The provider `test`.
pub(crate) fn provider(catalog: &Catalog, gate: &Arc<Gate>) -> Arc<dyn Provider> {
    let registry = Providers::open(catalog, &|_| Ok(Some(Secret::new(KEY))), gate).expect("providers");
    registry.get("test").expect("a provider")
}

/// The pieces of a turn, and how it ended.
pub(crate) async fn turn(provider: &dyn Provider, request: Request) -> (Vec<Reply>, Result<Whole>) {
    let mut replies = provider.stream(Ask::new(request, "", Reason::User));
    let mut pieces = Vec::new();
    let mut end = None;
    while let Some(reply) = std::future::poll_fn(|context| replies.as_mut().poll_next(context)).await {
        assert!(end.is_none(), "something came after the end");
        match reply {
            Ok(Reply::End(whole)) => end = Some(Ok(*whole)),
            Ok(piece) => pieces.push(piece),
            Err(error) => end = Some(Err(error)),
        }
    }
    (pieces, end.expect("a stream has an end"))
}

pub(crate) fn block_on<T>(future: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime").block_on(future)
}

/// All that an error says to anyone.
pub(crate) fn said(error: &Error) -> String {
    let mut said = format!("{error} {error:?} {:?}", error.hint_text());
    let mut source = std::error::Error::source(error);
    while let Some(cause) = source {
        said += &format!(" {cause}");
        source = cause.source();
    }
    said
}
