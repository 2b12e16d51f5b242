//! libFuzzer's door to `targets/values.rs`.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| callwright_fuzz::targets::values::run(data));
