//! Escapes in strings: JSON's, Python's, Markdown's, and those that are none.

use super::reader::Home;

/// What an escape stands for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Escaped {
    /// This character.
    Char(char),
    /// Nothing: a line that goes on.
    Nothing,
    /// No escape at all: the backslash is meant, as in `\d`.
    Backslash,
}

/// An escape that was read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Escape {
    pub(super) stands_for: Escaped,
    /// Its length without the backslash.
    pub(super) length: usize,
    /// Whether the home language knows it.
    pub(super) at_home: bool,
}

/// Reads what comes after a backslash; nothing where the text ends too early to tell.
pub(super) fn escape(after: &str, home: Home) -> Option<Escape> {
    let first = after.chars().next()?;
    let python = matches!(home, Home::Python | Home::Any);
    let json = |c| Some(Escape { stands_for: Escaped::Char(c), length: 1, at_home: true });
    let other = |c| Some(Escape { stands_for: Escaped::Char(c), length: 1, at_home: python });
    match first {
        '"' | '\\' | '/' => json(first),
        'b' => json('\u{8}'),
        'f' => json('\u{c}'),
        'n' => json('\n'),
        'r' => json('\r'),
        't' => json('\t'),
        'u' => unicode(after),
        '\'' => other('\''),
        'a' if home == Home::Python => other('\u{7}'),
        'v' if home == Home::Python => other('\u{b}'),
        '0'..='7' if home == Home::Python => Some(octal(after)),
        '0' => other('\0'),
        'x' => hex(after, 2, python),
        'U' => hex(after, 8, python),
        // Markdown; no regular expression or path writes this one.
        '_' => Some(Escape { stands_for: Escaped::Char('_'), length: 1, at_home: false }),
        '\n' => Some(Escape { stands_for: Escaped::Nothing, length: 1, at_home: python }),
        _ => Some(Escape { stands_for: Escaped::Backslash, length: 0, at_home: home == Home::Python }),
    }
}

const NONE: Escape = Escape { stands_for: Escaped::Backslash, length: 0, at_home: false };

fn digits(text: &str, count: usize) -> Option<Result<u32, ()>> {
    match text.as_bytes().get(..count) {
        Some(digits) if digits.iter().all(u8::is_ascii_hexdigit) => {
            Some(u32::from_str_radix(&text[..count], 16).map_err(|_| ()))
        }
        None if text.bytes().all(|b| b.is_ascii_hexdigit()) => None,
        Some(_) | None => Some(Err(())),
    }
}

fn hex(after: &str, count: usize, at_home: bool) -> Option<Escape> {
    Some(match digits(&after[1..], count)? {
        Ok(code) => match char::from_u32(code) {
            Some(c) => Escape { stands_for: Escaped::Char(c), length: 1 + count, at_home },
            None => NONE,
        },
        Err(()) => NONE,
    })
}

fn octal(after: &str) -> Escape {
    let length = after.bytes().take(3).take_while(|b| matches!(b, b'0'..=b'7')).count();
    let code = u32::from_str_radix(&after[..length], 8).ok().and_then(char::from_u32);
    code.map_or(NONE, |c| Escape { stands_for: Escaped::Char(c), length, at_home: true })
}

/// `uXXXX`, alone or a pair of surrogates; half a pair is no character.
fn unicode(after: &str) -> Option<Escape> {
    let Ok(high) = digits(&after[1..], 4)? else { return Some(NONE) };
    if let Some(c) = char::from_u32(high) {
        return Some(Escape { stands_for: Escaped::Char(c), length: 5, at_home: true });
    }
    let lost = Escape { stands_for: Escaped::Char('\u{fffd}'), length: 5, at_home: false };
    let rest = &after[5..];
    if high >= 0xdc00 {
        return Some(lost);
    }
    match rest.as_bytes() {
        [] | [b'\\'] => return None,
        [b'\\', b'u', ..] => {}
        _ => return Some(lost),
    }
    let Ok(low @ 0xdc00..=0xdfff) = digits(&rest[2..], 4)? else { return Some(lost) };
    let code = 0x10000 + ((high - 0xd800) << 10) + (low - 0xdc00);
    Some(Escape { stands_for: Escaped::Char(char::from_u32(code)?), length: 11, at_home: true })
}
