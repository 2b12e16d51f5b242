//! A `pattern` as JSON Schema writes it, in the syntax of the regular expressions that grammars are made of.
//!
//! ECMA's expressions differ in their letters (`\d` is ASCII's, `\cA`, `\/`, `\u0041`), and have what no automaton can do:
//! to look around. Lookarounds and word boundaries are taken out, so that the rest can be held to; who asks is told that
//! something was. It must not know schemas.

/// A pattern that an automaton can match.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Regular {
    pub(super) pattern: String,
    /// What was taken out of it.
    pub(super) without: Option<&'static str>,
}

/// Translates a pattern. The error says why: it refers back to something that was matched.
pub(super) fn regular(pattern: &str) -> Result<Regular, &'static str> {
    let mut reader = Reader { letters: pattern.chars().collect(), at: 0, out: String::new(), without: None };
    while reader.at < reader.letters.len() {
        reader.next()?;
    }
    Ok(Regular { pattern: reader.out, without: reader.without })
}

struct Reader {
    letters: Vec<char>,
    at: usize,
    out: String,
    without: Option<&'static str>,
}

/// What `\s` stands for, inside of brackets.
const SPACE: &str = r"\t\n\x0B\x0C\r \x{A0}\x{1680}\x{2000}-\x{200A}\x{2028}\x{2029}\x{202F}\x{205F}\x{3000}\x{FEFF}";
/// Letters that have a meaning in an expression, outside of brackets or inside.
const SPECIAL: &str = r"\.+*?()|[]{}^$#&-~/";

impl Reader {
    fn peek(&self, ahead: usize) -> Option<char> {
        self.letters.get(self.at + ahead).copied()
    }

    fn starts(&self, text: &str) -> bool {
        text.chars().enumerate().all(|(index, letter)| self.peek(index) == Some(letter))
    }

    fn next(&mut self) -> Result<(), &'static str> {
        let Some(letter) = self.peek(0) else { return Ok(()) };
        match letter {
            '\\' => {
                self.at += 1;
                self.escape(false)?;
            }
            '[' => self.class()?,
            '(' if ["(?=", "(?!", "(?<=", "(?<!"].iter().any(|open| self.starts(open)) => {
                self.skip_group();
                self.without = Some("lookaround");
                self.out.push_str("(?:)");
            }
            '(' if self.starts("(?<") => {
                while self.peek(0).is_some_and(|letter| letter != '>') {
                    self.at += 1;
                }
                self.at += 1;
                self.out.push_str("(?:");
            }
            '(' => {
                self.out.push_str("(?:");
                self.at += if self.starts("(?:") { 3 } else { 1 };
            }
            '.' => {
                self.out.push_str(r"[^\n\r\x{2028}\x{2029}]");
                self.at += 1;
            }
            '{' if !self.counts() => {
                self.out.push_str(r"\{");
                self.at += 1;
            }
            '}' if !self.closes_count() => {
                self.out.push_str(r"\}");
                self.at += 1;
            }
            ']' | '/' | '#' | '&' | '-' | '~' => {
                self.out.extend(['\\', letter]);
                self.at += 1;
            }
            letter => {
                self.out.push(letter);
                self.at += 1;
            }
        }
        Ok(())
    }

    /// Whether `{2}`, `{2,}` or `{2,3}` stands here.
    fn counts(&self) -> bool {
        let inside: String = self.letters[self.at + 1..].iter().take_while(|letter| **letter != '}').collect();
        let closed = self.letters.len() > self.at + 1 + inside.chars().count();
        let (least, most) = inside.split_once(',').unwrap_or((&inside, ""));
        let digits = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
        closed && !least.is_empty() && digits(least) && digits(most)
    }

    fn closes_count(&self) -> bool {
        let before = self.letters[..self.at].iter().rev();
        let inside: Vec<&char> = before.take_while(|letter| letter.is_ascii_digit() || **letter == ',').collect();
        let opened = self.at.checked_sub(inside.len() + 1).and_then(|at| self.letters.get(at));
        !inside.is_empty() && opened == Some(&'{')
    }

    /// Passes over a group with all that is inside it.
    fn skip_group(&mut self) {
        let (mut depth, mut in_class) = (0, false);
        while let Some(letter) = self.peek(0) {
            self.at += 1;
            match letter {
                '\\' => self.at += 1,
                '[' => in_class = true,
                ']' => in_class = false,
                '(' if !in_class => depth += 1,
                ')' if !in_class => {
                    depth -= 1;
                    if depth == 0 {
                        break;
                    }
                }
                _ => {}
            }
        }
    }

    fn class(&mut self) -> Result<(), &'static str> {
        self.at += 1;
        let negated = self.peek(0) == Some('^');
        self.at += usize::from(negated);
        if self.peek(0) == Some(']') {
            self.at += 1;
            // Everything, or nothing at all.
            self.out.push_str(if negated { "(?s:.)" } else { r"[^\x00-\x{10FFFF}]" });
            return Ok(());
        }
        self.out.push_str(if negated { "[^" } else { "[" });
        loop {
            match self.peek(0) {
                None => return Err("it is not closed"),
                Some(']') => {
                    self.at += 1;
                    self.out.push(']');
                    return Ok(());
                }
                Some('\\') => {
                    self.at += 1;
                    self.escape(true)?;
                }
                Some('-') => {
                    // Between two letters it is a range, else itself.
                    let first = self.out.ends_with('[') || self.out.ends_with("[^");
                    let after_class = ["\\d", "\\w", "\\s", "\\D", "\\W", "\\S"].iter().any(|class| {
                        self.at >= 2 && self.letters[self.at - 2..self.at].iter().collect::<String>() == *class
                    });
                    let before_class =
                        self.peek(1) == Some('\\') && self.peek(2).is_some_and(|letter| "dwsDWSpP".contains(letter));
                    let literal = first || after_class || before_class || self.peek(1) == Some(']');
                    self.out.push_str(if literal { r"\-" } else { "-" });
                    self.at += 1;
                }
                Some(letter) => {
                    if SPECIAL.contains(letter) {
                        self.out.push('\\');
                    }
                    self.out.push(letter);
                    self.at += 1;
                }
            }
        }
    }

    /// Reads what stands behind a backslash.
    fn escape(&mut self, in_class: bool) -> Result<(), &'static str> {
        let Some(letter) = self.peek(0) else { return Err("it ends in a backslash") };
        self.at += 1;
        let class = |inside: &str, negated: bool| match (in_class, negated) {
            (true, false) => inside.to_owned(),
            (_, true) => format!("[^{inside}]"),
            (false, false) => format!("[{inside}]"),
        };
        let written = match letter {
            'd' | 'D' => class("0-9", letter == 'D'),
            'w' | 'W' => class("0-9A-Za-z_", letter == 'W'),
            's' | 'S' => class(SPACE, letter == 'S'),
            'b' if in_class => r"\x08".to_owned(),
            'b' | 'B' => {
                self.without = Some("word boundary");
                "(?:)".to_owned()
            }
            'c' => {
                let control = self.peek(0).filter(char::is_ascii_alphabetic).ok_or("an incomplete `\\c`")?;
                self.at += 1;
                format!("\\x{:02X}", u32::from(control) % 32)
            }
            'n' | 'r' | 't' | 'f' | 'v' => format!("\\{letter}"),
            '0' => r"\x00".to_owned(),
            '1'..='9' | 'k' => return Err("it refers back to what it has matched"),
            'x' => format!("\\x{{{}}}", self.hexadecimal(2)?),
            'u' if self.peek(0) == Some('{') => {
                let digits: String = self.letters[self.at + 1..].iter().take_while(|letter| **letter != '}').collect();
                self.at += digits.chars().count() + 2;
                format!("\\x{{{digits}}}")
            }
            'u' => {
                let first = self.hexadecimal(4)?;
                format!("\\x{{{}}}", self.paired(&first)?)
            }
            'p' | 'P' if self.peek(0) == Some('{') => {
                let name: String = self.letters[self.at..].iter().take_while(|letter| **letter != '}').collect();
                self.at += name.chars().count() + 1;
                format!("\\{letter}{name}}}")
            }
            letter if SPECIAL.contains(letter) => format!("\\{letter}"),
            letter => letter.to_string(),
        };
        self.out.push_str(&written);
        Ok(())
    }

    fn hexadecimal(&mut self, count: usize) -> Result<String, &'static str> {
        let digits: String = self.letters[self.at..].iter().take(count).collect();
        self.at += count;
        let whole = digits.len() == count && digits.bytes().all(|byte| byte.is_ascii_hexdigit());
        if whole { Ok(digits) } else { Err("an incomplete escape") }
    }

    /// The letter that two halves stand for.
    fn paired(&mut self, first: &str) -> Result<String, &'static str> {
        let number = |digits: &str| u32::from_str_radix(digits, 16).unwrap_or_default();
        let high = number(first);
        if !(0xD800..0xDC00).contains(&high) {
            return Ok(first.to_owned());
        }
        if !self.starts("\\u") {
            return Err("half of a letter");
        }
        self.at += 2;
        let low = number(&self.hexadecimal(4)?);
        let letter = 0x1_0000 + ((high - 0xD800) << 10) + (low.wrapping_sub(0xDC00) & 0x3FF);
        Ok(format!("{letter:X}"))
    }
}

#[cfg(test)]
mod tests {
    use super::{Regular, regular};

    fn plain(pattern: &str) -> String {
        let Regular { pattern, without } = regular(pattern).unwrap();
        assert_eq!(without, None);
        regex_syntax::parse(&pattern).unwrap();
        pattern
    }

    #[test]
    fn letters_of_ecma_are_translated() {
        assert_eq!(plain(r"^\d+$"), "^[0-9]+$");
        assert_eq!(plain(r"[\w.\-]\/a{2,3}{"), r"[0-9A-Za-z_\.\-]\/a{2,3}\{");
        assert_eq!(plain(r"\cA\u0041\uD83D\uDE00"), r"\x01\x{0041}\x{1F600}");
        assert_eq!(plain(r"(?<year>\d)(a)"), "(?:[0-9])(?:a)");
        assert_eq!(plain(r"[^\S]|[&&a-z-]"), r"[^[^".to_owned() + super::SPACE + r"]]|[\&\&a-z\-]");
        plain("^[a-zA-Z0-9\\s()@&+:._',-]+$");
        plain(r"^[\x20-\x7E]*$");
    }

    #[test]
    fn what_looks_around_is_taken_out_and_told() {
        let told = |pattern: &str| regular(pattern).map(|regular| (regular.pattern, regular.without.unwrap()));
        assert_eq!(told(r"^(?!\.(a[)]))[a-z]+$"), Ok(("^(?:)[a-z]+$".to_owned(), "lookaround")));
        assert_eq!(told(r"\bfoo\b"), Ok(("(?:)foo(?:)".to_owned(), "word boundary")));
        assert!(regular(r"(a)\1").is_err());
    }
}
