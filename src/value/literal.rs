//! Names and quoted text: the small pieces.

use std::ops::Range;

/// The tool name at byte `at`, if one is there: letters, digits, `_`, and inside `.`, `-`, `:`, `/` and Markdown's `\_`.
#[must_use]
pub fn name(_text: &str, _at: usize) -> Option<Range<usize>> {
    None
}

/// The quoted string at byte `at`: its content, unescaped, and the byte after it.
#[must_use]
pub fn quoted(_text: &str, _at: usize) -> Option<(String, usize)> {
    None
}
