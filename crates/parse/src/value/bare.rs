//! Text that should have been quoted: `New York`, `my_data`, `foo(1, 2)`, `<city>`.
//!
//! It goes to the next delimiter that is not inside brackets of its own. Nested calls and other code are kept as text.

use serde_json::Value;

use super::reader::{Place, Read, Reader};
use super::{MAX_DEPTH, Unread, literal, number};
use crate::chat::FixKind;

impl Reader<'_> {
    /// The unquoted text at the cursor, as a string.
    pub(super) fn bare(&mut self, place: Place) -> Read<Value> {
        if place == Place::Top {
            return Err(if self.may_become_scalar() { self.incomplete() } else { self.bad("a value") });
        }
        let start = self.at;
        let end = self.bare_end(place)?;
        let text = self.text[start..end].trim_end();
        if text.is_empty() || text.starts_with("...") || text.starts_with('…') {
            return Err(self.bad("a value"));
        }
        self.at = start + text.len();
        self.loose_end = self.at;
        self.bare_count += 1;
        let numeric = text.starts_with(|c: char| c.is_ascii_digit() || matches!(c, '+' | '-' | '.' | '$'));
        self.fix(if numeric { FixKind::Number } else { FixKind::Unquoted }, start..self.at);
        let text = match text.strip_suffix(['"', '\'']) {
            // Only the closing quote was written.
            Some(opened) if !opened.contains(['"', '\'']) => {
                self.fix(FixKind::Quotes, self.at - 1..self.at);
                opened
            }
            _ => text,
        };
        Ok(Value::String(literal::unescaped(text).into_owned()))
    }

    /// Whether the text ends inside what may yet be a word such as `true` or a number.
    fn may_become_scalar(&self) -> bool {
        let rest = self.rest();
        let words = ["true", "false", "null", "none", "nan", "infinity", "undefined", "nil"];
        let begins = |word: &&str| word.get(..rest.len()).is_some_and(|start| start.eq_ignore_ascii_case(rest));
        words.iter().any(begins) || number::may_go_on(rest)
    }

    fn bare_end(&self, place: Place) -> Read<usize> {
        let bytes = self.text.as_bytes();
        let mut open: Vec<u8> = Vec::new();
        let mut at = self.at;
        while let Some(&byte) = bytes.get(at) {
            match byte {
                b'(' | b'[' | b'{' => {
                    if open.len() + self.owed.len() >= MAX_DEPTH {
                        return Err(Unread::TooDeep { at });
                    }
                    open.push(match byte {
                        b'(' => b')',
                        b'[' => b']',
                        _ => b'}',
                    });
                }
                b')' | b']' | b'}' => match open.pop() {
                    None => return Ok(at),
                    Some(closer) if closer == byte => {}
                    Some(_) => return Err(Unread::Bad { at, message: "brackets that match" }),
                },
                b'"' | b'\'' if !open.is_empty() => {
                    at = self.skip_quoted(at)?;
                    continue;
                }
                b'\n' if open.is_empty() => return Ok(at),
                b',' if open.is_empty() && self.comma_ends(at + 1, place) => return Ok(at),
                b';' if open.is_empty() && place.wants_key() && self.key_follows(&self.text[at + 1..]) => {
                    return Ok(at);
                }
                b'<' if self.quote_token.is_some_and(|token| bytes[at..].starts_with(token.as_bytes())) => {
                    // A string that begins in unquoted text: whose it is cannot be told.
                    return if open.is_empty() { Ok(at) } else { Err(Unread::Bad { at, message: "a value" }) };
                }
                _ => {}
            }
            at += 1;
        }
        Err(self.incomplete())
    }

    /// Whether a comma ends the unquoted text before it: where a key must follow, only if one does.
    pub(super) fn comma_ends(&self, after: usize, place: Place) -> bool {
        if !place.wants_key() {
            return true;
        }
        let (at, next) = self.after_blanks(after);
        match next {
            Some(0xe2) if self.text[at..].starts_with(['“', '”', '„', '‘', '’']) => true,
            None | Some(b'"' | b'\'' | b'}' | b')' | b']' | b',' | b'#' | b'*' | b'/') => true,
            Some(_) => self.key_follows(&self.text[after..]),
        }
    }

    /// The byte after the quoted text at `at`.
    fn skip_quoted(&self, at: usize) -> Read<usize> {
        let bytes = self.text.as_bytes();
        let mut from = at + 1;
        while let Some(found) = bytes.get(from..).and_then(|rest| memchr::memchr2(bytes[at], b'\\', rest)) {
            from += found;
            if bytes[from] == bytes[at] {
                return Ok(from + 1);
            }
            from += 2;
        }
        Err(self.incomplete())
    }
}
