//! Two reports against each other, case by case: a better sum may hide what got worse.

use std::collections::HashMap;

use serde::Serialize;

use super::case::Case;
use super::outcome::{CaseOutcome, Class};
use super::report::Report;

/// What changed from one report to the next.
#[derive(Debug, Clone, Serialize)]
#[non_exhaustive]
pub struct Comparison {
    /// Failed before and right now.
    pub better: Vec<Change>,
    /// Right before and failed now.
    pub worse: Vec<Change>,
    /// Right or failed in both, in another way.
    pub other: Vec<Change>,
    /// Cases that are the same in both.
    pub same: usize,
    /// Cases that only the old report has.
    pub gone: usize,
    /// Cases that only the new one has.
    pub fresh: usize,
    /// How likely as many changes to one side are by chance (McNemar's exact test): small says that they are not.
    pub p: f64,
}

/// A case that changed.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[non_exhaustive]
pub struct Change {
    /// The case.
    pub id: String,
    /// Its model.
    pub model: String,
    /// Its category.
    pub category: String,
    /// What it came to before.
    pub before: CaseOutcome,
    /// Why it failed before.
    pub class_before: Option<Class>,
    /// What it comes to now.
    pub after: CaseOutcome,
    /// Why it fails now.
    pub class_after: Option<Class>,
}

/// A case's name: ids are said twice in some files, and then count.
type Key<'c> = (&'c str, &'c str, &'c str, usize);

fn keyed(cases: &[Case]) -> Vec<(Key<'_>, &Case)> {
    let mut said: HashMap<_, usize> = HashMap::new();
    let key = |case: &'_ Case| (case.model.clone(), case.category.clone(), case.id.clone());
    let mut numbered = |case| {
        let times = said.entry(key(case)).or_default();
        *times += 1;
        *times
    };
    cases
        .iter()
        .map(|case| ((case.model.as_str(), case.category.as_str(), case.id.as_str(), numbered(case)), case))
        .collect()
}

impl Comparison {
    /// What changed from `old` to `new`.
    #[must_use]
    pub fn new(old: &Report, new: &Report) -> Self {
        let mut before: HashMap<_, _> = keyed(&old.cases).into_iter().collect();
        let (mut better, mut worse, mut other) = (Vec::new(), Vec::new(), Vec::new());
        let (mut same, mut fresh) = (0, 0);
        for (key, case) in keyed(&new.cases) {
            let Some(was) = before.remove(&key) else {
                fresh += 1;
                continue;
            };
            let change = Change {
                id: case.id.clone(),
                model: case.model.clone(),
                category: case.category.clone(),
                before: was.outcome,
                class_before: was.class,
                after: case.outcome,
                class_after: case.class,
            };
            match (was.outcome.is_right(), case.outcome.is_right()) {
                (false, true) => better.push(change),
                (true, false) => worse.push(change),
                _ if (was.outcome, was.class) == (case.outcome, case.class) => same += 1,
                _ => other.push(change),
            }
        }
        let p = mcnemar(better.len(), worse.len());
        Self { better, worse, other, same, gone: before.len(), fresh, p }
    }
}

/// The exact test: had each change been a coin's throw, how often would the sides differ by as much?
#[expect(clippy::cast_precision_loss, reason = "nobody compares 2^52 cases")]
fn mcnemar(one: usize, other: usize) -> f64 {
    let (few, all) = (one.min(other), one + other);
    let mut log = -(all as f64) * std::f64::consts::LN_2;
    let mut sum = 0.0;
    for k in 0..=few {
        sum += log.exp();
        log += ((all - k) as f64 / (k + 1) as f64).ln();
    }
    (2.0 * sum).min(1.0)
}
