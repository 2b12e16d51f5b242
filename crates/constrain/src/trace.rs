//! How far a text has come in a grammar: the Earley sets of its lexemes.
//!
//! llguidance has the same sets, and no one else can see them. They are built here again, from the same rules and with the
//! same lexer, but only when a way out is asked for: a token costs nothing until then. From the last set the shortest
//! completion is found as the shortest path over the items that wait for what is open. It must not know tokens.

use std::cmp::Reverse;
use std::collections::{BinaryHeap, HashMap, HashSet};

use llguidance::derivre::StateID;
use llguidance::earley::ParserRecognizer;
use llguidance::earley::lexerspec::LexemeIdx;

use super::rules::{Rules, Symbol, Terminal, shortest};

/// A rule, how many of its symbols have been read, and in which set it began.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
struct Item {
    rule: usize,
    dot: usize,
    from: usize,
}

/// The items that are possible behind a lexeme.
#[derive(Debug, Clone, Default)]
struct Row {
    items: Vec<Item>,
}

/// What a text consists of.
#[derive(Debug, Clone, Copy)]
pub(super) enum Input {
    Byte(u8),
    /// A control token.
    Control(u32),
}

/// A text's place in a grammar.
#[derive(Debug, Clone)]
pub(super) struct Trace {
    rows: Vec<Row>,
    state: StateID,
    /// Whether a lexeme has begun.
    begun: bool,
}

impl Trace {
    /// The beginning of a grammar.
    pub(super) fn begin(rules: &Rules, recognizer: &mut ParserRecognizer<'_>) -> Self {
        let items = rules.rules_of(rules.start).iter().map(|rule| Item { rule: *rule, dot: 0, from: 0 }).collect();
        let mut trace = Self { rows: Vec::new(), state: StateID::DEAD, begun: false };
        trace.add(rules, recognizer, items);
        trace
    }

    /// Adds the set that begins with these items.
    fn add(&mut self, rules: &Rules, recognizer: &mut ParserRecognizer<'_>, items: Vec<Item>) {
        let here = self.rows.len();
        let mut row = Row::default();
        let mut seen: HashSet<Item> = HashSet::new();
        let mut add = |row: &mut Row, item: Item| {
            if seen.insert(item) {
                row.items.push(item);
            }
        };
        for item in items {
            add(&mut row, item);
        }
        let mut at = 0;
        while let Some(item) = row.items.get(at).copied() {
            at += 1;
            let Some(next) = rules.body(item.rule).get(item.dot).copied() else {
                // What began in this set is nullable, and was passed over when it was met.
                if item.from < here {
                    let head = rules.head(item.rule);
                    for waiting in &self.rows[item.from].items {
                        if rules.body(waiting.rule).get(waiting.dot) == Some(&head) {
                            add(&mut row, Item { dot: waiting.dot + 1, ..*waiting });
                        }
                    }
                }
                continue;
            };
            for rule in rules.rules_of(next) {
                add(&mut row, Item { rule: *rule, dot: 0, from: here });
            }
            if rules.is_nullable(next) {
                add(&mut row, Item { dot: item.dot + 1, ..item });
            }
        }
        let lexemes = expected(rules, &row).filter_map(|(_, terminal)| match terminal {
            Terminal::Lexeme(lexeme) => Some(lexeme),
            Terminal::Control(..) => None,
        });
        self.state = rules.state(recognizer, lexemes.collect::<Vec<_>>().into_iter());
        self.begun = false;
        self.rows.push(row);
    }

    /// Goes on with this; false where it does not fit, and the trace is of no use any more.
    pub(super) fn push(&mut self, rules: &Rules, recognizer: &mut ParserRecognizer<'_>, input: Input) -> bool {
        match input {
            Input::Control(token) => {
                (!self.begun || self.end(rules, recognizer))
                    && self.scan(
                        rules,
                        recognizer,
                        |terminal| matches!(terminal, Terminal::Control(_, own) if own == token),
                    )
            }
            Input::Byte(byte) => {
                let mut next = recognizer.lexer_mut().transition_start_state(self.state, Some(byte), &None);
                if next.is_dead() {
                    if !self.begun || !self.end(rules, recognizer) {
                        return false;
                    }
                    next = recognizer.lexer_mut().transition_start_state(self.state, Some(byte), &None);
                }
                self.state = next;
                self.begun = true;
                !next.is_dead() && (!next.has_lowest_match() || self.end(rules, recognizer))
            }
        }
    }

    /// Ends the lexeme at hand; false where none ends here.
    fn end(&mut self, rules: &Rules, recognizer: &mut ParserRecognizer<'_>) -> bool {
        let state = self.state;
        let possible: Vec<LexemeIdx> = recognizer.lexer().possible_lexemes(state).iter().collect();
        let ended: Vec<LexemeIdx> = possible
            .into_iter()
            .filter(|lexeme| {
                let own = rules.limited(recognizer, state, *lexeme);
                let lowest = state.has_lowest_match();
                if lowest { own.has_lowest_match() } else { !recognizer.lexer_mut().try_lexeme_end(own).is_error() }
            })
            .collect();
        self.scan(rules, recognizer, |terminal| matches!(terminal, Terminal::Lexeme(lexeme) if ended.contains(&lexeme)))
    }

    fn scan(&mut self, rules: &Rules, recognizer: &mut ParserRecognizer<'_>, fits: impl Fn(Terminal) -> bool) -> bool {
        let Some(row) = self.rows.last() else { return false };
        let read = expected(rules, row).filter(|(_, terminal)| fits(*terminal));
        let items: Vec<Item> = read.map(|(item, _)| Item { dot: item.dot + 1, ..item }).collect();
        let fits = !items.is_empty();
        self.add(rules, recognizer, items);
        fits
    }

    /// The shortest text after which the grammar may end.
    pub(super) fn way_out(&self, rules: &mut Rules, recognizer: &mut ParserRecognizer<'_>) -> Option<Vec<u8>> {
        let here = self.rows.len() - 1;
        let done = |rules: &Rules, item: &Item| item.from == 0 && rules.head(item.rule) == rules.start;
        if !self.begun
            && self.rows[here].items.iter().any(|item| done(rules, item) && rules.body(item.rule).len() == item.dot)
        {
            return Some(Vec::new());
        }
        let mut search = Search::default();
        let mut ends: HashMap<usize, Option<Vec<u8>>> = HashMap::new();
        let waiting: Vec<(Item, Terminal)> = expected(rules, &self.rows[here]).collect();
        for (item, terminal) in waiting {
            let first = match terminal {
                Terminal::Control(..) if self.begun => continue,
                Terminal::Control(..) => {
                    let symbol = rules.body(item.rule)[item.dot];
                    rules.length(recognizer, symbol).map(|_| {
                        let mut text = Vec::new();
                        rules.write(symbol, &mut text);
                        text
                    })
                }
                Terminal::Lexeme(lexeme) => {
                    let end = |recognizer: &mut ParserRecognizer<'_>| {
                        let state = rules.limited(recognizer, self.state, lexeme);
                        shortest(recognizer, state, self.begun)
                    };
                    ends.entry(lexeme.as_usize()).or_insert_with(|| end(recognizer)).clone()
                }
            };
            let Some(first) = first else { continue };
            let cost = first.len();
            search.step(rules, recognizer, cost, Item { dot: item.dot + 1, ..item }, Before::First(first));
        }
        while let Some(Reverse((cost, head, from))) = search.open.pop() {
            if head == rules.start && from == 0 {
                return Some(search.text(rules, (head, from)));
            }
            if search.found.get(&(head, from)).is_none_or(|found| found.cost < cost) {
                continue;
            }
            for item in &self.rows[from].items {
                if rules.body(item.rule).get(item.dot) == Some(&head) {
                    search.step(
                        rules,
                        recognizer,
                        cost,
                        Item { dot: item.dot + 1, ..*item },
                        Before::Symbol(head, from),
                    );
                }
            }
        }
        None
    }
}

/// What the items of a set wait for, where that is a terminal.
fn expected<'a>(rules: &'a Rules, row: &'a Row) -> impl Iterator<Item = (Item, Terminal)> + 'a {
    row.items.iter().filter_map(|item| Some((*item, rules.terminal(*rules.body(item.rule).get(item.dot)?)?)))
}

/// Symbols that are complete after the shortest texts, by the set in which they began.
#[derive(Default)]
struct Search {
    open: BinaryHeap<Reverse<(usize, Symbol, usize)>>,
    found: HashMap<(Symbol, usize), Found>,
}

/// How a symbol was completed.
struct Found {
    cost: usize,
    before: Before,
    /// The rule that was completed, from this symbol of it on.
    rule: usize,
    dot: usize,
}

/// What came before.
enum Before {
    First(Vec<u8>),
    Symbol(Symbol, usize),
}

impl Search {
    /// Completes an item with the shortest texts of the symbols that it waits for.
    fn step(
        &mut self,
        rules: &mut Rules,
        recognizer: &mut ParserRecognizer<'_>,
        cost: usize,
        item: Item,
        before: Before,
    ) {
        let rest: Vec<Symbol> = rules.body(item.rule)[item.dot..].to_vec();
        let length = rest.into_iter().try_fold(cost, |sum, symbol| Some(sum + rules.length(recognizer, symbol)?));
        let Some(cost) = length else { return };
        let head = rules.head(item.rule);
        if self.found.get(&(head, item.from)).is_none_or(|found| cost < found.cost) {
            self.found.insert((head, item.from), Found { cost, before, rule: item.rule, dot: item.dot });
            self.open.push(Reverse((cost, head, item.from)));
        }
    }

    fn text(&self, rules: &Rules, end: (Symbol, usize)) -> Vec<u8> {
        let (mut chain, mut text, mut at) = (Vec::new(), Vec::new(), end);
        while let Some(found) = self.found.get(&at) {
            chain.push(found);
            match &found.before {
                Before::Symbol(head, from) => at = (*head, *from),
                Before::First(first) => {
                    text.extend_from_slice(first);
                    break;
                }
            }
        }
        for found in chain.into_iter().rev() {
            rules.body(found.rule)[found.dot..].iter().for_each(|symbol| rules.write(*symbol, &mut text));
        }
        text
    }
}
