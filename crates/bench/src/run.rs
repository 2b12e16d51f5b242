//! All recordings read and judged, on all cores.

use std::collections::HashMap;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, OnceLock};

use super::case::Case;
use super::reading::How;
use callwright_parse::check::ToolSet;
use callwright_parse::error::{Error, ErrorKind, Result};
use callwright_record::{BadLine, Records, Sourced};

/// Recordings with what became of each.
#[derive(Debug)]
#[non_exhaustive]
pub struct Bench {
    /// The recordings.
    pub rows: Vec<Sourced>,
    /// The cases, in the same order.
    pub cases: Vec<Case>,
    /// Lines that could not be used, and recordings that could not be read for a reason of ours.
    pub bad: Vec<BadLine>,
    /// How many threads read.
    pub threads: usize,
}

/// Ways to look in while recordings are read.
#[derive(Clone, Copy)]
pub struct Hooks<'a> {
    /// Told of each recording that is done.
    pub done: &'a (dyn Fn() + Sync),
    /// Asked before each; true ends it all.
    pub stop: &'a (dyn Fn() -> bool + Sync),
}

impl std::fmt::Debug for Hooks<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Hooks")
    }
}

impl Default for Hooks<'_> {
    fn default() -> Self {
        Self { done: &|| (), stop: &|| false }
    }
}

type Compiled = OnceLock<Result<Arc<ToolSet>>>;

/// Reads and judges all recordings.
pub fn run(records: Records, how: &How, hooks: Hooks<'_>) -> Result<Bench> {
    let Records { rows, mut bad, .. } = records;
    let (lists, list_of) = tool_lists(&rows);
    let threads = std::thread::available_parallelism().map_or(1, usize::from).min(rows.len().max(1));
    let next = AtomicUsize::new(0);
    let work = || {
        let mut done = Vec::new();
        while !(hooks.stop)() {
            let row = next.fetch_add(1, Ordering::Relaxed);
            let Some(sourced) = rows.get(row) else { break };
            let tools = lists[list_of[row]].get_or_init(|| ToolSet::compile(&sourced.recording.tools).map(Arc::new));
            let read = match tools {
                Ok(tools) => how.read(&sourced.recording, tools).map_err(|error| error.to_string()),
                Err(error) => Err(error.to_string()),
            };
            done.push(match read {
                Ok(reading) => Ok(Case::new(row, sourced, reading)),
                Err(reason) => Err(BadLine { place: sourced.place.clone(), reason }),
            });
            (hooks.done)();
        }
        done
    };
    let done: Vec<_> = std::thread::scope(|scope| {
        let workers: Vec<_> = (0..threads).map(|_| scope.spawn(work)).collect();
        workers.into_iter().map(|worker| worker.join().map_err(|_| broken())).collect::<Result<_>>()
    })?;
    if (hooks.stop)() {
        let read: usize = done.iter().map(Vec::len).sum();
        return Err(Error::new(ErrorKind::Cancelled, format!("stopped after {read} of {} recordings", rows.len())));
    }
    let mut cases = Vec::with_capacity(rows.len());
    for case in done.into_iter().flatten() {
        match case {
            Ok(case) => cases.push(case),
            Err(line) => bad.push(line),
        }
    }
    cases.sort_by_key(|case| case.row);
    Ok(Bench { rows, cases, bad, threads })
}

fn broken() -> Error {
    Error::new(ErrorKind::Backend, "parsing a recording failed unexpectedly")
        .hint("this is a bug: please report the file")
}

/// The distinct tool lists, each compiled at its first use, and which of them each recording offers.
fn tool_lists(rows: &[Sourced]) -> (Vec<Compiled>, Vec<usize>) {
    let mut known: HashMap<String, usize> = HashMap::new();
    let mut list_of = Vec::with_capacity(rows.len());
    for sourced in rows {
        let key = serde_json::to_string(&sourced.recording.tools).unwrap_or_default();
        let fresh = known.len();
        list_of.push(*known.entry(key).or_insert(fresh));
    }
    (known.iter().map(|_| Compiled::new()).collect(), list_of)
}
