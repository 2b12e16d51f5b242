//! Reads a model's output: by its format as it streams, then by recovery at the end.

mod anchors;
mod announced;
mod auto;
mod convincing;
mod deltas;
mod digits;
mod expressions;
mod ids;
mod lines;
mod lull;
mod offer;
mod parsed;
mod parser;
mod prose;
mod recovery;
mod response;
mod settled;
mod sources;
mod utf8;

pub use parsed::Parsed;
pub use parser::Parser;
pub use recovery::Recovery;
