//! A parameter's tags: what opens its value, and what closes it where the key is part of that.
//!
//! A tag that is not quite one is mended only where the key that comes of it is a parameter of the tool: its `>` missing,
//! an attribute too many, a tag of it written twice or not at all. A key that holds pieces of tags is told to be torn.

use super::elements;
use super::torn::begins_torn;
use crate::format::Body;
use crate::format::scan::lead;
use crate::format::template::{Field, Piece, Template, loose_end, match_header};

/// A parameter's opening tag.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Tag {
    /// The text so far ends inside it.
    Wait,
    /// The text ended inside it.
    Cut,
    /// It is none.
    None,
    /// It is whole.
    Whole { key: String, kind: Option<String>, end: usize, state: TagState },
}

/// What has become of a whole tag.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum TagState {
    /// As the format writes it.
    Sound,
    /// Whole, and not as the format writes it.
    Foreign,
    /// A piece of it missing or written twice, and clear all the same.
    Mended,
    /// Pieces of tags stand where its key should.
    Torn,
}

/// No opening tag is longer.
const LONGEST: usize = 300;

/// The opening tag at `from`, of a tool with these parameters.
pub(crate) fn opening_tag(body: &Body, text: &str, from: usize, at_end: bool, keys: &[&str]) -> Tag {
    let within = text.len().min(from + LONGEST);
    let near = &text[from..text.floor_char_boundary(within)];
    let Some(own) = body.params.iter().position(|param| near.starts_with(lead(param.lead()))) else {
        let begins = |param: &Template| lead(param.lead()).starts_with(near);
        return if !at_end && body.params.iter().any(begins) { Tag::Wait } else { Tag::None };
    };
    let param = &body.params[own];
    if let Some(tag) = odd_key(body, near, at_end, keys) {
        return shifted(tag, from);
    }
    let unfinished = match (text.len() - from > LONGEST, at_end) {
        (true, _) => Tag::None,
        (false, true) => Tag::Cut,
        (false, false) => Tag::Wait,
    };
    let lead = lead(param.lead());
    let Some(Piece::Literal(last)) = param.before(Field::Value).last() else { return Tag::None };
    let (closes, opens) = two_tags(last);
    let Some(end) = loose_end(closes, near, lead.len()) else {
        return line_end(near, lead, keys)
            .filter(|_| unfinished != Tag::Wait)
            .map_or(unfinished, |tag| shifted(tag, from));
    };
    let header = body.params.iter().find_map(|param| match_header(&key_pieces(param), &near[..end]));
    let Some(header) = header else { return Tag::None };
    let first = if own < body.own_params { TagState::Sound } else { TagState::Foreign };
    let (mut key, mut state) = (header.key, first);
    let mut end = end;
    if !keys.contains(&key.as_str()) && !is_sound(&key) {
        match mended(&key, lead) {
            Some(word) if keys.contains(&word.as_str()) => (key, state) = (word, TagState::Mended),
            _ => match line_end(near, lead, keys) {
                Some(tag) => return shifted(tag, from),
                None if is_torn(&key) || key.contains(' ') && !keys.is_empty() => state = TagState::Torn,
                None => {}
            },
        }
    }
    if !keys.contains(&key.as_str()) && (is_glued(&key, keys) || state == TagState::Foreign && !keys.is_empty()) {
        state = TagState::Torn;
    }
    let sound_kind = |kind: &String| kind.chars().all(|letter| letter.is_alphanumeric() || letter == '_');
    if !header.kind.as_ref().is_none_or(sound_kind) {
        state = TagState::Torn;
    }
    if !opens.is_empty() {
        let (after, again) = past_closes(near, end, closes);
        match past_opener(near, after, (closes.trim(), opens), at_end) {
            Some(Some(value)) => end = value,
            Some(None) if keys.contains(&key.as_str()) => {
                let rest = &near[after..];
                let line = rest.strip_prefix("\r\n").or_else(|| rest.strip_prefix('\n')).unwrap_or(rest);
                end = near.len() - line.len();
                if state != TagState::Torn {
                    state = TagState::Mended;
                }
            }
            Some(None) => return Tag::None,
            None if at_end => return Tag::Cut,
            None => return unfinished,
        }
        if again && state == TagState::Sound {
            state = TagState::Mended;
        }
    }
    Tag::Whole { key, kind: header.kind, end: from + end, state }
}

/// The pieces up to the end of the tag that holds the key.
fn key_pieces(param: &Template) -> Vec<Piece> {
    let mut pieces = param.before(Field::Value).to_vec();
    if let Some(Piece::Literal(last)) = pieces.last_mut() {
        *last = two_tags(last).0.to_owned();
    }
    pieces
}

/// Whether a value begins with what belongs to its opening tag: pieces of it, or the end of it again.
pub(crate) fn begins_in_tag(body: &Body, value: &str) -> bool {
    let Some(Piece::Literal(last)) = body.param.as_ref().and_then(|param| param.before(Field::Value).last()) else {
        return false;
    };
    let close = body.param.as_ref().map_or("", |param| param.closer(Field::Value).trim());
    let value = value.trim_start();
    match two_tags(last) {
        (closes, "") => closes.trim().len() > 4 && value.starts_with(closes.trim()),
        (closes, opens) => {
            // Without what follows a closing tag, which resembles an opening one.
            let before = value.split_once(close).filter(|_| !close.is_empty()).map_or(value, |(before, _)| before);
            let torn = &opens[..opens.floor_char_boundary(opens.len() * 2 / 3)];
            value.starts_with(closes.trim()) || before.starts_with(torn) || begins_torn(before, opens)
        }
    }
}

/// Whether the text begins with what ends a key, where a parameter is two tags.
pub(crate) fn ends_key(body: &Body, text: &str) -> bool {
    let last = body.param.as_ref().and_then(|param| param.before(Field::Value).last());
    last.is_some_and(|last| match two_tags(last.literal()) {
        (_, "") => false,
        (closes, _) => text.starts_with(closes.trim()),
    })
}

/// Whether a parameter is two tags, one for the key and one for the value.
pub(crate) fn is_pair(body: &Body) -> bool {
    let last = body.param.as_ref().and_then(|param| param.before(Field::Value).last());
    last.is_some_and(|last| !two_tags(last.literal()).1.is_empty())
}

/// What ends the key, and the tag that opens the value where that is another one: `</arg_key>`, `<arg_value>`.
fn two_tags(literal: &str) -> (&str, &str) {
    match literal.split_once('>') {
        Some((first, rest)) if rest.trim_start().starts_with('<') => (&literal[..=first.len()], rest.trim()),
        _ => (literal, ""),
    }
}

/// Behind further closing tags of the key, and whether there are any.
fn past_closes(near: &str, end: usize, closes: &str) -> (usize, bool) {
    let mut at = end;
    while let Some(rest) = near[at..].trim_start().strip_prefix(closes.trim()) {
        at = near.len() - rest.len();
    }
    (at, at > end)
}

/// Behind the tag that opens the value; `Some(None)` where another thing stands there, None where the text so far ends.
#[expect(clippy::option_option, reason = "not known yet, known to be missing, and where it ends are three answers")]
fn past_opener(near: &str, at: usize, (closes, opens): (&str, &str), at_end: bool) -> Option<Option<usize>> {
    let rest = near[at..].trim_start();
    if let Some(after) = rest.strip_prefix(opens) {
        return Some(Some(near.len() - after.len()));
    }
    let begins = opens.starts_with(rest) || closes.starts_with(rest);
    if begins && (rest.is_empty() || !at_end) { None } else { Some(None) }
}

/// The key without what does not belong to it: a tag written twice, its attributes.
fn mended(key: &str, lead: &str) -> Option<String> {
    let mut word = key.trim();
    while let Some(rest) = word.strip_prefix(lead) {
        word = rest.trim_start();
    }
    if word.contains('\n') {
        return None;
    }
    let plain = word.split_once([' ', '\t']).filter(|(_, attributes)| attributes.contains('='));
    let plain = plain.map_or(word, |(name, _)| name);
    let unescaped = unescaped(plain);
    Some(unescaped.trim_matches(['"', '\'']).to_owned())
}

/// A name with its entities as the characters that they mean.
pub(crate) fn unescaped(name: &str) -> String {
    super::param_text::unescape(name, crate::format::row::Escape::Xml)
}

/// A tag whose `>` is missing: the line ends after a key that is known.
fn line_end(near: &str, lead: &str, keys: &[&str]) -> Option<Tag> {
    let line = near[lead.len()..].split_once('\n')?.0;
    let word = line.trim().trim_matches(['"', '\'']);
    let end = lead.len() + line.trim_end_matches('\r').len();
    let whole = |word: &str| Tag::Whole { key: word.to_owned(), kind: None, end, state: TagState::Mended };
    keys.contains(&word).then(|| whole(word))
}

/// A key with characters that tags are made of, where the tool has a parameter of just that name.
fn odd_key(body: &Body, near: &str, at_end: bool, keys: &[&str]) -> Option<Tag> {
    let odd = keys.iter().filter(|key| !is_sound(key));
    for (key, param) in odd.flat_map(|key| body.params.iter().map(move |param| (key, param))) {
        let [Piece::Literal(opens), Piece::Field(Field::Key), Piece::Literal(closes)] = param.before(Field::Value)
        else {
            continue;
        };
        let written = format!("{opens}{key}{}", closes.trim_end());
        if near.starts_with(&written) {
            return Some(Tag::Whole { key: (*key).to_owned(), kind: None, end: written.len(), state: TagState::Sound });
        }
        if !at_end && written.starts_with(near) {
            return Some(Tag::Wait);
        }
    }
    None
}

/// Whether nothing in a key looks like a piece of a tag.
fn is_sound(key: &str) -> bool {
    !key.contains(['<', '>', '"', '=', '/', '\n', '&', ' ', '|'])
}

/// Whether a key holds pieces of tags: then it is the rest of a broken one.
fn is_torn(key: &str) -> bool {
    key.contains(['<', '>', '"', '=', '/', '\n'])
}

/// Whether a key is the name of a parameter with letters stuck to it: pieces of a tag between them are lost.
fn is_glued(key: &str, keys: &[&str]) -> bool {
    let stuck = |rest: &str| rest.starts_with(char::is_alphanumeric) && rest.len() > 2;
    keys.iter().any(|known| known.len() > 2 && key.strip_prefix(known).is_some_and(stuck))
}

fn shifted(tag: Tag, from: usize) -> Tag {
    match tag {
        Tag::Whole { key, kind, end, state } => Tag::Whole { key, kind, end: from + end, state },
        other => other,
    }
}

/// The closing literal of a value, where the key is part of it: `</city>`.
pub(crate) fn own_close(param: &Template, key: &str) -> Option<String> {
    param.after(Field::Value).contains(&Piece::Field(Field::Key)).then(|| elements::close(param, key))
}
