//! Names of tools in free text, where a marker before them is missing.

use super::super::Body;
use super::super::item::Scene;
use super::super::row::ShapeName;
use super::Reader;

/// No name is longer.
const LONGEST_NAME: usize = 200;

impl Reader {
    /// Where the word before `end` begins, if a call whose opening marker is missing may begin with it.
    pub(super) fn before_name(&self, scene: &Scene<'_>, end: usize) -> usize {
        if !scene.format.bodies().iter().any(Body::begins_with_name) {
            return end;
        }
        let near = &scene.text[self.told..end];
        let near = &near[near.floor_char_boundary(near.len().saturating_sub(LONGEST_NAME))..];
        let word = near.trim_end();
        let is_part = |letter: char| letter.is_alphanumeric() || matches!(letter, '_' | '-' | '.' | ':' | '/');
        let before = word.trim_end_matches(is_part);
        // A longer one is no name.
        if before.is_empty() && near.len() > LONGEST_NAME / 2 || before.len() == word.len() {
            return end;
        }
        end - near.len() + before.len()
    }
}

/// Whether a name's literal is the end of a longer word: `call:` in `recall:`.
pub(super) fn is_part_of_word(scene: &Scene<'_>, body: usize, at: usize) -> bool {
    let named = scene.format.bodies().get(body).is_some_and(|body| body.row.shape == ShapeName::CallExpr);
    named && scene.text[..at].ends_with(|letter: char| letter.is_alphanumeric() || letter == '_')
}
