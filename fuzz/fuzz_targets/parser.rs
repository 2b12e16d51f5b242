//! `cargo +nightly fuzz run parser --features libfuzzer`: see `fuzz/src/lib.rs`.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| callwright_fuzz::parser(data));
