//! Where strings end whose quotes are in doubt: `f(code='print('a')')`, `{"code": "x["a"]"}`.
//!
//! A string ends at the first quote after which the rest of the call reads to the end of what holds it. The search is
//! depth first, keeps the states that failed, and pays for each byte it looks at. A second reading with the same keys and
//! other values makes the quotes ambiguous. Only brackets, keys and quotes are looked at; the tolerant reader does the rest.

mod steps;

use std::collections::HashMap;
use std::hash::{DefaultHasher, Hash, Hasher};

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
    let (bytes, limit) = (text.as_bytes(), usize::MAX);
    let mut search = Search { text, bytes, vouch, holds, budget, state, choices, known, first, limit };
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
    /// How many calls began, and how many names were said.
    calls: usize,
    names: usize,
    /// What the last key announced.
    next: Holds,
    /// Whether a quote was taken for a part of a string.
    holds_quotes: bool,
    /// Whether a quote behind a call was passed over.
    strays: bool,
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
    /// Where another reading's strings must end: behind it stand other calls, in which no quote is in doubt.
    limit: usize,
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
        if let Some(end) = self.state.end.filter(|_| !self.state.strays)
            && self.choices.iter().all(|choice| choice.open < end || choice.first)
            && self.choices.iter().any(|choice| choice.open >= end)
        {
            self.limit = end;
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
                if close >= self.limit {
                    break;
                }
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
        if let Some(leads) = self.known.get(&choice.after) {
            return *leads && self.first.is_some();
        }
        self.known.insert(choice.after, false);
        true
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
}
