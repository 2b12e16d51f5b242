//! Retries, breakers, several addresses, cancelling, and the door: what happens around a turn.
#![allow(clippy::expect_used, reason = "a test stops at the first surprise")]

#[path = "common/asking.rs"]
mod asking;

use std::collections::BTreeMap;
use std::io::Write as _;
use std::net::TcpListener;
use std::sync::Arc;
use std::time::{Duration, Instant};

use asking::{KEY, PROMPT, QUICK, block_on, catalog, gate, provider, request, said, turn};
use callwright_parse::chat::Request;
use callwright_parse::error::{FailureKind, Wait};
use callwright_providers::{
    Ask, Audit, Bodies, Catalog, Gate, Pool, Provider, Providers, Reason, ReplayProvider, Rules, whole,
};
use callwright_test_support::fault_server::{Act, Came, Server, answer, chunk, head, streamed};
use callwright_test_support::wires::{body, content_type, events, framed, sample};

const RETRIES: &str = "limits = { retries = 2, first_byte_s = 2.0, total_s = 10.0, patience_s = 3.0 }";

fn good() -> Vec<Act> {
    streamed(content_type("openai_chat"), &body("openai_chat", &events("openai_chat", &sample())))
}

/// A provider whose server first does this, then all is well.
fn after(first: Vec<Act>, more: &str) -> (Server, Arc<dyn Provider>, tempfile::TempDir) {
    let server = Server::start(move |number, _: &Came| if number == 0 { first.clone() } else { good() });
    let folder = tempfile::tempdir().expect("a folder");
    let catalog = catalog("openai_chat", &server.address, more);
    let provider = provider(&catalog, &gate(folder.path(), Bodies::LeftOut));
    (server, provider, folder)
}

#[test]
fn what_may_go_well_is_tried_again() {
    let too_many = |header: &str, value: &str| answer(429, &[(header, value)], b"{\"error\":{\"message\":\"slow\"}}");
    let soon = httpdate::fmt_http_date(std::time::SystemTime::now() + Duration::from_secs(2));
    for (first, least) in [
        (too_many("retry-after", &soon), 900),
        (too_many("retry-after", "1"), 1000),
        (too_many("retry-after", "0.3"), 300),
        (too_many("retry-after-ms", "200"), 200),
        (too_many("x-ratelimit-reset-tokens", "1.2s"), 1200),
        (answer(503, &[], b"busy"), 400),
        (answer(409, &[], b"{}"), 400),
        (answer(400, &[("x-should-retry", "true")], b"{}"), 400),
        (vec![Act::Reset], 400),
        (streamed("text/event-stream", b"data: {\"error\":{\"type\":\"overloaded\",\"message\":\"no\"}}\n\n"), 400),
    ] {
        let (server, provider, _folder) = after(first.clone(), RETRIES);
        let started = Instant::now();
        let (_, end) = block_on(turn(&*provider, request()));
        let whole = end.unwrap_or_else(|error| panic!("{first:?}: {error:?}"));
        let waited = started.elapsed().as_millis();
        assert!(waited >= least && waited < least + 3000, "{first:?}: {waited} ms");
        assert_eq!((whole.retried.len(), whole.calls.len(), server.came().len()), (1, 2, 2));
    }
}

#[test]
fn what_cannot_go_well_is_not() {
    let quota = b"{\"error\":{\"code\":\"insufficient_quota\",\"message\":\"none left\"}}";
    for (first, kind) in [
        (answer(400, &[], b"{}"), FailureKind::InvalidRequest),
        (answer(401, &[], b"{}"), FailureKind::Auth),
        (answer(429, &[], quota), FailureKind::Quota),
        (answer(503, &[("x-should-retry", "false")], b"{}"), FailureKind::Overloaded),
        (answer(429, &[("retry-after", "1e9")], b"{}"), FailureKind::RateLimit),
        (answer(429, &[("retry-after", "3600")], b"{}"), FailureKind::RateLimit),
        (streamed("text/event-stream", b"data: {}\n\n"), FailureKind::Truncated),
    ] {
        let (server, provider, _folder) = after(first.clone(), RETRIES);
        let error = block_on(turn(&*provider, request())).1.expect_err("refused");
        let failure = error.failure().expect("a failure");
        assert_eq!((failure.kind, failure.attempts, server.came().len()), (kind, 1, 1), "{first:?}");
    }
}

/// Once a piece of the answer is out, nothing is asked twice.
#[test]
fn nothing_is_tried_again_behind_the_caller_s_back() {
    let text = framed("openai_chat", &events("openai_chat", &sample())[2]);
    let broken = vec![head("text/event-stream"), chunk(&text), Act::Pause(Duration::from_millis(50)), Act::Reset];
    let (server, provider, _folder) = after(broken, RETRIES);
    let (pieces, end) = block_on(turn(&*provider, request()));
    let failure = end.expect_err("cut").failure().cloned().expect("a failure");
    assert_eq!((pieces.len(), server.came().len(), failure.kind), (1, 1, FailureKind::Truncated));
    assert!(failure.delivered() && !failure.failover_ok && !failure.retryable);
}

#[test]
fn a_provider_in_trouble_is_left_alone() {
    let server = Server::always(answer(500, &[], b"broken"));
    let folder = tempfile::tempdir().expect("a folder");
    let provider = provider(&catalog("openai_chat", &server.address, QUICK), &gate(folder.path(), Bodies::LeftOut));
    for _ in 0..5 {
        assert!(provider.health("m-1").well);
        block_on(turn(&*provider, request())).1.expect_err("broken");
    }
    assert!(!provider.health("m-1").well && provider.health("another").well);
    let error = block_on(turn(&*provider, request())).1.expect_err("left alone");
    assert!(error.failure().is_some_and(|failure| failure.failover_ok && failure.retry_after.is_some()));
    assert_eq!(server.came().len(), 5, "the sixth was not sent");
}

#[test]
fn the_queue_is_bounded() {
    let server = Server::always(vec![Act::Pause(Duration::from_secs(10))]);
    let folder = tempfile::tempdir().expect("a folder");
    let more = "limits = { retries = 0, concurrency = 1, queue = 1, first_byte_s = 0.6 }";
    let provider = provider(&catalog("openai_chat", &server.address, more), &gate(folder.path(), Bodies::LeftOut));
    let kinds = block_on(async {
        let turns = (0..4).map(|_| turn(&*provider, request()));
        let ends = futures_util::future::join_all(turns).await;
        let kind =
            |(_, end): (_, callwright_parse::Result<_>)| end.expect_err("no answer").failure().expect("a failure").kind;
        ends.into_iter().map(kind).fold(BTreeMap::new(), |mut kinds, kind| {
            *kinds.entry(kind).or_insert(0) += 1;
            kinds
        })
    });
    assert_eq!(kinds.get(&FailureKind::Timeout(Wait::Queue)), Some(&2), "{kinds:?}");
    assert_eq!(kinds.get(&FailureKind::Timeout(Wait::FirstByte)), Some(&2), "{kinds:?}");
}

#[test]
fn dropping_a_reply_closes_the_connection() {
    let ping = Act::Flood(b"8\r\n: ping\n\n\r\n".to_vec(), Duration::from_millis(5));
    let text = framed("openai_chat", &events("openai_chat", &sample())[2]);
    for begun in [vec![head("text/event-stream"), chunk(&text), ping], vec![Act::Pause(Duration::from_secs(5))]] {
        let server = Server::always(begun);
        let folder = tempfile::tempdir().expect("a folder");
        let more = "limits = { progress_s = 60.0 }";
        let provider = provider(&catalog("openai_chat", &server.address, more), &gate(folder.path(), Bodies::LeftOut));
        let dropped = block_on(async {
            let reading = turn(&*provider, request());
            let _ = tokio::time::timeout(Duration::from_millis(300), reading).await;
            let dropped = Instant::now();
            tokio::time::sleep(Duration::from_millis(200)).await;
            dropped
        });
        assert_eq!(provider.health("m-1").in_flight, 0);
        let left = server.came()[0].left.expect("the server saw the client go");
        assert!(left.saturating_duration_since(dropped) < Duration::from_millis(100), "{:?}", left - dropped);
    }
}

#[test]
fn conversations_stay_and_the_unwell_are_passed_over() {
    let servers: Vec<Server> = (0..3).map(|_| Server::always(good())).collect();
    let folder = tempfile::tempdir().expect("a folder");
    let addresses: Vec<_> = servers.iter().map(|server| format!("\"{}/v1\"", server.address)).collect();
    let row = format!(
        "[test]\nkind = \"local\"\ndialect = \"openai_chat\"\nmodel = \"m\"\nendpoints = [{}]\n{QUICK}",
        addresses.join(", ")
    );
    let catalog = Catalog::with_rows(row.parse().expect("TOML"), "test").expect("a row");
    let provider = provider(&catalog, &gate(folder.path(), Bodies::LeftOut));
    let ask = |conversation: usize, turn: usize| {
        let mut request = Request::new(format!("question {conversation}"));
        for _ in 0..turn {
            request = request.message(callwright_parse::chat::Message::assistant("so", vec![]));
        }
        Ask::new(request, "", Reason::User)
    };
    let mut hosts: BTreeMap<usize, String> = BTreeMap::new();
    for turn in 0..3 {
        for conversation in 0..6 {
            let reply = block_on(whole(provider.stream(ask(conversation, turn)))).expect("a reply");
            let first = hosts.entry(conversation).or_insert_with(|| reply.host.clone());
            assert_eq!(*first, reply.host, "conversation {conversation} moved");
        }
    }
    let each: Vec<_> = servers.iter().map(|server| server.came().len()).collect();
    assert_eq!(each, [6, 6, 6], "the load is shared");
    assert_eq!(provider.info().hosts.len(), 3);
}

#[test]
fn shares_follow_the_weights() {
    let replay = |name: &str| (0..100).fold(ReplayProvider::new(name), |replay, _| replay.says("x"));
    let (mine, yours) = (Arc::new(replay("mine")), Arc::new(replay("yours")));
    let pool = Pool::weighted("test", vec![(mine.clone(), 3), (yours.clone(), 1)]).expect("a pool");
    for index in 0..80 {
        let ask = Ask::new(Request::new(format!("question {index}")), "m", Reason::User);
        block_on(whole(pool.stream(ask))).expect("a reply");
    }
    assert_eq!((mine.asked().len(), yours.asked().len()), (60, 20));
}

#[test]
fn a_provider_is_swapped_and_nobody_is_disturbed() {
    let registry = Providers::default();
    registry.put("test", Arc::new(ReplayProvider::new("old").says("from the old one")));
    let held = registry.get("TEST").expect("there");
    let running = held.stream(Ask::new(Request::new("?"), "m", Reason::User));
    registry.put("Test", Arc::new(ReplayProvider::new("new").says("from the new one")));
    assert_eq!(block_on(whole(running)).expect("a reply").text, "from the old one");
    assert_eq!(registry.get("test").expect("there").info().name, "new");
}

#[test]
fn a_third_party_s_dialect_is_a_constructor() {
    let registry = Providers::default();
    registry.register("mine", Arc::new(|parts| Ok(Arc::new(ReplayProvider::new(parts.row.name.as_str()).says("hi")))));
    let catalog = catalog("mine", "http://127.0.0.1:1", "");
    let added = registry.add(&catalog, &|_| Ok(None), &Arc::new(Gate::shut()));
    added.expect("made");
    assert_eq!(registry.get("test").expect("there").info().dialect, "replay");
}

#[test]
fn the_door_is_shut_until_it_is_opened() {
    let server = Server::always(good());
    let folder = tempfile::tempdir().expect("a folder");
    let audit = folder.path().join("audit.jsonl");
    let mut offline = Rules::recorded_in(Audit::new(&audit, Bodies::Kept));
    offline.offline = true;
    let unwritable = Rules::recorded_in(Audit::new(folder.path(), Bodies::LeftOut));
    for gate in [Gate::shut(), Gate::open(offline), Gate::open(unwritable)] {
        let provider = provider(&catalog("openai_chat", &server.address, QUICK), &Arc::new(gate));
        let error = block_on(turn(&*provider, request())).1.expect_err("shut");
        assert!(error.failure().is_none_or(|failure| failure.kind == FailureKind::EgressDenied), "{error}");
        assert!(block_on(provider.models()).is_err() && !block_on(provider.check()).expect("told").is_ok());
    }
    assert!(server.came().is_empty() && !audit.exists());
}

#[test]
fn cloud_names_lead_into_no_private_network() {
    let folder = tempfile::tempdir().expect("a folder");
    let gate = gate(folder.path(), Bodies::LeftOut);
    for address in ["http://127.0.0.1:9", "https://127.0.0.1:9", "https://localhost:9", "https://169.254.169.254"] {
        let more =
            format!("[test]\nkind = \"cloud\"\ndialect = \"anthropic\"\nmodel = \"m\"\nbase_url = \"{address}\"");
        let catalog = Catalog::with_rows(more.parse().expect("TOML"), "test").expect("a row");
        let error = block_on(turn(&*provider(&catalog, &gate), request())).1.expect_err("refused");
        assert_eq!(error.failure().expect("a failure").kind, FailureKind::EgressDenied, "{address}: {error}");
    }
    assert!(!folder.path().join("audit.jsonl").exists(), "what is refused is no send");
}

/// No server, no such name, no TLS: each is told with its own way out.
#[test]
fn who_cannot_be_reached() {
    let closed = TcpListener::bind("127.0.0.1:0").and_then(|listener| listener.local_addr()).expect("an address");
    let plain = TcpListener::bind("127.0.0.1:0").expect("a port");
    let without_tls = plain.local_addr().expect("an address");
    std::thread::spawn(move || {
        for mut stream in plain.incoming().flatten() {
            let _ = stream.write_all(b"HTTP/1.1 400 Bad Request\r\ncontent-length: 0\r\n\r\n");
        }
    });
    let folder = tempfile::tempdir().expect("a folder");
    let gate = gate(folder.path(), Bodies::LeftOut);
    for (address, way_out, again) in [
        (format!("http://{closed}"), "check that it is running", true),
        ("https://nobody.invalid".to_owned(), "check the spelling", true),
        (format!("https://{without_tls}"), "no trusted https connection", false),
    ] {
        let provider = provider(&catalog("openai_chat", &address, QUICK), &gate);
        let error = block_on(turn(&*provider, request())).1.expect_err("nobody there");
        let failure = error.failure().expect("a failure");
        assert_eq!((failure.kind, failure.retryable), (FailureKind::Network, again), "{address}: {error}");
        assert!(failure.failover_ok && !failure.delivered());
        assert!(error.to_string().starts_with("`test`: the connection failed"), "{error}");
        let hint = error.hint_text().unwrap_or_default();
        assert!(hint.contains(way_out) && hint.contains("[providers.test]"), "{address}: {hint}");
    }
}

#[test]
fn a_redirect_is_not_followed_and_no_secret_is_told() {
    let elsewhere = Server::always(good());
    let location = format!("{}/v1/chat/completions", elsewhere.address);
    let quoting = format!("{{\"error\":{{\"message\":\"bad: {KEY} said {PROMPT}\"}}}}");
    for first in [answer(307, &[("location", &location)], b""), answer(400, &[], quoting.as_bytes())] {
        let server = Server::always(first);
        let folder = tempfile::tempdir().expect("a folder");
        let provider = provider(&catalog("openai_chat", &server.address, QUICK), &gate(folder.path(), Bodies::Kept));
        let error = block_on(turn(&*provider, request())).1.expect_err("refused");
        let told = format!("{} {provider:?}", said(&error));
        assert!(!told.contains(KEY) && !told.contains(PROMPT), "{told}");
        let audit = std::fs::read_to_string(folder.path().join("audit.jsonl")).expect("an audit");
        assert!(!audit.contains(KEY) && audit.contains(PROMPT), "bodies were asked for, keys never");
        let lines = Audit::read(&folder.path().join("audit.jsonl")).expect("lines").lines;
        assert_eq!((lines.len(), lines[0].provider.as_str(), lines[0].reason.as_str()), (1, "test", "user"));
        assert_eq!(lines[0].bytes, server.came()[0].body.len());
    }
    assert!(elsewhere.came().is_empty(), "a redirect was followed");
}

/// The most memory that this process ever had, in megabytes.
fn peak() -> Option<u64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find(|line| line.starts_with("VmHWM:"))?;
    Some(line.split_whitespace().nth(1)?.parse::<u64>().ok()? / 1024)
}

/// A server that never ends fills no memory: the reply does.
#[test]
fn floods_are_bounded() {
    let before = peak();
    let delta = |delta: &str| format!("data: {{\"choices\":[{{\"delta\":{delta}}}]}}\n\n");
    let word = "x".repeat(4000);
    let call =
        format!("{{\"tool_calls\":[{{\"index\":0,\"function\":{{\"name\":\"add\",\"arguments\":\"{word}\"}}}}]}}");
    for flood in [
        delta(&format!("{{\"content\":\"{word}\"}}")),
        delta(&call),
        format!("data: {word}\n"),
        format!("data: {{\"choices\":[],\"padding\":\"{word}\"}}\n\n"),
        word.clone(),
    ] {
        let Act::Send(bytes) = chunk(flood.repeat(16).as_bytes()) else { continue };
        let server = Server::always(vec![head("text/event-stream"), Act::Flood(bytes, Duration::ZERO)]);
        let folder = tempfile::tempdir().expect("a folder");
        let more = "limits = { retries = 0, total_s = 120.0 }";
        let provider = provider(&catalog("openai_chat", &server.address, more), &gate(folder.path(), Bodies::LeftOut));
        let error = block_on(whole(provider.stream(Ask::new(request(), "", Reason::User)))).expect_err("too large");
        assert_eq!(error.failure().expect("a failure").kind, FailureKind::TooLarge, "{error}");
    }
    if let (Some(before), Some(after)) = (before, peak()) {
        assert!(after - before < 64, "{before} MB before, {after} MB after");
    }
}

#[test]
fn a_request_has_one_name_however_often_it_is_sent() {
    let row = format!("{RETRIES}\nquirks = {{ idempotency = \"Idempotency-Key\" }}");
    let (server, provider, _folder) = after(answer(503, &[], b"busy"), &row);
    for _ in 0..2 {
        block_on(turn(&*provider, request())).1.expect("a reply");
    }
    let came = server.came();
    let names: Vec<_> = came.iter().map(|came| came.header("idempotency-key").unwrap_or_default()).collect();
    assert_eq!(names.len(), 3);
    assert!(names[0].len() > 20 && names[0] == names[1], "{names:?}");
    assert_ne!(names[1], names[2], "another request of the same words is another one");
    let (server, provider, _folder) = after(good(), RETRIES);
    block_on(turn(&*provider, request())).1.expect("a reply");
    assert_eq!(server.came()[0].header("idempotency-key"), None, "only where a row says so");
}
