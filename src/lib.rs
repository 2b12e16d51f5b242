//! callwright

pub mod chat;
pub mod error;
// The core: formats, values, checks, reading. No feature needed.
pub mod check;
pub mod format;
pub mod read;
pub mod value;

pub use error::{Error, ErrorKind, Result};
