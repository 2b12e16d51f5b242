//! What a piece of work costs, whatever else the machine does meanwhile.

use std::sync::LazyLock;
use std::time::{Duration, Instant};

/// The time that this thread has had a processor. Where nobody tells, the time of the clock on the wall.
fn worked() -> Duration {
    static START: LazyLock<Instant> = LazyLock::new(Instant::now);
    // Linux brings the account up to date when a thread offers its turn to others, else only some 250 times a second.
    std::thread::yield_now();
    let told = std::fs::read_to_string("/proc/thread-self/schedstat").ok();
    let nanoseconds = told.and_then(|text| text.split(' ').next()?.parse().ok());
    nanoseconds.map_or_else(|| START.elapsed(), Duration::from_nanos)
}

/// What this work costs, done once.
pub fn cost<T>(work: impl FnOnce() -> T) -> Duration {
    let before = worked();
    std::hint::black_box(work());
    worked().saturating_sub(before)
}

/// What this work costs at its best: shared caches and memory slow some attempts down, never all.
pub fn least_cost<T>(attempts: usize, work: impl Fn() -> T) -> Duration {
    (0..attempts).map(|_| cost(&work)).min().unwrap_or_default()
}
