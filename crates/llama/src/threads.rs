//! How many threads to compute with.
//!
//! llama.cpp's threads wait for one another by spinning, so that more threads than free physical cores make it slower,
//! on a loaded machine by far. How many are free, and whether some are slower than others, no system says; for models
//! that take a while to load it is tried out. It must not know models.

use std::collections::BTreeSet;
use std::fs;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;
use std::time::{Duration, Instant};

/// More threads than this do not help models that fit a machine without a GPU.
const MOST: usize = 16;

/// Models with fewer bytes of weights than this are quicker on one thread: a step of theirs takes no longer than the
/// threads' waiting for one another.
const SMALL: u64 = 32 << 20;

/// Models with more bytes of weights than this take so long to load that trying threads out behind it is not noticed.
const LARGE: u64 = 256 << 20;

/// Threads for a model with so many bytes of weights.
pub(super) fn of_weights(bytes: u64) -> usize {
    match bytes {
        ..SMALL => 1,
        SMALL..LARGE => physical(),
        LARGE.. => warmed_up(physical()),
    }
}

/// How many of these threads work best in step. On an idle machine with equal cores that is all of them; slow and busy
/// cores hold the others up.
fn warmed_up(most: usize) -> usize {
    let counts = std::iter::successors(Some(most), |count| (*count > 1).then_some(count / 2));
    let pace = |count: usize| (count, work_in_step(count).as_secs_f64() / f64::from(u32::try_from(count).unwrap_or(1)));
    let paces: Vec<(usize, f64)> = counts.map(pace).collect();
    fewest_of_the_best(&paces)
}

/// Of thread counts, each with the time for a piece of work, the smallest that is about as quick as the quickest.
fn fewest_of_the_best(paces: &[(usize, f64)]) -> usize {
    let best = paces.iter().map(|(_, pace)| *pace).fold(f64::INFINITY, f64::min);
    let good = paces.iter().filter(|(_, pace)| *pace <= best * 1.1);
    good.map(|(count, _)| *count).min().unwrap_or(1)
}

/// Pieces of work that each thread does, one after the other: some 15 ms in all, several turns of a scheduler.
const PIECES: usize = 100;

/// How long so many threads take for their pieces, each of which they begin together, spinning as llama.cpp's do.
fn work_in_step(count: usize) -> Duration {
    let arrived = AtomicUsize::new(0);
    let work = || {
        for piece in 1..=PIECES {
            std::hint::black_box(piece_of_work());
            arrived.fetch_add(1, Ordering::AcqRel);
            while arrived.load(Ordering::Acquire) < piece * count {
                std::hint::spin_loop();
            }
        }
    };
    let began = Instant::now();
    thread::scope(|scope| {
        for _ in 1..count {
            if thread::Builder::new().spawn_scoped(scope, work).is_err() {
                // Nothing may wait for a thread that never started.
                arrived.store(PIECES * count, Ordering::Release);
                break;
            }
        }
        work();
    });
    began.elapsed()
}

/// A tenth of a millisecond of arithmetic.
fn piece_of_work() -> u64 {
    (0..50_000_u64).fold(0x9e37_79b9, |sum, number| (sum ^ number).wrapping_mul(0x0100_0000_01b3).rotate_left(7))
}

/// The physical cores that this process may use.
fn physical() -> usize {
    let available = thread::available_parallelism().map_or(1, std::num::NonZero::get);
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

#[cfg(test)]
mod tests {
    use super::{fewest_of_the_best, of_weights, warmed_up};

    #[test]
    fn slow_threads_are_left_out() {
        assert_eq!(fewest_of_the_best(&[(8, 1.0), (4, 2.0), (2, 4.0), (1, 8.0)]), 8, "all cores alike");
        assert_eq!(fewest_of_the_best(&[(8, 2.0), (4, 2.0), (2, 4.0), (1, 8.0)]), 4, "half of them half as fast");
        assert_eq!(fewest_of_the_best(&[(2, 4.0), (1, 3.9)]), 1, "another program has one of two");
        assert_eq!(fewest_of_the_best(&[]), 1);
    }

    #[test]
    fn there_is_always_a_thread_and_never_one_too_many() {
        assert_eq!(of_weights(1 << 20), 1);
        assert!((1..=3).contains(&warmed_up(3)));
    }
}
