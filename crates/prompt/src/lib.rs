//! Messages and tools to the text that a model goes on from.
//!
//! A [`Template`] is the model's own chat template, rendered as Hugging Face transformers renders it; what it can say
//! is found out by rendering ([`Abilities`]). The [`Prompter`] puts a conversation into the shape that this template
//! reads, tells the tools in words where it knows none, and keeps apart what was said and what is markup. Hand-written
//! prompts per model are what this replaces: they drift from what the model was trained on.
//!
//! It knows no engine and no backend, opens no file and reads no clock.

mod clock;
mod detect;
mod guard;
mod model;
mod probe;
mod prompter;
mod reask;
mod sandbox;
mod shape;
mod template;
pub mod window;

pub use clock::Clock;
pub use detect::Detection;
pub use probe::{Abilities, ArgumentsShape, EmptyContent, IdShape, ToolsVariable};
pub use prompter::Prompter;
pub use reask::Reask;
pub use sandbox::budget::RenderLimits;
pub use template::{Conversation, Template, TemplateTokens};

/// The plain chat template for models that bring none.
pub const PLAIN: &str = include_str!("../prompts/plain.jinja");
