//! Where a string between quote tokens ends: `code:<|"|>d = {<|"|>a<|"|>: 1}<|"|>,n:1}`.
//!
//! Models use the token for quotes inside a value, too. A token closes its string only where what follows may follow a
//! string there: the next key, the next item, or brackets that close up to the call's end. The look ahead is short, so
//! the scan for a call's end in a stream asks the same question as the reader.

/// Whether a token closes its string.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Closes {
    Yes,
    No,
    /// The text so far does not say.
    Wait,
}

/// No look ahead is longer, in bytes.
const LONGEST: usize = 256;

/// What stands after a quote token in a string.
#[derive(Debug, Clone, Copy)]
pub(crate) struct After<'t> {
    pub(crate) text: &'t [u8],
    /// The byte after the token.
    pub(crate) at: usize,
    pub(crate) token: &'t str,
    /// The closing brackets that are owed, innermost last.
    pub(crate) owed: &'t [u8],
    /// The string stands where a key may.
    pub(crate) key: bool,
    /// Nothing more will come.
    pub(crate) at_end: bool,
}

impl After<'_> {
    /// Whether the token closes the string. `ends` says whether the call may end before this byte.
    pub(crate) fn closes(self, ends: impl Fn(usize) -> Closes) -> Closes {
        let (mut at, mut owed) = (self.at, self.owed);
        loop {
            let next = self.blanks(at);
            let (Some(byte), Some(innermost)) = (self.text.get(next).copied(), owed.last().copied()) else {
                return if owed.is_empty() { ends(next) } else { self.unsure() };
            };
            if next - self.at > LONGEST {
                return Closes::No;
            }
            match byte {
                b'}' | b']' | b')' if byte == innermost => {
                    owed = &owed[..owed.len() - 1];
                    at = next + 1;
                }
                b',' if innermost == b']' => return self.item(self.blanks(next + 1)),
                b',' if !self.key || owed.len() < self.owed.len() => return self.next_key(self.blanks(next + 1)),
                b':' | b'=' if self.key && owed.len() == self.owed.len() => return Closes::Yes,
                _ => return self.marker(next, &ends),
            }
        }
    }

    /// A marker that ends the call early closes all of it.
    fn marker(self, at: usize, ends: &impl Fn(usize) -> Closes) -> Closes {
        if self.text[at..].starts_with(self.token.as_bytes()) { Closes::No } else { ends(at) }
    }

    fn unsure(self) -> Closes {
        if self.at_end { Closes::Yes } else { Closes::Wait }
    }

    fn blanks(self, at: usize) -> usize {
        let near = self.text.get(at..).unwrap_or_default();
        at + near.iter().take(LONGEST * 2).take_while(|byte| byte.is_ascii_whitespace()).count()
    }

    /// Whether the next item of a list begins here.
    fn item(self, at: usize) -> Closes {
        match self.text.get(at) {
            None => self.unsure(),
            Some(b'"' | b'\'' | b'[' | b'{' | b']' | b'-' | b'0'..=b'9' | b't' | b'f' | b'n' | b'T' | b'F' | b'N') => {
                Closes::Yes
            }
            Some(_) => self.token_at(at),
        }
    }

    fn token_at(self, at: usize) -> Closes {
        let (rest, token) = (&self.text[at..], self.token.as_bytes());
        if rest.starts_with(token) {
            Closes::Yes
        } else if !self.at_end && token.starts_with(rest) {
            Closes::Wait
        } else {
            Closes::No
        }
    }

    /// Whether a key and its sign stand here, or brackets that close.
    fn next_key(self, at: usize) -> Closes {
        let Some(rest) = self.text.get(at..).filter(|rest| !rest.is_empty()) else { return self.unsure() };
        let near = &rest[..rest.len().min(LONGEST)];
        let quoted = |quote: &[u8]| {
            let end = memchr::memmem::find(&near[quote.len()..], quote)?;
            Some(quote.len() + end + quote.len())
        };
        let end = match near[0] {
            b'}' | b']' => return Closes::Yes,
            quote @ (b'"' | b'\'') => quoted(&[quote]),
            _ => match self.token_at(at) {
                Closes::Wait => return Closes::Wait,
                Closes::Yes => quoted(self.token.as_bytes()),
                Closes::No => {
                    let word = near.iter().take_while(|byte| is_key(**byte)).count();
                    if word == 0 {
                        return Closes::No;
                    }
                    Some(word).filter(|word| *word < near.len())
                }
            },
        };
        let cut = if near.len() < LONGEST && !self.at_end { Closes::Wait } else { Closes::No };
        let Some(end) = end else { return cut };
        match near[end..].iter().find(|byte| !byte.is_ascii_whitespace()) {
            Some(b':' | b'=') => Closes::Yes,
            Some(_) => Closes::No,
            None => cut,
        }
    }
}

/// Whether a key may hold this byte.
fn is_key(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || byte >= 0x80 || matches!(byte, b'_' | b'-' | b'.' | b'@' | b'$' | b'\\')
}

#[cfg(test)]
mod tests {
    use super::{After, Closes};

    fn closes(rest: &str, owed: &str) -> Closes {
        let after =
            After { text: rest.as_bytes(), at: 0, token: "<q>", owed: owed.as_bytes(), key: false, at_end: false };
        after.closes(|at| match rest.as_bytes().get(at) {
            None => Closes::Wait,
            Some(b'|') => Closes::Yes,
            Some(_) => Closes::No,
        })
    }

    #[test]
    fn a_token_closes_only_before_what_may_follow() {
        for rest in ["}|", ",b:1", ", @b : 1", ",<q>b<q>:1", "}]}|", ",}|"] {
            let owed = if rest.starts_with("}]") { "}]}" } else { "}" };
            assert_eq!(closes(rest, owed), Closes::Yes, "{rest}");
        }
        for rest in ["x", ": 1", ",b)", "} + y", ",<q>b<q>)", ")", "<q>"] {
            assert_eq!(closes(rest, "}"), Closes::No, "{rest}");
        }
        for rest in ["", "  ", ",", ",b", ", <", ",<q>b", "}"] {
            assert_eq!(closes(rest, "}"), Closes::Wait, "{rest}");
        }
        assert_eq!(closes(", 5]", "}]"), Closes::Yes);
    }
}
