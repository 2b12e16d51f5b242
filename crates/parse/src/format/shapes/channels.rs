//! Messages with a header that says who is spoken to: `<|channel|>commentary to=functions.weather_now<|message|>{..}`.
//!
//! A header is collected up to its end and routed: to a tool, to reasoning, to the user. Headers hold junk in practice
//! (a channel's name in the recipient, `<|constrain|>json`), so only words are looked for.

use crate::format::row::Channels;

/// Whom a message speaks to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Route {
    /// A tool of this name, as written.
    Tool(String),
    Reasoning,
    Text,
}

/// No header is longer.
pub(crate) const LONGEST_HEADER: usize = 300;

/// Where the header that begins at `from` ends, and where its content begins.
pub(crate) fn header_end(channels: &Channels, text: &[u8], from: usize) -> Option<(usize, usize)> {
    let within = &text[from..text.len().min(from + LONGEST_HEADER)];
    let ends = channels.message.iter().filter_map(|word| {
        let at = memchr::memmem::find(within, word.as_bytes())?;
        Some((from + at, from + at + word.len()))
    });
    ends.min()
}

/// What a header says that ended with this word.
pub(crate) fn route(channels: &Channels, header: &str, message: &str) -> Route {
    let is = |words: &[String], word: &str| words.iter().any(|known| known == word);
    if is(&channels.reasoning, message) {
        return Route::Reasoning;
    }
    let recipient = if channels.recipient.is_empty() {
        Some(header)
    } else {
        header.find(&channels.recipient).map(|at| &header[at + channels.recipient.len()..])
    };
    let name = recipient.map(|rest| {
        let end = rest.find(|letter: char| letter.is_whitespace() || matches!(letter, '<' | '|')).unwrap_or(rest.len());
        &rest[..end]
    });
    if let Some(name) = name.filter(|name| !name.is_empty() && !is(&channels.text, name)) {
        return Route::Tool(name.to_owned());
    }
    let mut words = header.split(|letter: char| letter.is_whitespace() || matches!(letter, '<' | '>' | '|'));
    if words.any(|word| is(&channels.reasoning, word)) { Route::Reasoning } else { Route::Text }
}
