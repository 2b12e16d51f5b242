//! Text inside XML and HTML: nothing that was recorded may become markup.

use std::borrow::Cow;
use std::fmt::Write as _;

/// A text as XML writes it, in content and in attributes. What XML cannot say at all becomes U+FFFD.
pub(super) fn escaped(text: &str) -> Cow<'_, str> {
    let plain = |c: char| !matches!(c, '&' | '<' | '>' | '"' | '\'') && sayable(c);
    if text.chars().all(plain) {
        return Cow::Borrowed(text);
    }
    let mut written = String::with_capacity(text.len() + 16);
    for letter in text.chars() {
        match letter {
            '&' => written.push_str("&amp;"),
            '<' => written.push_str("&lt;"),
            '>' => written.push_str("&gt;"),
            '"' => written.push_str("&quot;"),
            '\'' => written.push_str("&#39;"),
            // An attribute's newline would be read as a blank.
            '\n' => written.push_str("&#10;"),
            '\r' => written.push_str("&#13;"),
            '\t' => written.push_str("&#9;"),
            letter if sayable(letter) => written.push(letter),
            _ => written.push('\u{FFFD}'),
        }
    }
    Cow::Owned(written)
}

/// XML 1.0 has no control characters but three, and no non-characters.
fn sayable(letter: char) -> bool {
    !matches!(letter, '\0'..='\u{1F}' | '\u{7F}' | '\u{FFFE}' | '\u{FFFF}')
}

/// JSON as it may stand inside a script element: no `<` can end the element, no `&` can begin an entity.
pub(super) fn script_json(json: &str) -> String {
    let mut written = String::with_capacity(json.len() + 16);
    for letter in json.chars() {
        // The other control characters JSON has escaped already, except those that are blanks and stay.
        let plain = !matches!(letter, '<' | '>' | '&' | '\u{7F}' | '\u{FFFE}' | '\u{FFFF}');
        if plain {
            written.push(letter);
        } else {
            // Writing into a string cannot fail.
            let _ = write!(written, "\\u{:04x}", u32::from(letter));
        }
    }
    written
}
