//! Tokens: a prompt goes in, chunks of text come out.
//!
//! [`Generator`] is what the engine sees. Behind it stand [`Replay`], which plays recorded outputs, and the one token
//! loop over any [`Backend`]: sampling, enforcement, forced tokens, stops and prefix reuse are written once, for all
//! engines. One thread owns a backend; callers and it talk over channels. It must not know formats, checks or
//! providers.

mod ahead;
pub mod backend;
mod draft;
mod draft_model;
mod early;
mod generator;
mod grammars;
mod held;
mod local;
mod bias;
pub mod opening;
mod outbox;
mod phase;
mod prefix;
mod repeat;
mod replay;
mod sample;
mod scheduler;
mod sequence;
mod slots;
mod speed;
mod state;
mod turn;
mod vocab;
mod words;

pub use backend::{Backend, StateKey, Token};
pub use draft_model::DraftModel;
pub use early::Early;
pub use generator::{Chunk, Chunks, Drafts, End, Forced, Generator, Job, ModelInfo};
pub use local::{Beforehand, Local};
pub use prefix::{Freed, Prefixes};
pub use replay::{Played, Replay};
pub use speed::{BatchCost, Rates};
pub use vocab::{Lexicon, Vocab, token_id};
pub use words::{ENDING_KEYS, Kind, Letters, SPACE, Spelling, Words};
