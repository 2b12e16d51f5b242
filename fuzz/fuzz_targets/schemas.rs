//! libFuzzer's door to `targets/schemas.rs`.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| callwright_fuzz::targets::schemas::run(data));
