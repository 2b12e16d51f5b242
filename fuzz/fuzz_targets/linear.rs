//! libFuzzer's door to `targets/linear.rs`.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| callwright_fuzz::targets::linear::run(data));
