//! Strict JSON as a state machine over bytes: what each byte is, at a constant cost, in any cuts.
//!
//! [`Canonical`](super::Canonical) writes what it says. It accepts what `serde_json` accepts, except that it looks into
//! strings only for control bytes: what their escapes mean is the writer's business.

use super::MAX_DEPTH;

/// What a byte is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Token {
    /// White space between tokens.
    Blank,
    /// A bracket, comma or colon.
    Mark,
    /// The quote that opens a string; true for a key.
    Open(bool),
    /// A byte of a string, escapes included.
    Text,
    /// The quote that closes a string.
    Close,
    /// A byte of a number.
    Digit,
    /// A byte of `true`, `false` or `null`.
    Letter,
    /// No strict JSON.
    Off,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    /// A value must come; a closing bracket may, if true.
    Value(bool),
    /// A key must come; a closing brace may, if true.
    Key(bool),
    Colon,
    /// A comma or a closer.
    After,
    String {
        key: bool,
    },
    Escape {
        key: bool,
    },
    Hex {
        key: bool,
        left: u8,
    },
    Number(Part),
    Word {
        rest: &'static [u8],
    },
    Done,
    Off,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Part {
    Minus,
    Zero,
    Whole,
    Dot,
    Fraction,
    E,
    Sign,
    Exponent,
}

impl Part {
    /// The part that this byte leads to.
    fn then(self, byte: u8) -> Option<Self> {
        Some(match (self, byte) {
            (Self::Minus, b'0') => Self::Zero,
            (Self::Minus, b'1'..=b'9') | (Self::Whole, b'0'..=b'9') => Self::Whole,
            (Self::Zero | Self::Whole, b'.') => Self::Dot,
            (Self::Dot | Self::Fraction, b'0'..=b'9') => Self::Fraction,
            (Self::Zero | Self::Whole | Self::Fraction, b'e' | b'E') => Self::E,
            (Self::E, b'+' | b'-') => Self::Sign,
            (Self::E | Self::Sign | Self::Exponent, b'0'..=b'9') => Self::Exponent,
            _ => return None,
        })
    }

    fn may_end(self) -> bool {
        matches!(self, Self::Zero | Self::Whole | Self::Fraction | Self::Exponent)
    }
}

#[derive(Debug, Clone)]
pub(super) struct Machine {
    state: State,
    /// The open brackets, innermost last.
    pub(super) open: Vec<u8>,
}

impl Default for Machine {
    fn default() -> Self {
        Self { state: State::Value(false), open: Vec::new() }
    }
}

impl Machine {
    /// Whether the value is complete.
    pub(super) fn is_done(&self) -> bool {
        self.state == State::Done
    }

    pub(super) fn is_off(&self) -> bool {
        self.state == State::Off
    }

    /// Whether the next byte is one of a string, not right after a backslash.
    pub(super) fn in_string(&self) -> bool {
        matches!(self.state, State::String { .. })
    }

    /// What this byte is. A byte that ends a number or follows the value is what it is after that.
    pub(super) fn step(&mut self, byte: u8) -> Token {
        let before = self.state;
        match before {
            State::String { key } => self.text(byte, key),
            State::Escape { key } => self.escape(byte, key),
            State::Hex { key, left } => {
                self.state = match (byte.is_ascii_hexdigit(), left) {
                    (true, 1) => State::String { key },
                    (true, _) => State::Hex { key, left: left - 1 },
                    (false, _) => State::Off,
                };
                self.token(Token::Text)
            }
            State::Number(part) => match part.then(byte) {
                Some(part) => {
                    self.state = State::Number(part);
                    Token::Digit
                }
                None if part.may_end() => {
                    self.ended();
                    self.between(byte)
                }
                None => self.off(),
            },
            State::Word { rest } => match rest.split_first() {
                Some((expected, rest)) if *expected == byte => {
                    self.state = State::Word { rest };
                    if rest.is_empty() {
                        self.ended();
                    }
                    Token::Letter
                }
                _ => self.off(),
            },
            _ => self.between(byte),
        }
    }

    fn token(&self, token: Token) -> Token {
        if self.is_off() { Token::Off } else { token }
    }

    fn off(&mut self) -> Token {
        self.state = State::Off;
        Token::Off
    }

    fn text(&mut self, byte: u8, key: bool) -> Token {
        match byte {
            b'"' => {
                if key {
                    self.state = State::Colon;
                } else {
                    self.ended();
                }
                Token::Close
            }
            b'\\' => {
                self.state = State::Escape { key };
                Token::Text
            }
            0x00..=0x1f => self.off(),
            _ => Token::Text,
        }
    }

    fn escape(&mut self, byte: u8, key: bool) -> Token {
        self.state = match byte {
            b'"' | b'\\' | b'/' | b'b' | b'f' | b'n' | b'r' | b't' => State::String { key },
            b'u' => State::Hex { key, left: 4 },
            _ => State::Off,
        };
        self.token(Token::Text)
    }

    /// A value has ended.
    fn ended(&mut self) {
        self.state = if self.open.is_empty() { State::Done } else { State::After };
    }

    /// A byte outside of strings, numbers and words.
    fn between(&mut self, byte: u8) -> Token {
        if matches!(byte, b' ' | b'\n' | b'\r' | b'\t') {
            return self.token(Token::Blank);
        }
        match (self.state, byte) {
            (State::Value(_), b'{') => self.enter(byte, State::Key(true)),
            (State::Value(_), b'[') => self.enter(byte, State::Value(true)),
            (State::Value(true) | State::After, b']') | (State::Key(true) | State::After, b'}') => self.leave(byte),
            (State::Value(_), b'"') => {
                self.state = State::String { key: false };
                Token::Open(false)
            }
            (State::Key(_), b'"') => {
                self.state = State::String { key: true };
                Token::Open(true)
            }
            (State::Value(_), _) => self.scalar(byte),
            (State::Colon, b':') => {
                self.state = State::Value(false);
                Token::Mark
            }
            (State::After, b',') => {
                self.state = if self.open.last() == Some(&b'{') { State::Key(false) } else { State::Value(false) };
                Token::Mark
            }
            (State::Done, _) => Token::Off,
            _ => self.off(),
        }
    }

    fn scalar(&mut self, byte: u8) -> Token {
        let (state, token) = match byte {
            b'-' => (State::Number(Part::Minus), Token::Digit),
            b'0' => (State::Number(Part::Zero), Token::Digit),
            b'1'..=b'9' => (State::Number(Part::Whole), Token::Digit),
            b't' => (State::Word { rest: b"rue" }, Token::Letter),
            b'f' => (State::Word { rest: b"alse" }, Token::Letter),
            b'n' => (State::Word { rest: b"ull" }, Token::Letter),
            _ => (State::Off, Token::Off),
        };
        self.state = state;
        token
    }

    fn enter(&mut self, byte: u8, state: State) -> Token {
        if self.open.len() >= MAX_DEPTH {
            return self.off();
        }
        self.open.push(byte);
        self.state = state;
        Token::Mark
    }

    fn leave(&mut self, byte: u8) -> Token {
        let wanted = if byte == b'}' { b'{' } else { b'[' };
        if self.open.pop() != Some(wanted) {
            return self.off();
        }
        self.ended();
        Token::Mark
    }
}

/// Whether there is a control byte. Without a branch in the loop, so that the compiler can make vector code of it.
pub(super) fn has_control(bytes: &[u8]) -> bool {
    bytes.iter().fold(0, |any, byte| any | u8::from(*byte < 0x20)) != 0
}

/// How many bytes of a string come before its next quote, backslash or control byte.
pub(super) fn plain(bytes: &[u8]) -> usize {
    let end = memchr::memchr2(b'"', b'\\', bytes).unwrap_or(bytes.len());
    let run = &bytes[..end];
    if has_control(run) {
        return run.iter().position(|byte| *byte < 0x20).unwrap_or(end);
    }
    end
}
