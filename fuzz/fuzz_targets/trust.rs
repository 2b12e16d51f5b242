//! libFuzzer's door to `targets/trust.rs`.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| callwright_fuzz::targets::trust::run(data));
