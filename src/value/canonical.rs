//! Strict JSON to canonical JSON (`serde_json`'s compact form), while it arrives.

/// Streams strict JSON as canonical JSON; stops at the first deviation.
#[derive(Debug, Clone, Default)]
pub struct Canonical {}

impl Canonical {
    /// Before the first byte of a value.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Reads these bytes and appends what is certain to `out`. False from the first deviation on: nothing more is
    /// appended then, and what was appended stays a prefix of the value's canonical form.
    pub fn push(&mut self, _bytes: &[u8], _out: &mut String) -> bool {
        false
    }

    /// Whether the value is complete; bytes after it are ignored.
    #[must_use]
    pub fn is_done(&self) -> bool {
        false
    }
}
