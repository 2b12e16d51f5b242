//! Markers that are only mentioned: `the tag "<tool_call>"`, in quotes that open right before and close right behind.

use std::ops::Range;

use super::item::Scene;

/// What opens a quotation, and what closes it.
const QUOTES: [(char, char); 5] = [('"', '"'), ('\'', '\''), ('`', '`'), ('“', '”'), ('‘', '’')];

/// Whether this marker stands in quotes of its own. None while the text does not say.
pub(super) fn is_mentioned(scene: &Scene<'_>, marker: Range<usize>) -> Option<bool> {
    let mut before = scene.text[..marker.start].chars().rev();
    let Some((_, close)) = before.next().and_then(|quote| QUOTES.into_iter().find(|(open, _)| *open == quote)) else {
        return Some(false);
    };
    // A quote behind a word closes one that opened further back.
    if before.next().is_some_and(|letter| !letter.is_whitespace() && !matches!(letter, '(' | '[' | '`')) {
        return Some(false);
    }
    match scene.text[marker.end..].chars().next() {
        Some(next) => Some(next == close),
        None => scene.at_end.then_some(false),
    }
}
