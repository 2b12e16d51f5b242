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
    table().turn.iter().filter_map(|word| lower.find(word.as_str())).min().map(|at| from + at)
}
