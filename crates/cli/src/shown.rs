//! What a text looks like on a terminal: the characters that a terminal or a reader's eye would obey are spelled out.
//!
//! One character at a time and without a state, so that a sequence that comes in pieces is escaped like a whole one. They
//! are spelled as JSON does it, so that JSON on a terminal stays JSON. It knows nothing of where the text came from.

use std::borrow::Cow;
use std::fmt::Write as _;

/// The text with control characters escaped; tabs and newlines stay.
pub(super) fn shown(text: &str) -> Cow<'_, str> {
    if !text.contains(speaks) {
        return text.into();
    }
    let mut shown = String::with_capacity(text.len() + 16);
    for c in text.chars() {
        if speaks(c) {
            // Writing to a string does not fail.
            let _ = write!(shown, "\\u{:04x}", u32::from(c));
        } else {
            shown.push(c);
        }
    }
    shown.into()
}

/// Whether a terminal acts on a character, or shows those around it in another order or on another line.
fn speaks(c: char) -> bool {
    match c {
        '\t' | '\n' => false,
        // C0, DEL and C1.
        _ if c.is_control() => true,
        // Marks, embeddings, overrides and isolates of writing direction; separators of lines and paragraphs.
        '\u{61c}' | '\u{200e}' | '\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}' => true,
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::{shown, speaks};

    #[test]
    fn what_speaks_to_a_terminal_is_spelled_out() {
        for (text, wanted) in [
            ("a\tb\nc é 日本 \u{1f600}", "a\tb\nc é 日本 \u{1f600}"),
            ("\x1b]52;c;aGk=\x07", "\\u001b]52;c;aGk=\\u0007"),
            ("\x1b[2J\r\x08\x7f", "\\u001b[2J\\u000d\\u0008\\u007f"),
            ("\u{9b}31m\u{85}", "\\u009b31m\\u0085"),
            ("\u{202e}gpj.\u{2066}\u{200f}\u{61c}\u{2028}", "\\u202egpj.\\u2066\\u200f\\u061c\\u2028"),
        ] {
            assert_eq!(shown(text), wanted);
        }
    }

    #[test]
    fn every_character_is_itself_or_is_spelled_out() {
        for c in '\0'..=char::MAX {
            let one = c.to_string();
            assert_eq!(shown(&one) == one, !speaks(c), "{:x}", u32::from(c));
            assert!(!shown(&one).contains(|c: char| c.is_control() && c != '\t' && c != '\n'));
        }
    }

    #[test]
    fn what_comes_in_pieces_is_shown_as_the_whole() {
        let text = "one \x1b]0;title\x07 two \x1b[31m\u{202e}three\u{9b}0m";
        for (at, _) in text.char_indices() {
            let (first, second) = text.split_at(at);
            assert_eq!(shown(first).into_owned() + &shown(second), shown(text));
        }
    }
}
