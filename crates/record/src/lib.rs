//! Recorded outputs, in and out: what `run --record` writes and `bench`, `replay` and people read.
//!
//! One JSON object a line, so that a crash loses no more than the line being written and any tool can cut the file.
//! Recordings of other tools are converted on the way in, one file here for each kind; an invalid line is
//! reported with its place and never dropped silently. It knows no parser and scores nothing.

mod bfcl;
mod folder;
pub mod lines;
mod openai;
mod recording;
mod source;

pub use openai::Answer;
pub use recording::{Accepted, Expected, Language, Recording, writable};
pub use source::{BadLine, Place, Records, Sourced};
