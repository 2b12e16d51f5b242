//! Where strings end whose quotes are in doubt: `f(code='print('a')')`, `{"code": "x["a"]"}`.
//!
//! A string ends at the first quote after which the rest of the call reads to the end of what holds it. The search is
//! depth first, keeps the states that failed, and pays for each byte it looks at. A second reading with the same keys and
//! other values makes the quotes ambiguous. Only brackets, keys and quotes are looked at; the tolerant reader does the rest.

use std::collections::HashMap;
use std::hash::{DefaultHasher, Hash, Hasher};

use super::literal;

/// Bytes that a search may look at, for each byte of the text.
const PER_BYTE: usize = 48;

/// The closing quote of each string, by its opening quote.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Quotes(HashMap<usize, usize>);

impl Quotes {
    pub(super) fn close_of(&self, open: usize) -> Option<usize> {
        self.0.get(&open).copied()
    }
}

/// What a search came to.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Settled {
    /// One reading; the first call ends here.
    Once(Quotes, usize),
    /// Several readings, none of them better.
    Ambiguous,
    /// No reading, or none within the budget.
    Never,
}

/// What a bracket holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub(crate) enum Holds {
    /// The keys of a call: its name, its arguments.
    Call,
    /// A call's arguments.
    Arguments,
    /// No bracket, but the tool's name: a string without quotes in it.
    Name,
    /// Anything else.
    #[default]
    Value,
}

/// Which keys and calls may stand in the text.
pub(crate) trait Vouch {
    /// Whether a call, or the first call's arguments, may have this key.
    fn key(&self, holds: Holds, key: &str) -> bool;
    /// What a bracket under this key of a call holds.
    fn under(&self, key: &str) -> Holds;
    /// Whether a call of this name may follow.
    fn call(&self, name: &str) -> bool;
    /// Whether the calls stand in a list: a comma comes before each one that follows.
    fn listed(&self) -> bool;
}

/// Finds where the strings end in the call whose bracket opens at `at`, up to the text's end.
pub(crate) fn settle(text: &str, at: usize, holds: Holds, vouch: &dyn Vouch) -> Settled {
    let budget = (text.len() - at) * PER_BYTE + 4096;
    let state = State { at, ..State::default() };
    let (choices, known, first) = (Vec::new(), HashMap::new(), None);
    let mut search = Search { text, bytes: text.as_bytes(), vouch, holds, budget, state, choices, known, first };
    search.run()
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
struct Bracket {
    closer: u8,
    holds: Holds,
}

/// What may come next.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
enum Expect {
    /// The first bracket, or another call behind the first one.
    #[default]
    Call,
    Value,
    ValueOrEnd,
    KeyOrEnd,
    Colon,
    After,
    /// Behind a call.
    Outside,
    /// Behind a call and a comma.
    Next,
}

#[derive(Debug, Clone, Default, PartialEq, Eq, Hash)]
struct State {
    at: usize,
    expect: Expect,
    open: Vec<Bracket>,
    /// The keys of the call and of its arguments so far.
    keys: Vec<String>,
    /// What the last key announced.
    next: Holds,
    /// Whether a quote was taken for a part of a string.
    holds_quotes: bool,
    /// Where the first call ended, and with which keys.
    end: Option<usize>,
}

/// A string whose end is chosen.
#[derive(Debug)]
struct Choice {
    open: usize,
    /// The quote that is tried, and whether it is the first one.
    close: usize,
    first: bool,
    /// The state before the string.
    before: State,
    /// The state behind the quote that is tried.
    after: u64,
}

struct Search<'t> {
    text: &'t str,
    bytes: &'t [u8],
    vouch: &'t dyn Vouch,
    holds: Holds,
    budget: usize,
    state: State,
    choices: Vec<Choice>,
    /// The states that were met, and whether they lead to the end.
    known: HashMap<u64, bool>,
    first: Option<(Quotes, State)>,
}

enum Moved {
    On,
    Fail,
    Done,
}

impl Search<'_> {
    fn run(&mut self) -> Settled {
        loop {
            match self.step() {
                Moved::On if self.budget > 0 => {}
                Moved::On => return Settled::Never,
                Moved::Fail => {
                    if !self.back() {
                        break;
                    }
                }
                Moved::Done => {
                    if self.is_second() {
                        return Settled::Ambiguous;
                    }
                    if !self.back() {
                        break;
                    }
                }
            }
            if self.choices.last().is_some_and(|choice| self.known.get(&choice.after) == Some(&true))
                && self.first.is_some()
            {
                return Settled::Ambiguous;
            }
        }
        match self.first.take() {
            _ if self.budget == 0 => Settled::Never,
            Some((quotes, state)) => Settled::Once(quotes, state.end.unwrap_or(state.at)),
            None => Settled::Never,
        }
    }

    /// Keeps the first reading; whether this one is another with the same keys.
    fn is_second(&mut self) -> bool {
        let mut keys = std::mem::take(&mut self.state.keys);
        keys.sort();
        self.state.keys = keys;
        if let Some((_, first)) = &self.first {
            return first.keys == self.state.keys;
        }
        let quotes = self.choices.iter().map(|choice| (choice.open, choice.close)).collect();
        for choice in &self.choices {
            self.known.insert(choice.after, true);
        }
        self.first = Some((Quotes(quotes), self.state.clone()));
        false
    }

    /// Goes back to the last string whose end may be another one.
    fn back(&mut self) -> bool {
        let end = self.first.as_ref().and_then(|(_, state)| state.end).unwrap_or(usize::MAX);
        while let Some(mut choice) = self.choices.pop() {
            // Only the first call is asked for.
            if choice.open >= end {
                continue;
            }
            while let Some(close) = self.next_quote(self.bytes[choice.open], choice.close + 1) {
                choice.first = choice.close == choice.open;
                choice.close = close;
                if self.enter(&mut choice) {
                    self.choices.push(choice);
                    return true;
                }
                if self.budget == 0 {
                    return false;
                }
            }
        }
        false
    }

    /// Takes the choice's quote as the string's end; false where that state was met and leads nowhere.
    fn enter(&mut self, choice: &mut Choice) -> bool {
        self.state = choice.before.clone();
        self.state.at = choice.close + 1;
        self.state.expect = Expect::After;
        self.state.holds_quotes |= !choice.first;
        let mut hasher = DefaultHasher::new();
        self.state.hash(&mut hasher);
        self.budget = self.budget.saturating_sub(8 * (self.state.open.len() + self.state.keys.len()));
        choice.after = hasher.finish();
        match self.known.get(&choice.after) {
            Some(leads) => *leads && self.first.is_some(),
            None => {
                self.known.insert(choice.after, false);
                true
            }
        }
    }

    /// The next quote of this kind from `at` on that is not escaped.
    fn next_quote(&mut self, quote: u8, mut at: usize) -> Option<usize> {
        while self.budget > 0 {
            let found = at + memchr::memchr2(quote, b'\\', self.bytes.get(at..)?)?;
            self.budget = self.budget.saturating_sub(found - at + 1);
            if self.bytes[found] == quote {
                return Some(found);
            }
            at = found + 2;
        }
        None
    }

    fn step(&mut self) -> Moved {
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
            Expect::ValueOrEnd if is_closer(byte) => self.close(byte),
            Expect::ValueOrEnd => match self.named_argument() {
                Some(moved) => moved,
                None => self.value(byte),
            },
            Expect::KeyOrEnd if is_closer(byte) => self.close(byte),
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
        if self.state.open.len() >= super::MAX_DEPTH {
            return Moved::Fail;
        }
        self.state.open.push(Bracket { closer, holds });
        self.go(1, expect)
    }

    /// Behind a call: brackets too many, the end of a fence, another call.
    fn outside(&mut self, byte: u8) -> Moved {
        let may_follow = self.state.expect == Expect::Next || !self.vouch.listed();
        match byte {
            b']' | b'}' | b')' | b'`' => self.go(1, Expect::Outside),
            b',' | b';' => self.go(1, Expect::Next),
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
        let said = format!("{}{key}", if holds == Holds::Call { "." } else { "" });
        if !self.vouch.key(holds, key) || self.state.keys.contains(&said) {
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
        let sign = super::skip_blanks(self.text, self.state.at + key.len());
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
        let next = self.bytes.get(super::skip_blanks(self.text, at + 1)).copied();
        is_closer(self.bytes[at - 1]) && next.is_some_and(is_closer) && !self.state.holds_quotes
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
