//! An expression as rules of GBNF: each state of its automaton becomes a rule.
//!
//! Our expressions know intersection and complement, which rules do not; the automaton that comes of them is plain. It is
//! walked with one letter of each range that the expression tells apart: all letters of a range do the same.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::fmt::Write as _;

use llguidance::derivre::{Regex, RegexBuilder, StateID};
use regex_syntax::hir::{Class, Hir, HirKind};

use crate::expression::Expression;

/// More states than this are more than an engine should be handed for one text.
const STATES: usize = 800;
/// How much work an expression may be.
const FUEL: u64 = 2_000_000;

/// Rules by which the first, of this name, is a text of the expression. A lazy one ends where it first could. `None`
/// where no text is, or it is too much.
pub(super) fn rules(name: &str, expression: &Expression, lazy: bool) -> Option<String> {
    let mut builder = RegexBuilder::new();
    let root = builder.mk(&expression.ast()).ok()?;
    let mut regex = builder.into_regex_limited(root, FUEL).ok()?;
    let letters = Ranges::of(expression)?;
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
            targets.map(|(target, set)| format!("{} {}", letters.class(set), called(*target))).collect();
        if *accepts {
            ways.push("\"\"".to_owned());
        }
        // Writing to a string cannot fail.
        let _ = writeln!(out, "{} ::= {}", called(state), ways.join(" | "));
    }
    Some(out)
}

/// By the number of a state, where each set of ranges leads.
type Edges = Vec<BTreeMap<usize, BTreeSet<usize>>>;

/// All states that are reached, each with whether a text may end there, and where letters lead.
fn walk(regex: &mut Regex, letters: &Ranges, lazy: bool) -> Option<(Vec<(bool, StateID)>, Edges)> {
    let first = regex.initial_state();
    let mut states = vec![(regex.is_accepting(first), first)];
    let mut known = HashMap::from([(first, 0)]);
    let mut edges: Edges = Vec::new();
    while let Some((accepts, state)) = states.get(edges.len()).copied() {
        let mut from = BTreeMap::<usize, BTreeSet<usize>>::new();
        for (number, letter) in letters.0.iter().enumerate().filter(|_| !(lazy && accepts)) {
            let target = regex.transition_bytes(state, letter.encode_utf8(&mut [0; 4]).as_bytes());
            if target.is_dead() {
                continue;
            }
            let next = states.len();
            let index = *known.entry(target).or_insert(next);
            if index == next {
                states.push((regex.is_accepting(target), target));
            }
            from.entry(index).or_default().insert(number);
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

/// The ranges of letters that an expression tells apart, by the first letter of each.
#[derive(Debug)]
struct Ranges(Vec<char>);

impl Ranges {
    /// None where it has a regular expression that is none.
    fn of(expression: &Expression) -> Option<Self> {
        let (mut firsts, mut fine) = (BTreeSet::from(['\0']), true);
        expression.each(&mut |part, is_regex| {
            if is_regex {
                match regex_syntax::parse(part) {
                    Ok(hir) => note(&hir, &mut firsts),
                    Err(_) => fine = false,
                }
            } else {
                part.chars().for_each(|letter| note_range(letter, letter, &mut firsts));
            }
        });
        fine.then(|| Self(firsts.into_iter().collect()))
    }

    /// A set of ranges as a class of letters; one with the last range in it says what is not in it.
    fn class(&self, set: &BTreeSet<usize>) -> String {
        let others = set.contains(&(self.0.len() - 1));
        let mut listed: Vec<(char, char)> = Vec::new();
        for number in (0..self.0.len() - 1).filter(|number| set.contains(number) != others) {
            let (first, last) = (self.0[number], before(self.0[number + 1]));
            match listed.last_mut() {
                Some(known) if after(known.1) == Some(first) => known.1 = last,
                _ => listed.push((first, last)),
            }
        }
        let mut out = String::from(if others { "[^" } else { "[" });
        for (first, last) in &listed {
            push(&mut out, *first);
            if last > first {
                if after(*first) != Some(*last) {
                    out.push('-');
                }
                push(&mut out, *last);
            }
        }
        if listed.is_empty() {
            // Everything but what is no text anyway: not all engines read a class that is empty.
            push(&mut out, '\0');
        }
        out.push(']');
        out
    }
}

/// Notes where the ranges of an expression begin and end.
fn note(hir: &Hir, firsts: &mut BTreeSet<char>) {
    match hir.kind() {
        HirKind::Literal(literal) => {
            let text = String::from_utf8_lossy(&literal.0);
            text.chars().for_each(|letter| note_range(letter, letter, firsts));
        }
        HirKind::Class(Class::Unicode(class)) => {
            class.iter().for_each(|range| note_range(range.start(), range.end(), firsts));
        }
        HirKind::Class(Class::Bytes(class)) => {
            class.iter().for_each(|range| note_range(range.start().into(), range.end().into(), firsts));
        }
        HirKind::Repetition(repetition) => note(&repetition.sub, firsts),
        HirKind::Capture(capture) => note(&capture.sub, firsts),
        HirKind::Concat(parts) | HirKind::Alternation(parts) => parts.iter().for_each(|part| note(part, firsts)),
        HirKind::Empty | HirKind::Look(_) => {}
    }
}

fn note_range(first: char, last: char, firsts: &mut BTreeSet<char>) {
    firsts.insert(first);
    firsts.extend(after(last));
}

/// The next letter.
fn after(letter: char) -> Option<char> {
    (letter..=char::MAX).nth(1)
}

/// The letter before this one.
fn before(letter: char) -> char {
    ('\0'..letter).next_back().unwrap_or('\0')
}

fn push(out: &mut String, letter: char) {
    let plain = letter.is_alphanumeric() || " _<>/=:;,.(){}|!?#$%&'*+@`~".contains(letter);
    match u32::from(letter) {
        // Writing to a string cannot fail.
        code @ 0..=0x7f if !plain => drop(write!(out, "\\x{code:02x}")),
        code @ 0x80..=0xffff if !plain => drop(write!(out, "\\u{code:04x}")),
        _ => out.push(letter),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn regex(expression: &str) -> Expression {
        Expression::regex(expression)
    }

    fn until(content: Expression, stop: &str) -> Expression {
        Expression::Then(vec![content, Expression::text(stop)])
    }

    #[test]
    fn a_text_ends_where_its_end_first_comes() {
        let rules = rules("t", &until(regex("(?s:.*)"), "</v>"), true).expect("rules");
        let last = rules.lines().last().expect("rules");
        assert!(last.ends_with("::= \"\""), "{rules}");
        assert_eq!(rules.lines().count(), 5, "{rules}");
        assert!(rules.starts_with("t ::= [^<] t | [<] t-1\n"), "{rules}");
    }

    #[test]
    fn what_is_left_out_is_left_out() {
        let no_b = regex("[a-c]+").and([Expression::without("b")]);
        let made = rules("t", &until(no_b, "!"), true).expect("rules");
        assert!(!made.contains('b'), "{made}");
        assert!(made.contains("[ac]"), "{made}");
        assert_eq!(rules("t", &regex("[a-c]+").and([regex("x")]), true), None, "nothing is both");
    }

    #[test]
    fn letters_beyond_ascii_are_told_apart() {
        let made = rules("t", &until(regex("[^é]*"), "é"), true).expect("rules");
        assert_eq!(made.lines().count(), 2, "{made}");
        assert!(made.contains("é"), "{made}");
        // However they are spelled.
        let made = rules("t", &regex(r"[^\x{2028}😀-🙏]"), false).expect("rules");
        assert!(made.starts_with("t ::= [^\\u2028😀-🙏] t-1\n"), "{made}");
    }
}
