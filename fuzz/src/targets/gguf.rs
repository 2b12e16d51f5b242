//! The header of a GGUF file on any bytes: an answer or an error, in bounded time and memory.
//!
//! libFuzzer bounds the memory (`-malloc_limit_mb`); the time is bounded here.

use std::io::Cursor;

use callwright_gguf::Header;

use super::{LONGEST, in_time};

/// Reads the bytes as they are, and as the beginning of a file that is longer, so that weights may be missing.
pub fn run(data: &[u8]) {
    let data = &data[..data.len().min(LONGEST * 10)];
    let length = data.len() as u64;
    for length in [length, length + (1 << 20), u64::MAX] {
        let header = in_time("a header", || Header::from_reader(Cursor::new(data), length));
        match header {
            Ok(header) => {
                assert_eq!(header.file_bytes, length);
                assert!(header.tensors.iter().all(|tensor| tensor.bytes <= length), "{header:?}");
                assert!(header.weight_bytes <= length, "weights beyond the file: {header:?}");
            }
            Err(error) => assert!(!error.to_string().is_empty()),
        }
    }
}
