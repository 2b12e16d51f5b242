//! The format files that are built into the crate.
//!
//! A list of `include_str!`, since a program must run without its source tree. `tests/rows.rs` holds the list equal to
//! the folder.

use std::sync::Arc;

use super::{Format, Formats};

const FILES: [&str; 2] = [include_str!("../../grammars/hermes.toml"), include_str!("../../grammars/tool_use.toml")];

/// A built-in file that is wrong is left out; `tests/rows.rs` sees to it that none is.
pub(super) fn formats() -> Formats {
    let read = FILES.iter().filter_map(|text| Format::parse(text).ok());
    Formats { by_name: read.map(|format| (format.name().to_owned(), Arc::new(format))).collect() }
}
