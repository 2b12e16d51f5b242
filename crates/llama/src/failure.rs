//! llama.cpp's failures as our errors.
//!
//! The library says only that it failed; the reason is in its log. The memory that is left tells whether it ran out of
//! memory. It must not know how a model is used.

use std::path::Path;

use llama_cpp_2::{DecodeError, LlamaContextLoadError, LlamaModelLoadError};

use callwright_parse::error::{Error, ErrorKind};

/// A model file that was not loaded.
pub(super) fn of_load(path: &Path, cause: LlamaModelLoadError) -> Error {
    let needed = std::fs::metadata(path).map_or(0, |file| file.len());
    if available_memory().is_some_and(|available| available < needed) {
        let message = format!("not enough memory to load `{}`", path.display());
        return Error::new(ErrorKind::Memory, message).because(cause).hint("use a smaller model or a smaller quant");
    }
    Error::new(ErrorKind::ModelCorrupt, format!("llama.cpp cannot load `{}`", path.display()))
        .because(cause)
        .hint("`callwright verify` checks the file; `--verbose` shows llama.cpp's log")
}

/// A context that was not created: once a model is loaded, it is the memory of the KV cache.
pub(super) fn of_context(tokens: usize, cause: LlamaContextLoadError) -> Error {
    Error::new(ErrorKind::Memory, format!("not enough memory for a context of {tokens} tokens"))
        .because(cause)
        .hint("lower the context length, or use a smaller model")
}

/// A batch that was not computed.
pub(super) fn of_decode(cause: DecodeError) -> Error {
    if matches!(cause, DecodeError::NoKvCacheSlot) {
        return Error::new(ErrorKind::ContextFull, "the model's KV cache is full")
            .because(cause)
            .hint("raise the context length");
    }
    Error::new(ErrorKind::Backend, "llama.cpp could not compute a batch").because(cause)
}

/// Available memory in bytes, on Linux.
fn available_memory() -> Option<u64> {
    let text = std::fs::read_to_string("/proc/meminfo").ok()?;
    let line = text.lines().find_map(|line| line.strip_prefix("MemAvailable:"))?;
    let kibibytes: u64 = line.split_whitespace().next()?.parse().ok()?;
    Some(kibibytes * 1024)
}
