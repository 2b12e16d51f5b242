//! Law 4: work grows with the text's length, whatever is repeated: each marker of each format, cut short, left open or
//! followed by another one. Natively and in `auto`, recovery included.
#![allow(clippy::unwrap_used, reason = "a test may stop at the first surprise")]

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use callwright_parse::format::{Format, Formats, Frame};
use callwright_parse::read::{Parser, Recovery};
use callwright_test_support::cost::cost;
use callwright_test_support::reading::{auto, fixture_tools, parse_recovering};

/// A longer text may cost so many times as much a byte.
const MOST: u32 = 3;

/// What no clock tells apart.
const BLUR: Duration = Duration::from_millis(2);

fn frames(format: &Format) -> Vec<String> {
    let row = format.row();
    let both = |frame: &Frame| {
        let words = [&frame.open, &frame.close].into_iter().chain(&frame.also_open).chain(&frame.also_close);
        words.cloned().collect::<Vec<_>>()
    };
    let mut words: Vec<String> = [&row.section, &row.call].into_iter().chain(&row.reasoning).flat_map(both).collect();
    words.extend([&row.parallel.open, &row.parallel.between, &row.parallel.close].into_iter().cloned());
    words.extend(row.framing.iter().chain(&row.stop).chain(&row.none).cloned());
    if let Some(channels) = &row.channels {
        let lists = [&channels.open, &channels.line_open, &channels.message, &channels.close];
        words.extend(lists.into_iter().flatten().cloned());
    }
    words
}

/// A template up to its arguments, what comes behind them, and what breaks between.
fn parts(template: &str) -> Vec<String> {
    let said = [("{name}", "weather_now"), ("{key}", "city"), ("{id}", "x1"), ("{index}", "0")];
    let filled = said.iter().fold(template.to_owned(), |text, (field, word)| text.replace(field, word));
    let mut parts = Vec::new();
    for field in ["{arguments}", "{params}", "{value}"] {
        let Some((before, after)) = filled.split_once(field) else { continue };
        parts.extend([before.to_owned(), after.to_owned(), format!("{before}O"), format!("{before}{{\"city\": \"O")]);
    }
    if let Some((before, _)) = template.split_once("{name}") {
        parts.push(format!("{before}{{\"name\": \"weather_now\", \"arguments\": {{\"city\": \"O"));
        parts.push(before.to_owned());
    }
    parts
}

/// What a format writes, and its markers without their last letter.
fn words(format: &Format) -> BTreeSet<String> {
    let mut words = frames(format);
    let cut =
        words.iter().filter_map(|word| word.trim_end().char_indices().next_back().map(|(at, _)| word[..at].into()));
    let cut: Vec<String> = cut.collect();
    words.extend(cut);
    for body in &format.row().body {
        words.extend([&body.item].into_iter().chain(&body.also).chain(&body.param).flat_map(|text| parts(text)));
        words.extend(body.quote.clone());
    }
    words.into_iter().filter(|word| word.trim().len() > 1).collect()
}

/// Whether the long text costs at most [`MOST`] times as much a byte as the short one. What else the machine does may
/// slow one attempt, not each. Some work is only begun in longer texts (a bracket too deep, a budget spent): where a
/// small text proves nothing, larger ones are compared.
fn is_linear(word: &str, (short, long): (usize, usize), read: impl Fn(&str)) -> bool {
    let text = |length: usize| word.repeat(length / word.len() + 1);
    let holds = |short: usize, long: usize| {
        let (short, long) = (text(short), text(long));
        let times = u32::try_from(long.len() / short.len() + 1).unwrap();
        cost(|| read(&long)) < cost(|| read(&short)) * times * MOST + BLUR
    };
    holds(short, long) || (0..4).any(|_| holds(long, long * 4))
}

/// The machine is the same for all formats; recovery, which is the same for all, is tried with one of each shape.
const OF_EACH_SHAPE: [&str; 6] = ["claude", "llama3", "kimi_k2", "gemma4", "react", "harmony"];

fn natively(format: &Arc<Format>, words: &BTreeSet<String>, sizes: (usize, usize)) -> Vec<String> {
    let tools = fixture_tools();
    let recovery = if OF_EACH_SHAPE.contains(&format.name()) { Recovery::Anywhere } else { Recovery::Off };
    let read = |text: &str| {
        let mut parser = Parser::new(Arc::clone(format), Arc::clone(&tools)).recovery(recovery);
        parser.push(text.as_bytes());
        drop(parser.finish());
    };
    let slow = words.iter().filter(|word| !is_linear(word, sizes, read));
    slow.map(|word| format!("{}: {word:?}", format.name())).collect()
}

#[test]
fn every_marker_repeated_costs_linear_work() {
    let formats = Formats::builtin().iter();
    let slow: Vec<String> = formats.flat_map(|format| natively(format, &words(format), (4_000, 48_000))).collect();
    assert!(slow.is_empty(), "{slow:#?}");
}

/// Each two markers in turn; of all pairs a part, of each format another one.
#[test]
fn pairs_of_markers_repeated_cost_linear_work() {
    let mut slow = Vec::new();
    for (index, format) in Formats::builtin().iter().enumerate() {
        let words = words(format);
        let pairs = words.iter().flat_map(|one| words.iter().map(move |other| format!("{one}{other}")));
        let some = pairs.skip(index % SKIPPED).step_by(SKIPPED).collect();
        slow.extend(natively(format, &some, (2_000, 16_000)));
    }
    assert!(slow.is_empty(), "{slow:#?}");
}

const SKIPPED: usize = 97;

#[test]
fn every_marker_repeated_costs_linear_work_where_nobody_says_the_format() {
    let tools = fixture_tools();
    let all: BTreeSet<String> = Formats::builtin().iter().flat_map(|format| words(format)).collect();
    let slow: Vec<&String> =
        all.iter().filter(|word| !is_linear(word, (1_000, 8_000), |text| drop(auto(&tools, text)))).collect();
    assert!(slow.is_empty(), "{slow:#?}");
}

/// What an attacker found, on a larger scale.
#[test]
fn known_attacks_cost_linear_work() {
    let tools = fixture_tools();
    let object = "{\"name\": \"weather_now\", \"arguments\": {\"city\": \"O";
    let attacks = [
        format!("<invoke name=\"{object}"),
        "Action: weather_now\n".to_owned(),
        object.to_owned(),
        "{\"weather_now\": ".to_owned(),
    ];
    for word in &attacks {
        assert!(is_linear(word, (16_000, 128_000), |text| drop(auto(&tools, text))), "auto: {word:?}");
        for name in ["claude", "react", "hermes"] {
            let format = Formats::builtin().get(name).unwrap();
            assert!(
                is_linear(word, (4_000, 64_000), |text| drop(parse_recovering(&format, &tools, text))),
                "{name}: {word:?}"
            );
        }
    }
}
