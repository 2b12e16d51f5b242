//! What was spent: a line for each turn, and a line before anything is sent that costs money.
//!
//! A file of JSON lines in the data folder, one whole line a write, so that many processes can keep it together. Before
//! a provider is asked, the worst case is written down under a lock, and the budget is checked under the same lock: two
//! programs cannot both spend the last cent, and one that crashes has spent what it reserved. No text of any
//! conversation is kept.

use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{SystemTime, UNIX_EPOCH};

use serde::{Deserialize, Serialize};

use callwright_parse::chat::{Attempt, Cost, LOCAL, Money, Outcome, Reason, Usage, counted};
use callwright_parse::error::{Error, ErrorKind, Result};
use callwright_record::lines::{self, Found, Lines};

/// Records what was spent. Clones share the record.
#[derive(Debug, Clone)]
pub struct Ledger {
    kept: Kept,
}

#[derive(Debug, Clone)]
enum Kept {
    File(PathBuf),
    Memory(Arc<Mutex<Vec<Line>>>),
}

/// One line.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "line")]
#[non_exhaustive]
pub enum Line {
    /// Something is about to be sent that costs at most this.
    Reserved(Reserved),
    /// A turn has ended.
    Turn(TurnSpent),
}

/// What is about to be sent.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Reserved {
    /// Seconds since 1970.
    pub at: u64,
    /// The turn.
    pub turn: String,
    /// The provider.
    pub provider: String,
    /// The model.
    pub model: String,
    /// Why.
    pub reason: Reason,
    /// The most that it may cost; absent where no price is known.
    pub picodollars: Option<Money>,
}

/// A turn that has ended.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct TurnSpent {
    /// Seconds since 1970.
    pub at: u64,
    /// The turn.
    pub turn: String,
    /// The run of the program, or the conversation, that it belongs to.
    pub session: String,
    /// Whether anything was sent to another machine.
    pub left_machine: bool,
    /// What was tried.
    pub attempts: Vec<Spent>,
}

/// What one attempt took.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Spent {
    /// Who was asked.
    pub by: String,
    /// The model.
    pub model: String,
    /// Why a provider was asked.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<Reason>,
    /// How it ended, in a word: served, withdrawn, refused, failed.
    pub outcome: String,
    /// The kind of failure, where it failed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub failure: Option<String>,
    /// Tokens.
    pub usage: Usage,
    /// Money.
    pub cost: Cost,
    /// How many faults its answer had.
    pub faults: usize,
    /// Milliseconds.
    pub total_ms: f64,
}

/// How much may be spent; absent is without end.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Budget {
    /// For one turn, all its attempts together.
    pub a_request: Option<Money>,
    /// For one day, which begins at midnight UTC.
    pub a_day: Option<Money>,
    /// Requests in the last hour.
    pub calls_an_hour: Option<usize>,
}

impl Ledger {
    /// A ledger in this file, which is made where it is missing.
    pub fn open(path: impl Into<PathBuf>) -> Result<Self> {
        let path = path.into();
        callwright_files::folder_of(&path).map_err(|cause| failed(&path, cause))?;
        // A ledger that cannot be written is reported before there is anything to write.
        Lines::open(&path).map_err(|cause| failed(&path, cause))?;
        Ok(Self { kept: Kept::File(path) })
    }

    /// A ledger that is forgotten with the program. It keeps only what costs money.
    #[must_use]
    pub fn in_memory() -> Self {
        Self { kept: Kept::Memory(Arc::default()) }
    }

    /// Records what is about to be sent, unless that would exceed the budget: then it says why.
    pub fn reserve(&self, reserved: &Reserved, budget: Budget) -> Result<std::result::Result<(), String>> {
        let line = Line::Reserved(reserved.clone());
        match &self.kept {
            Kept::File(path) => {
                let refusal = || -> std::io::Result<Option<String>> {
                    let mut lines = Lines::open(path)?;
                    let mut held = lines.hold()?;
                    let before = held.read()?.lines;
                    let refusal = budget.refuses(reserved, &before);
                    if refusal.is_none() {
                        held.add(&line)?;
                    }
                    Ok(refusal)
                };
                if let Some(refusal) = refusal().map_err(|cause| failed(path, cause))? {
                    return Ok(Err(refusal));
                }
            }
            Kept::Memory(lines) => {
                let mut lines = lines.lock().unwrap_or_else(PoisonError::into_inner);
                if let Some(refusal) = budget.refuses(reserved, &lines) {
                    return Ok(Err(refusal));
                }
                lines.push(line);
            }
        }
        Ok(Ok(()))
    }

    /// Records what a turn used.
    pub fn spent(&self, turn: TurnSpent) -> Result<()> {
        match &self.kept {
            Kept::File(path) => Lines::open(path)
                .and_then(|mut lines| lines.add(&Line::Turn(turn)))
                .map_err(|cause| failed(path, cause)),
            Kept::Memory(lines) => {
                if turn.attempts.iter().any(|spent| spent.by != LOCAL) {
                    lines.lock().unwrap_or_else(PoisonError::into_inner).push(Line::Turn(turn));
                }
                Ok(())
            }
        }
    }

    /// All lines, oldest first, and how many could not be read (half a line, left by a full disk).
    pub fn lines(&self) -> Result<Found<Line>> {
        match &self.kept {
            Kept::File(path) => lines::read(path).map_err(|cause| failed(path, cause)),
            Kept::Memory(lines) => {
                let lines = lines.lock().unwrap_or_else(PoisonError::into_inner).clone();
                Ok(Found { lines, skipped: 0 })
            }
        }
    }
}

impl Budget {
    /// Why this must not be sent, given what was spent already.
    fn refuses(&self, wanted: &Reserved, lines: &[Line]) -> Option<String> {
        let is_reserved = |line: &Line| match line {
            Line::Reserved(reserved) => Some(reserved.clone()),
            Line::Turn(_) => None,
        };
        let reserved: Vec<_> = lines.iter().filter_map(is_reserved).collect();
        let lately = reserved.iter().filter(|reserved| reserved.at + 3600 > wanted.at).count();
        if let Some(most) = self.calls_an_hour.filter(|most| lately >= *most) {
            return Some(format!("{} in the last hour, at most {most} allowed", counted(lately, "request")));
        }
        if self.a_request.is_none() && self.a_day.is_none() {
            return None;
        }
        let Some(worst) = wanted.picodollars else {
            return Some(format!("the price of {}/{} is unknown, and a budget is set", wanted.provider, wanted.model));
        };
        let of_turn = sum(reserved.iter().filter(|reserved| reserved.turn == wanted.turn));
        if let Some(most) = self.a_request.filter(|most| of_turn.plus(worst) > *most) {
            return Some(format!("it may cost {}, at most {most} per request allowed", of_turn.plus(worst)));
        }
        let today = spent_on(day(wanted.at), lines);
        let most = self.a_day.filter(|most| today.plus(worst) > *most)?;
        Some(format!("it may cost {worst}, {today} spent today, at most {most} per day allowed"))
    }
}

/// What was spent on a day: what turns cost, and what was reserved by those that have not ended.
fn spent_on(on: u64, lines: &[Line]) -> Money {
    let mut total = Money::default();
    let mut ended = std::collections::BTreeSet::new();
    for line in lines {
        if let Line::Turn(turn) = line {
            ended.insert(turn.turn.as_str());
            if day(turn.at) == on {
                let costs = turn.attempts.iter().filter_map(|spent| spent.cost.money());
                total = costs.fold(total, Money::plus);
            }
        }
    }
    let open = lines.iter().filter_map(|line| match line {
        Line::Reserved(reserved) if day(reserved.at) == on && !ended.contains(reserved.turn.as_str()) => Some(reserved),
        _ => None,
    });
    total.plus(sum(open))
}

fn sum<'r>(reserved: impl Iterator<Item = &'r Reserved>) -> Money {
    reserved.filter_map(|reserved| reserved.picodollars).fold(Money::default(), Money::plus)
}

/// A name that no other turn or session has: the time, the process and a count.
#[must_use]
pub fn fresh_id() -> String {
    static COUNT: AtomicU64 = AtomicU64::new(0);
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    let count = COUNT.fetch_add(1, Ordering::Relaxed);
    format!("{:x}-{:x}-{count:x}", since.as_micros(), std::process::id())
}

/// Days since 1970.
#[must_use]
pub fn day(seconds: u64) -> u64 {
    seconds / 86_400
}

/// Seconds since 1970.
#[must_use]
pub fn now() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_secs()
}

impl From<&Attempt> for Spent {
    fn from(attempt: &Attempt) -> Self {
        let outcome = match &attempt.outcome {
            Outcome::Served => "served",
            Outcome::Withdrawn(_) => "withdrawn",
            Outcome::Refused(_) => "refused",
            Outcome::Failed(_) => "failed",
        };
        Self {
            by: attempt.by.clone(),
            model: attempt.model.clone(),
            reason: attempt.reason,
            outcome: outcome.to_owned(),
            failure: attempt.failure.clone(),
            usage: attempt.usage,
            cost: attempt.cost,
            faults: attempt.faults.len(),
            total_ms: attempt.total_ms,
        }
    }
}

fn failed(path: &Path, cause: std::io::Error) -> Error {
    Error::new(ErrorKind::Io, format!("cannot record usage in {}", path.display())).because(cause)
}
