//! How many threads to compute with.
//!
//! llama.cpp's threads wait for one another by spinning, so that more threads than free physical cores make it slower,
//! on a loaded machine by far. It must not know models.

use std::collections::BTreeSet;
use std::fs;

/// More threads than this do not help models that fit a machine without a GPU.
const MOST: usize = 16;

/// Models with fewer bytes of weights than this are quicker on one thread: a step of theirs takes no longer than the
/// threads' waiting for one another.
const SMALL: u64 = 32 << 20;

/// Threads for a model with so many bytes of weights.
pub(super) fn of_weights(bytes: u64) -> usize {
    if bytes < SMALL { 1 } else { physical() }
}

/// The physical cores that this process may use.
fn physical() -> usize {
    let available = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
    let cores = cores(available).unwrap_or(available);
    cores.min(available).clamp(1, MOST)
}

/// Physical cores among the processors, where the system tells which threads share one.
fn cores(available: usize) -> Option<usize> {
    let mut cores = BTreeSet::new();
    for processor in 0..available {
        let file = format!("/sys/devices/system/cpu/cpu{processor}/topology/thread_siblings_list");
        cores.insert(fs::read_to_string(file).ok()?);
    }
    (!cores.is_empty()).then_some(cores.len())
}
