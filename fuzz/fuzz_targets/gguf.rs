//! libFuzzer's door to `targets/gguf.rs`.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| callwright_fuzz::targets::gguf::run(data));
