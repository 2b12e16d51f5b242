//! Finds where a bracketed value ends, in a stream, looking at each byte once.
//!
//! It counts brackets outside strings and nothing more; what the value is, a reader says afterwards, once. A quote ends
//! a string only where a delimiter follows, so an apostrophe does not throw it off. A marker outside strings ends the
//! value early; one inside is remembered, for the case that the string turns out never to end.

use memchr::memchr;

use super::item::Scene;
use super::scan::{Literals, Sighted};
use crate::value::token::{After, Closes};

/// How far the value goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Reach {
    /// Further than the text so far.
    More,
    /// To this byte: its bracket closed.
    End(usize),
    /// To this marker, brackets still open.
    Marker(usize),
    /// The text is over; `shallow` where only the outermost bracket is open and a bracket closed last.
    Cut {
        /// Nothing but the last bracket is missing.
        shallow: bool,
    },
}

/// A resumable scan for the end of a bracketed value.
#[derive(Debug, Clone)]
pub(crate) struct Extent {
    at: usize,
    depth: usize,
    within: Within,
    /// The last two bytes outside strings that are no blanks.
    before: [u8; 2],
    first_inside: Option<usize>,
    /// The closing brackets that are owed, innermost last: kept only where strings stand between tokens.
    owed: Vec<u8>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Within {
    Brackets,
    String {
        quote: u8,
    },
    /// A quote stood in a string; what follows decides whether it ended it.
    Quoted {
        quote: u8,
        blank: bool,
    },
    Triple {
        quote: u8,
    },
    /// Between quote tokens; `key` where a key may stand.
    Token {
        key: bool,
    },
}

impl Extent {
    /// A scan from the opening bracket at `at`.
    pub(crate) fn new(at: usize) -> Self {
        Self { at, depth: 0, within: Within::Brackets, before: [b',', b','], first_inside: None, owed: Vec::new() }
    }

    /// The bytes looked at so far end here.
    pub(crate) fn at(&self) -> usize {
        self.at
    }

    /// Whether all of a text of this length was looked at and nothing in it awaits what follows.
    pub(crate) fn has_read(&self, length: usize) -> bool {
        self.at == length
    }

    /// The first marker that stood inside a string.
    pub(crate) fn marker_inside(&self) -> Option<usize> {
        self.first_inside
    }

    /// Goes on over the text so far. `token` opens and closes strings too.
    pub(crate) fn advance(&mut self, scene: &Scene<'_>, token: Option<&str>) -> Reach {
        let (text, at_end, enders) = (scene.text, scene.at_end, &scene.format.markers().inside);
        let bytes = text.as_bytes();
        while self.at < bytes.len() {
            let moved = match self.within {
                Within::Brackets => self.brackets(text, at_end, enders, token),
                Within::String { quote } => self.string(text, at_end, enders, quote),
                Within::Quoted { quote, blank } => self.quoted(scene, (quote, blank), token),
                Within::Triple { quote } => self.triple(bytes, at_end, quote),
                Within::Token { key } => self.token(scene, token.unwrap_or_default(), key),
            };
            match moved {
                Moved::On => {}
                Moved::Wait => return Reach::More,
                Moved::Stop(reach) => return reach,
            }
            if let Some(marker) = self.first_inside.filter(|_| scene.is_tired()) {
                return Reach::Marker(marker);
            }
        }
        if !at_end {
            return Reach::More;
        }
        let shallow =
            self.depth == 1 && self.within == Within::Brackets && matches!(self.before[1], b'}' | b']' | b')');
        Reach::Cut { shallow }
    }

    fn brackets(&mut self, text: &str, at_end: bool, enders: &Literals, token: Option<&str>) -> Moved {
        let bytes = text.as_bytes();
        let byte = bytes[self.at];
        match byte {
            b'{' | b'[' | b'(' => {
                self.depth += 1;
                if token.is_some() {
                    self.owed.push(closer(byte));
                }
            }
            b'}' | b']' | b')' => {
                self.depth = self.depth.saturating_sub(1);
                self.owed.pop();
                if self.depth == 0 {
                    self.at += 1;
                    return Moved::Stop(Reach::End(self.at));
                }
            }
            b'"' | b'\'' if byte == b'"' || self.opens_single() => {
                let rest = &bytes[self.at..bytes.len().min(self.at + 3)];
                if rest.len() < 3 && !at_end && rest.iter().all(|other| *other == byte) {
                    return Moved::Wait;
                }
                let triple = rest.len() == 3 && rest.iter().all(|other| *other == byte);
                self.at += if triple { 3 } else { 1 };
                self.within = if triple { Within::Triple { quote: byte } } else { Within::String { quote: byte } };
                return Moved::On;
            }
            b' ' | b'\n' | b'\r' | b'\t' => {
                self.at += 1;
                return Moved::On;
            }
            _ => {
                if let Some(token) = token {
                    match starts(&bytes[self.at..], token, at_end) {
                        Starts::Yes => {
                            self.at += token.len();
                            // Behind a value it closes what none opened.
                            if matches!(self.before[1], b'{' | b'[' | b'(' | b',' | b':' | b'=') {
                                let key = !matches!(self.before[1], b':' | b'=') && self.owed.last() != Some(&b']');
                                self.within = Within::Token { key };
                            }
                            return Moved::On;
                        }
                        Starts::Perhaps => return Moved::Wait,
                        Starts::No => {}
                    }
                }
                match enders.here(text, self.at, at_end) {
                    Sighted::Marker { at, .. } => return Moved::Stop(Reach::Marker(at)),
                    Sighted::Perhaps { .. } => return Moved::Wait,
                    Sighted::Nothing => {}
                }
            }
        }
        self.before = [self.before[1], byte];
        self.at += 1;
        Moved::On
    }

    /// Whether a single quote opens a string here: after a delimiter, or after a prefix such as `r`.
    fn opens_single(&self) -> bool {
        let delimiter = |byte| matches!(byte, b'{' | b'[' | b'(' | b',' | b':' | b'=' | b'\'' | b'"');
        delimiter(self.before[1])
            || (delimiter(self.before[0]) && matches!(self.before[1], b'r' | b'b' | b'u' | b'f' | b'R' | b'B' | b'F'))
    }

    fn string(&mut self, text: &str, at_end: bool, enders: &Literals, quote: u8) -> Moved {
        let bytes = text.as_bytes();
        let Some(offset) = enders.next_first_or([quote, b'\\'], &bytes[self.at..]) else {
            self.at = bytes.len();
            return Moved::On;
        };
        self.at += offset;
        let byte = bytes[self.at];
        if byte == b'\\' {
            if self.at + 1 >= bytes.len() && !at_end {
                return Moved::Wait;
            }
            self.at = bytes.len().min(self.at + 2);
        } else if byte == quote {
            self.at += 1;
            self.within = Within::Quoted { quote, blank: false };
        } else {
            match enders.here(text, self.at, at_end) {
                Sighted::Marker { at, end, .. } => {
                    self.first_inside = self.first_inside.or(Some(at));
                    self.at = end;
                }
                Sighted::Perhaps { .. } => return Moved::Wait,
                Sighted::Nothing => self.at += 1,
            }
        }
        Moved::On
    }

    fn quoted(&mut self, scene: &Scene<'_>, (quote, blank): (u8, bool), token: Option<&str>) -> Moved {
        let (text, at_end, enders) = (scene.text, scene.at_end, &scene.format.markers().inside);
        let byte = text.as_bytes()[self.at];
        match token.map_or(Starts::No, |token| starts(&text.as_bytes()[self.at..], token, at_end)) {
            Starts::Yes => {
                self.before = [b',', b'"'];
                self.within = Within::Brackets;
                return Moved::On;
            }
            Starts::Perhaps => return Moved::Wait,
            Starts::No => {}
        }
        if byte.is_ascii_whitespace() {
            self.at += 1;
            self.within = Within::Quoted { quote, blank: true };
            return Moved::On;
        }
        let closed = match byte {
            b',' | b':' | b'}' | b']' | b')' => true,
            b'"' | b'\'' => blank,
            _ => match enders.here(text, self.at, at_end) {
                Sighted::Marker { .. } => true,
                Sighted::Perhaps { .. } => return Moved::Wait,
                Sighted::Nothing => false,
            },
        };
        if closed {
            self.before = [b',', b'"'];
            self.within = Within::Brackets;
        } else {
            self.within = Within::String { quote };
        }
        Moved::On
    }

    fn triple(&mut self, bytes: &[u8], at_end: bool, quote: u8) -> Moved {
        let Some(offset) = memchr(quote, &bytes[self.at..]) else {
            self.at = bytes.len();
            return Moved::On;
        };
        self.at += offset;
        let rest = &bytes[self.at..bytes.len().min(self.at + 3)];
        if rest == [quote; 3] {
            self.at += 3;
            self.before = [b',', b'"'];
            self.within = Within::Brackets;
        } else if rest.len() < 3 && !at_end && rest.iter().all(|byte| *byte == quote) {
            return Moved::Wait;
        } else {
            self.at += 1;
        }
        Moved::On
    }

    fn token(&mut self, scene: &Scene<'_>, token: &str, key: bool) -> Moved {
        let (text, at_end, enders) = (scene.text, scene.at_end, &scene.format.markers().inside);
        let bytes = text.as_bytes();
        let first = token.as_bytes().first().copied().unwrap_or(b'"');
        let Some(offset) = enders.next_first_or([first, first], &bytes[self.at..]) else {
            self.at = bytes.len();
            return Moved::On;
        };
        self.at += offset;
        match starts(&bytes[self.at..], token, at_end) {
            Starts::Yes => {
                let at = self.at + token.len();
                let after = After { text: bytes, at, token, owed: &self.owed, key, at_end };
                match after.closes(|end| scene.may_end_call(end)) {
                    Closes::Wait => return Moved::Wait,
                    Closes::No => {}
                    Closes::Yes => {
                        // What stands before is a whole value: a bracket may close here, and a token is a stray one.
                        self.before = [b',', b'"'];
                        self.within = Within::Brackets;
                    }
                }
                self.at = at;
            }
            Starts::Perhaps => return Moved::Wait,
            Starts::No => match enders.here(text, self.at, at_end) {
                Sighted::Marker { at, end, .. } => {
                    self.first_inside = self.first_inside.or(Some(at));
                    self.at = end;
                }
                Sighted::Perhaps { .. } => return Moved::Wait,
                Sighted::Nothing => self.at += 1,
            },
        }
        Moved::On
    }
}

fn closer(opening: u8) -> u8 {
    match opening {
        b'{' => b'}',
        b'[' => b']',
        _ => b')',
    }
}

enum Moved {
    On,
    Wait,
    Stop(Reach),
}

pub(crate) enum Starts {
    Yes,
    Perhaps,
    No,
}

/// Whether the text begins with the word, as far as it is there.
pub(crate) fn starts(text: &[u8], word: &str, at_end: bool) -> Starts {
    let word = word.as_bytes();
    if text.starts_with(word) {
        Starts::Yes
    } else if !at_end && word.starts_with(text) {
        Starts::Perhaps
    } else {
        Starts::No
    }
}
