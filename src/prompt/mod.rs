//! Messages and tools to the text that a model goes on from.

mod arithmetic;
mod budget;
mod clock;
mod dump;
mod filters;
mod growing;
mod meter;
mod methods;
mod nesting;
mod source;
mod template;

pub use budget::RenderLimits;
pub use clock::Clock;
pub use template::{Conversation, Template, TemplateTokens};
