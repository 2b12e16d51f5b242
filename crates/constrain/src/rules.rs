//! The rules of a compiled grammar, and the shortest text of each symbol.
//!
//! llguidance keeps its parser's state to itself, but not the grammar that it made: symbols, their rules, and the lexemes
//! that terminals stand for. With these it can be computed what the shortest text of a symbol is: a lexeme's by a walk over
//! its automaton, a rule's as the sum of its symbols. Each is computed when it is first asked for, because a grammar
//! of many tools has thousands of symbols and a call needs few. It must not know where a text stands.

use std::collections::{HashMap, VecDeque};

use llguidance::derivre::{NextByte, StateID};
use llguidance::earley::lexerspec::LexemeIdx;
use llguidance::earley::{CGrammar, CSymIdx, ParserRecognizer};
use toktrie::{SimpleVob, TokTrie};

/// The most states of an automaton to visit for the shortest text of a lexeme.
const STATES: usize = 20_000;

/// Symbols, by number.
pub(super) type Symbol = usize;

/// The rules of a grammar.
#[derive(Debug)]
pub(super) struct Rules {
    pub(super) start: Symbol,
    symbols: Vec<Entry>,
    /// What each rule is of, and its symbols.
    bodies: Vec<(Symbol, Vec<Symbol>)>,
    lexemes: usize,
}

#[derive(Debug, Default)]
struct Entry {
    rules: Vec<usize>,
    nullable: bool,
    terminal: Option<Terminal>,
    best: Best,
}

/// What a terminal stands for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Terminal {
    Lexeme(LexemeIdx),
    /// A control token, of which this is one that may stand there.
    Control(LexemeIdx, u32),
}

/// The shortest text of a symbol.
#[derive(Debug, Default, Clone, PartialEq)]
enum Best {
    #[default]
    Unknown,
    /// None that was found.
    None,
    Text(Vec<u8>),
    Empty,
    /// That of this rule, and its length.
    Rule(usize, usize),
}

impl Rules {
    /// The rules of a grammar for this vocabulary.
    pub(super) fn of(grammar: &CGrammar, trie: &TokTrie) -> Self {
        let spec = grammar.lexer_spec();
        let mut made = Self {
            start: grammar.start().as_index(),
            symbols: Vec::new(),
            bodies: Vec::new(),
            lexemes: spec.lexemes.len(),
        };
        // A vocabulary has few control tokens, and a grammar thousands of terminals that could be one.
        let is_control = |token: &u32| matches!(trie.token(*token), [] | [TokTrie::SPECIAL_TOKEN_MARKER, ..]);
        let controls: Vec<u32> = (0..).take(trie.vocab_size()).filter(is_control).collect();
        let (mut open, mut seen) = (vec![made.start], vec![false; made.start + 1]);
        seen[made.start] = true;
        while let Some(symbol) = open.pop() {
            let data = grammar.sym_data(CSymIdx::new_checked(symbol));
            let terminal = data.lexeme.map(|lexeme| {
                let one = &spec.lexemes[lexeme.as_usize()];
                let control = controls.iter().copied().find(|token| one.contains_token(*token));
                control.map_or(Terminal::Lexeme(lexeme), |token| Terminal::Control(lexeme, token))
            });
            if made.symbols.len() <= symbol {
                made.symbols.resize_with(symbol + 1, Entry::default);
            }
            made.symbols[symbol].nullable = data.is_nullable;
            made.symbols[symbol].terminal = terminal;
            for rule in &data.rules {
                let body: Vec<Symbol> = grammar.rule_rhs(*rule).0.iter().map(CSymIdx::as_index).collect();
                for part in &body {
                    if seen.len() <= *part {
                        seen.resize(part + 1, false);
                    }
                    if !std::mem::replace(&mut seen[*part], true) {
                        open.push(*part);
                    }
                }
                made.symbols[symbol].rules.push(made.bodies.len());
                made.bodies.push((symbol, body));
            }
        }
        made
    }

    /// The rules of this symbol.
    pub(super) fn rules_of(&self, symbol: Symbol) -> &[usize] {
        &self.symbols[symbol].rules
    }

    /// What a rule is of.
    pub(super) fn head(&self, rule: usize) -> Symbol {
        self.bodies[rule].0
    }

    /// The symbols of a rule.
    pub(super) fn body(&self, rule: usize) -> &[Symbol] {
        &self.bodies[rule].1
    }

    pub(super) fn is_nullable(&self, symbol: Symbol) -> bool {
        self.symbols[symbol].nullable
    }

    pub(super) fn terminal(&self, symbol: Symbol) -> Option<Terminal> {
        self.symbols[symbol].terminal
    }

    /// The lexer's state where only these lexemes may begin.
    pub(super) fn state(
        &self,
        recognizer: &mut ParserRecognizer<'_>,
        lexemes: impl Iterator<Item = LexemeIdx>,
    ) -> StateID {
        let mut set = SimpleVob::alloc(self.lexemes);
        lexemes.for_each(|lexeme| set.allow_token(u32::try_from(lexeme.as_usize()).unwrap_or_default()));
        recognizer.lexer_mut().start_state(&llguidance::earley::regexvec::LexemeSet::from_vob(&set))
    }

    /// The lexer's state with only this lexeme left.
    pub(super) fn limited(&self, recognizer: &mut ParserRecognizer<'_>, state: StateID, lexeme: LexemeIdx) -> StateID {
        let mut set = SimpleVob::alloc(self.lexemes);
        set.allow_token(u32::try_from(lexeme.as_usize()).unwrap_or_default());
        recognizer.lexer_mut().limit_state_to(state, &llguidance::earley::regexvec::LexemeSet::from_vob(&set))
    }

    /// How long the shortest text of this symbol is; none where it has none.
    pub(super) fn length(&mut self, recognizer: &mut ParserRecognizer<'_>, symbol: Symbol) -> Option<usize> {
        if self.symbols[symbol].best == Best::Unknown {
            self.learn(recognizer, symbol);
        }
        self.known(symbol)
    }

    fn known(&self, symbol: Symbol) -> Option<usize> {
        match &self.symbols[symbol].best {
            Best::Unknown | Best::None => None,
            Best::Empty => Some(0),
            Best::Text(text) => Some(text.len()),
            Best::Rule(_, length) => Some(*length),
        }
    }

    /// Computes the lengths of this symbol and all that it consists of.
    fn learn(&mut self, recognizer: &mut ParserRecognizer<'_>, symbol: Symbol) {
        let (mut order, mut seen) = (vec![symbol], std::collections::HashSet::from([symbol]));
        let mut at = 0;
        while let Some(next) = order.get(at).copied() {
            at += 1;
            for rule in &self.symbols[next].rules {
                for part in &self.bodies[*rule].1 {
                    if self.symbols[*part].best == Best::Unknown && seen.insert(*part) {
                        order.push(*part);
                    }
                }
            }
        }
        // Parts come behind what they are parts of: from the last one back, few rounds are left for what is recursive.
        for symbol in &order {
            let entry = &self.symbols[*symbol];
            let best = match entry.terminal {
                Some(Terminal::Control(_, token)) => {
                    let mut text = vec![TokTrie::SPECIAL_TOKEN_MARKER];
                    text.extend(format!("[{token}]").into_bytes());
                    Best::Text(text)
                }
                Some(Terminal::Lexeme(lexeme)) => {
                    let state = self.state(recognizer, std::iter::once(lexeme));
                    shortest(recognizer, state, false).map_or(Best::None, Best::Text)
                }
                None if entry.nullable => Best::Empty,
                None => Best::Unknown,
            };
            self.symbols[*symbol].best = best;
        }
        loop {
            let mut changed = false;
            for symbol in order.iter().rev() {
                if matches!(self.symbols[*symbol].best, Best::Text(_) | Best::Empty) {
                    continue;
                }
                for rule in &self.symbols[*symbol].rules {
                    let whole =
                        self.bodies[*rule].1.iter().try_fold(0_usize, |sum, part| Some(sum + self.known(*part)?));
                    let Some(length) = whole else { continue };
                    if self.known(*symbol).is_none_or(|known| length < known) {
                        self.symbols[*symbol].best = Best::Rule(*rule, length);
                        changed = true;
                        break;
                    }
                }
            }
            if !changed {
                break;
            }
        }
        for symbol in order {
            if self.symbols[symbol].best == Best::Unknown {
                self.symbols[symbol].best = Best::None;
            }
        }
    }

    /// Appends the shortest text of a symbol whose length is known.
    pub(super) fn write(&self, symbol: Symbol, text: &mut Vec<u8>) {
        let mut open = vec![symbol];
        while let Some(next) = open.pop() {
            match &self.symbols[next].best {
                Best::Text(own) => text.extend_from_slice(own),
                Best::Rule(rule, _) => open.extend(self.bodies[*rule].1.iter().rev()),
                Best::Unknown | Best::None | Best::Empty => {}
            }
        }
    }
}

/// The shortest text from a state with one lexeme to that lexeme's end; an empty one only where something stands before it.
pub(super) fn shortest(recognizer: &mut ParserRecognizer<'_>, from: StateID, begun: bool) -> Option<Vec<u8>> {
    if from.is_dead() {
        return None;
    }
    let ends = |recognizer: &mut ParserRecognizer<'_>, state: StateID| {
        state.has_lowest_match() || !recognizer.lexer_mut().try_lexeme_end(state).is_error()
    };
    if begun && ends(recognizer, from) {
        return Some(Vec::new());
    }
    let mut came: HashMap<StateID, (StateID, u8)> = HashMap::new();
    let mut open = VecDeque::from([from]);
    let back = |came: &HashMap<StateID, (StateID, u8)>, from: StateID, last: (StateID, u8)| {
        let (mut state, mut text) = (last.0, vec![last.1]);
        while state != from {
            let (before, byte) = came[&state];
            text.push(byte);
            state = before;
        }
        text.reverse();
        text
    };
    while let Some(state) = open.pop_front() {
        let forced = match recognizer.lexer_mut().next_byte(state) {
            NextByte::ForcedByte(byte) => Some(byte),
            NextByte::ForcedEOI | NextByte::Dead => continue,
            NextByte::SomeBytes0 | NextByte::SomeBytes1(_) | NextByte::SomeBytes2(_) => None,
        };
        for byte in in_order().filter(|byte| forced.is_none_or(|forced| forced == *byte)) {
            let next = recognizer.lexer_mut().transition_start_state(state, Some(byte), &None);
            if next.is_dead() || next == from || came.contains_key(&next) {
                continue;
            }
            if ends(recognizer, next) {
                return Some(back(&came, from, (state, byte)));
            }
            came.insert(next, (state, byte));
            open.push_back(next);
        }
        if came.len() > STATES {
            return None;
        }
    }
    None
}

/// All bytes, those first that people would write where it does not matter.
fn in_order() -> impl Iterator<Item = u8> {
    let plain = |byte: &u8| byte.is_ascii_alphanumeric() && *byte != b'0';
    let digits = (b'1'..=b'9').chain(b'a'..=b'z').chain(b'A'..=b'Z').chain(std::iter::once(b'0'));
    digits.chain((b' '..=u8::MAX).chain(0..b' ').filter(move |byte| !plain(byte) && *byte != b'0'))
}
