//! The laws of reading (DESIGN section 3), each as a test that bears its name.
#![allow(clippy::unwrap_used, reason = "a test may stop at the first surprise")]

use std::sync::{Arc, LazyLock};
use std::time::Duration;

use callwright_parse::chat::{Event, Fault, SegmentKind};
use callwright_parse::check::ToolSet;
use callwright_parse::format::{Format, Formats};
use callwright_parse::read::{Parsed, Parser};
use callwright_test_support::cost::{cost, least_cost};
use callwright_test_support::reading::{
    arguments, auto, call, disagreeing, merge, nasty_calls, parse, parse_chunks, parse_recovering, tools_of,
};
use proptest::prelude::{Just, Strategy, any, prop, prop_oneof, proptest};
use serde_json::json;

fn formats() -> impl Iterator<Item = &'static Arc<Format>> {
    Formats::builtin().iter()
}

/// The machine is the same for all formats; what is slow is tried on one format of each shape.
const OF_EACH_SHAPE: [&str; 6] = ["hermes", "llama3", "kimi_k2", "qwen3_coder", "pythonic", "harmony"];

fn offered() -> Arc<ToolSet> {
    static OFFERED: LazyLock<Arc<ToolSet>> = LazyLock::new(compile);
    Arc::clone(&OFFERED)
}

fn compile() -> Arc<ToolSet> {
    let calls = [
        call("weather_now", json!({"city": "Oslo", "days": 3})),
        call("clock_set", json!({"hour": 7})),
        call("write_file", json!({"path": "x", "text": "y"})),
    ];
    tools_of(&calls)
}

/// Texts of a format: examples, written nasty calls, and both cut short or mangled.
fn texts(format: &Format) -> Vec<String> {
    let mut texts: Vec<String> = format.row().example.iter().map(|example| example.text.clone()).collect();
    texts.extend(
        nasty_calls().iter().filter(|(title, _)| *title != "long").filter_map(|(_, calls)| format.write(calls).ok()),
    );
    let mut more = Vec::new();
    for text in &texts {
        more.push(format!("Let me see. {text}\nDone."));
        more.push(format!("<think>\nhm {text}\n</think>\n\nNo."));
        more.push(format!("<think>\nhm {text}"));
        let third = text.char_indices().nth(text.chars().count() * 2 / 3).map_or(0, |(at, _)| at);
        more.push(text[..third].to_owned());
        more.push(text.replace('"', "'"));
    }
    texts.extend(more);
    texts
}

fn assert_tiled(parsed: &Parsed) {
    let mut end = 0;
    for segment in &parsed.segments {
        assert_eq!(segment.span.start, end, "{parsed:#?}");
        assert!(segment.span.end > end, "{parsed:#?}");
        end = segment.span.end;
    }
    assert_eq!(end, parsed.raw.len(), "{parsed:#?}");
}

#[test]
fn law_1_nothing_is_lost() {
    let tools = offered();
    for format in formats() {
        for text in texts(format) {
            let parsed = parse(format, &tools, &text);
            assert_eq!(parsed.raw, text);
            assert_tiled(&parsed);
            assert_eq!(disagreeing(&parsed), None, "{parsed:#?}");
        }
    }
}

#[test]
fn law_2_split_invariance() {
    let tools = offered();
    for format in formats() {
        for text in texts(format) {
            let whole = parse(format, &tools, &text);
            for size in [1, 2, 3, 7, 30] {
                let cut = parse_chunks(format, &tools, text.as_bytes().chunks(size));
                assert_eq!(cut, whole, "{} in chunks of {size}: {text:?}", format.name());
            }
            if text.len() < 300 {
                for at in (0..text.len()).step_by(1 + text.len() / 60) {
                    let (left, right) = text.as_bytes().split_at(at);
                    let cut = parse_chunks(format, &tools, [left, right].into_iter());
                    assert_eq!(cut, whole, "{} cut at {at}: {text:?}", format.name());
                }
            }
        }
    }
}

type Make = fn(usize) -> String;

/// Steps grow with the text.
#[test]
fn law_4_linear_work() {
    let texts: [(&str, Make); 17] = [
        ("one long argument", |n| {
            format!(
                "<tool_call>{{\"name\": \"write_file\", \"arguments\": {{\"text\": \"{}\"}}}}</tool_call>",
                "x".repeat(n)
            )
        }),
        ("unclosed string", |n| format!("<tool_call>{{\"name\": \"{}", "x".repeat(n))),
        ("unclosed calls", |n| "weather_now(".repeat(n / 12)),
        ("openers", |n| "<tool_call>".repeat(n / 11)),
        ("broken calls", |n| "<tool_call>{'a': 'b</tool_call>\n".repeat(n / 32)),
        ("half markers", |n| "<tool_cal <think <".repeat(n / 18)),
        ("blanks", |n| format!("a{}b", " ".repeat(n))),
        ("brackets", |n| format!("<tool_call>{}", "[".repeat(n))),
        ("parameters", |n| format!("<function=write_file>{}", "<parameter=text>\n</parameter> ".repeat(n / 30))),
        ("thoughts", |n| "<think><tool_call>x".repeat(n / 18)),
        ("fences", |n| format!("<tool_call>{}", "``` ".repeat(n / 4))),
        ("emphasis", |n| "**".repeat(n / 2)),
        ("one long word", |n| format!("<tool_call>{}", "a".repeat(n))),
        ("names in an object", |n| format!("{{{}}}", "\"a\": \"weather_now\", ".repeat(n / 20))),
        ("half calls", |n| "{\"name\": \"weather_now\", \"arguments\": ".repeat(n / 38)),
        ("calls that lack something", |n| "weather_now({'x': 1}) ".repeat(n / 22)),
        ("keys", |n| {
            let keys = (0..n / 16).fold(String::new(), |keys, key| keys + &format!("\"key{key}\": 1, "));
            format!("<tool_call>{{\"name\": \"write_file\", \"arguments\": {{{keys}\"text\": \"\"}}}}</tool_call>")
        }),
    ];
    let tools = offered();
    for format in formats().filter(|format| OF_EACH_SHAPE.contains(&format.name())) {
        for (title, make) in &texts {
            let (small, large) = (make(8_000), make(64_000));
            let read = |text: &str| cost(|| parse_chunks(format, &tools, text.as_bytes().chunks(4)));
            assert!(is_linear(|| (read(&small), read(&large))), "{}: {title}", format.name());
        }
    }
    for (title, make) in &texts {
        let (small, large) = (make(8_000), make(64_000));
        let read = |text: &str| cost(|| auto(&tools, text));
        assert!(is_linear(|| (read(&small), read(&large))), "auto: {title}");
    }
}

/// Whether eight times the text costs at most sixteen times as much; quadratic work would cost 64 times. What shares the
/// caches with the test may slow one attempt, not each.
fn is_linear(attempt: impl Fn() -> (Duration, Duration)) -> bool {
    (0..6).any(|_| {
        let (small, large) = attempt();
        large < small * 16 + Duration::from_millis(5)
    })
}

/// 64 kB of one call in chunks of four bytes cost at most four times what they cost whole (issue 3). With optimisation
/// it is some 2.5 times, without it 1.5, so other work on the machine does not blur the answer.
#[test]
fn law_4_streaming_costs_little_more_than_the_whole() {
    let text = "lorem \"ipsum\" dolor sit amet,\n".repeat(2133);
    let calls = [call("write_file", json!({"path": "/tmp/x", "text": text}))];
    let tools = tools_of(&calls);
    for name in ["hermes", "kimi_k2", "qwen3_coder", "pythonic", "gemma4"] {
        let format = Formats::builtin().get(name).unwrap();
        let text = format.write(&calls).unwrap();
        let read = |size: usize| {
            let mut parser = Parser::new(Arc::clone(&format), Arc::clone(&tools));
            text.as_bytes().chunks(size).for_each(|chunk| drop(parser.push(chunk)));
            assert_eq!(parser.finish().calls.len(), 1);
        };
        let (streamed, whole) = (least_cost(12, || read(4)), least_cost(12, || read(text.len())));
        assert!(streamed < whole * 4, "{name}: {streamed:?} for {whole:?}");
    }
}

/// What the law names: sizes at which anything but linear work would not end.
#[test]
fn law_4_on_a_large_scale() {
    let tools = offered();
    let hermes = Formats::builtin().get("hermes").unwrap();
    let argument = "lorem \\\"ipsum\\\" ".repeat(20_000_000 / 16);
    let text =
        format!("<tool_call>{{\"name\": \"write_file\", \"arguments\": {{\"text\": \"{argument}\"}}}}</tool_call>");
    let parsed = parse_chunks(&hermes, &tools, text.as_bytes().chunks(4));
    assert_eq!(parsed.calls.len(), 1);
    for format in formats().filter(|format| OF_EACH_SHAPE.contains(&format.name())) {
        assert_tiled(&parse_recovering(format, &tools, &"weather_now(".repeat(1_000_000)));
    }
    assert_tiled(&auto(&tools, &"weather_now(".repeat(1_000_000)));
    assert_tiled(&parse_recovering(&hermes, &tools, &format!("<tool_call>{}", "[".repeat(100_000_000))));
}

#[test]
fn law_5_never_panics_never_hangs() {
    let tools = offered();
    for format in formats() {
        let open = format!("{}{}", format.row().section.open, format.row().call.open);
        // One format of each shape goes all the way down.
        let depth = if OF_EACH_SHAPE.contains(&format.name()) { 200_000 } else { 5_000 };
        for body in ["[", "{\"a\":", "f(", "]<]minimax[>[<a>", "(", "dict(a="].map(|word| word.repeat(depth)) {
            assert_tiled(&parse_recovering(format, &tools, &format!("{open}{body}")));
            assert_tiled(&parse_recovering(format, &tools, &body));
        }
    }
}

#[test]
fn law_8_never_invent() {
    for format in formats() {
        let calls = [call("write_file", json!({"path": "/tmp/x", "text": "one two three"}))];
        let Ok(text) = format.write(&calls) else { continue };
        let tools = tools_of(&calls);
        for at in (1..text.len()).filter(|at| text.is_char_boundary(*at)) {
            let parsed = parse(format, &tools, &text[..at]);
            assert_tiled(&parsed);
            for made in &parsed.calls {
                assert_eq!(arguments(made), arguments(&calls[0]), "{}: {:?}", format.name(), &text[..at]);
            }
            let kept = parsed.segments.iter().any(|segment| segment.kind == SegmentKind::Malformed);
            let told = parsed.faults.iter().any(|fault| matches!(fault, Fault::Truncated { .. }));
            assert!(!kept || told, "{}: {:?}", format.name(), &text[..at]);
        }
    }
}

#[test]
fn a_call_inside_reasoning_is_tentative() {
    let tools = offered();
    let hermes = Formats::builtin().get("hermes").unwrap();
    let body = "<tool_call>{\"name\": \"clock_set\", \"arguments\": {\"hour\": 7}}</tool_call>";
    let demoted = parse(&hermes, &tools, &format!("<think>maybe {body} or not</think>No."));
    assert!(demoted.calls.is_empty());
    assert_eq!(demoted.text, "No.");
    assert_eq!(demoted.reasoning, format!("maybe {body} or not"));
    let promoted = parse(&hermes, &tools, &format!("<think>maybe {body}"));
    assert_eq!((promoted.calls.len(), promoted.reasoning.as_str()), (1, "maybe"));
}

#[test]
fn bytes_that_are_not_utf_8_stay_in_their_span() {
    let tools = offered();
    let hermes = Formats::builtin().get("hermes").unwrap();
    let bytes = b"a \xff\xfe b \xe2\x82 c <tool_call>{\"name\": \"write_file\", \"arguments\": {\"text\": \"\xf0\x9f\"}}</tool_call>\xe2\x82";
    let whole = parse_chunks(&hermes, &tools, std::iter::once(&bytes[..]));
    assert_eq!(whole.raw, String::from_utf8_lossy(bytes));
    assert_eq!(whole.calls.len(), 1);
    assert!(whole.fixes.iter().any(|fix| &whole.raw[fix.span.clone()] == "\u{fffd}\u{fffd}"));
    for at in 0..bytes.len() {
        let (left, right) = bytes.split_at(at);
        assert_eq!(parse_chunks(&hermes, &tools, [left, right].into_iter()), whole, "cut at {at}");
    }
}

#[test]
fn arguments_stream_before_the_call_is_complete() {
    let hermes = Formats::builtin().get("hermes").unwrap();
    let mut parser = Parser::new(hermes, offered());
    let events = parser.push(b"<tool_call>\n{\"name\": \"write_file\", \"arguments\": {\"text\": \"one tw");
    let started = Event::CallStarted { attempt: 0, index: 0, name: "write_file".into() };
    let delta = Event::Arguments { attempt: 0, index: 0, delta: "{\"text\":\"one tw".into() };
    assert_eq!(merge(events), [started, delta]);
}

/// Law 2 as a stream goes on: what has come makes the same certain, however it was cut.
#[test]
fn law_2_nothing_certain_waits() {
    let tools = offered();
    for format in formats() {
        for text in texts(format).iter().filter(|text| text.len() < 240) {
            let mut parsers =
                [1, 2, 4, 7].map(|size| (size, Parser::new(Arc::clone(format), Arc::clone(&tools)), Vec::new()));
            for at in 1..=text.len() {
                let whole = merge(Parser::new(Arc::clone(format), Arc::clone(&tools)).push(&text.as_bytes()[..at]));
                for (size, parser, events) in parsers.iter_mut().filter(|(size, ..)| at % size == 0) {
                    events.extend(parser.push(&text.as_bytes()[at - *size..at]));
                    *events = merge(std::mem::take(events));
                    assert_eq!(*events, whole, "{} in chunks of {size}: {:?}", format.name(), &text.as_bytes()[..at]);
                }
            }
        }
    }
}

/// Pieces that texts of models are made of.
fn pieces() -> impl Strategy<Value = String> {
    let markers: Vec<String> = formats()
        .flat_map(|format| {
            let row = format.row();
            let frames = [&row.section, &row.call];
            let words = frames.into_iter().flat_map(|frame| [frame.open.clone(), frame.close.clone()]);
            words.chain(row.body.iter().map(|body| body.item.clone())).collect::<Vec<_>>()
        })
        .chain(
            [
                "<think>",
                "</think>",
                "{\"name\": \"weather_now\", \"arguments\": {\"city\": \"Oslo\"}}",
                "weather_now(city='Oslo')",
                "```json\n",
                "\n",
                "\"",
                "'",
                "{",
                "}",
                "[",
                "]",
                "\\",
                "å",
                "<",
                "tool_name: clock_set\n",
            ]
            .map(str::to_owned),
        )
        .collect();
    let piece =
        prop_oneof![3 => prop::sample::select(markers), 1 => "[ -~]{0,12}", 1 => any::<char>().prop_map(String::from)];
    prop::collection::vec(piece, 0..12).prop_map(|pieces| pieces.concat())
}

proptest! {
    #[test]
    fn laws_1_2_5_hold_for_any_text(text in pieces(), cuts in prop::collection::vec(1_usize..9, 1..40), which in Just(()).prop_flat_map(|()| 0..Formats::builtin().iter().count())) {
        let format = formats().nth(which).unwrap();
        let tools = offered();
        let whole = parse(format, &tools, &text);
        assert_tiled(&whole);
        assert_eq!(disagreeing(&whole), None, "{whole:#?}");
        let mut rest = text.as_bytes();
        let mut chunks = Vec::new();
        for size in cuts.iter().cycle() {
            if rest.is_empty() { break; }
            let (left, right) = rest.split_at((*size).min(rest.len()));
            chunks.push(left);
            rest = right;
        }
        assert_eq!(parse_chunks(format, &tools, chunks.into_iter()), whole, "{}: {text:?}", format.name());
    }
}
