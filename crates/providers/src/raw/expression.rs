//! A regular expression as rules of GBNF: each state of its automaton becomes a rule.
//!
//! Our expressions know intersection and complement, which rules do not; the automaton that comes of them is plain. It is
//! walked letter by letter: those of ASCII, those that the expression names, and one that stands for all others.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::fmt::Write as _;

use llguidance::derivre::{Regex, RegexAst, RegexBuilder, StateID};

/// More states than this are more than an engine should be handed for one text.
const STATES: usize = 800;
/// How much work an expression may be.
const FUEL: u64 = 2_000_000;
/// Stands for every letter that is not looked at.
const OTHER: char = '\u{10fffd}';

/// Rules by which the first, of this name, is a text of the expression. A lazy one ends where it first could. `None`
/// where the expression is none, or too much.
pub(super) fn rules(name: &str, expression: &str, lazy: bool) -> Option<String> {
    let mut regex = automaton(expression)?;
    let letters = letters(expression);
    let (states, edges) = walk(&mut regex, &letters, lazy)?;
    let alive = alive(&states, &edges);
    if !alive.contains(&0) {
        return None;
    }
    let called = |state: usize| if state == 0 { name.to_owned() } else { format!("{name}-{state}") };
    let mut out = String::new();
    for (state, (accepts, _)) in states.iter().enumerate().filter(|(state, _)| alive.contains(state)) {
        let targets = edges[state].iter().filter(|(target, _)| alive.contains(target));
        let mut ways: Vec<String> =
            targets.map(|(target, set)| format!("{} {}", class(set, &letters), called(*target))).collect();
        if *accepts {
            ways.push("\"\"".to_owned());
        }
        // Writing to a string cannot fail.
        let _ = writeln!(out, "{} ::= {}", called(state), ways.join(" | "));
    }
    Some(out)
}

type Edges = Vec<BTreeMap<usize, BTreeSet<char>>>;

/// All states that are reached, each with whether a text may end there, and where letters lead.
fn walk(regex: &mut Regex, letters: &[char], lazy: bool) -> Option<(Vec<(bool, StateID)>, Edges)> {
    let first = regex.initial_state();
    let mut states = vec![(regex.is_accepting(first), first)];
    let mut known = HashMap::from([(first, 0)]);
    let mut edges: Edges = Vec::new();
    while let Some((accepts, state)) = states.get(edges.len()).copied() {
        let mut from = BTreeMap::<usize, BTreeSet<char>>::new();
        for letter in letters.iter().filter(|_| !(lazy && accepts)) {
            let target = regex.transition_bytes(state, letter.encode_utf8(&mut [0; 4]).as_bytes());
            if target.is_dead() {
                continue;
            }
            let next = states.len();
            let index = *known.entry(target).or_insert(next);
            if index == next {
                states.push((regex.is_accepting(target), target));
            }
            from.entry(index).or_default().insert(*letter);
        }
        edges.push(from);
        if states.len() > STATES {
            return None;
        }
    }
    Some((states, edges))
}

/// The states from which a text can come to its end.
fn alive(states: &[(bool, StateID)], edges: &Edges) -> BTreeSet<usize> {
    let mut before = vec![Vec::new(); states.len()];
    for (from, targets) in edges.iter().enumerate() {
        for target in targets.keys() {
            before[*target].push(from);
        }
    }
    let mut alive = BTreeSet::new();
    let mut open: Vec<usize> = (0..states.len()).filter(|state| states[*state].0).collect();
    while let Some(state) = open.pop() {
        if alive.insert(state) {
            open.extend(&before[state]);
        }
    }
    alive
}

/// The letters that are distinguished.
fn letters(expression: &str) -> Vec<char> {
    let named = expression.chars().filter(|letter| !letter.is_ascii());
    let all: BTreeSet<char> = ('\0'..='\x7f').chain(named).chain([OTHER]).collect();
    all.into_iter().collect()
}

/// A set of letters; one with all others in it says what is not in it.
fn class(set: &BTreeSet<char>, letters: &[char]) -> String {
    let others = set.contains(&OTHER);
    let listed: Vec<char> = letters.iter().copied().filter(|letter| set.contains(letter) != others).collect();
    let mut out = String::from(if others { "[^" } else { "[" });
    let mut at = 0;
    while at < listed.len() {
        let run = listed[at..].iter().zip(listed[at]..).take_while(|(letter, next)| **letter == *next).count();
        push(&mut out, listed[at]);
        if run > 2 {
            out.push('-');
            push(&mut out, listed[at + run - 1]);
        }
        at += if run > 2 { run } else { 1 };
    }
    if listed.is_empty() {
        // Everything but what is no text anyway: not all engines read a class that is empty.
        push(&mut out, '\0');
    }
    out.push(']');
    out
}

fn push(out: &mut String, letter: char) {
    let plain = letter.is_alphanumeric() || " _<>/=:;,.(){}|!?#$%&'*+@`~".contains(letter);
    if plain {
        out.push(letter);
    } else if letter.is_ascii() {
        let _ = write!(out, "\\x{:02x}", u32::from(letter));
    } else {
        let _ = write!(out, "\\u{:04x}", u32::from(letter));
    }
}

fn automaton(expression: &str) -> Option<Regex> {
    let mut reader = Reader { rest: expression.trim() };
    let ast = reader.alternatives()?;
    if !reader.rest.is_empty() {
        return None;
    }
    let mut builder = RegexBuilder::new();
    let root = builder.mk(&ast).ok()?;
    builder.into_regex_limited(root, FUEL).ok()
}

/// Reads an expression of terminals: what stands in a row binds closest, then `&`, then `|`.
struct Reader<'e> {
    rest: &'e str,
}

impl<'e> Reader<'e> {
    fn alternatives(&mut self) -> Option<RegexAst> {
        let mut ways = vec![self.conjuncts()?];
        while self.takes('|') {
            ways.push(self.conjuncts()?);
        }
        Some(if ways.len() == 1 { ways.remove(0) } else { RegexAst::Or(ways) })
    }

    fn conjuncts(&mut self) -> Option<RegexAst> {
        let mut parts = vec![self.sequence()?];
        while self.takes('&') {
            parts.push(self.sequence()?);
        }
        Some(if parts.len() == 1 { parts.remove(0) } else { RegexAst::And(parts) })
    }

    fn sequence(&mut self) -> Option<RegexAst> {
        let mut parts = Vec::new();
        while !self.rest.is_empty() && !self.rest.starts_with(['|', '&', ')']) {
            parts.push(self.one()?);
        }
        (!parts.is_empty()).then_some(RegexAst::Concat(parts))
    }

    fn one(&mut self) -> Option<RegexAst> {
        if self.takes('~') {
            return Some(RegexAst::Not(Box::new(self.one()?)));
        }
        let first = self.rest.chars().next()?;
        match first {
            '(' => {
                self.skip(1);
                let inside = self.alternatives()?;
                self.takes(')').then_some(inside)
            }
            '/' => self.quoted('/').map(|text| RegexAst::Regex(text[1..text.len() - 1].to_owned())),
            '"' => Some(RegexAst::Literal(serde_json::from_str(self.quoted('"')?).ok()?)),
            _ => None,
        }
    }

    fn quoted(&mut self, mark: char) -> Option<&'e str> {
        let text = &self.rest[..super::gbnf::closed(self.rest, mark)?];
        self.skip(text.len());
        Some(text)
    }

    fn takes(&mut self, mark: char) -> bool {
        let taken = self.rest.starts_with(mark);
        if taken {
            self.skip(1);
        }
        taken
    }

    fn skip(&mut self, bytes: usize) {
        self.rest = self.rest[bytes..].trim_start();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_ends_where_its_end_first_comes() {
        let rules = rules("t", r#"/(?s:.*)/ "</v>""#, true).expect("rules");
        let last = rules.lines().last().expect("rules");
        assert!(last.ends_with("::= \"\""), "{rules}");
        assert_eq!(rules.lines().count(), 5, "{rules}");
        assert!(rules.starts_with("t ::= [^<] t | [<] t-1\n"), "{rules}");
    }

    #[test]
    fn what_is_left_out_is_left_out() {
        let rules = rules("t", r#"(/[a-c]+/ & ~/(?s:.*)b(?s:.*)/) "!""#, true).expect("rules");
        assert!(!rules.contains('b'), "{rules}");
        assert!(rules.contains("[ac]"), "{rules}");
        assert_eq!(super::rules("t", "/[a-c]+/ & /x/", true), None, "nothing is both");
        assert_eq!(super::rules("t", "text_1", true), None);
    }

    #[test]
    fn letters_beyond_ascii_are_told_apart() {
        let rules = rules("t", "/[^é]*/ \"é\"", true).expect("rules");
        assert_eq!(rules.lines().count(), 2, "{rules}");
        assert!(rules.contains("é"), "{rules}");
    }
}
