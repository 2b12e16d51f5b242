//! Which tool a name means: to the letter, then folded, then near.
//!
//! Folding is safe because it must hit exactly one tool. Near names invent calls (25 for 18 gained on recorded
//! outputs), hence level lenient only.

use std::collections::HashMap;

use super::Level;

/// What a name refers to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Found {
    /// This tool, to the letter.
    Exact(usize),
    /// This tool, but for case, `-`, `_`, `.` or a prefix such as `functions.`.
    Folded(usize),
    /// The one tool whose name is near (level lenient only).
    Near(usize),
    /// No tool.
    Unknown {
        /// Offered names that look like it, nearest first.
        suggestions: Vec<String>,
    },
}

impl Found {
    /// The tool's index, where there is one.
    #[must_use]
    pub fn index(&self) -> Option<usize> {
        match self {
            Self::Exact(index) | Self::Folded(index) | Self::Near(index) => Some(*index),
            Self::Unknown { .. } => None,
        }
    }
}

/// What models write before a name.
const PREFIXES: [&str; 7] = ["functions.", "function.", "tools.", "tool.", "default_api.", "functions::", "functions/"];

/// Names longer than this are compared by their start.
const COMPARED: usize = 96;

/// How near is near, and how near is worth suggesting.
const NEAR: f64 = 0.8;
const SUGGESTED: f64 = 0.45;

/// The offered names.
#[derive(Debug, Default)]
pub(super) struct Names {
    exact: HashMap<String, usize>,
    /// Nothing where two tools fold alike.
    folded: HashMap<String, Option<usize>>,
    list: Vec<String>,
    /// The folded starts of the names, for comparing.
    starts: Vec<String>,
}

/// The name without a name space in front (`notes:create`), or said once where it was said twice (`ping.ping`).
fn last(name: &str) -> Option<&str> {
    let (space, last) = name.rsplit_once([':', '.', '/'])?;
    (name.contains(':') || space == last).then_some(last)
}

impl Names {
    /// Adds a name that is not there yet.
    pub(super) fn add(&mut self, name: &str, index: usize) {
        let folded = fold(name);
        self.starts.push(start(&folded));
        if !folded.is_empty() {
            self.folded.entry(folded).and_modify(|one| *one = None).or_insert(Some(index));
        }
        self.list.push(name.to_owned());
        self.exact.insert(name.to_owned(), index);
    }

    pub(super) fn exact(&self, name: &str) -> Option<usize> {
        self.exact.get(name).copied()
    }

    /// The tool that the name means, at less cost than [`Self::find`]: nothing is compared to suggest it.
    pub(super) fn index(&self, name: &str, level: Level) -> Option<usize> {
        match level {
            Level::Lenient => self.find(name, level).index(),
            _ => self.exact(name).or_else(|| self.folded(name, level)),
        }
    }

    fn folded(&self, name: &str, level: Level) -> Option<usize> {
        if level == Level::Strict {
            return None;
        }
        let bare = bare(name);
        let folded = |name: &str| self.folded.get(&fold(name)).copied().flatten();
        self.exact(bare).or_else(|| folded(bare)).or_else(|| folded(name)).or_else(|| self.exact(last(name)?))
    }

    pub(super) fn find(&self, name: &str, level: Level) -> Found {
        if let Some(index) = self.exact(name) {
            return Found::Exact(index);
        }
        if let Some(index) = self.folded(name, level) {
            return Found::Folded(index);
        }
        let bare = bare(name);
        let ranked = self.ranked(bare);
        if level == Level::Lenient
            && let Some(index) = self.near(bare, &ranked)
        {
            return Found::Near(index);
        }
        let suggestions = ranked.iter().take(3);
        Found::Unknown { suggestions: suggestions.map(|(_, index)| self.list[*index].clone()).collect() }
    }

    /// The tools that look like it, nearest first.
    fn ranked(&self, name: &str) -> Vec<(f64, usize)> {
        let wanted = start(&fold(name));
        let scored = self.starts.iter().enumerate().map(|(index, offered)| (likeness(&wanted, offered), index));
        let mut ranked: Vec<(f64, usize)> = scored.filter(|(score, _)| *score >= SUGGESTED).collect();
        ranked.sort_by(|a, b| b.0.total_cmp(&a.0).then(a.1.cmp(&b.1)));
        ranked
    }

    /// The only tool that is near, or whose last part this is.
    fn near(&self, name: &str, ranked: &[(f64, usize)]) -> Option<usize> {
        match ranked {
            [(score, index)] if *score >= NEAR => return Some(*index),
            [(score, index), (next, _), ..] if *score >= NEAR && *next < NEAR => return Some(*index),
            _ => {}
        }
        let wanted = fold(name);
        let last = |offered: &str| fold(offered.rsplit(['.', '/', ':']).next().unwrap_or(offered));
        let mut ending =
            self.list.iter().enumerate().filter(|(_, offered)| !wanted.is_empty() && last(offered) == wanted);
        let (index, _) = ending.next()?;
        ending.next().is_none().then_some(index)
    }
}

/// The name without what models write before it.
fn bare(name: &str) -> &str {
    let name = name.trim();
    PREFIXES.iter().find_map(|prefix| name.strip_prefix(prefix)).unwrap_or(name)
}

/// From 0 for nothing in common to 1 for alike.
#[expect(clippy::cast_precision_loss, reason = "lengths are at most COMPARED")]
fn likeness(wanted: &str, offered: &str) -> f64 {
    let (short, long) = (wanted.len().min(offered.len()), wanted.len().max(offered.len()));
    if short == 0 {
        return 0.0;
    }
    let within = short > 3 && (wanted.contains(offered) || offered.contains(wanted));
    let least = if within { 0.5 } else { 0.0 };
    // The difference in length alone is a distance: most names need no closer look.
    if (short as f64) < SUGGESTED * long as f64 {
        return least;
    }
    (1.0 - strsim::osa_distance(wanted, offered) as f64 / long as f64).max(least)
}

fn start(name: &str) -> String {
    name.chars().take(COMPARED).collect()
}

/// Case and `-_.` and their like taken out.
pub(crate) fn fold(name: &str) -> String {
    let kept = name.chars().filter(|c| !matches!(c, '-' | '_' | '.' | ':' | '/' | ' ' | '\\'));
    kept.flat_map(char::to_lowercase).collect()
}
