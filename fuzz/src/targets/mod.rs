//! The targets: each takes any bytes and panics where a law of DESIGN section 3 is broken.
//!
//! They live once, for libFuzzer, for the stable driver and for `cargo test`. A target reads its choices (format, level,
//! cuts) from the first bytes and the text from the rest, so that a fixture is a seed once those bytes stand before it.

pub mod gguf;
pub mod linear;
pub mod parser;
pub mod schemas;
pub mod seeds;
pub mod trust;
pub mod values;

use std::time::{Duration, Instant};

use callwright_test_support::cost::least_cost;

/// Takes any bytes; panics where a law is broken.
pub type Target = fn(&[u8]);

/// Every target by its name.
pub const ALL: [(&str, Target); 6] = [
    ("gguf", gguf::run),
    ("linear", linear::run),
    ("parser", parser::run),
    ("schemas", schemas::run),
    ("trust", trust::run),
    ("values", values::run),
];

/// Input that is longer is cut there, so that the bound on time means the same for all.
pub const LONGEST: usize = 100_000;

/// Longer than this for at most [`LONGEST`] bytes is a hang.
const TOO_LONG: Duration = Duration::from_secs(1);

/// Does the work, and panics if it takes too long: in processor time and each time, for the machine has other work too.
fn in_time<T>(what: &str, work: impl Fn() -> T) -> T {
    let start = Instant::now();
    let done = work();
    if start.elapsed() < TOO_LONG {
        return done;
    }
    let least = least_cost(2, work);
    assert!(least < TOO_LONG, "law 5: {what} took {least:?}");
    done
}

/// Cuts bytes as a seed says: 0 not at all, 1 byte for byte, else into pieces of one to eight bytes.
fn cuts(bytes: &[u8], seed: u8) -> Vec<&[u8]> {
    let mut state = u32::from(seed);
    let mut pieces = Vec::new();
    let mut rest = bytes;
    while !rest.is_empty() {
        let size = match seed {
            0 => rest.len(),
            1 => 1,
            _ => {
                state = state.wrapping_mul(1_103_515_245).wrapping_add(12_345);
                (state >> 16) as usize % 8 + 1
            }
        };
        let (piece, more) = rest.split_at(size.min(rest.len()));
        pieces.push(piece);
        rest = more;
    }
    pieces
}
