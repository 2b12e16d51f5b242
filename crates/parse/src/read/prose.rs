//! The words of prose that recovery knows: refusals before a call, another turn after it. Data, in `grammars/prose.toml`.

use std::sync::LazyLock;

use serde::Deserialize;

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
struct Prose {
    refusal: Vec<String>,
    example: Vec<String>,
    aside: Vec<String>,
    turn: Vec<String>,
    announcing: Vec<String>,
    doubting: Vec<String>,
    denial: Vec<String>,
    shown: Vec<String>,
    now: Vec<String>,
    own_turn: Vec<String>,
}

fn table() -> &'static Prose {
    static TABLE: LazyLock<Prose> =
        LazyLock::new(|| toml::from_str(include_str!("../../grammars/prose.toml")).unwrap_or_default());
    &TABLE
}

/// No refusal is longer, in bytes.
pub(super) const LONGEST: usize = 80;

/// Whether prose before a call says that it is none.
pub(super) fn refuses(text: &str) -> bool {
    let text = plain(text);
    table().refusal.iter().any(|phrase| text.contains(phrase.as_str()))
}

/// Whether the sentence that leads to a call says that it is none: one that stops before the call on its line, or that
/// ends with a colon on a line before. The last word counts: "I can't, so I call:" calls. Whether words that only show a
/// call deny it depends on the model: those that were only prompted lead to their calls so.
pub(super) fn denies(before: &str, shown: bool) -> bool {
    let near = &before[before.floor_char_boundary(before.len().saturating_sub(FAR))..];
    leading(near).is_some_and(|sentence| {
        let sentence = format!(" {} ", plain(sentence));
        let last = |phrases: &[String]| phrases.iter().filter_map(|phrase| sentence.rfind(phrase.as_str())).max();
        let shown = if shown { last(&table().shown) } else { None };
        last(&table().denial).max(shown) > last(&table().now)
    })
}

/// Whether the sentence that leads to a call takes a refusal before it back: "I can't, so I call:".
pub(super) fn calls_after_all(before: &str) -> bool {
    let near = &before[before.floor_char_boundary(before.len().saturating_sub(FAR))..];
    leading(near).is_some_and(|sentence| {
        let sentence = format!(" {} ", plain(sentence));
        let last = |phrases: &[String]| phrases.iter().filter_map(|phrase| sentence.rfind(phrase.as_str())).max();
        last(&table().now) > last(&table().denial).max(last(&table().refusal))
    })
}

/// Whether the sentence that leads to a call says that the model calls now.
pub(super) fn calls_now(before: &str) -> bool {
    let near = plain(&before[before.floor_char_boundary(before.len().saturating_sub(FAR))..]);
    let says = |phrases: &[String]| phrases.iter().any(|phrase| near.contains(phrase.as_str()));
    says(&table().now) || says(&table().announcing)
}

/// No sentence that leads to a call is longer.
const FAR: usize = 300;

/// The sentence that leads to what stands behind this text, if one does.
fn leading(before: &str) -> Option<&str> {
    let marks = ['`', '"', '\'', '*', '[', '(', '{', '<', '\u{201c}', '\u{2018}'];
    let whole = before.trim_end_matches(marks);
    let text = whole.trim_end();
    // A fence and its language stand on a line of their own.
    let text = match text.rsplit_once('\n') {
        Some((above, fence)) if fence.trim_start().starts_with("```") => above.trim_end(),
        None if text.trim_start().starts_with("```") => "",
        _ => text,
    };
    let same_line = text.len() == whole.trim_end().len() && !whole[text.len()..].contains('\n');
    let ends = text.chars().next_back()?;
    if !(ends == ':' || same_line && !matches!(ends, '.' | '!' | '?' | '>')) {
        return None;
    }
    let body = text.trim_end_matches(':');
    let end_of_one = |(at, letter): &(usize, char)| {
        *letter == '\n' || matches!(letter, '.' | '!' | '?') && body[at + letter.len_utf8()..].starts_with([' ', '\n'])
    };
    let from = body.char_indices().rev().find(end_of_one).map_or(0, |(at, letter)| at + letter.len_utf8());
    Some(&body[from..])
}

/// Whether the model refused, asked from left to right: each byte is looked at once.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Refusals {
    refused: bool,
    heard: usize,
}

impl Refusals {
    /// Whether a refusal stands before this byte.
    pub(super) fn before(&mut self, text: &str, upto: usize) -> bool {
        let from = text.floor_char_boundary(self.heard.saturating_sub(LONGEST).min(upto));
        self.refused = self.refused || refuses(&text[from..upto]);
        self.heard = self.heard.max(upto);
        self.refused
    }
}

/// Whether prose before a block of code says that it only illustrates.
pub(super) fn exemplifies(text: &str) -> bool {
    let text = plain(text);
    table().example.iter().any(|phrase| text.contains(phrase.as_str()))
}

/// Whether prose between two calls says that what follows only illustrates.
pub(super) fn turns_aside(text: &str) -> bool {
    let text = text.to_lowercase();
    table().aside.iter().any(|phrase| text.contains(phrase.as_str()))
}

/// Whether the beginning of a sentence says that the model does now what follows.
pub(super) fn announces(text: &str) -> bool {
    let text = plain(text);
    table().announcing.iter().any(|phrase| text.contains(phrase.as_str()))
}

/// Whether a sentence denies what it says, makes it depend on something, or tells of the past.
pub(super) fn doubts(text: &str) -> bool {
    let text = format!(" {} ", plain(text));
    table().doubting.iter().any(|phrase| text.contains(phrase.as_str()))
}

fn plain(text: &str) -> String {
    text.to_lowercase().replace('’', "'")
}

/// Where another turn begins, at or after `from`.
pub(super) fn turn(text: &str, from: usize) -> Option<usize> {
    let lower = text.get(from..)?.to_ascii_lowercase();
    let others = |word: &String| {
        let own = |at: usize| {
            let rest = lower[at + word.len()..].trim_start();
            table().own_turn.iter().any(|own| rest.starts_with(own.as_str()))
        };
        lower.match_indices(word.as_str()).map(|(at, _)| at).find(|at| !own(*at))
    };
    table().turn.iter().filter_map(others).min().map(|at| from + at)
}
