//! How recovery reads markup around a tool's name: what a format writes without its opener, a numbered name, and an element
//! that bears the tool's name and holds one element a parameter.

use std::ops::Range;

use serde_json::Value;

use super::anchors::Anchor;
use super::recovery::Search;
use crate::chat::{Arguments, Fix, FixKind};
use crate::format::{RawCall, read_at};
use crate::value;

/// No literal before a name, nor between it and its arguments, is longer.
const NEAR: usize = 64;

impl Search<'_> {
    /// The call that markup at this name writes.
    pub(super) fn markup(&mut self, anchor: &Anchor) -> Option<RawCall> {
        if anchor.short {
            return None;
        }
        let bytes = self.text.as_bytes();
        if anchor.span.start > 0 && bytes[anchor.span.start - 1] == b'<' && bytes.get(anchor.span.end) == Some(&b'>') {
            return self.element(anchor);
        }
        let Some(read) = read_at(self.format, self.text, anchor.span.clone(), self.offered)?.pop() else {
            self.pay(self.text.len() - anchor.span.start);
            return None;
        };
        let fits = read.name == anchor.name && read.arguments.as_object().is_some_and(|map| !map.is_empty());
        if !fits {
            self.pay(read.span.len());
        }
        fits.then_some(read)
    }

    /// `name:0 {..}`: the name with the number of the call, as it stands in ids.
    pub(super) fn numbered(&mut self, anchor: &Anchor, from: usize) -> Option<RawCall> {
        let near = &self.text[from..self.text.floor_char_boundary(from + NEAR)];
        let rest = near.trim_start_matches(|letter: char| letter.is_ascii_digit()).trim_start();
        // A marker between the id and the arguments.
        let rest = match rest.strip_prefix("<|").and_then(|marker| marker.split_once("|>")) {
            Some((marker, rest)) if !marker.contains(char::is_whitespace) => rest.trim_start(),
            _ => rest,
        };
        let brace = from + near.len() - rest.len();
        if self.text.as_bytes().get(brace) != Some(&b'{') {
            return None;
        }
        self.arguments_at(anchor, brace)
    }

    /// `<name><parameter>value</parameter></name>`.
    fn element(&mut self, anchor: &Anchor) -> Option<RawCall> {
        let name = self.text.get(anchor.span.clone()).filter(|name| self.tools.schema(name).is_some())?;
        let close = format!("</{name}>");
        let (mut at, mut arguments) = (anchor.span.end + 1, Arguments::new());
        loop {
            at = value::skip_blanks(self.text, at);
            if self.text[at..].starts_with(&close) {
                break;
            }
            let (key, from) = self.opening(name, at)?;
            let Some(to) = self.closing(name, key, from, &close) else {
                self.pay(self.text.len() - from);
                return None;
            };
            let schema = self.tools.parameter(name, key)?;
            let said = &self.text[from..to];
            let said = said.strip_prefix('\n').map_or(said, |said| said.strip_suffix('\n').unwrap_or(said));
            if arguments.insert(key.to_owned(), value::typed(said, schema).value).is_some() {
                return None;
            }
            at = to + key.len() + 3;
        }
        let span = anchor.span.start - 1..at + close.len();
        let fixes = vec![Fix { kind: FixKind::Shape, span: span.clone(), call: None, note: None }];
        let arguments = Value::Object(arguments);
        let name = name.to_owned();
        Some(RawCall { name, arguments, id: None, span, fixes, sources: Vec::new(), object: None })
    }

    /// The parameter whose element begins at this byte, and where its value begins.
    fn opening(&self, name: &str, at: usize) -> Option<(&str, usize)> {
        let rest = self.text[at..].strip_prefix('<')?;
        let end = rest.as_bytes().iter().take(NEAR * 2).position(|byte| *byte == b'>')?;
        let key = &self.text[at + 1..at + 1 + end];
        self.tools.parameter(name, key)?;
        Some((key, at + end + 2))
    }

    /// Where the value that begins at `from` ends: at the first closer after which the element goes on or ends.
    fn closing(&self, name: &str, key: &str, from: usize, close: &str) -> Option<usize> {
        let own = format!("</{key}>");
        let mut found = self.text[from..].match_indices(&own).map(|(at, _)| from + at);
        found.find(|at| {
            let next = value::skip_blanks(self.text, at + own.len());
            let next_is = |word: &str| self.text[next..].starts_with(word);
            next_is(close) || self.opening(name, next).is_some_and(|(other, _)| other != key)
        })
    }
}

/// The places of a call and of the frame around it: markers, brackets, fences and quotes that stand directly beside it.
pub(super) fn framed(text: &str, call: &Range<usize>, floor: usize, leads: &[String]) -> Range<usize> {
    let (mut start, mut end) = (call.start, call.end);
    // What the name is said to be a part of: `functions.`.
    if let Some(space) = text[floor..start].strip_suffix('.') {
        let word = |letter: char| letter.is_ascii_alphanumeric() || letter == '_';
        start = floor + space.trim_end_matches(word).len();
    }
    while start > floor {
        let before = text[floor..start].trim_end_matches([' ', '\t', '\n', '\r']);
        let Some(taken) = frame_before(before, leads) else { break };
        start = floor + taken;
    }
    while end < text.len() {
        let after = text[end..].trim_start_matches([' ', '\t', '\n', '\r']);
        let Some(taken) = frame_after(after) else { break };
        end = text.len() - after.len() + taken;
    }
    start..end
}

/// Where the frame that this text ends with begins.
fn frame_before(text: &str, leads: &[String]) -> Option<usize> {
    if let Some(lead) = leads.iter().find(|lead| text.ends_with(lead.as_str())) {
        return Some(text.len() - lead.len());
    }
    let line = text.rfind('\n').map_or(0, |at| at + 1);
    let fence = text[line..].trim_start();
    let is_word = |text: &str| text.chars().all(|letter| letter.is_ascii_alphanumeric() || letter == '_');
    if fence.strip_prefix("```").is_some_and(|language| language.len() < NEAR && is_word(language)) {
        return Some(text.len() - fence.len());
    }
    match text.as_bytes().last()? {
        b'[' | b'(' | b'{'
            if !text[..text.len() - 1].ends_with(|letter: char| letter.is_alphanumeric() || letter == '_') =>
        {
            Some(text.len() - 1)
        }
        b'`' | b',' | b';' | b'\\' => Some(text.len() - 1),
        b'"' | b'\'' if text[..text.len() - 1].trim_end().ends_with(['[', '(', ',', ':']) => Some(text.len() - 1),
        b':' => key_start(&text[..text.len() - 1]),
        b'>' => marker_start(text, '<'),
        b']' => marker_start(text, '['),
        _ => None,
    }
}

/// Where the key of an object, in its quotes, begins that this text ends with.
fn key_start(text: &str) -> Option<usize> {
    let text = text.trim_end();
    let quote = text.chars().next_back().filter(|quote| matches!(quote, '"' | '\''))?;
    let key = &text[..text.len() - 1];
    let near = key.floor_char_boundary(key.len().saturating_sub(NEAR));
    let at = near + key[near..].rfind(quote)?;
    let word = key[at + 1..].chars().all(|letter| letter.is_ascii_alphanumeric() || letter == '_');
    (word && text[..at].trim_end().ends_with(['{', '[', '('])).then_some(at)
}

/// Where the marker that this text ends with begins.
fn marker_start(text: &str, open: char) -> Option<usize> {
    let near = text.floor_char_boundary(text.len().saturating_sub(NEAR));
    let at = near + text[near..].rfind(open)?;
    let inner = &text[at + 1..text.len() - 1];
    is_marker(inner, open).then_some(at)
}

fn is_marker(inner: &str, open: char) -> bool {
    let upper = |letter: char| letter.is_ascii_uppercase() || matches!(letter, '_' | '/');
    !inner.is_empty() && !inner.contains(char::is_whitespace) && (open == '<' || inner.chars().all(upper))
}

/// How long the frame is that this text begins with.
fn frame_after(text: &str) -> Option<usize> {
    let (open, close) = match text.chars().next()? {
        '`' | ']' | ')' | '}' | ',' | ';' => return Some(1),
        '"' | '\'' | '\\' if text[1..].trim_start().starts_with([']', ')', ',']) => return Some(1),
        '<' => ('<', '>'),
        '[' => ('[', ']'),
        _ => return None,
    };
    let near = &text[..text.floor_char_boundary(NEAR)];
    let end = near.find(close)?;
    is_marker(&text[1..end], open).then_some(end + 1)
}
