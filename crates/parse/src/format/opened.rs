//! What the end of a prompt has opened: reasoning, a message's header, a call. The output goes on inside.

use super::Format;
use super::reader::State;
use super::region::Region;
use super::row::Channels;
use super::scan::Role;

/// What the prompt's end has opened.
pub(super) fn opened(format: &Format, tail: &str) -> State {
    let row = format.row();
    let ends = |word: &String| !word.trim().is_empty() && tail.ends_with(word.trim());
    for (tag, frame) in row.reasoning.iter().enumerate() {
        if std::iter::once(&frame.open).chain(&frame.also_open).any(ends) {
            return State::Reasoning { tag, call: None };
        }
    }
    if row.channels.as_ref().is_some_and(|channels| in_header(channels, tail)) {
        return State::Header { from: 0 };
    }
    for (frame, role) in [(&row.call, Role::CallOpen), (&row.section, Role::SectionOpen)] {
        if std::iter::once(&frame.open).chain(&frame.also_open).any(ends) {
            return State::Region(Box::new(Region::marked(0, 0, role)));
        }
    }
    State::Text
}

/// Whether the prompt's end has opened a call, or a message's header.
pub(super) fn opens_call(format: &Format, tail: &str) -> bool {
    matches!(opened(format, tail), State::Region(_) | State::Header { .. })
}

/// Whether a text ends inside a header: `<|start|>assistant` leaves open whom the message speaks to.
fn in_header(channels: &Channels, tail: &str) -> bool {
    let last = |words: &[String]| words.iter().filter_map(|word| Some(tail.rfind(word)? + word.len())).max();
    let shut = last(&channels.message).max(last(&channels.close));
    last(&channels.open).is_some_and(|open| shut.is_none_or(|shut| open > shut))
}
