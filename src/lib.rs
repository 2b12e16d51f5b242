//! callwright makes any local language model a dependable tool caller.
//!
//! ```text
//! Request ──► prompt ──► infer ──► format ──► check ──► Response
//! messages    template    tokens    events     schema
//! tools          ▲          ▲          │          │ faults
//!                │          │constrain │          ▼
//!                │          └──────────┘       repair
//!                └────────────────────────────────┘
//! ```
//!
//! The modules below stand in the order in which data flows through that picture.
//!
//! # Reading without a model
//!
//! ```
//! use std::sync::Arc;
//! use callwright::{chat::Tool, check::ToolSet, format::Formats, read::Parser};
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
//! # Ok::<(), callwright::Error>(())
//! ```
//!
//! # Features
//!
//! | feature | for | default |
//! |---|---|---|
//! | (none) | the core, `chat` to `repair`: reading and checking, no tokio, no C++, fit for wasm32 | always |
//! | `models` | which model and where it is, GGUF headers, chat templates; no network | by others |
//! | `bench` | recordings of others, scored | by `cli` |
//! | `hub` | downloading models from a hub or a package mirror | yes |
//! | `engine` | turns: the token loop, the decoding grammar, replay | by `llama`, `candle` |
//! | `cloud` | providers, cloud and self-hosted, behind one door that is shut until a setting opens it | yes |
//! | `llama` | llama.cpp in process; needs cmake, a C++ compiler and libclang to build | yes |
//! | `candle` | candle in process, in Rust alone: Llama, Mistral, Qwen2, Qwen3 | no |
//! | `cuda`, `metal`, `vulkan` | llama.cpp on a GPU | no |
//! | `cli` | the command line tool | yes |

pub mod chat;
pub mod error;
mod lines;
#[cfg(feature = "models")]
mod ggml;
#[cfg(feature = "models")]
pub mod models;
#[cfg(feature = "models")]
pub mod prompt;
#[cfg(feature = "engine")]
pub mod constrain;
#[cfg(feature = "engine")]
pub mod infer;
pub mod format;
pub mod value;
pub mod check;
pub mod read;
pub mod repair;
#[cfg(feature = "cloud")]
pub mod provider;
#[cfg(feature = "engine")]
pub mod price;
#[cfg(feature = "engine")]
pub mod ledger;
#[cfg(feature = "engine")]
pub mod engine;
pub mod record;
#[cfg(feature = "bench")]
pub mod bench;
#[cfg(feature = "models")]
pub mod config;
#[cfg(feature = "cli")]
pub mod cli;

pub use error::{Error, ErrorKind, Result};

/// The README, so that its examples are compiled.
#[cfg(all(doctest, feature = "llama"))]
#[doc = include_str!("../README.md")]
struct Readme;
