//! Reads a model's output: by its format as it streams, then by recovery at the end.

mod anchors;
mod announced;
mod auto;
mod convincing;
mod deltas;
mod expressions;
mod ids;
mod lines;
mod offer;
mod parser;
mod prose;
mod recovery;
mod response;
mod sources;
mod utf8;

pub use parser::{Parsed, Parser};
pub use recovery::Recovery;
