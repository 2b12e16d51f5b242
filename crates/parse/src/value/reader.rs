//! The tolerant reader: one buffer, one cursor, and which reader a value's first byte wants.
//!
//! JSON and Python literals are read by the same functions; [`Home`] only says what counts as a deviation and settles
//! the few places where the two disagree. Depth is counted, so recursion is bounded; whoever steps back restores
//! cursor and fixes with a [`Mark`], and steps back over small pieces only, which keeps the work linear.

use std::ops::Range;

use serde_json::Value;

use super::settle::Quotes;
use super::{MAX_DEPTH, Unread, literal};
use crate::chat::{Fix, FixKind};

pub(super) type Read<T> = Result<T, Unread>;

/// Which language the text should be in: what is at home there is no fix.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Home {
    Json,
    Python,
    /// Both.
    Any,
    /// Gemma's braces: keys without quotes are at home.
    Braces,
}

/// Whether the text may go on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Ending {
    Open,
    Closed,
}

/// What a value stands in: it decides where unquoted text and doubtful quotes end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Place {
    Top,
    /// A list, tuple or set.
    List,
    /// An object's key.
    Key,
    /// The value of an object's key: after a comma comes a key.
    Object,
    /// An argument without a name.
    Positional,
    /// The value of a named argument: after a comma comes a name.
    Keyword,
}

impl Place {
    /// Whether only a key may come after a comma.
    pub(super) fn wants_key(self) -> bool {
        matches!(self, Self::Object | Self::Keyword)
    }
}

/// Beyond this many, further fixes of one reading widen the last one of their kind: memory stays bounded.
const MANY: usize = 1024;

/// The fixes of one reading.
#[derive(Debug, Default)]
pub(super) struct Fixes {
    list: Vec<Fix>,
    /// Where the last fix of each kind is, once there are many.
    last: Vec<(FixKind, usize)>,
}

impl Fixes {
    pub(super) fn push(&mut self, kind: FixKind, span: Range<usize>) {
        if self.list.len() < MANY {
            self.list.push(Fix { kind, span, call: None, note: None });
            return;
        }
        let known = self.last.iter().find(|(known, _)| *known == kind).map(|(_, at)| *at);
        let found = known.or_else(|| self.list.iter().rposition(|fix| fix.kind == kind));
        if let Some(fix) = found.and_then(|at| self.list.get_mut(at)) {
            fix.span.end = fix.span.end.max(span.end);
        } else {
            self.list.push(Fix { kind, span, call: None, note: None });
        }
        if known.is_none() {
            self.last.push((kind, found.unwrap_or(self.list.len() - 1)));
        }
    }

    /// Whether the last fix is this one.
    pub(super) fn ends_with(&self, kind: FixKind, span: Range<usize>) -> bool {
        self.list.last().is_some_and(|fix| fix.kind == kind && fix.span == span)
    }

    pub(super) fn done(self) -> Vec<Fix> {
        self.list
    }
}

/// A point to step back to.
#[derive(Debug, Clone, Copy)]
pub(super) struct Mark {
    at: usize,
    fixes: usize,
}

/// The cursor.
#[derive(Debug)]
pub(super) struct Reader<'t> {
    pub(super) text: &'t str,
    pub(super) at: usize,
    pub(super) home: Home,
    pub(super) ending: Ending,
    pub(super) fixes: Fixes,
    /// A token that opens and closes strings, beside the quotes.
    pub(super) quote_token: Option<&'t str>,
    /// The closing brackets that are owed, innermost last.
    pub(super) owed: Vec<u8>,
    /// Where the last number or unquoted word ended: at the end of a text it may have been cut.
    pub(super) loose_end: usize,
    /// Where the values of the outermost object are, if that is asked for.
    pub(super) sources: Option<Vec<(String, Range<usize>)>>,
    /// How many unquoted texts were read.
    pub(super) bare_count: usize,
    /// What follows a quote token decided what it is.
    pub(super) doubtful: bool,
    /// Where strings end, where that was found out.
    pub(super) settled: Option<&'t Quotes>,
}

impl<'t> Reader<'t> {
    pub(super) fn new(text: &'t str, at: usize, home: Home, ending: Ending) -> Self {
        Self {
            text,
            at,
            home,
            ending,
            fixes: Fixes::default(),
            quote_token: None,
            owed: Vec::new(),
            loose_end: usize::MAX,
            sources: None,
            bare_count: 0,
            doubtful: false,
            settled: None,
        }
    }

    /// The value at the cursor and nothing around it.
    pub(super) fn top(&mut self) -> Read<Value> {
        if !self.text.is_char_boundary(self.at) {
            return Err(self.bad("a value starts at a character"));
        }
        self.space()?;
        self.value(Place::Top)
    }

    /// One value; the cursor stands on its first byte.
    pub(super) fn value(&mut self, place: Place) -> Read<Value> {
        let Some(byte) = self.peek() else { return Err(self.incomplete()) };
        if let Some(value) = self.string_value(place)? {
            return Ok(value);
        }
        match byte {
            b'{' => self.object(),
            b'[' => self.list(),
            b'(' | b'0'..=b'9' | b'+' | b'-' | b'.' | b'$' => self.arithmetic(place),
            b'd' if self.rest().starts_with("dict(") => self.dict(place),
            b'p' | b'm' | b'n' | b'M' if self.constant(self.at).is_some() => self.arithmetic(place),
            _ => match literal::word(&self.text[self.at..]) {
                Some((word, value)) => self.literal(word, value, place),
                None => self.bare(place),
            },
        }
    }

    fn literal(&mut self, word: &str, value: Option<Value>, place: Place) -> Read<Value> {
        let span = self.at..self.at + word.len();
        if !self.ends_value(span.end, place) {
            return self.bare(place);
        }
        if span.end == self.text.len() && place == Place::Top && self.may_go_on(word) {
            return Err(Unread::Incomplete { at: span.end });
        }
        self.at = span.end;
        if let Some(value) = value {
            let json = matches!(word, "true" | "false" | "null");
            let python = matches!(word, "True" | "False" | "None");
            let at_home = match self.home {
                Home::Json | Home::Braces => json,
                Home::Python | Home::Any => json || python,
            };
            if !at_home {
                self.fix(FixKind::Literal, span);
            }
            return Ok(value);
        }
        // NaN and its kin: no JSON number says it, and a null would be invented.
        self.fix(FixKind::Number, span);
        Ok(Value::String(word.to_owned()))
    }

    /// `inf` may become `infinity`.
    fn may_go_on(&self, word: &str) -> bool {
        self.ending == Ending::Open && word.eq_ignore_ascii_case("inf")
    }

    pub(super) fn peek(&self) -> Option<u8> {
        self.text.as_bytes().get(self.at).copied()
    }

    pub(super) fn byte(&self, at: usize) -> Option<u8> {
        self.text.as_bytes().get(at).copied()
    }

    pub(super) fn rest(&self) -> &'t str {
        self.text.get(self.at..).unwrap_or_default()
    }

    /// A parameter's name or an object's key without quotes, at the text's beginning.
    pub(super) fn key_word<'k>(&self, text: &'k str) -> Option<&'k str> {
        let at = usize::from(self.home == Home::Braces && text.starts_with('@'));
        literal::key(&text[at..]).map(|word| &text[..at + word.len()])
    }

    /// Whether a key and its sign stand here, after white space.
    pub(super) fn key_follows(&self, text: &str) -> bool {
        let own = text.trim_ascii_start().strip_prefix('@').filter(|_| self.home == Home::Braces);
        literal::key_follows(own.unwrap_or(text))
    }

    pub(super) fn fix(&mut self, kind: FixKind, span: Range<usize>) {
        self.fixes.push(kind, span);
    }

    pub(super) fn mark(&self) -> Mark {
        Mark { at: self.at, fixes: self.fixes.list.len() }
    }

    pub(super) fn back_to(&mut self, mark: Mark) {
        self.at = mark.at;
        if self.fixes.list.len() < MANY {
            self.fixes.list.truncate(mark.fixes);
        }
    }

    pub(super) fn incomplete(&self) -> Unread {
        Unread::Incomplete { at: self.text.len() }
    }

    pub(super) fn bad(&self, message: &'static str) -> Unread {
        Unread::Bad { at: self.at, message }
    }

    /// Enters a bracket; the cursor moves behind it.
    pub(super) fn enter(&mut self, closer: u8) -> Read<()> {
        if self.owed.len() >= MAX_DEPTH {
            return Err(Unread::TooDeep { at: self.at });
        }
        self.owed.push(closer);
        self.at += 1;
        Ok(())
    }

    /// Skips white space and comments.
    pub(super) fn space(&mut self) -> Read<()> {
        loop {
            let Some(byte) = self.peek() else { return Ok(()) };
            match byte {
                b' ' | b'\n' | b'\r' | b'\t' => self.at += 1,
                b'#' => self.comment(self.home != Home::Python),
                b'/' if self.byte(self.at + 1) == Some(b'/') => self.comment(true),
                b'/' if self.byte(self.at + 1) == Some(b'*') => {
                    let start = self.at;
                    let Some(length) = memchr::memmem::find(&self.text.as_bytes()[start + 2..], b"*/") else {
                        return Err(self.incomplete());
                    };
                    self.at = start + 2 + length + 2;
                    self.fix(FixKind::Comment, start..self.at);
                }
                // A Markdown escape before a bracket, as in `\[a\]`.
                b'\\' if matches!(self.byte(self.at + 1), Some(b'[' | b']' | b'{' | b'}' | b'(' | b')')) => {
                    self.fix(FixKind::Escape, self.at..self.at + 1);
                    self.at += 1;
                }
                0x0b | 0x0c | 0xc2 | 0xe2 | 0xef => {
                    let Some(blank) = self.rest().chars().next().filter(|c| is_blank(*c)) else { return Ok(()) };
                    self.fix(FixKind::Surplus, self.at..self.at + blank.len_utf8());
                    self.at += blank.len_utf8();
                }
                _ => return Ok(()),
            }
        }
    }

    /// A comment to the end of the line.
    fn comment(&mut self, told: bool) {
        let start = self.at;
        let length = memchr::memchr(b'\n', &self.text.as_bytes()[start..]);
        self.at = length.map_or(self.text.len(), |length| start + length);
        if told {
            self.fix(FixKind::Comment, start..self.at);
        }
    }

    /// The first byte from `at` on that is no white space, and where.
    pub(super) fn after_blanks(&self, at: usize) -> (usize, Option<u8>) {
        let bytes = self.text.as_bytes();
        let blanks =
            bytes[at.min(bytes.len())..].iter().take_while(|b| matches!(b, b' ' | b'\t' | b'\n' | b'\r')).count();
        (at + blanks, bytes.get(at + blanks).copied())
    }

    /// Whether a value that ends at `end` is followed by what may follow a value here: so `5` in `5 km` is no number.
    pub(super) fn ends_value(&self, end: usize, place: Place) -> bool {
        let bytes = self.text.as_bytes();
        let mut at = end;
        while matches!(bytes.get(at), Some(b' ' | b'\t' | b'\r')) {
            at += 1;
        }
        match bytes.get(at) {
            None | Some(b'\n' | b',' | b';' | b']' | b'}' | b')' | b'#') => true,
            Some(b'/') => matches!(bytes.get(at + 1), Some(b'/' | b'*')),
            Some(b'\\') => matches!(bytes.get(at + 1), Some(b']' | b'}' | b')')),
            Some(b'"' | b'\'') => at > end,
            Some(byte) if place == Place::Top => at > end || matches!(byte, b'[' | b'{' | b'(' | b':' | b'<' | b'|'),
            Some(byte) => matches!(byte, b'|' | b'<') && self.text[at..].starts_with("<|"),
        }
    }
}

/// Blanks that are none in JSON.
fn is_blank(c: char) -> bool {
    matches!(c, '\u{b}' | '\u{c}' | '\u{a0}' | '\u{200b}' | '\u{2003}' | '\u{2009}' | '\u{feff}')
}
