//! callwright

pub mod chat;
pub mod error;
#[cfg(feature = "models")]
pub mod models;
// The core: formats, values, checks, reading. No feature needed.
// pub mod format; pub mod value; pub mod check; pub mod read; pub mod repair;

pub use error::{Error, ErrorKind, Result};
