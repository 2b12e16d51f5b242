//! Reads a model's output: by its format as it streams, then by recovery at the end.

mod anchors;
mod auto;
mod deltas;
mod lines;
mod offer;
mod parser;
mod prose;
mod recovery;
mod response;
mod utf8;

pub use parser::{Parsed, Parser};
pub use recovery::Recovery;
