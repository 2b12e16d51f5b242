//! Endless digits: a small model repeats them until its token budget is spent.
//!
//! Schemas rarely bound a number and the grammar cannot say "at most so many digits", so the decoder counts them:
//! whole numbers stay within what an `i64` holds, others within the 17 digits that an `f64` can tell apart, and
//! exponents are of two digits. Only for numbers: digits inside strings are text. It knows bytes, no tokens.

/// Digits of a whole number: 18 always fit an `i64`.
const WHOLE: usize = 18;
/// Digits of a number with a fraction, both sides together.
const FRACTION: usize = 17;
/// Digits of an exponent.
const EXPONENT: usize = 2;

/// Follows a call's text, to tell digits of numbers from digits inside strings.
#[derive(Debug, Default)]
pub struct Digits {
    /// How much of the text was looked at.
    seen: usize,
    in_string: bool,
    escaped: bool,
}

impl Digits {
    /// Follows a text from this byte on, which stands outside of strings.
    #[must_use]
    pub fn from(start: usize) -> Self {
        Self { seen: start, ..Self::default() }
    }

    /// Whether a number may be about to become too long at the end of this text, which is the one known plus what was
    /// appended since.
    pub fn in_number(&mut self, text: &[u8]) -> bool {
        for byte in text.get(self.seen..).unwrap_or_default() {
            match byte {
                _ if self.escaped => self.escaped = false,
                b'\\' if self.in_string => self.escaped = true,
                b'"' => self.in_string = !self.in_string,
                _ => {}
            }
        }
        self.seen = text.len();
        !self.in_string && ends_in_digits(text)
    }
}

/// Whether a text ends in a number with a digit: a token of a few digits may be too long an exponent.
#[must_use]
pub fn ends_in_digits(text: &[u8]) -> bool {
    Number::at_end(text).is_some_and(|number| number.digits() > 0)
}

/// Whether this piece, written behind this text, would make a number too long. Outside numbers: never.
#[must_use]
pub fn overlong(text: &[u8], piece: &[u8]) -> bool {
    let Some(mut number) = Number::at_end(text) else { return false };
    for byte in piece {
        if !number.push(*byte) {
            return false;
        }
        if number.is_overlong() {
            return true;
        }
    }
    false
}

/// Digits of a number, by part.
#[derive(Debug, Default, Clone, Copy)]
struct Number {
    whole: usize,
    fraction: Option<usize>,
    exponent: Option<usize>,
}

impl Number {
    /// The number that a text ends in, if it has a digit.
    fn at_end(text: &[u8]) -> Option<Self> {
        let in_number = |byte: &u8| matches!(byte, b'0'..=b'9' | b'.' | b'e' | b'E' | b'+' | b'-');
        let start = text.iter().rposition(|byte| !in_number(byte)).map_or(0, |before| before + 1);
        let starts_value =
            start == 0 || matches!(text[start - 1], b':' | b',' | b'[' | b'(' | b'=' | b'>' | b' ' | b'\n' | b'|');
        let mut number = Self::default();
        let read = text[start..].iter().all(|byte| number.push(*byte));
        (starts_value && read && number.whole > 0).then_some(number)
    }

    /// Reads one more byte; false where the number ends before it.
    fn push(&mut self, byte: u8) -> bool {
        match byte {
            b'0'..=b'9' => {
                let part = self.exponent.as_mut().or(self.fraction.as_mut()).unwrap_or(&mut self.whole);
                *part += 1;
            }
            b'.' if self.fraction.is_none() => self.fraction = Some(0),
            b'e' | b'E' if self.exponent.is_none() && self.whole > 0 => self.exponent = Some(0),
            b'+' | b'-' => {}
            _ => return false,
        }
        true
    }

    fn digits(self) -> usize {
        self.whole + self.fraction.unwrap_or(0) + self.exponent.unwrap_or(0)
    }

    fn is_overlong(self) -> bool {
        let digits = match self.fraction {
            // A point needs a digit behind it.
            Some(fraction) => self.whole + fraction.max(1) > FRACTION,
            None => self.whole > WHOLE,
        };
        digits || self.exponent.is_some_and(|exponent| exponent > EXPONENT)
    }
}

#[cfg(test)]
mod tests {
    use super::{Digits, ends_in_digits, overlong};

    #[test]
    fn digits_of_strings_are_text() {
        let mut digits = Digits::from(1);
        assert!(!digits.in_number(b"\"{\"a\": \"call \\\" 12"));
        assert!(!digits.in_number(b"\"{\"a\": \"call \\\" 123456"));
        assert!(digits.in_number(b"\"{\"a\": \"call \\\" 123456\", \"b\": 12"));
    }

    #[test]
    fn digits_end() {
        assert!(!overlong(b"{\"a\": 12345678901234567", b"8"));
        assert!(overlong(b"{\"a\": 12345678901234567", b"89"));
        assert!(overlong(b"{\"a\": -3.1415926535897931", b"2"));
        assert!(overlong(b"[1e10", b"0"));
        assert!(!overlong(b"[1e1", b"0"));
        assert!(ends_in_digits(b"[1e") && overlong(b"[1e", b"2024"));
    }

    #[test]
    fn a_fraction_is_not_rounded() {
        assert!(!overlong(b"[1234567890123456", b".5"));
        assert!(overlong(b"[1234567890123456.5", b"5"));
        assert!(overlong(b"[123456789012345678", b".5"));
    }

    #[test]
    fn other_bytes_end_a_number() {
        assert!(!overlong(b"[123456789012345678", b", 1234567890123456789"));
        assert!(!overlong(b"\"12345678901234567890", b"1"));
        assert!(!overlong(b"\"a12345678901234567890", b"1"));
    }
}
