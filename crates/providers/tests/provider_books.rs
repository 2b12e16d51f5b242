//! The ledger and the audit as files that several programs write, that crashes cut and disks fill: nothing is lost in
//! them, and nothing is sent that they could not record.
#![allow(clippy::expect_used, reason = "a test stops at the first surprise")]

#[path = "common/asking.rs"]
mod asking;

use std::fs;
use std::net::TcpListener;
use std::sync::Arc;

use asking::{QUICK, block_on, catalog, gate, provider, request, turn};
use callwright_parse::chat::{Money, Reason};
use callwright_providers::ledger::{Budget, Ledger, Line, Reserved, now};
use callwright_providers::{Audit, Became, Bodies, Gate, Rules};
use callwright_test_support::fault_server::{Act, Server, answer, streamed};
use serde_json::{Value, json};

fn reserved(turn: usize) -> Reserved {
    let picodollars = Some(Money::of_microdollars(1));
    let (provider, model) = ("test".to_owned(), "m".to_owned());
    Reserved { at: now(), turn: turn.to_string(), provider, model, reason: Reason::User, picodollars }
}

/// Half a line of a program that died costs the next one nothing: a budget of one lets one through, and one only.
#[test]
fn half_a_line_lets_nothing_more_through() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("usage.jsonl");
    let budget = Budget { calls_an_hour: Some(1), ..Budget::default() };
    let whole = serde_json::to_string(&Line::Reserved(reserved(0))).expect("JSON");
    for cut in [0, 1, 20, whole.len() - 1] {
        fs::write(&path, &whole[..cut]).expect("written");
        let ledger = Ledger::open(path.as_path()).expect("a ledger");
        let through = (1..4).filter(|turn| ledger.reserve(&reserved(*turn), budget).expect("kept").is_ok()).count();
        assert_eq!(through, 1, "cut at {cut}");
        let found = ledger.lines().expect("lines");
        assert_eq!((found.lines.len(), found.skipped), (1, usize::from(cut > 0)), "cut at {cut}");
    }
}

#[test]
fn many_programs_share_one_budget() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("usage.jsonl");
    fs::write(&path, "{\"line\": \"reserved\", \"at\"").expect("written");
    let budget = Budget { calls_an_hour: Some(5), ..Budget::default() };
    let through: usize = std::thread::scope(|scope| {
        let one = |writer: usize| {
            let path = path.clone();
            scope.spawn(move || {
                let ledger = Ledger::open(path).expect("a ledger");
                (0..10)
                    .filter(|turn| ledger.reserve(&reserved(writer * 10 + turn), budget).expect("kept").is_ok())
                    .count()
            })
        };
        let all: Vec<_> = (0..4).map(one).collect();
        all.into_iter().map(|thread| thread.join().expect("no panic")).sum()
    });
    assert_eq!(through, 5);
    let found = Ledger::open(path).and_then(|ledger| ledger.lines()).expect("lines");
    assert_eq!((found.lines.len(), found.skipped), (5, 1));
}

/// One answer whose count of tokens is this.
fn counted(usage: &Value) -> Vec<Act> {
    let piece = json!({"choices": [{"index": 0, "delta": {"role": "assistant", "content": "Yes."}}]});
    let end = json!({"choices": [{"index": 0, "delta": {}, "finish_reason": "stop"}], "usage": usage});
    streamed("text/event-stream", format!("data: {piece}\n\ndata: {end}\n\ndata: [DONE]\n\n").as_bytes())
}

#[test]
fn the_audit_says_what_became_of_each_send() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("audit.jsonl");
    fs::write(&path, "{\"time\": \"2026-11-30T09:00:00Z\", \"provi").expect("written");
    let gate = gate(folder.path(), Bodies::LeftOut);
    let good = Server::always(counted(&json!({"prompt_tokens": 5, "completion_tokens": 2})));
    let refusing = Server::always(answer(503, &[], b"no"));
    let closed = TcpListener::bind("127.0.0.1:0").and_then(|free| free.local_addr()).expect("an address");
    let mut left = Vec::new();
    for address in [&good.address, &refusing.address, &format!("http://{closed}"), "https://nobody.invalid"] {
        let end = block_on(turn(&*provider(&catalog("openai_chat", address, QUICK), &gate), request())).1;
        left.push(end.err().map(|error| error.failure().expect("a failure").left()));
    }
    assert_eq!(left, [None, Some(true), Some(false), Some(false)]);
    let found = Audit::read(&path).expect("lines");
    let became: Vec<_> = found.lines.iter().map(|line| line.became).collect();
    assert_eq!(became, [Became::Sent, Became::Sent, Became::Failed, Became::Failed]);
    assert_eq!(found.skipped, 1);
    // A program that dies in the middle leaves no second line, and a file of an older version has none.
    let text = fs::read_to_string(&path).expect("text");
    let first: Vec<_> = text.lines().filter(|line| !line.contains("\"of\"")).collect();
    fs::write(&path, first.join("\n")).expect("written");
    let found = Audit::read(&path).expect("lines");
    assert!(found.lines.len() == 4 && found.lines.iter().all(|line| line.became == Became::Unknown));
}

#[cfg(target_os = "linux")]
#[test]
fn on_a_full_disk_nothing_is_sent() {
    let server = Server::always(counted(&json!({})));
    let gate = Arc::new(Gate::open(Rules::recorded_in(Audit::new("/dev/full", Bodies::LeftOut))));
    let error = block_on(turn(&*provider(&catalog("openai_chat", &server.address, QUICK), &gate), request())).1;
    let error = error.expect_err("not recorded, so not sent");
    assert!(error.to_string().contains("nothing is sent"), "{error}");
    assert!(server.came().is_empty());
    let ledger = Ledger::open("/dev/full").expect("there");
    assert!(ledger.reserve(&reserved(1), Budget::default()).is_err());
}

#[test]
fn a_count_that_cannot_be_is_unknown() {
    let folder = tempfile::tempdir().expect("a folder");
    let gate = gate(folder.path(), Bodies::LeftOut);
    for (prompt, completion, believed) in [
        (40, 2, true),
        (u64::MAX, 2, false),
        (40, u64::MAX, false),
        (u64::MAX, u64::MAX, false),
        (10_000_000, 2, false),
    ] {
        let server = Server::always(counted(&json!({"prompt_tokens": prompt, "completion_tokens": completion})));
        let whole = block_on(turn(&*provider(&catalog("openai_chat", &server.address, QUICK), &gate), request())).1;
        let whole = whole.expect("a reply");
        assert_eq!(whole.tokens.is_some(), believed, "{prompt}, {completion}");
        assert_eq!(whole.warnings.iter().any(|told| told.contains("implausible")), !believed, "{:?}", whole.warnings);
    }
}
