//! What the fuzzers run. Two drivers share it: libFuzzer (`fuzz_targets/`, nightly, with coverage) and `bin/mutate.rs`
//! (stable, without). `tests/fuzz_seeds.rs` runs the same bodies over `fixtures/` in every `cargo test`.
#![allow(clippy::missing_panics_doc, reason = "a broken law is a panic here; that is what a fuzzer looks for")]

pub mod targets;
