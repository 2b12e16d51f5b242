//! Strings in any quotes, and where they end.
//!
//! A model often forgets to escape a quote (`'Let's meet'`, `"say "hi" there"`), so a quote inside a list, an object
//! or a call closes only before something that may follow the string there. The look ahead is one word long.

use serde_json::Value;

use super::escape::{Escaped, escape};
use super::reader::{Home, Place, Read, Reader};
use super::token::{After, Closes};
use crate::chat::FixKind;

/// What closes a string.
#[derive(Debug, Clone, Copy)]
enum Close<'t> {
    /// This quote, unless the text shows that it is meant as text.
    Quote(u8),
    /// Exactly this text.
    Text(&'t str),
    /// This quote token, unless the text shows that it is meant as a quote.
    Token(&'t str),
    /// A curly closing quote, or the plain one.
    Curly(&'static str, u8),
}

impl Close<'_> {
    /// The bytes that it may start with.
    fn first_bytes(self) -> (u8, u8) {
        match self {
            Self::Quote(quote) => (quote, quote),
            Self::Text(close) | Self::Token(close) => (close.as_bytes()[0], close.as_bytes()[0]),
            Self::Curly(close, plain) => (close.as_bytes()[0], plain),
        }
    }
}

#[derive(Debug, Clone, Copy)]
struct Opening<'t> {
    /// Bytes of prefix and quote.
    length: usize,
    close: Close<'t>,
    /// No escapes.
    raw: bool,
    /// Newlines are at home in it.
    multiline: bool,
    at_home: bool,
}

impl<'t> Reader<'t> {
    /// The string at the cursor, if one opens here, with those that are joined to it.
    pub(super) fn string_value(&mut self, place: Place) -> Read<Option<Value>> {
        let start = self.at;
        let Some(mut text) = self.string(place)? else { return Ok(None) };
        while let Some((more, joined_by)) = self.joined(place, start) {
            self.at = more;
            let Some(next) = self.string(place)? else { break };
            text.push_str(&next);
            if joined_by == b'+' {
                self.fix(FixKind::Arithmetic, start..self.at);
            }
        }
        Ok(Some(Value::String(text)))
    }

    /// Where a string that is joined to the one before opens: Python's adjacent strings, or `+`.
    fn joined(&self, place: Place, start: usize) -> Option<(usize, u8)> {
        let (mut at, mut byte) = self.after_blanks(self.at);
        let plus = byte == Some(b'+') && place != Place::Top;
        if plus {
            (at, byte) = self.after_blanks(at + 1);
        }
        let quote = byte.filter(|b| matches!(b, b'"' | b'\''))?;
        let adjacent = match self.home {
            Home::Python => true,
            Home::Any => matches!(place, Place::Keyword | Place::Positional) || self.byte(start) == Some(b'\''),
            Home::Json | Home::Braces => false,
        };
        if self.home == Home::Json || !(plus || adjacent && place != Place::Object) {
            return None;
        }
        (at > self.at || quote != self.byte(start)?).then_some((at, if plus { b'+' } else { b' ' }))
    }

    /// One string literal, if one opens at the cursor.
    pub(super) fn string(&mut self, place: Place) -> Read<Option<String>> {
        let Some(opening) = self.opening() else { return Ok(None) };
        let start = self.at;
        self.at += opening.length;
        let content = self.content(opening, place)?;
        if !opening.at_home {
            self.fix(FixKind::Quotes, start..self.at);
        }
        if !opening.multiline {
            self.tell_control(start..self.at);
        }
        Ok(Some(content))
    }

    /// A string's content; the cursor moves behind what closes it.
    fn content(&mut self, opening: Opening<'t>, place: Place) -> Read<String> {
        let text = self.text;
        let (first, second) = opening.close.first_bytes();
        let settled = self.settled.and_then(|quotes| quotes.close_of(self.at - 1));
        let mut content = String::new();
        let start = self.at;
        let mut run = start;
        let (mut quote_told, mut escape_told) = (false, false);
        // Whether a backslash that is no escape shows that the others which look like one are none either.
        let mut unescaped = false;
        loop {
            let rest = text.as_bytes().get(self.at..).unwrap_or_default();
            let Some(found) = memchr::memchr3(first, second, b'\\', rest) else { return Err(self.incomplete()) };
            self.at += found;
            // What closes may itself start with a backslash (`\"`), so it is looked for before escapes are.
            let closing = match settled {
                Some(close) => (self.at == close).then_some(1),
                None => self.closing(opening.close, self.at, place, !quote_told),
            };
            if let Some(length) = closing {
                content.push_str(&text[run..self.at]);
                self.at += length;
                return Ok(content);
            }
            if let Close::Token(token) = opening.close {
                let quote = self.rest().starts_with(token);
                if quote {
                    content.push_str(&text[run..self.at]);
                    content.push('"');
                    self.doubtful = true;
                    run = self.at + token.len();
                    if !quote_told {
                        quote_told = true;
                        self.fix(FixKind::UnescapedQuote, self.at..run);
                    }
                }
                self.at += if quote { token.len() } else { 1 };
            } else if self.peek() != Some(b'\\') {
                if matches!(opening.close, Close::Quote(_)) && !quote_told {
                    quote_told = true;
                    self.fix(FixKind::UnescapedQuote, self.at..self.at + 1);
                }
                self.at += 1;
            } else if opening.raw {
                // A raw string's backslash still keeps its quote from closing.
                self.at += if self.byte(self.at + 1) == Some(first) { 2 } else { 1 };
            } else {
                content.push_str(&text[run..self.at]);
                let raw = self.escaped(&mut content, &mut escape_told, unescaped)?;
                if raw && !std::mem::replace(&mut unescaped, true) {
                    content.clear();
                    self.at = start;
                }
                run = self.at;
            }
        }
    }

    /// What the escape at the cursor stands for; true where the backslash is meant as one. In an `unescaped` string it
    /// is before any letter or digit that a path or a formula may go on with.
    fn escaped(&mut self, content: &mut String, told: &mut bool, unescaped: bool) -> Read<bool> {
        let Some(escape) = escape(&self.text[self.at + 1..], self.home) else { return Err(self.incomplete()) };
        let letter = self.byte(self.at + 1).unwrap_or_default();
        let names = matches!(letter, b'a' | b'b' | b'f' | b'n' | b'r' | b't' | b'u' | b'U' | b'v' | b'0'..=b'7');
        let lookalike = unescaped && names && escape.stands_for != Escaped::Backslash;
        let end = self.at + 1 + if lookalike { 0 } else { escape.length };
        match escape.stands_for {
            _ if lookalike => content.push('\\'),
            Escaped::Char(c) => content.push(c),
            Escaped::Nothing => {}
            Escaped::Backslash => content.push('\\'),
        }
        if (lookalike || !escape.at_home) && !*told {
            *told = true;
            self.fix(FixKind::Escape, self.at..end);
        }
        self.at = end;
        Ok(escape.stands_for == Escaped::Backslash)
    }

    fn tell_control(&mut self, span: std::ops::Range<usize>) {
        let raw = &self.text.as_bytes()[span.clone()];
        if super::machine::has_control(raw) {
            let bare = |pair: &[u8]| pair[1] < 0x20 && pair[0] != b'\\';
            if let Some(before) = raw.windows(2).position(bare) {
                let at = span.start + before + 1;
                self.fix(FixKind::RawControl, at..at + 1);
            }
        }
    }

    /// What kind of string opens at the cursor.
    fn opening(&self) -> Option<Opening<'t>> {
        let rest = self.rest();
        if let Some(token) = self.quote_token.filter(|token| rest.starts_with(token)) {
            let close = Close::Token(token);
            return Some(Opening { length: token.len(), close, raw: true, multiline: true, at_home: true });
        }
        let bytes = rest.as_bytes();
        let python = matches!(self.home, Home::Python | Home::Any);
        let prefix =
            bytes.iter().take(3).take_while(|b| matches!(b, b'r' | b'R' | b'b' | b'B' | b'u' | b'U' | b'f' | b'F'));
        let prefix = prefix.count();
        let raw = bytes[..prefix].iter().any(|b| matches!(b, b'r' | b'R'));
        match bytes.get(prefix) {
            Some(quote @ (b'"' | b'\'')) if prefix <= 2 => {
                let triple = bytes.get(prefix + 1) == Some(quote) && bytes.get(prefix + 2) == Some(quote);
                let at_home = python || (*quote == b'"' && prefix == 0 && !triple && self.home == Home::Json);
                let close = match (triple, quote) {
                    (true, b'"') => Close::Text("\"\"\""),
                    (true, _) => Close::Text("'''"),
                    (false, _) => Close::Quote(*quote),
                };
                let length = prefix + if triple { 3 } else { 1 };
                Some(Opening { length, close, raw, multiline: triple, at_home })
            }
            _ if prefix > 0 => None,
            Some(b'`') => {
                let close = Close::Text("`");
                Some(Opening { length: 1, close, raw: true, multiline: true, at_home: false })
            }
            Some(b'\\') if rest.starts_with("\\\"") => {
                let close = Close::Text("\\\"");
                Some(Opening { length: 2, close, raw: false, multiline: false, at_home: false })
            }
            Some(0xe2) => {
                let close = match rest.chars().next()? {
                    '“' | '”' | '„' => Close::Curly("”", b'"'),
                    '‘' | '’' => Close::Curly("’", b'\''),
                    _ => return None,
                };
                Some(Opening { length: 3, close, raw: false, multiline: false, at_home: false })
            }
            _ => None,
        }
    }

    /// The length of what closes the string at `at`, if something does.
    fn closing(&self, close: Close<'_>, at: usize, place: Place, clean: bool) -> Option<usize> {
        match close {
            Close::Quote(quote) => {
                (self.byte(at) == Some(quote) && self.closes(at + 1, quote, place, clean)).then_some(1)
            }
            Close::Text(close) => self.text.as_bytes()[at..].starts_with(close.as_bytes()).then_some(close.len()),
            Close::Token(token) => {
                let at_token = self.text.as_bytes()[at..].starts_with(token.as_bytes());
                (at_token && self.token_closes(at + token.len(), token, place)).then_some(token.len())
            }
            Close::Curly(close, plain) => {
                if self.byte(at) == Some(plain) {
                    return self.closes(at + 1, plain, place, clean).then_some(1);
                }
                let closes = self.text.as_bytes()[at..].starts_with(close.as_bytes());
                (closes && self.closes(at + close.len(), plain, place, clean)).then_some(close.len())
            }
        }
    }

    /// Whether the quote token before `at` closes its string: the text is the call's own, so it ends where that does.
    fn token_closes(&self, at: usize, token: &str, place: Place) -> bool {
        let (text, owed) = (self.text.as_bytes(), self.owed.as_slice());
        let after = After { text, at, token, owed, key: place == Place::Key, at_end: true };
        after.closes(|end| if end == text.len() { Closes::Yes } else { Closes::No }) == Closes::Yes
    }

    /// Whether the quote before `after` closes its string: it does where what follows may follow a string. `clean`: no
    /// quote was taken for text in this string yet.
    fn closes(&self, after: usize, quote: u8, place: Place, clean: bool) -> bool {
        if place == Place::Top {
            return true;
        }
        let (at, next) = self.after_blanks(after);
        let apart = at > after;
        match next {
            None | Some(b'}' | b']' | b')') => true,
            Some(b':' | b'=') => place == Place::Key || (place == Place::Positional && clean),
            Some(b',') => !place.wants_key() || self.comma_ends(at + 1, place),
            Some(b';') => !place.wants_key() || self.key_follows(&self.text[at + 1..]),
            Some(b'<') if self.quote_token.is_some_and(|token| self.text[at..].starts_with(token)) => true,
            Some(b'"' | b'\'') => apart || (next != Some(quote) && self.home != Home::Json),
            Some(b'#') => apart,
            Some(b'/') => apart && matches!(self.byte(at + 1), Some(b'/' | b'*')),
            Some(b'+') => matches!(self.after_blanks(at + 1).1, Some(b'"' | b'\'')),
            Some(b'\\') => matches!(self.byte(at + 1), Some(b']' | b'}' | b')')),
            Some(_) if clean && apart && place.wants_key() => self.key_follows(&self.text[at..]),
            Some(b'r' | b'b' | b'u' | b'f') if apart && self.home == Home::Python => self.byte(at + 1) == Some(quote),
            Some(_) => false,
        }
    }
}
