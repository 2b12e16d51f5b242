//! Settings that do not apply although somebody set them, each with the reason.

use std::fmt;

use toml::Value;

use super::Origin;

/// A setting that was set aside.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct Refusal {
    /// Its key.
    pub key: String,
    /// The value that does not apply.
    pub value: Value,
    /// Where it was set.
    pub origin: Origin,
    /// Why it does not apply.
    pub why: String,
    /// Whether a run must not start with it.
    pub stops: bool,
    /// Whether it would apply if the project were trusted.
    pub needs_trust: bool,
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "`{} = {}` is set aside ({}): {}", self.key, self.value, self.origin, self.why)
    }
}
