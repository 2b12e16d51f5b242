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
    /// Somebody who is no tool: a call in it is only quoted.
    Said,
    /// No tool, in a channel of calls; `arguments` where the header says that arguments follow.
    Nobody {
        arguments: bool,
    },
}

/// What ends a header.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum HeaderEnd {
    /// The content begins.
    Message { end: usize, content: usize },
    /// The message is over before it began.
    Broken { at: usize },
}

/// No header is longer.
pub(crate) const LONGEST_HEADER: usize = 300;

/// Where the header that begins at `from` ends.
pub(crate) fn header_end(channels: &Channels, text: &[u8], from: usize) -> Option<HeaderEnd> {
    let within = &text[from..text.len().min(from + LONGEST_HEADER)];
    let first = |words: &[String]| {
        let found = words.iter().filter_map(|word| Some((memchr::memmem::find(within, word.as_bytes())?, word.len())));
        found.min()
    };
    match (first(&channels.message), first(&channels.close)) {
        (message, Some((at, _))) if message.is_none_or(|(message, _)| at < message) => {
            Some(HeaderEnd::Broken { at: from + at })
        }
        (message, _) => message.map(|(at, length)| HeaderEnd::Message { end: from + at, content: from + at + length }),
    }
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
    let name = name.filter(|name| !name.is_empty());
    match name {
        Some(name) if is(&channels.reasoning, name) && !channels.recipient.is_empty() => return Route::Reasoning,
        Some(name) if !is(&channels.text, name) => return Route::Tool(name.to_owned()),
        _ => {}
    }
    let words = || header.split(|letter: char| letter.is_whitespace() || matches!(letter, '<' | '>' | '|'));
    if words().any(|word| is(&channels.calls, word)) {
        return Route::Nobody { arguments: channels.constrain.iter().any(|mark| header.contains(mark.as_str())) };
    }
    match name {
        _ if words().any(|word| is(&channels.reasoning, word)) => Route::Reasoning,
        Some(_) if !channels.recipient.is_empty() => Route::Said,
        _ => Route::Text,
    }
}
