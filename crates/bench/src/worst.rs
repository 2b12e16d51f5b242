//! The failures that are worth looking at first, each with the line of its text and the place in it.
//!
//! One of each class before the second of any, the most dangerous class first: a hundred alike teach no more than one.

use std::collections::HashMap;

use super::case::Case;
use super::outcome::CaseOutcome;
use super::run::Bench;

/// A failed case and the line of its text that it is about.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct Excerpt<'b> {
    /// The case.
    pub case: &'b Case,
    /// What stands before the place in its line, or the end of it; without control characters.
    pub before: String,
    /// What stands there and after it.
    pub after: String,
}

/// How much of a line is shown around the place.
const AROUND: usize = 46;

/// The worst cases, at most so many.
#[must_use]
pub fn worst(bench: &Bench, most: usize) -> Vec<Excerpt<'_>> {
    let mut seen: HashMap<_, usize> = HashMap::new();
    let mut ranked: Vec<_> = bench
        .cases
        .iter()
        .filter(|case| case.outcome.is_failure())
        .map(|case| {
            let before = seen.entry((case.outcome, case.class)).or_default();
            *before += 1;
            (*before, danger(case.outcome), case.class, case)
        })
        .collect();
    ranked.sort_by_key(|(before, danger, class, case)| (*before, *danger, *class, case.row));
    let cases = ranked.into_iter().take(most).map(|(_, _, _, case)| case);
    cases
        .map(|case| {
            let (before, after) = excerpt(&bench.rows[case.row].recording.output, case.at);
            Excerpt { case, before, after }
        })
        .collect()
}

/// Harmful failures come before merely unhelpful ones.
fn danger(outcome: CaseOutcome) -> u8 {
    match outcome {
        CaseOutcome::Wrong => 0,
        CaseOutcome::Phantom => 1,
        CaseOutcome::Faulty => 2,
        _ => 3,
    }
}

fn excerpt(text: &str, at: Option<usize>) -> (String, String) {
    let at = text.floor_char_boundary(at.unwrap_or(0));
    let start = text[..at].rfind('\n').map_or(0, |newline| newline + 1);
    let end = text[at..].find('\n').map_or(text.len(), |newline| at + newline);
    let (before, after) = (&text[start..at], &text[at..end]);
    let cut = before.char_indices().rev().nth(AROUND).map(|(cut, letter)| cut + letter.len_utf8());
    let before = cut.map_or_else(|| before.to_owned(), |cut| format!("…{}", &before[cut..]));
    let cut = after.char_indices().nth(AROUND).map(|(cut, _)| cut);
    let after = cut.map_or_else(|| after.to_owned(), |cut| format!("{}…", &after[..cut]));
    (before.replace(char::is_control, "·"), after.replace(char::is_control, "·"))
}
