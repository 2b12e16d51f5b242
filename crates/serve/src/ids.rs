//! Random names for turns, calls and responses.

use std::hash::{BuildHasher as _, RandomState};
use std::sync::atomic::{AtomicU64, Ordering};

/// Letters of an id: what every client and every chat template takes.
const LETTERS: &[u8; 62] = b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";

/// 22 letters and digits, of which no two are alike.
///
/// They name things and keep no secret: the standard library's hash keys are random, and the count tells them apart.
pub(crate) fn fresh() -> String {
    static COUNT: AtomicU64 = AtomicU64::new(0);
    let count = COUNT.fetch_add(1, Ordering::Relaxed);
    let half = || {
        let mut rest = RandomState::new().hash_one(count);
        (0..11).map(move |_| {
            let letter = LETTERS[(rest % 62) as usize];
            rest /= 62;
            char::from(letter)
        })
    };
    half().chain(half()).collect()
}
