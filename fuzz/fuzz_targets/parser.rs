//! libFuzzer's door to `targets/parser.rs`.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| callwright_fuzz::targets::parser::run(data));
