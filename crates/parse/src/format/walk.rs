//! Walks a strict JSON object while it arrives: keys, and where their values are.
//!
//! This is what lets a call begin, and its arguments flow, before the object is complete. It follows strict JSON only; at
//! the first deviation it is lost, nothing more is told early, and the tolerant readers say it all at the end.

use std::ops::Range;

use memchr::memchr2;

/// What a walk passes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Walked {
    /// A key, decoded.
    Key(String),
    /// Bytes of the value that belongs to the last key; may come in pieces.
    Value(Range<usize>),
    /// The value ended.
    ValueEnd,
    /// The object ended.
    End,
}

/// A resumable walk over an object's own keys and values.
#[derive(Debug, Clone, Default)]
pub(crate) struct ObjectWalk {
    state: State,
    key: Vec<u8>,
}

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
enum State {
    #[default]
    Start,
    KeyOrEnd,
    NextKey,
    Key {
        escaped: bool,
    },
    Colon,
    ValueStart,
    Scalar,
    String {
        escaped: bool,
        depth: usize,
    },
    Nested {
        depth: usize,
    },
    AfterValue,
    Done,
    Lost,
}

impl ObjectWalk {
    /// Before the opening brace.
    #[must_use]
    pub(crate) fn new() -> Self {
        Self::default()
    }

    /// Whether the text left strict JSON.
    #[must_use]
    pub(crate) fn is_lost(&self) -> bool {
        self.state == State::Lost
    }

    /// Whether it stands in a value that a quote or a bracket will end.
    #[must_use]
    pub(crate) fn is_enclosed(&self) -> bool {
        matches!(self.state, State::String { .. } | State::Nested { .. })
    }

    /// Goes on over these bytes, which start at offset `base`; tells what it passes.
    pub(crate) fn push(&mut self, bytes: &[u8], base: usize, visit: &mut impl FnMut(Walked)) {
        let mut at = 0;
        while at < bytes.len() && !matches!(self.state, State::Done | State::Lost) {
            let from = at;
            match self.state {
                State::Scalar | State::String { .. } | State::Nested { .. } => {
                    let ended = self.value(bytes, &mut at);
                    if at > from {
                        visit(Walked::Value(base + from..base + at));
                    }
                    if ended {
                        visit(Walked::ValueEnd);
                        self.state = State::AfterValue;
                    }
                }
                State::Key { escaped } => {
                    at += 1;
                    self.key.push(bytes[from]);
                    match (escaped, bytes[from]) {
                        (false, b'"') => match serde_json::from_slice::<String>(&self.key) {
                            Ok(key) => {
                                visit(Walked::Key(key));
                                self.state = State::Colon;
                            }
                            Err(_) => self.state = State::Lost,
                        },
                        (false, b'\\') => self.state = State::Key { escaped: true },
                        _ => self.state = State::Key { escaped: false },
                    }
                }
                _ => {
                    at += 1;
                    self.between(bytes[from], base + from, visit);
                }
            }
        }
    }

    /// One byte between keys and values.
    fn between(&mut self, byte: u8, at: usize, visit: &mut impl FnMut(Walked)) {
        if matches!(byte, b' ' | b'\n' | b'\r' | b'\t') {
            return;
        }
        self.state = match (self.state, byte) {
            (State::Start, b'{') => State::KeyOrEnd,
            (State::KeyOrEnd | State::NextKey, b'"') => {
                self.key = vec![b'"'];
                State::Key { escaped: false }
            }
            (State::KeyOrEnd | State::AfterValue, b'}') => {
                visit(Walked::End);
                State::Done
            }
            (State::Colon, b':') => State::ValueStart,
            (State::AfterValue, b',') => State::NextKey,
            (State::ValueStart, first) => {
                visit(Walked::Value(at..at + 1));
                match first {
                    b'"' => State::String { escaped: false, depth: 0 },
                    b'{' | b'[' => State::Nested { depth: 1 },
                    b'}' | b']' | b',' | b':' => State::Lost,
                    _ => State::Scalar,
                }
            }
            _ => State::Lost,
        };
    }

    /// Goes on inside a value; true where it ended before or at `at`.
    fn value(&mut self, bytes: &[u8], at: &mut usize) -> bool {
        while *at < bytes.len() {
            match self.state {
                State::Scalar => {
                    if matches!(bytes[*at], b',' | b'}' | b' ' | b'\n' | b'\r' | b'\t') {
                        return true;
                    }
                    *at += 1;
                }
                State::String { escaped: true, depth } => {
                    *at += 1;
                    self.state = State::String { escaped: false, depth };
                }
                State::String { escaped: false, depth } => {
                    let Some(offset) = memchr2(b'"', b'\\', &bytes[*at..]) else {
                        *at = bytes.len();
                        return false;
                    };
                    *at += offset + 1;
                    if bytes[*at - 1] == b'\\' {
                        self.state = State::String { escaped: true, depth };
                    } else if depth == 0 {
                        return true;
                    } else {
                        self.state = State::Nested { depth };
                    }
                }
                State::Nested { depth } => {
                    let byte = bytes[*at];
                    *at += 1;
                    match byte {
                        b'"' => self.state = State::String { escaped: false, depth },
                        b'{' | b'[' => self.state = State::Nested { depth: depth + 1 },
                        b'}' | b']' if depth == 1 => return true,
                        b'}' | b']' => self.state = State::Nested { depth: depth - 1 },
                        _ => {}
                    }
                }
                _ => return false,
            }
        }
        false
    }
}
