//! A set of bytes, to tell at once whether a piece of text holds one of them.
//!
//! A table and not a list of bits: a look-up is one load, and one is needed for each byte that a model writes.

/// A set of bytes.
#[derive(Debug, Clone)]
pub(crate) struct ByteSet([bool; 256]);

impl Default for ByteSet {
    fn default() -> Self {
        Self([false; 256])
    }
}

impl ByteSet {
    /// The same set with these bytes in it.
    pub(crate) fn and(mut self, bytes: &[u8]) -> Self {
        for byte in bytes {
            self.0[usize::from(*byte)] = true;
        }
        self
    }

    pub(crate) fn has(&self, byte: u8) -> bool {
        self.0[usize::from(byte)]
    }

    /// The first byte of the text that is in the set.
    pub(crate) fn first_in(&self, text: &[u8]) -> Option<usize> {
        text.iter().position(|byte| self.has(*byte))
    }

    /// Whether none of these bytes is in the set.
    pub(crate) fn is_clear_of(&self, text: &[u8]) -> bool {
        self.first_in(text).is_none()
    }
}
