//! Reads a model's output: by its format as it streams, then by recovery at the end.

mod anchors;
mod announced;
mod auto;
mod convincing;
mod deltas;
mod digits;
mod expressions;
mod foreign;
mod ids;
mod late;
mod leftover;
mod lines;
mod loops;
mod lull;
mod markup;
mod paint;
mod offer;
mod parsed;
mod parser;
mod prose;
mod recovering;
mod recovery;
mod response;
mod settled;
mod sources;
mod unread;
mod utf8;

pub use parsed::Parsed;
pub use parser::Parser;
pub use recovery::Recovery;
