//! What tests of several crates share: folders, a home of one's own, servers that misbehave, texts cut up.
//!
//! It knows the reading core and nothing above it, so that testing one crate builds no other's dependencies.

#![allow(
    missing_docs,
    missing_debug_implementations,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::print_stdout,
    clippy::disallowed_methods,
    clippy::cast_precision_loss,
    clippy::must_use_candidate,
    clippy::new_without_default,
    clippy::missing_panics_doc,
    clippy::doc_markdown,
    clippy::pedantic,
    reason = "a test may stop at the first surprise, and says what it skips"
)]

pub mod cost;
pub mod cut;
pub mod fault_server;
pub mod gguf;
pub mod hub;
pub mod means;
pub mod reading;
pub mod schemas;
pub mod wires;

use std::path::{Path, PathBuf};

pub use means::shared;
use tempfile::TempDir;

/// A home folder of its own, so that no test sees the caches and settings of whoever runs it.
pub struct Home {
    folder: TempDir,
}

impl Home {
    pub fn new() -> Self {
        Self { folder: TempDir::new().expect("a folder for the test") }
    }

    pub fn path(&self) -> &Path {
        self.folder.path()
    }
}

/// The repository.
pub fn root() -> PathBuf {
    let here = PathBuf::from(env!("CARGO_MANIFEST_DIR"));
    here.ancestors().nth(2).expect("two folders below the root").to_owned()
}
