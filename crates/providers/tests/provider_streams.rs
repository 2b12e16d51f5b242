//! Streams cut anywhere and spoilt at random: a reply is whole, or it is a failure. Nothing is lost, doubled or made up.
#![allow(
    clippy::expect_used,
    clippy::cast_precision_loss,
    clippy::print_stdout,
    reason = "a test that cannot go on stops, and counts aloud"
)]

#[path = "common/asking.rs"]
mod asking;

use std::cell::Cell;
use std::time::Duration;

use asking::{QUICK, block_on, catalog, gate, provider, request, row, turn};
use callwright_parse::error::FailureKind;
use callwright_providers::{Bodies, Reply, Whole, read_recorded};
use callwright_test_support::fault_server::{Act, Server, chunk, end, head};
use callwright_test_support::wires::{DIALECTS, Meant, MeantCall, Sent, body, content_type, events, framed, sample};
use proptest::prelude::*;

/// Whether a reply is the one that was meant.
fn is_meant(whole: &Whole, meant: &Meant) -> bool {
    let calls =
        whole.calls.iter().map(|call| (call.name.as_str(), serde_json::to_value(&call.arguments).expect("JSON")));
    whole.text == meant.text.concat()
        && calls.eq(meant.calls.iter().map(|call| (call.name.as_str(), call.arguments.clone())))
}

/// The pieces add up to no more than what was meant.
fn is_beginning(pieces: &[Reply], meant: &Meant) -> bool {
    let text: String = pieces
        .iter()
        .filter_map(|piece| if let Reply::Text(text) = piece { Some(text.as_str()) } else { None })
        .collect();
    meant.text.concat().starts_with(&text)
}

/// Where a body may end although its last event is not there: what ends the reply came before.
fn complete_at(dialect: &str) -> usize {
    let events = events(dialect, &sample());
    let last = if dialect == "openai_chat" { events.len() - 2 } else { events.len() };
    body(dialect, &events[..last]).len()
}

#[test]
fn cut_at_every_byte_and_split_at_every_byte() {
    for dialect in DIALECTS {
        let (row, bytes, meant) = (row(dialect), body(dialect, &events(dialect, &sample())), sample());
        // A line of JSON is whole without its end; an event is not.
        let least = complete_at(dialect) - usize::from(dialect == "ollama");
        for cut in 0..=bytes.len() {
            for broken in [false, true] {
                let (pieces, end) = read_recorded(&row, "m-1", &request(), [bytes[..cut].to_vec()], broken);
                assert!(is_beginning(&pieces, &meant), "{dialect} at {cut}");
                match end {
                    Ok(whole) => assert!(cut >= least && is_meant(&whole, &meant), "{dialect} at {cut}: {whole:?}"),
                    Err(error) => {
                        let kind = error.failure().expect("a failure").kind;
                        let expected = [FailureKind::Truncated, FailureKind::Malformed].contains(&kind);
                        assert!(expected && (cut < least || broken), "{dialect} at {cut}, {broken}: {error}");
                    }
                }
            }
            let parts = [bytes[..cut].to_vec(), bytes[cut..].to_vec()];
            let (pieces, end) = read_recorded(&row, "m-1", &request(), parts, false);
            assert!(
                is_meant(&end.expect("whole"), &meant) && is_beginning(&pieces, &meant),
                "{dialect} split at {cut}"
            );
        }
    }
}

#[test]
fn cut_at_every_byte_on_a_socket() {
    let folder = tempfile::tempdir().expect("a folder");
    let gate = gate(folder.path(), Bodies::LeftOut);
    let meant = Meant { calls: vec![MeantCall::new("c1", "add", serde_json::json!({"a": 1}))], ..Meant::default() };
    for dialect in DIALECTS {
        let all = events(dialect, &meant);
        let bytes = body(dialect, &all);
        let ending = if dialect == "openai_chat" { all.len() - 2 } else { all.len() };
        let least = body(dialect, &all[..ending]).len() - usize::from(dialect == "ollama");
        let total = bytes.len();
        let server = Server::start(move |number, _| {
            // Three ways for each cut: closed in order, closed in the middle of a chunk, reset.
            let (cut, way) = (number / 3, number % 3);
            let top = head(content_type(dialect));
            let length = bytes.len() - usize::from(way == 0) * (bytes.len() - cut);
            let begun = Act::Send([format!("{length:x}\r\n").as_bytes(), &bytes[..cut]].concat());
            match way {
                0 if cut == 0 => [top].into_iter().chain(end()).collect(),
                0 => [top, begun, Act::Send(b"\r\n".to_vec())].into_iter().chain(end()).collect(),
                1 => vec![top, begun, Act::Close],
                _ => vec![top, begun, Act::Reset],
            }
        });
        let catalog = catalog(dialect, &server.address, QUICK);
        block_on(async {
            for number in 0..3 * (total + 1) {
                // A new one each time: the breaker would, rightly, leave such a server alone.
                let provider = provider(&catalog, &gate);
                let cut = number / 3;
                let (_, end) = turn(&*provider, request()).await;
                match end {
                    Ok(whole) => assert!(cut >= least && is_meant(&whole, &meant), "{dialect} at {cut}: {whole:?}"),
                    Err(error) => {
                        let kind = error.failure().expect("a failure").kind;
                        // A reset may overtake even the head of the answer.
                        let expected = [FailureKind::Truncated, FailureKind::Malformed, FailureKind::Network];
                        let expected = expected.contains(&kind);
                        assert!(expected && (cut < least || number % 3 != 0), "{dialect} at {cut}: {error}");
                    }
                }
            }
        });
    }
}

fn text() -> impl Strategy<Value = String> {
    prop::collection::vec(
        prop::sample::select(vec!["a", " ", "é", "🌧", "\"", "\\", "{", "}", "\n", "data: ", "[DONE]", "\u{2028}"]),
        0..6,
    )
    .prop_map(|parts| parts.concat())
}

fn value() -> impl Strategy<Value = serde_json::Value> {
    let leaf = prop_oneof![
        Just(serde_json::Value::Null),
        any::<bool>().prop_map(Into::into),
        any::<i64>().prop_map(Into::into),
        text().prop_map(Into::into),
    ];
    leaf.prop_recursive(3, 12, 4, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(Into::into),
            prop::collection::vec((text(), inner), 0..4)
                .prop_map(|pairs| serde_json::Value::Object(pairs.into_iter().collect())),
        ]
    })
}

fn meant() -> impl Strategy<Value = Meant> {
    let arguments = prop::collection::vec((text(), value()), 0..4);
    let call = (prop::sample::select(vec!["get_weather", "add"]), arguments, prop::collection::vec(0_usize..60, 0..5));
    let calls = prop::collection::vec(call, 0..4);
    (text(), prop::collection::vec(text(), 0..4), calls).prop_map(|(reasoning, text, calls)| {
        let call = |(index, (name, pairs, cuts)): (usize, (&str, Vec<_>, _))| {
            let fields: serde_json::Map<_, _> = pairs.into_iter().collect();
            MeantCall { cuts, ..MeantCall::new(&format!("call-{index}"), name, fields.into()) }
        };
        Meant { reasoning, text, calls: calls.into_iter().enumerate().map(call).collect() }
    })
}

/// What happens to a stream.
#[derive(Debug, Clone)]
enum Fault {
    None,
    Cut { at: f64, broken: bool },
    Lost { event: f64 },
    Doubled { event: f64 },
    Swapped { event: f64 },
    Flipped { byte: f64, to: u8 },
    Error { event: f64 },
}

fn fault() -> impl Strategy<Value = Fault> {
    let place = || 0.0..1.0_f64;
    prop_oneof![
        2 => Just(Fault::None),
        3 => (place(), any::<bool>()).prop_map(|(at, broken)| Fault::Cut { at, broken }),
        1 => place().prop_map(|event| Fault::Lost { event }),
        1 => place().prop_map(|event| Fault::Doubled { event }),
        1 => place().prop_map(|event| Fault::Swapped { event }),
        1 => (place(), any::<u8>()).prop_map(|(byte, to)| Fault::Flipped { byte, to }),
        1 => place().prop_map(|event| Fault::Error { event }),
    ]
}

#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a share of a length")]
fn part(of: usize, share: f64) -> usize {
    ((of as f64) * share) as usize
}

fn spoil(dialect: &str, mut events: Vec<Sent>, fault: &Fault) -> (Vec<u8>, bool) {
    let count = events.len();
    match fault {
        Fault::Lost { event } => drop(events.remove(part(count, *event))),
        Fault::Doubled { event } => events.insert(part(count, *event), events[part(count, *event)].clone()),
        Fault::Swapped { event } => events.swap(part(count, *event), (part(count, *event) + 1) % count),
        Fault::Error { event } => {
            let error = serde_json::json!({"error": {"message": "no", "type": "server_error"}});
            events.insert(part(count, *event), (None, error));
        }
        _ => {}
    }
    let mut bytes = body(dialect, &events);
    match fault {
        Fault::Cut { at, broken } => {
            bytes.truncate(part(bytes.len(), *at));
            return (bytes, *broken);
        }
        Fault::Flipped { byte, to } => {
            let at = part(bytes.len(), *byte);
            bytes[at] = *to;
        }
        _ => {}
    }
    (bytes, false)
}

thread_local! {
    static COUNTED: Cell<[usize; 3]> = const { Cell::new([0; 3]) };
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 10_000, failure_persistence: None, max_shrink_iters: 2000, ..ProptestConfig::default() })]

    /// What cannot be seen from the stream (an event of the middle that is simply not there, bytes of a text that
    /// changed) may change the reply; what ends or contradicts it may not pass.
    #[test]
    fn ten_thousand_faulty_streams(
        dialect in prop::sample::select(DIALECTS.to_vec()),
        meant in meant(),
        fault in fault(),
        splits in prop::collection::vec(0.0..1.0_f64, 0..6),
    ) {
        let (bytes, broken) = spoil(dialect, events(dialect, &meant), &fault);
        let mut cuts: Vec<usize> = splits.iter().map(|share| part(bytes.len(), *share)).collect();
        cuts.extend([0, bytes.len()]);
        cuts.sort_unstable();
        let chunks: Vec<_> = cuts.windows(2).map(|pair| bytes[pair[0]..pair[1]].to_vec()).collect();
        let (pieces, end) = read_recorded(&row(dialect), "m-1", &request(), chunks, broken);
        let (_, unsplit) = read_recorded(&row(dialect), "m-1", &request(), [bytes.clone()], broken);
        prop_assert_eq!(format!("{end:?}"), format!("{unsplit:?}"), "the split changed the outcome");
        let mut counted = COUNTED.get();
        counted[usize::from(end.is_err())] += 1;
        match &fault {
            Fault::None => {
                let whole = end.expect("nothing is wrong with it");
                prop_assert!(is_meant(&whole, &meant), "{whole:?}");
            }
            Fault::Cut { .. } => {
                prop_assert!(is_beginning(&pieces, &meant));
                if let Ok(whole) = end {
                    // Only what follows the end was cut off.
                    prop_assert!(is_meant(&whole, &meant), "a cut reply passed for a whole one: {whole:?}");
                    counted[2] += 1;
                }
            }
            Fault::Error { .. } => {
                // Behind the end nothing is read any more.
                prop_assert!(end.as_ref().map_or(true, |whole| is_meant(whole, &meant)), "{end:?}");
            }
            Fault::Lost { .. } | Fault::Doubled { .. } | Fault::Swapped { .. } | Fault::Flipped { .. } => {
                // Every call that is handed out has a name, an id of its own and arguments that are an object.
                if let Ok(whole) = end {
                    let ids: std::collections::BTreeSet<_> = whole.calls.iter().map(|call| call.id.clone()).collect();
                    prop_assert_eq!(ids.len(), whole.calls.len());
                    prop_assert!(whole.calls.iter().all(|call| !call.name.is_empty()));
                }
            }
        }
        COUNTED.set(counted);
        let _ = framed;
    }
}

#[test]
fn the_caps_hold_and_time_is_linear() {
    let started = std::time::Instant::now();
    let row = row("openai_chat");
    let delta =
        |text: &str| format!("data: {{\"choices\":[{{\"delta\":{{\"content\":\"{text}\"}}}}]}}\n\n").into_bytes();
    // A million small events end at the cap of the text, not of the memory.
    let many = std::iter::repeat_n(delta("0123456789abcdef0123456789abcdef"), 1_000_000);
    let (_, end) = read_recorded(&row, "m-1", &request(), many, false);
    assert_eq!(end.expect_err("too large").failure().expect("a failure").kind, FailureKind::TooLarge);
    // One event that never ends.
    let endless =
        std::iter::repeat_n(b"data: xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx\n".to_vec(), 500_000);
    let (_, end) = read_recorded(&row, "m-1", &request(), endless, false);
    assert_eq!(end.expect_err("too large").failure().expect("a failure").kind, FailureKind::TooLarge);
    assert!(started.elapsed() < Duration::from_mins(1), "{:?}", started.elapsed());
}

/// A slow model's last words, then the end, then the count: each of the two waits has its own time.
#[test]
fn the_count_of_tokens_is_waited_for_from_the_end_on() {
    let folder = tempfile::tempdir().expect("a folder");
    let mut events = events("openai_chat", &sample());
    let count = events.split_off(events.len() - 2);
    let finish = events.split_off(events.len() - 1);
    let mut acts = vec![head(content_type("openai_chat"))];
    for (part, then) in [(events, 700), (finish, 500), (count, 0)] {
        acts.extend([chunk(&body("openai_chat", &part)), Act::Pause(Duration::from_millis(then))]);
    }
    acts.extend(end());
    let server = Server::always(acts);
    let limits = "limits = { retries = 0, idle_s = 2.0, progress_s = 1.0 }";
    let provider = provider(&catalog("openai_chat", &server.address, limits), &gate(folder.path(), Bodies::LeftOut));
    let whole = block_on(turn(&*provider, request())).1.expect("a reply");
    assert!(whole.warnings.is_empty(), "{:?}", whole.warnings);
    assert_eq!(whole.tokens.map(|tokens| tokens.output), Some(7));
}
