//! Every dialect against every fault: the right reply, or the right typed error, and nothing in between.
#![allow(clippy::expect_used, clippy::print_stdout, reason = "a test that cannot go on stops, and shows its grid")]

#[path = "common/asking.rs"]
mod asking;
#[path = "common/faults.rs"]
mod faults;

use std::collections::BTreeMap;

use asking::{KEY, PROMPT, QUICK, block_on, catalog, gate, provider, request, said, turn};
use callwright_providers::{Audit, Bodies, Reply, Whole};
use callwright_test_support::fault_server::Server;
use callwright_test_support::wires::{DIALECTS, Meant};
use faults::{Scenario, Want, scenarios};

/// Why this outcome is not the wanted one, if it is not.
fn flaw(scenario: &Scenario, pieces: &[Reply], end: &callwright_parse::Result<Whole>) -> Option<String> {
    let wrong = |what: &str| Some(format!("{what}: {end:?}"));
    match (&scenario.want, end) {
        (Want::Whole(meant), Ok(whole)) => differs(meant, pieces, whole, false),
        (Want::Warned(meant), Ok(whole)) => {
            if whole.warnings.is_empty() {
                return wrong("nothing was said of what was odd");
            }
            differs(meant, pieces, whole, true)
        }
        (Want::Fails(kinds), Err(error)) => {
            let text = said(error);
            if text.contains(KEY) || text.contains(PROMPT) {
                return wrong("a secret is in the error");
            }
            let failure = error.failure()?;
            if !kinds.contains(&failure.kind) {
                return wrong("another kind of failure was wanted");
            }
            let delivered = !pieces.is_empty();
            if failure.delivered() != delivered || (delivered && (failure.failover_ok || failure.retryable)) {
                return wrong("a reply that has begun goes on elsewhere");
            }
            None
        }
        (Want::Fails(_), Ok(_)) => wrong("a broken reply was taken for a whole one"),
        (_, Err(_)) => wrong("a good reply was refused"),
    }
}

/// What was lost, doubled or changed.
fn differs(meant: &Meant, pieces: &[Reply], whole: &Whole, calls_only: bool) -> Option<String> {
    let calls: Vec<_> = whole.calls.iter().map(|call| (call.name.clone(), call.arguments.clone())).collect();
    let wanted: Vec<_> = meant
        .calls
        .iter()
        .map(|call| (call.name.clone(), call.arguments.as_object().cloned().expect("an object")))
        .collect();
    if calls != wanted {
        return Some(format!("calls differ: {calls:?}"));
    }
    let ids: std::collections::BTreeSet<_> = whole.calls.iter().map(|call| call.id.as_str()).collect();
    if ids.len() != calls.len() || ids.contains("") {
        return Some(format!("ids are not unique: {ids:?}"));
    }
    let mut text = String::new();
    let mut arguments: BTreeMap<usize, String> = BTreeMap::new();
    for piece in pieces {
        match piece {
            Reply::Text(delta) => text.push_str(delta),
            Reply::Arguments { index, delta } => arguments.entry(*index).or_default().push_str(delta),
            _ => {}
        }
    }
    if text != whole.text || text != meant.text.concat() {
        return Some(format!("text differs: {text:?} {:?}", whole.text));
    }
    if calls_only {
        return None;
    }
    for (index, (_, wanted)) in wanted.iter().enumerate() {
        let streamed = arguments.get(&index).map(|text| serde_json::from_str::<serde_json::Value>(text));
        if !streamed.is_some_and(|value| value.is_ok_and(|value| value.as_object() == Some(wanted))) {
            return Some(format!("the deltas of call {index} are not its arguments: {arguments:?}"));
        }
    }
    None
}

#[test]
fn every_dialect_meets_every_fault() {
    let folder = tempfile::tempdir().expect("a folder");
    let gate = gate(folder.path(), Bodies::LeftOut);
    let mut rows: Vec<(String, [&str; 6])> = Vec::new();
    let (mut passed, mut skipped, mut failed) = (0, 0, Vec::new());
    for scenario in scenarios() {
        let mut marks = [""; 6];
        for (mark, dialect) in marks.iter_mut().zip(DIALECTS) {
            let Some(acts) = (scenario.acts)(dialect) else {
                (*mark, skipped) = ("-", skipped + 1);
                continue;
            };
            let server = Server::always(acts);
            let catalog = catalog(dialect, &server.address, QUICK);
            let provider = provider(&catalog, &gate);
            let (pieces, end) = block_on(turn(&*provider, request()));
            match flaw(&scenario, &pieces, &end) {
                None => (*mark, passed) = ("ok", passed + 1),
                Some(why) => {
                    *mark = "BAD";
                    failed.push(format!("{dialect}, {}: {why}", scenario.name));
                }
            }
        }
        rows.push((scenario.name.to_owned(), marks));
    }
    println!("{:36} {}", "", DIALECTS.map(|dialect| format!("{dialect:16}")).concat());
    for (name, marks) in &rows {
        println!("{name:36} {}", marks.map(|mark| format!("{mark:16}")).concat());
    }
    println!("passed {passed}, declared not to apply {skipped}, failed {}", failed.len());
    assert!(failed.is_empty(), "{}", failed.join("\n"));
    let audit = std::fs::read_to_string(folder.path().join("audit.jsonl")).expect("an audit");
    assert!(!audit.contains(KEY) && !audit.contains(PROMPT), "a secret is in the audit");
    let sends = Audit::read(&folder.path().join("audit.jsonl")).expect("lines");
    assert_eq!((sends.lines.len(), sends.skipped), (passed, 0), "each send has its line");
}
