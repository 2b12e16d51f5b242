//! What the end of a prompt has opened: reasoning, a message's header, a call. The output goes on inside.

use super::Format;
use super::reader::State;
use super::region::Region;
use super::row::{Channels, Row};
use super::scan::Role;
use super::shapes::channels::{LONGEST_HEADER, Route, route};

/// What the prompt's end has opened.
pub(super) fn opened(format: &Format, tail: &str) -> State {
    let row = format.row();
    let ends = |word: &String| !word.trim().is_empty() && tail.ends_with(word.trim());
    if let Some(tag) = thinking(row, tail) {
        return State::Reasoning { tag, call: None };
    }
    if let Some(channels) = &row.channels {
        if in_header(channels, tail) {
            return State::Header { from: 0 };
        }
        if in_reasoning(channels, tail) {
            return State::Reasoning { tag: row.reasoning.len(), call: None };
        }
    }
    for (frame, role) in [(&row.call, Role::CallOpen), (&row.section, Role::SectionOpen)] {
        if std::iter::once(&frame.open).chain(&frame.also_open).any(ends) {
            return State::Region(Box::new(Region::marked(0, 0, role)));
        }
    }
    State::Text
}

/// The reasoning tag that stands open in the last turn of the prompt.
fn thinking(row: &Row, tail: &str) -> Option<usize> {
    let opened = row.reasoning.iter().enumerate().filter_map(|(tag, frame)| {
        let opens = std::iter::once(&frame.open).chain(&frame.also_open);
        let end = opens.filter_map(|word| last_end(tail, word)).max()?;
        let mut closes = std::iter::once(&frame.close).chain(&frame.also_close);
        closes.all(|word| !tail[end..].contains(word.trim())).then_some((end, tag))
    });
    let (end, tag) = opened.max_by_key(|(end, _)| *end)?;
    (!ends_turn(row, &tail[end..])).then_some(tag)
}

/// Where this word stands last, and ends.
fn last_end(tail: &str, word: &str) -> Option<usize> {
    let word = word.trim();
    if word.is_empty() { None } else { Some(tail.rfind(word)? + word.len()) }
}

/// Whether a turn ends or begins in this text: what was opened before belongs to another one.
fn ends_turn(row: &Row, text: &str) -> bool {
    let control = ["<|", "<｜", "</s>", "[INST]", "[/INST]", "<start_of_turn>", "<end_of_turn>"];
    let own = row.stop.iter().chain(&row.framing).map(String::as_str);
    control.into_iter().chain(own).any(|word| text.contains(word))
}

/// Whether the prompt's end has opened a call, or a message's header.
pub(super) fn opens_call(format: &Format, tail: &str) -> bool {
    matches!(opened(format, tail), State::Region(_) | State::Header { .. })
}

/// Whether a text ends inside a header: `<|start|>assistant` leaves open whom the message speaks to.
fn in_header(channels: &Channels, tail: &str) -> bool {
    let last = |words: &[String]| words.iter().filter_map(|word| last_end(tail, word)).max();
    let shut = last(&channels.message).max(last(&channels.close));
    last(&channels.open).is_some_and(|open| shut.is_none_or(|shut| open > shut))
}

/// Whether the last message of a text is reasoning that goes on.
fn in_reasoning(channels: &Channels, tail: &str) -> bool {
    let found = channels.message.iter().filter_map(|word| Some((tail.rfind(word.as_str())?, word.as_str())));
    let Some((at, message)) = found.max() else { return false };
    let behind = &tail[at + message.len()..];
    let over = channels.close.iter().chain(&channels.open).any(|word| behind.contains(word.as_str()));
    let before = &tail[tail.floor_char_boundary(at.saturating_sub(LONGEST_HEADER))..at];
    let from = channels.close.iter().chain(&channels.message).filter_map(|word| last_end(before, word)).max();
    !over && route(channels, &before[from.unwrap_or_default()..], message) == Route::Reasoning
}
