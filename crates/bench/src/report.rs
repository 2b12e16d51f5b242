//! Cases to numbers: what is counted, for which group, and with what confidence.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::case::Case;
use super::intervals::Interval;
use super::outcome::{CaseOutcome, Class};
use super::reading::{AUTO, How};
use super::run::Bench;
use callwright_parse::chat::FixKind;
use callwright_record::BadLine;

/// All that a bench comes to: what `--json` prints and `--save` keeps.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Report {
    /// The version that read.
    pub callwright: String,
    /// The format that was asked for, or `auto`.
    pub format: String,
    /// The level.
    pub level: String,
    /// Threads that read at once.
    pub threads: usize,
    /// All recordings together.
    pub total: Summary,
    /// By model and format.
    pub models: Vec<Group>,
    /// By category.
    pub categories: Vec<Group>,
    /// By model, format and category.
    pub groups: Vec<Group>,
    /// How many failed for what.
    pub classes: BTreeMap<Class, usize>,
    /// How many needed each kind of fix.
    pub fixes: BTreeMap<FixKind, usize>,
    /// Expected against found calls: `none`, `one`, `several`.
    pub due_and_found: BTreeMap<String, BTreeMap<String, usize>>,
    /// What could not be used.
    pub bad_lines: Vec<BadLine>,
    /// Every case.
    pub cases: Vec<Case>,
}

/// Cases that have something in common.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Group {
    /// The model, where it is what they have in common.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub model: Option<String>,
    /// The format.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub format: Option<String>,
    /// The category.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub category: Option<String>,
    /// Their numbers.
    #[serde(flatten)]
    pub summary: Summary,
}

/// How many cases had each outcome.
#[derive(Debug, Clone, Copy, PartialEq, Default, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Counts {
    /// Judged cases: the sum of the six below.
    pub n: usize,
    /// [`CaseOutcome::Strict`].
    pub strict: usize,
    /// [`CaseOutcome::Repaired`].
    pub repaired: usize,
    /// [`CaseOutcome::Missed`].
    pub missed: usize,
    /// [`CaseOutcome::Phantom`].
    pub phantom: usize,
    /// [`CaseOutcome::Wrong`].
    pub wrong: usize,
    /// [`CaseOutcome::Faulty`].
    pub faulty: usize,
    /// [`CaseOutcome::Unjudged`], not among `n`.
    pub unjudged: usize,
}

/// Counts with their shares.
#[derive(Debug, Clone, Copy, PartialEq, Default, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Summary {
    /// The counts.
    #[serde(flatten)]
    pub counts: Counts,
    /// The share that is right, repaired or not.
    pub right: Interval,
    /// The share that is right as it was written.
    pub right_unrepaired: Interval,
    /// The share of calls without any fault that were not expected.
    pub wrong_but_valid: Interval,
    /// Median time to read one.
    pub microseconds: f64,
}

impl Counts {
    fn add(&mut self, outcome: CaseOutcome) {
        let counter = match outcome {
            CaseOutcome::Strict => &mut self.strict,
            CaseOutcome::Repaired => &mut self.repaired,
            CaseOutcome::Missed => &mut self.missed,
            CaseOutcome::Phantom => &mut self.phantom,
            CaseOutcome::Wrong => &mut self.wrong,
            CaseOutcome::Faulty => &mut self.faulty,
            CaseOutcome::Unjudged => &mut self.unjudged,
        };
        *counter += 1;
        self.n += usize::from(outcome != CaseOutcome::Unjudged);
    }

    /// How many are right.
    #[must_use]
    pub fn right(&self) -> usize {
        self.strict + self.repaired
    }
}

impl Summary {
    fn of<'c>(cases: impl Iterator<Item = &'c Case>) -> Self {
        let (mut counts, mut times) = (Counts::default(), Vec::new());
        for case in cases {
            counts.add(case.outcome);
            times.push(case.microseconds);
        }
        // The middle one: a mean would tell of the first case, which fills the caches, and of what else the machine did.
        times.sort_unstable_by(f64::total_cmp);
        Self {
            counts,
            right: Interval::wilson(counts.right(), counts.n),
            right_unrepaired: Interval::wilson(counts.strict, counts.n),
            wrong_but_valid: Interval::wilson(counts.wrong, counts.n),
            microseconds: times.get(times.len() / 2).copied().unwrap_or_default(),
        }
    }
}

impl Report {
    /// The report of a bench.
    #[must_use]
    pub fn new(bench: &Bench, how: &How) -> Self {
        let cases = &bench.cases;
        let mut classes = BTreeMap::new();
        let mut fixes = BTreeMap::new();
        let mut due_and_found: BTreeMap<String, BTreeMap<String, usize>> = BTreeMap::new();
        for case in cases {
            if let Some(class) = case.class {
                *classes.entry(class).or_default() += 1;
            }
            for fix in &case.fixes {
                *fixes.entry(*fix).or_default() += 1;
            }
            let due = case.due.map_or("unknown", how_many).to_owned();
            *due_and_found.entry(due).or_default().entry(how_many(case.found).to_owned()).or_default() += 1;
        }
        Self {
            callwright: env!("CARGO_PKG_VERSION").to_owned(),
            format: how.format.clone().unwrap_or_else(|| AUTO.to_owned()),
            level: format!("{:?}", how.level).to_lowercase(),
            threads: bench.threads,
            total: Summary::of(cases.iter()),
            models: groups(cases, |case| (Some(&case.model), Some(&case.format), None)),
            categories: groups(cases, |case| (None, None, Some(&case.category))),
            groups: groups(cases, |case| (Some(&case.model), Some(&case.format), Some(&case.category))),
            classes,
            fixes,
            due_and_found,
            bad_lines: bench.bad.clone(),
            cases: cases.clone(),
        }
    }
}

fn how_many(count: usize) -> &'static str {
    match count {
        0 => "none",
        1 => "one",
        _ => "several",
    }
}

type Key<'c> = (Option<&'c String>, Option<&'c String>, Option<&'c String>);

fn groups<'c>(cases: &'c [Case], key: impl Fn(&'c Case) -> Key<'c>) -> Vec<Group> {
    let mut sorted: BTreeMap<Key<'_>, Vec<&Case>> = BTreeMap::new();
    for case in cases {
        sorted.entry(key(case)).or_default().push(case);
    }
    let group = |((model, format, category), cases): (Key<'_>, Vec<&Case>)| Group {
        model: model.cloned(),
        format: format.cloned(),
        category: category.cloned(),
        summary: Summary::of(cases.into_iter()),
    };
    sorted.into_iter().map(group).collect()
}
