//! Which model, and where it is: names, the registry, the shared cache, downloads, GGUF headers, memory.
//!
//! A [`ModelName`] is what a user writes; the [`Registry`] knows the short ones; a [`Store`] finds the file on this
//! machine or fetches it, and checks it; [`gguf::Header`] says what is in it, [`fit::Needs`] what it takes to run it.
//! All settings come in as [`Places`]: nothing here reads the environment, and nothing here knows prompts or engines.

pub mod address;
mod checksum;
#[cfg(feature = "hub")]
mod client;
#[cfg(feature = "hub")]
mod download;
mod embedded;
pub mod fit;
mod header;
mod hub_cache;
mod lock;
pub mod memory;
mod name;
mod places;
mod progress;
mod quant;
mod registry;
mod row;
mod rows;
mod store;
#[cfg(feature = "hub")]
mod take_in;
#[cfg(feature = "hub")]
mod wheel;

pub use callwright_gguf as gguf;
pub use header::{header, runnable};
pub use name::{EMBEDDED, ModelName};
pub use places::{Places, Secret, home};
pub use progress::{Progress, Silent};
pub use registry::Registry;
pub use row::{File, ModelRow, PromptStyle, Wheel};
pub use rows::alike;
pub use rows::{Named, laid_over, rows, table};
pub use store::{Entry, Located, Removed, Source, Store, Verdict};
