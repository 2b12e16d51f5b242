//! Blocks of code in Markdown, by their fences: a call in one, amid prose, is an example.
//!
//! Fences are counted only up to where somebody asks, so a text without markers costs nothing.

use memchr::memmem;

use super::item::Scene;
use super::scan::Role;

/// What opens and closes a block, at the beginning of a line.
const FENCE: &str = "```";

/// Which bytes of a text stand in a block.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Blocks {
    /// Fences before this byte are counted.
    counted: usize,
    open: bool,
    /// Whether prose stands behind the last fence, once the text is over.
    prose_behind: Option<bool>,
}

impl Blocks {
    /// Whether this byte stands in a block; later questions are about later bytes.
    pub(crate) fn holds(&mut self, text: &str, at: usize) -> bool {
        let before = &text.as_bytes()[..at];
        while let Some(fence) = fence(before, self.counted) {
            self.open = !self.open;
            self.counted = fence + FENCE.len();
        }
        self.counted = self.counted.max(at.saturating_sub(FENCE.len() - 1));
        self.open
    }

    /// Whether a call that this marker begins is an example: it stands in a block behind prose, and prose goes on behind
    /// the last block. None while the text does not say.
    pub(crate) fn is_example(&mut self, scene: &Scene<'_>, (at, role): (usize, Role), prose: bool) -> Option<bool> {
        let begins = matches!(role, Role::CallOpen | Role::SectionOpen | Role::Bare(_));
        if !begins || !prose || !self.holds(scene.text, at) {
            return Some(false);
        }
        scene.at_end.then(|| *self.prose_behind.get_or_insert_with(|| Self::leave_prose(scene.text)))
    }

    /// Whether prose stands behind the last fence of the text.
    pub(crate) fn leave_prose(text: &str) -> bool {
        let Some(last) = text.rfind(FENCE) else { return false };
        text[last + FENCE.len()..]
            .lines()
            .skip(1)
            .any(|line| line.contains(char::is_alphanumeric) && !line.starts_with('<'))
    }
}

/// The first fence at or after `from`.
fn fence(bytes: &[u8], mut from: usize) -> Option<usize> {
    loop {
        let at = from + memmem::find(bytes.get(from..)?, FENCE.as_bytes())?;
        let indented = bytes[..at].iter().rev().take(8).take_while(|byte| matches!(byte, b' ' | b'\t')).count();
        if at == indented || bytes[at - indented - 1] == b'\n' {
            return Some(at);
        }
        from = at + FENCE.len();
    }
}
