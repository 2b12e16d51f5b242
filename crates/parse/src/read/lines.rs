//! Whether a call stands on lines of its own, or in the middle of prose that mentions it.
//!
//! A model that was trained on a format and writes none of its markers answers in prose, as a rule; what looks like a
//! call there is an example. A call that fills its lines, but for tags, fences, brackets and a short label, was meant.

use std::ops::Range;

use super::prose;
use crate::format::Blocks;

/// Which of these calls (in the text's order) were meant: they fill the lines that they stand on, or follow a sentence that
/// leads to them. Calls with no words between them are meant together or not at all.
pub(super) fn meant(text: &str, calls: &[Range<usize>]) -> Vec<bool> {
    let (mut meant, mut from, mut first) = (Vec::with_capacity(calls.len()), 0, 0);
    for (index, call) in calls.iter().enumerate() {
        let next = calls.get(index + 1).map_or(text.len(), |next| next.start.max(call.end));
        if index + 1 < calls.len() && is_bare(&text[call.end..next]) {
            continue;
        }
        let start = calls[first].start;
        let line = memchr::memrchr(b'\n', &text.as_bytes()[from..start.max(from)]).map_or(from, |at| from + at + 1);
        let to = memchr::memchr(b'\n', &text.as_bytes()[call.end..next]).map_or(next, |at| call.end + at);
        let (before, after) = (&text[line.min(start)..start], &text[call.end..to]);
        let leads = is_bare(before) || is_label(before) || is_code(before) || leads_to(before);
        let fills = leads && is_bare(after) && !prose::denies(&text[from.min(start)..start], true);
        meant.resize(index + 1, fills);
        (from, first) = (call.end, index + 1);
    }
    meant
}

/// Which of these calls are examples: in a block of code with prose before it and behind the last block, where no words
/// say that the model calls now.
pub(super) fn are_examples(text: &str, calls: &[Range<usize>]) -> Vec<bool> {
    let mut blocks = Blocks::default();
    let goes_on = Blocks::leave_prose(text);
    let before = text.find("```").map_or("", |fence| text[..fence].trim());
    let said = prose::exemplifies(before) || !before.is_empty() && !prose::calls_now(before);
    calls.iter().map(|call| blocks.holds(text, call.start) && said && goes_on).collect()
}

/// Whether a line leads to the call at its end: a whole sentence, one that ends with a colon, or one that says that the
/// model calls now.
fn leads_to(before: &str) -> bool {
    let text = before.trim_end_matches(['[', '(', '{', '"', '*', ' ']);
    let prose = text.contains(char::is_alphabetic) && text.bytes().filter(|byte| *byte == b'`').count() % 2 == 0;
    let quoted = before.trim_end().ends_with(['"', '\u{201c}', '\'']) || before.trim_start().starts_with("> ");
    let text = text.trim_end_matches('\u{201c}');
    prose && !quoted && (text.ends_with(['.', '!', ':']) || prose::calls_now(text) && !text.contains(['(', '{']))
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
