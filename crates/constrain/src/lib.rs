//! What may come next: a format and the tools' schemas, as a decoding grammar.
//!
//! A [`Constraint`] is compiled once per request, from text only; it is compiled for a vocabulary when a model is about to
//! decode, because markers that are single tokens there must be written as such. During free text no grammar runs:
//! a [`Watch`] looks for the beginning of a call, which costs nothing and changes no word. It must not
//! know engines, backends or providers.

mod block;
mod closer;
mod compile;
mod constraint;
mod ecma;
mod elements;
mod environment;
mod expression;
mod formats;
mod gbnf;
mod grammar;
mod kind;
mod kinds;
mod lark;
mod literal;
mod matcher;
mod numbers;
mod pattern;
mod rules;
mod schema;
mod segments;
mod sorts;
mod tagged;
mod texts;
mod trace;
mod vocabulary;
mod watch;

pub use closer::{Closer, WayOut};
pub use constraint::{Constraint, Mode, Relaxation, Thinking};
pub use gbnf::Gbnf;
pub use matcher::{Mask, Matcher};
pub use numbers::{Digits, ends_in_digits, overlong};
pub use vocabulary::Compiler;
pub use watch::{Sighting, Watch};
