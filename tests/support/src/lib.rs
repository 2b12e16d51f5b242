//! What tests of several crates share: folders, means, servers that misbehave, texts cut up.
//!
//! It knows the reading core and nothing above it, so that testing one crate builds no other's dependencies.

#![allow(missing_docs, missing_debug_implementations, clippy::pedantic, reason = "tests read it, and no one else")]
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test may stop at the first surprise")]
#![allow(
    clippy::print_stdout,
    clippy::disallowed_methods,
    reason = "a test says what it skips, and reads what CI tells"
)]

pub mod any_schema;
pub mod cost;
pub mod cut;
pub mod dice;
pub mod fault_server;
pub mod gguf;
pub mod hub;
pub mod lists;
pub mod means;
pub mod networks;
pub mod reading;
pub mod schemas;
pub mod spoilt;
pub mod wires;

use std::path::PathBuf;

pub use means::shared;

/// The repository.
pub fn root() -> PathBuf {
    let here = PathBuf::from(env!("CARGO_MANIFEST_DIR"));
    here.ancestors().nth(2).expect("two folders below the root").to_owned()
}
