//! Finds the end of a JSON-like value in a stream; looks at each byte once.
//!
//! As long as the text is strict JSON the machine says what each byte is. At the first deviation the scan goes on by
//! brackets and quotes alone, and a quote closes its string only before a delimiter, as in the tolerant reader.

use super::machine::{Machine, Token};

/// Where the scan stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ScanState {
    /// The value goes on.
    Inside,
    /// The value ended; `used` bytes of the last push belong to it.
    Done {
        /// How many bytes of the last push belong to the value.
        used: usize,
    },
    /// This is nothing like a value; the caller decides.
    Lost,
}

/// How many open brackets are told apart; deeper ones are only counted.
const TOLD: usize = 256;

/// Resumable scan for the end of a value. Text that is no list, object or string must be a strict number or word, and
/// ends before the byte after it.
///
/// ```
/// use callwright_parse::value::{ScanState, ValueScan};
/// let mut scan = ValueScan::new();
/// assert_eq!(scan.push(br#"{"a": "}"#), ScanState::Inside);
/// assert_eq!(scan.push(br#""} and"#), ScanState::Done { used: 2 });
/// assert!(scan.is_strict());
/// ```
#[derive(Debug, Clone, Default)]
pub struct ValueScan {
    machine: Machine,
    loose: Option<Loose>,
    done: bool,
}

/// The scan after the first deviation.
#[derive(Debug, Clone, Default)]
struct Loose {
    open: Vec<u8>,
    deeper: usize,
    inside: Inside,
    /// Letters before the next byte, if they may be a string's prefix.
    word: u8,
}

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
enum Inside {
    #[default]
    Nothing,
    /// A string; true right after a backslash.
    String(u8, bool),
    /// After a quote that may have closed its string; true after white space.
    Quote(u8, bool),
}

impl ValueScan {
    /// Before the first byte; white space may come first.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Whether everything so far was strict JSON.
    #[must_use]
    pub fn is_strict(&self) -> bool {
        self.loose.is_none() && !self.machine.is_off()
    }

    /// How many brackets are open.
    #[must_use]
    pub fn depth(&self) -> usize {
        self.loose.as_ref().map_or(self.machine.open.len(), |loose| loose.open.len() + loose.deeper)
    }

    /// Looks at these bytes. After `Done` or `Lost` the scan is over.
    pub fn push(&mut self, bytes: &[u8]) -> ScanState {
        if self.done {
            return ScanState::Done { used: 0 };
        }
        let mut at = 0;
        if self.loose.is_none() {
            at = match self.strict(bytes) {
                Ok(state) => return state,
                Err(at) => at,
            };
        }
        let Some(loose) = &mut self.loose else { return ScanState::Inside };
        let state = loose.push(bytes, at);
        self.done = matches!(state, ScanState::Done { .. });
        state
    }

    /// The strict part; where it deviates, the byte at which the loose scan starts.
    fn strict(&mut self, bytes: &[u8]) -> Result<ScanState, usize> {
        let mut at = 0;
        loop {
            if self.machine.in_string() {
                at += plain(bytes.get(at..).unwrap_or_default());
            }
            let Some(&byte) = bytes.get(at) else { return Ok(ScanState::Inside) };
            let top = self.machine.open.is_empty();
            let before = self.handover();
            let token = self.machine.step(byte);
            if self.machine.is_done() {
                // A number or word at the top ends before this byte.
                let behind = matches!(token, Token::Off | Token::Blank);
                if behind || matches!(token, Token::Close | Token::Mark) {
                    self.done = true;
                    return Ok(ScanState::Done { used: at + usize::from(!behind) });
                }
            }
            if token == Token::Off {
                if top && !matches!(byte, b'\'' | b'(') && !before.is_string() {
                    return Ok(ScanState::Lost);
                }
                self.loose = Some(Loose { open: std::mem::take(&mut self.machine.open), ..before.loose() });
                return Err(at);
            }
            at += 1;
        }
    }

    fn handover(&self) -> Handover {
        let machine = &self.machine;
        match (machine.within_string(), machine.in_escape()) {
            (true, escape) => Handover::String(escape),
            (false, _) if machine.after_string => Handover::AfterString,
            (false, _) => Handover::Between,
        }
    }
}

/// Where the strict machine stood when it met the deviation.
#[derive(Debug, Clone, Copy)]
enum Handover {
    String(bool),
    AfterString,
    Between,
}

impl Handover {
    fn is_string(self) -> bool {
        matches!(self, Self::String(_))
    }

    fn loose(self) -> Loose {
        let inside = match self {
            Self::String(escape) => Inside::String(b'"', escape),
            // White space in between is forgotten, which only matters for quotes that follow each other.
            Self::AfterString => Inside::Quote(b'"', true),
            Self::Between => Inside::Nothing,
        };
        Loose { inside, ..Loose::default() }
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

impl Loose {
    fn push(&mut self, bytes: &[u8], mut at: usize) -> ScanState {
        while let Some(&byte) = bytes.get(at) {
            match self.inside {
                Inside::String(quote, true) => {
                    self.inside = Inside::String(quote, false);
                    at += 1;
                }
                Inside::String(quote, false) => {
                    let Some(found) = memchr::memchr2(quote, b'\\', &bytes[at..]) else { return ScanState::Inside };
                    at += found + 1;
                    if bytes[at - 1] == b'\\' {
                        self.inside = Inside::String(quote, true);
                    } else if self.open.is_empty() {
                        return ScanState::Done { used: at };
                    } else {
                        self.inside = Inside::Quote(quote, false);
                    }
                }
                Inside::Quote(quote, apart) => {
                    self.inside = after_quote(byte, quote, apart);
                    at += usize::from(self.inside != Inside::Nothing);
                }
                Inside::Nothing => {
                    if let Some(state) = self.between(byte, at) {
                        return state;
                    }
                    at += 1;
                }
            }
        }
        ScanState::Inside
    }

    /// A byte outside of strings.
    fn between(&mut self, byte: u8, at: usize) -> Option<ScanState> {
        match byte {
            b'"' | b'\'' if self.word <= 2 => self.inside = Inside::String(byte, false),
            b'{' | b'[' | b'(' if self.open.len() < TOLD => self.open.push(byte),
            b'{' | b'[' | b'(' => self.deeper += 1,
            b'}' | b']' | b')' if self.deeper > 0 => self.deeper -= 1,
            b'}' | b']' | b')' => return self.close(byte, at),
            _ => {}
        }
        self.word = match byte {
            b'r' | b'R' | b'b' | b'B' | b'u' | b'U' | b'f' | b'F' => self.word.saturating_add(1),
            _ if byte.is_ascii_alphanumeric() || byte >= 0x80 => u8::MAX,
            _ => 0,
        };
        None
    }

    fn close(&mut self, byte: u8, at: usize) -> Option<ScanState> {
        let opener = match byte {
            b'}' => b'{',
            b']' => b'[',
            _ => b'(',
        };
        match self.open.iter().rposition(|open| *open == opener) {
            Some(found) => self.open.truncate(found),
            // Nobody's closer: it was meant for the innermost bracket, or is no longer part of the value.
            None if self.open.len() > 1 => self.open.truncate(self.open.len() - 1),
            None => return Some(ScanState::Done { used: at }),
        }
        self.open.is_empty().then_some(ScanState::Done { used: at + 1 })
    }
}

/// Where the scan stands after this byte, which comes after a quote.
fn after_quote(byte: u8, quote: u8, apart: bool) -> Inside {
    match byte {
        b' ' | b'\n' | b'\r' | b'\t' => Inside::Quote(quote, true),
        b',' | b':' | b';' | b'=' | b'}' | b']' | b')' => Inside::Nothing,
        b'"' | b'\'' | b'#' | b'/' if apart => Inside::Nothing,
        // This one may close instead: the second of three, or the one after an unescaped one.
        _ if byte == quote => Inside::Quote(quote, false),
        b'\\' => Inside::String(quote, true),
        _ => Inside::String(quote, false),
    }
}
