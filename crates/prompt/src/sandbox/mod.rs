//! The sandbox that a chat template runs in: what minijinja lacks to run somebody else's program, and nothing else.
//!
//! A chat template comes with a downloaded file. minijinja bounds its instructions (fuel) and its recursion; it does
//! not bound memory, and one instruction may double a string. Nor does it guard its own compiler, which folds
//! `'x' * 99999999` before any fuel is spent and overflows the stack on `x + x + x ..`. So the sandbox has three parts:
//!
//! - [`source`] reads the tokens before the compiler does: how deeply they nest, and what would be folded.
//! - [`compiled`] puts a charge behind every instruction that makes a value, and swaps the few that can multiply one.
//! - [`budget`] is what they charge: bytes for the whole render, and a ceiling for any one value. Since no value is
//!   large, minijinja's own filters and operators, which at most triple one, need no replacement.
//!
//! The rest is Python: how it writes values ([`text`]), lists that grow ([`growing`]), and the operators, filters and
//! methods that neither minijinja nor its `pycompat` has. Nothing here knows a conversation or a model.

pub(super) mod budget;
pub(super) mod compiled;
pub(super) mod filters;
mod growing;
pub(super) mod methods;
mod operators;
pub(super) mod source;
pub(super) mod text;
