//! One step of the search: what stands at the cursor, and whether it may stand there.

use super::super::{MAX_DEPTH, literal, skip_blanks};
use super::{Bracket, Choice, Expect, Holds, Moved, Search};

impl Search<'_> {
    pub(super) fn step(&mut self) -> Moved {
        let start = self.state.at;
        let blanks = self.bytes[start..].iter().take_while(|byte| byte.is_ascii_whitespace()).count();
        self.state.at += blanks;
        self.budget = self.budget.saturating_sub(blanks + 1);
        let Some(&byte) = self.bytes.get(self.state.at) else {
            let over = matches!(self.state.expect, Expect::Outside | Expect::Next);
            return if over { Moved::Done } else { Moved::Fail };
        };
        match self.state.expect {
            Expect::Call => self.first_bracket(byte),
            Expect::Outside | Expect::Next => self.outside(byte),
            Expect::Value => self.value(byte),
            Expect::ValueOrEnd | Expect::KeyOrEnd if is_closer(byte) => self.close(byte),
            Expect::ValueOrEnd => match self.named_argument() {
                Some(moved) => moved,
                None => self.value(byte),
            },
            Expect::KeyOrEnd => self.key(byte),
            Expect::Colon if matches!(byte, b':' | b'=') => self.go(1, Expect::Value),
            Expect::Colon => Moved::Fail,
            Expect::After => self.after(byte),
        }
    }

    fn go(&mut self, length: usize, expect: Expect) -> Moved {
        self.state.at += length;
        self.state.expect = expect;
        Moved::On
    }

    fn first_bracket(&mut self, byte: u8) -> Moved {
        match byte {
            b'{' => self.enter_bracket(byte, self.holds),
            b'(' => self.enter_bracket(byte, Holds::Arguments),
            _ => Moved::Fail,
        }
    }

    fn enter_bracket(&mut self, byte: u8, holds: Holds) -> Moved {
        let (closer, expect) = match byte {
            b'{' => (b'}', Expect::KeyOrEnd),
            b'[' => (b']', Expect::ValueOrEnd),
            _ => (b')', Expect::ValueOrEnd),
        };
        if self.state.open.len() >= MAX_DEPTH {
            return Moved::Fail;
        }
        self.state.calls += usize::from(holds == Holds::Call && byte == b'{');
        self.state.open.push(Bracket { closer, holds });
        self.go(1, expect)
    }

    /// Behind a call: brackets too many, the end of a fence, another call.
    fn outside(&mut self, byte: u8) -> Moved {
        let may_follow = self.state.expect == Expect::Next || !self.vouch.listed();
        match byte {
            b']' | b'}' | b')' | b'`' => self.go(1, Expect::Outside),
            b',' | b';' => self.go(1, Expect::Next),
            b'"' | b'\'' if self.is_stray() => {
                self.state.strays = true;
                self.go(1, Expect::Outside)
            }
            _ if !may_follow => Moved::Fail,
            b'[' => self.go(1, Expect::Next),
            b'{' => self.enter_bracket(byte, Holds::Value),
            _ => match literal::name(self.text, self.state.at) {
                Some(name) if self.bytes.get(name.end) == Some(&b'(') && self.vouch.call(&self.text[name.clone()]) => {
                    self.state.at = name.end;
                    self.enter_bracket(b'(', Holds::Value)
                }
                _ => Moved::Fail,
            },
        }
    }

    fn value(&mut self, byte: u8) -> Moved {
        match byte {
            b'"' | b'\'' if self.is_nameless() => Moved::Fail,
            b'"' | b'\'' => self.string(self.state.at),
            b'{' | b'[' => {
                let listed = self.state.open.last().filter(|bracket| bracket.closer == b']');
                let holds = listed.map_or(self.state.next, |bracket| bracket.holds);
                self.state.next = Holds::Value;
                self.enter_bracket(byte, if holds == Holds::Name { Holds::Value } else { holds })
            }
            b'(' => self.enter_bracket(byte, Holds::Value),
            _ => {
                let word = self.bare();
                let at = self.state.at + word;
                self.budget = self.budget.saturating_sub(word);
                match self.bytes.get(at) {
                    _ if word == 0 => Moved::Fail,
                    Some(b'"' | b'\'') if is_prefix(&self.bytes[self.state.at..at]) => self.string(at),
                    Some(b'(') => {
                        self.state.at = at;
                        self.enter_bracket(b'(', Holds::Value)
                    }
                    _ => self.go(word, Expect::After),
                }
            }
        }
    }

    /// Whether a string here would be an argument without a name behind one with a name.
    fn is_nameless(&self) -> bool {
        let arguments = |bracket: &Bracket| bracket.closer == b')' && bracket.holds == Holds::Arguments;
        self.state.expect == Expect::ValueOrEnd
            && self.state.open.last().is_some_and(arguments)
            && !self.state.keys.is_empty()
    }

    /// The length of the number or word at the cursor.
    fn bare(&self) -> usize {
        let ends = |byte: &u8| {
            byte.is_ascii_whitespace()
                || matches!(byte, b',' | b':' | b';' | b'=' | b'"' | b'\'' | b'`')
                || matches!(byte, b'{' | b'}' | b'[' | b']' | b'(' | b')')
        };
        self.bytes[self.state.at..].iter().take_while(|byte| !ends(byte)).count()
    }

    fn string(&mut self, open: usize) -> Moved {
        let quote = self.bytes[open];
        if self.bytes[open..].starts_with(&[quote; 3]) {
            let Some(length) = memchr::memmem::find(&self.bytes[open + 3..], &[quote; 3]) else { return Moved::Fail };
            self.budget = self.budget.saturating_sub(length);
            self.state.at = open + 3 + length + 3;
            self.state.expect = Expect::After;
            return Moved::On;
        }
        if std::mem::take(&mut self.state.next) == Holds::Name {
            let Some(close) = self.next_quote(quote, open + 1) else { return Moved::Fail };
            self.state.at = close;
            self.state.names += 1;
            return self.go(1, Expect::After);
        }
        let before = self.state.clone();
        self.choices.push(Choice { open, close: open, first: true, before, after: 0 });
        // The first quote is found as any other one is.
        Moved::Fail
    }

    fn key(&mut self, byte: u8) -> Moved {
        let Some((key, end)) = self.key_at(byte) else { return Moved::Fail };
        let holds = self.holds_here();
        if !self.takes(holds, &key) {
            return Moved::Fail;
        }
        self.state.next = if holds == Holds::Call { self.vouch.under(&key) } else { Holds::Value };
        self.state.at = end;
        self.state.expect = Expect::Colon;
        Moved::On
    }

    /// Whether the key may stand in such a bracket, once.
    fn takes(&mut self, holds: Holds, key: &str) -> bool {
        if holds == Holds::Value {
            return true;
        }
        // An argument beside the arguments is one of them.
        let beside =
            holds == Holds::Call && self.vouch.under(key) == Holds::Value && self.vouch.key(Holds::Arguments, key);
        let said = format!("{}{}{key}", self.state.calls, if holds == Holds::Call && !beside { "." } else { ":" });
        // Of an envelope's other calls nothing is known.
        let vouched = self.state.names > 1 || self.vouch.key(holds, key);
        if !vouched || self.state.keys.contains(&said) {
            return false;
        }
        self.state.keys.push(said);
        true
    }

    fn key_at(&mut self, byte: u8) -> Option<(String, usize)> {
        if matches!(byte, b'"' | b'\'') {
            let close = self.next_quote(byte, self.state.at + 1)?;
            return Some((self.text[self.state.at + 1..close].to_owned(), close + 1));
        }
        let key = literal::key(&self.text[self.state.at..])?;
        Some((key.to_owned(), self.state.at + key.len()))
    }

    fn holds_here(&self) -> Holds {
        self.state.open.last().map_or(Holds::Value, |bracket| bracket.holds)
    }

    /// `name=` before a value, in parentheses.
    fn named_argument(&mut self) -> Option<Moved> {
        let bracket = self.state.open.last().filter(|bracket| bracket.closer == b')')?;
        let holds = bracket.holds;
        let key = literal::key(&self.text[self.state.at..])?;
        let sign = skip_blanks(self.text, self.state.at + key.len());
        if self.bytes.get(sign) != Some(&b'=') || self.bytes.get(sign + 1) == Some(&b'=') {
            return None;
        }
        if !self.takes(holds, key) {
            return Some(Moved::Fail);
        }
        self.state.at = sign;
        Some(self.go(1, Expect::Value))
    }

    fn after(&mut self, byte: u8) -> Moved {
        let brace = self.state.open.last().is_some_and(|bracket| bracket.closer == b'}');
        match byte {
            b',' => self.go(1, if brace { Expect::KeyOrEnd } else { Expect::ValueOrEnd }),
            b']' | b'}' | b')' => self.close(byte),
            // A comma is missing, if a key of the call comes.
            b'"' | b'\'' if self.is_stray() => self.go(1, Expect::After),
            b'"' | b'\'' if brace && self.holds_here() != Holds::Value => self.key(byte),
            _ => Moved::Fail,
        }
    }

    /// Whether the quote at the cursor closes what nobody opened: behind a bracket, before one, and where no string
    /// before holds quotes.
    fn is_stray(&self) -> bool {
        let at = self.state.at;
        let next = self.bytes.get(skip_blanks(self.text, at + 1)).copied();
        is_closer(self.bytes[at - 1]) && next.is_none_or(is_closer) && !self.state.holds_quotes
    }

    fn close(&mut self, byte: u8) -> Moved {
        if self.state.open.pop().is_none_or(|bracket| bracket.closer != byte) {
            return Moved::Fail;
        }
        if !self.state.open.is_empty() {
            return self.go(1, Expect::After);
        }
        let end = self.state.at + 1;
        self.state.end.get_or_insert(end);
        self.go(1, Expect::Outside)
    }
}

fn is_closer(byte: u8) -> bool {
    matches!(byte, b']' | b'}' | b')')
}

/// Whether it is what stands before a string in Python.
fn is_prefix(word: &[u8]) -> bool {
    word.len() <= 2 && word.iter().all(|byte| matches!(byte.to_ascii_lowercase(), b'r' | b'b' | b'u' | b'f'))
}
