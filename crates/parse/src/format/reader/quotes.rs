//! Openers that are only quoted: in inline code, in quotation marks, in a block quote, or behind words that deny the call.
//!
//! A call in there is text. What is a quotation must be seen on the opener's own line; words that deny a call are asked of
//! whoever knows the language.

use std::ops::Range;

use super::super::item::Scene;
use super::Reader;
use super::strays::Stands;

/// No further back it is looked for what stands before an opener.
const NEAR: usize = 400;

/// No quotation is longer.
const LONGEST: usize = 4000;

/// Quotation marks, and what closes them.
const MARKS: [(char, char); 6] = [
    ('"', '"'),
    ('\'', '\''),
    ('\u{201c}', '\u{201d}'),
    ('\u{2018}', '\u{2019}'),
    ('\u{ab}', '\u{bb}'),
    ('\u{201e}', '\u{201c}'),
];

impl Reader {
    /// What an opener in free text is.
    pub(super) fn opener(&mut self, scene: &Scene<'_>, marker: &Range<usize>) -> Stands {
        let from = scene.text.floor_char_boundary(marker.start.saturating_sub(NEAR));
        let before = &scene.text[from..marker.start];
        let line = before.rsplit('\n').next().unwrap_or_default();
        if line.trim_start().starts_with("> ") {
            return Stands::Quoted;
        }
        match line.chars().next_back() {
            Some('`') if line.bytes().filter(|byte| *byte == b'`').count() % 2 == 1 => {
                return self.in_code(scene, marker, line.contains(char::is_alphabetic));
            }
            Some(mark) if line.contains(char::is_alphabetic) && !line.contains(['{', '[', '<']) => {
                if let Some((_, close)) = MARKS.iter().find(|(open, _)| *open == mark) {
                    return Self::in_marks(scene, marker, *close);
                }
            }
            _ => {}
        }
        if self.told_text && scene.offered.denies(before) { Stands::Quoted } else { Stands::Marker }
    }

    /// In inline code, behind prose or not.
    fn in_code(&mut self, scene: &Scene<'_>, marker: &Range<usize>, behind_prose: bool) -> Stands {
        let far = scene.text.len().min(marker.start + LONGEST);
        let from = self.looked.clamp(marker.start, far);
        let Some(found) = memchr::memchr2(b'`', b'\n', &scene.text.as_bytes()[from..far]).map(|at| from + at) else {
            self.looked = far;
            return if scene.at_end || far < scene.text.len() { Stands::Marker } else { Stands::Perhaps };
        };
        self.looked = found;
        if scene.text.as_bytes()[found] == b'\n' {
            return if behind_prose { Stands::Quoted } else { Stands::Marker };
        }
        let rest = scene.text[found + 1..].trim_start_matches([' ', '\t', ',', '.']);
        match rest.chars().next() {
            _ if behind_prose => Stands::Text { to: found + 1 },
            Some(letter) if letter.is_alphabetic() => Stands::Text { to: found + 1 },
            None if !scene.at_end => Stands::Perhaps,
            _ => Stands::Marker,
        }
    }

    /// In quotation marks, if they close on the same line behind a tag or a bracket.
    fn in_marks(scene: &Scene<'_>, marker: &Range<usize>, close: char) -> Stands {
        let far = scene.text.floor_char_boundary(marker.start + LONGEST);
        let rest = &scene.text[marker.start..far.max(marker.start)];
        let line = rest.find('\n').map_or(rest, |end| &rest[..end]);
        let closes = |(at, _): &(usize, &str)| {
            let after = line[at + close.len_utf8()..].chars().next();
            line[..*at].ends_with(['>', '}', ']', ')'])
                && after.is_none_or(|next| !next.is_alphanumeric() && !matches!(next, ':' | '}' | ']' | '<'))
        };
        let mut buffer = [0; 4];
        let close_text: &str = close.encode_utf8(&mut buffer);
        let found = line.match_indices(close_text).find(closes).map(|(at, _)| marker.start + at + close.len_utf8());
        match found {
            // What follows may show that it is no closing mark.
            Some(to) if to < scene.text.len() || scene.at_end => Stands::Text { to },
            _ if line.len() < rest.len() || scene.at_end || rest.len() >= LONGEST - 4 => Stands::Marker,
            _ => Stands::Perhaps,
        }
    }
}
