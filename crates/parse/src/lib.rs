//! Reads tool calls out of what a language model wrote: streaming, checked, repaired, nothing lost.
//!
//! ```text
//! text ──► format ──► value ──► check ──► calls, text, fixes, faults
//!          markers    JSON      schema
//! ```
//!
//! The pure core of callwright: no model, no clock, no file but those a caller names, no async. [`chat`] is the vocabulary
//! that all crates share; [`read::Parser`] is the door to the rest.
//!
//! ```
//! use std::sync::Arc;
//! use callwright_parse::{chat::Tool, check::ToolSet, format::Formats, read::Parser};
//!
//! let add = Tool::new("add", "adds", serde_json::json!({"properties": {"a": {"type": "integer"}}}));
//! let tools = Arc::new(ToolSet::compile(&[add])?);
//! let mut parser = Parser::new(Formats::builtin().get("hermes")?, tools);
//! for chunk in ["<tool", "_call>{\"name\": \"add\", 'arguments': {\"a\": \"5\"}}", "</tool_call>"] {
//!     parser.push(chunk.as_bytes());
//! }
//! let parsed = parser.finish();
//! assert_eq!(parsed.calls[0].arguments["a"], 5);
//! assert_eq!(parsed.fixes.len(), 2); // quotes around a key, and "5" for 5
//! # Ok::<(), callwright_parse::Error>(())
//! ```

pub mod chat;
pub mod error;
pub mod schema;
pub mod format;
pub mod value;
pub mod check;
pub mod read;
pub mod repair;

pub use error::{Error, ErrorKind, Result};
