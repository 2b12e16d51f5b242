//! `cargo +nightly fuzz run values --features libfuzzer`: see `fuzz/src/lib.rs`.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| callwright_fuzz::values(data));
