//! Reads a model's output: by its format as it streams, then by recovery at the end.

mod parser;
mod response;

pub use parser::{Parsed, Parser};
