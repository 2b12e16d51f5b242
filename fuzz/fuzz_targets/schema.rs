//! `cargo +nightly fuzz run schema --features libfuzzer`: see `fuzz/src/lib.rs`.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| callwright_fuzz::schema(data));
