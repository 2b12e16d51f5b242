//! What the fuzzers run. Two drivers share it: libFuzzer (`fuzz_targets/`, nightly, with coverage) and `bin/mutate.rs`
//! (stable, without). `tests/fuzz_seeds.rs` runs the same bodies over `fixtures/` in every `cargo test`.
#![allow(clippy::missing_panics_doc, reason = "a broken law is a panic here; that is what a fuzzer looks for")]

#[path = "../../tests/common/cost.rs"]
#[allow(dead_code, clippy::must_use_candidate, reason = "shared with the tests")]
mod cost;
#[path = "../../tests/common/reading.rs"]
#[allow(dead_code, clippy::unwrap_used, clippy::must_use_candidate, reason = "shared with the tests")]
mod reading;
pub mod targets;
