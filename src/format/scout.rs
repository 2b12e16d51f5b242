//! Where does a call begin? Asked token by token while a model writes free text.
//!
//! The decoder enforces a call from its first byte on, so it must know, before any value is complete, that one begins.
//! The scout sees markers and, where a format needs none, the skeleton of its first body. It knows no tool.

use super::Format;

/// A streaming scan for the beginning of a call.
#[derive(Debug)]
pub struct Scout {
    seen: usize,
}

/// What a [`Scout`] sees.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Sight {
    /// All bytes so far are free text or reasoning.
    Nothing,
    /// A call may begin at this byte of the output.
    Perhaps {
        /// The byte.
        from: usize,
    },
    /// A call begins at this byte of the output, for certain.
    Call {
        /// The byte.
        from: usize,
    },
}

impl Scout {
    /// A scout for outputs that follow a prompt with this end (which may have opened reasoning or a call).
    #[must_use]
    pub fn new(_format: &Format, _prompt_tail: &str) -> Self {
        Self { seen: 0 }
    }

    /// Looks at the next bytes of the output.
    pub fn push(&mut self, bytes: &[u8]) -> Sight {
        self.seen += bytes.len();
        Sight::Nothing
    }
}
