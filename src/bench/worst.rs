//! The failures that are worth looking at first, each with the line of its text and the place in it.
//!
//! One of each class before the second of any, the most dangerous class first: a hundred alike teach no more than one.

use std::collections::HashMap;

use super::case::Case;
use super::outcome::Outcome;
use super::run::Bench;

/// A failed case and the line of its text that it is about.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct Excerpt<'b> {
    /// The case.
    pub case: &'b Case,
    /// A part of the line, without control characters.
    pub line: String,
    /// The place in that part, in characters.
    pub column: usize,
}

/// How much of a line is shown around the place.
const AROUND: usize = 46;

/// The worst cases, at most so many.
#[must_use]
pub fn worst(bench: &Bench, most: usize) -> Vec<Excerpt<'_>> {
    let failed = |case: &&Case| !case.outcome.is_right() && case.outcome != Outcome::Unjudged;
    let mut seen: HashMap<_, usize> = HashMap::new();
    let mut ranked: Vec<_> = bench
        .cases
        .iter()
        .filter(failed)
        .map(|case| {
            let before = seen.entry((case.outcome, case.class)).or_default();
            *before += 1;
            (*before, danger(case.outcome), case.class, case)
        })
        .collect();
    ranked.sort_by_key(|(before, danger, class, case)| (*before, *danger, *class, case.row));
    let excerpt = |(_, _, _, case): (usize, u8, _, &'_ Case)| excerpt(&bench.rows[case.row].recording.output, case.at);
    ranked
        .into_iter()
        .take(most)
        .map(|found| {
            let (line, column) = excerpt(found);
            Excerpt { case: found.3, line, column }
        })
        .collect()
}

/// What does harm stands before what only helps nobody.
fn danger(outcome: Outcome) -> u8 {
    match outcome {
        Outcome::Wrong => 0,
        Outcome::Phantom => 1,
        Outcome::Faulty => 2,
        _ => 3,
    }
}

fn excerpt(text: &str, at: Option<usize>) -> (String, usize) {
    let mut at = at.unwrap_or(0).min(text.len());
    while !text.is_char_boundary(at) {
        at -= 1;
    }
    let start = text[..at].rfind('\n').map_or(0, |newline| newline + 1);
    let end = text[at..].find('\n').map_or(text.len(), |newline| at + newline);
    let before: Vec<char> = text[start..at].chars().collect();
    let cut = before.len().saturating_sub(AROUND);
    let mut line: String = if cut > 0 { "…".to_owned() } else { String::new() };
    line.extend(&before[cut..]);
    let column = line.chars().count();
    line.extend(text[at..end].chars().take(AROUND));
    if text[at..end].chars().nth(AROUND).is_some() {
        line.push('…');
    }
    (line.replace(char::is_control, "·"), column)
}
