//! Whether a call stands on lines of its own, or in the middle of prose that mentions it.
//!
//! A model that was trained on a format and writes none of its markers answers in prose, as a rule; what looks like a
//! call there is an example. A call that fills its lines, but for tags, fences, brackets and a short label, was meant.

use std::ops::Range;

use super::prose;
use crate::format::Blocks;

/// The calls among these (in the text's order) that fill the lines that they stand on.
pub(super) fn fill_lines(text: &str, calls: &[Range<usize>]) -> Vec<bool> {
    let bytes = text.as_bytes();
    let (mut fills, mut last) = (Vec::with_capacity(calls.len()), 0);
    for (index, call) in calls.iter().enumerate() {
        let from = memchr::memrchr(b'\n', &bytes[last.min(call.start)..call.start]).map_or(last, |at| last + at + 1);
        let next = calls.get(index + 1).map_or(bytes.len(), |next| next.start.max(call.end));
        let to = memchr::memchr(b'\n', &bytes[call.end..next]).map_or(next, |at| call.end + at);
        let (before, after) = (&text[from.min(call.start)..call.start], &text[call.end..to]);
        fills.push((is_bare(before) || is_label(before) || is_code(before)) && is_bare(after));
        last = call.end;
    }
    fills
}

/// Which of these calls are examples: in a block of code, prose before it says so and goes on behind the last block.
pub(super) fn are_examples(text: &str, calls: &[Range<usize>]) -> Vec<bool> {
    let mut blocks = Blocks::default();
    let goes_on = Blocks::leave_prose(text);
    let said = text.find("```").is_some_and(|fence| prose::exemplifies(&text[..fence]));
    calls.iter().map(|call| blocks.holds(text, call.start) && said && goes_on).collect()
}

/// No line of markers is longer.
const LONGEST: usize = 400;

/// Whether there are no words, tags aside.
fn is_bare(text: &str) -> bool {
    let text = text.trim();
    if text.len() > LONGEST {
        return false;
    }
    // The language of a fence.
    let text = match text.strip_prefix("```") {
        Some(rest) => rest.trim_start_matches(|letter: char| letter.is_alphanumeric() || letter == '_'),
        None => text,
    };
    let mut rest = text;
    while let Some(at) = rest.find(|letter: char| letter.is_alphanumeric() || matches!(letter, '<' | '[')) {
        let close = match rest.as_bytes()[at] {
            b'<' => '>',
            b'[' => ']',
            _ => return false,
        };
        let Some(end) = rest[at..].find(close) else { return !rest[at..].contains(char::is_alphanumeric) };
        let inner = &rest[at + 1..at + end];
        // `<|tool|>` and `[TOOL_CALLS]` are markers, `[1]` and `[see there]` are prose.
        let marker = close == '>' || inner.chars().all(|letter| letter.is_ascii_uppercase() || letter == '_');
        if inner.contains(char::is_whitespace) && !inner.contains('=') || !marker {
            return false;
        }
        rest = &rest[at + end + 1..];
    }
    true
}

/// Whether it is a label: `Action:`, `Function call:`.
fn is_label(text: &str) -> bool {
    let text = text.trim_start_matches(['*', '#', '-', ' ']).trim_end_matches(['*', '`', ' ', '[', '(', '"']);
    text.strip_suffix(':').is_some_and(|label| label.len() < 40 && label.split_whitespace().count() <= 3)
}

/// Whether it is code around the call: `print(`, `result = `.
fn is_code(text: &str) -> bool {
    let text = text.trim();
    let word =
        |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"._".contains(&byte));
    let assigned = |text: &str| text.split_whitespace().count() <= 2 && text.split_whitespace().all(word);
    text.strip_suffix('(').is_some_and(word) || text.strip_suffix('=').is_some_and(assigned)
}

#[cfg(test)]
mod tests {
    use super::{is_bare, is_code, is_label};

    #[test]
    fn tags_and_fences_are_no_words() {
        for bare in
            ["", "- ", "```json", "<tool_call>", "[TOOL_CALLS][", "</tool_call> ```", "<|python_tag|>", "[", "]);"]
        {
            assert!(is_bare(bare), "{bare}");
        }
        for prose in ["You can call", "See [1]: ", "returns the weather", "```json and", "a < b > c", "x"] {
            assert!(!is_bare(prose), "{prose}");
        }
        assert!(is_code("print(") && is_code("let x =") && !is_code("You may ("));
        assert!(is_label("**Action:** ") && !is_label("In this case you could call the following:"));
    }
}
