//! Text that fits the terminal it is shown on: lines break between words, never inside one.
//!
//! It must not know what is said. A word that is wider than the terminal, such as a path, stays whole, so that it can be
//! copied.

use unicode_width::UnicodeWidthChar as _;

/// The columns of the terminal that a table would be printed on; none where there is no terminal, or one that does not
/// know its width: it says 0 then.
pub(super) fn columns(table: &comfy_table::Table) -> Option<usize> {
    table.width().map(usize::from).filter(|columns| *columns > 0)
}

/// The columns that a text takes; colours take none.
pub(super) fn width_of(text: &str) -> usize {
    let (mut width, mut in_colour) = (0, false);
    for letter in text.chars() {
        match letter {
            '\u{1b}' => in_colour = true,
            _ if in_colour => in_colour = !letter.is_ascii_alphabetic(),
            letter => width += letter.width().unwrap_or(0),
        }
    }
    width
}

/// Each line broken to this width; what follows the first piece of a line is indented by so much.
pub(super) fn hanging(text: &str, indent: usize, columns: usize) -> String {
    // Where nothing would be left beside the indent, it is given up.
    let indent = if indent + 16 > columns { 2 } else { indent };
    text.split('\n').map(|line| broken(line, indent, columns)).collect::<Vec<_>>().join("\n")
}

fn broken(line: &str, indent: usize, columns: usize) -> String {
    if width_of(line) <= columns {
        return line.to_owned();
    }
    // Blanks at the beginning are the line's own indent.
    let own = line.len() - line.trim_start_matches(' ').len();
    let mut broken = line[..own].to_owned();
    let (mut used, mut is_first) = (own, true);
    for piece in line[own..].split_inclusive(' ') {
        let word = piece.trim_end_matches(' ');
        let width = width_of(word);
        if !is_first && used + width > columns {
            broken.truncate(broken.trim_end_matches(' ').len());
            broken.push('\n');
            broken.extend(std::iter::repeat_n(' ', indent));
            used = indent;
        }
        broken.push_str(piece);
        used += width_of(piece);
        is_first = false;
    }
    broken.truncate(broken.trim_end_matches(' ').len());
    broken
}

#[cfg(test)]
mod tests {
    use super::{hanging, width_of};

    #[test]
    fn lines_break_between_words() {
        assert_eq!(hanging("hint: one two three", 6, 14), "hint: one two\n  three");
        assert_eq!(
            hanging("models    one two three four five", 10, 26),
            "models    one two three\n          four five"
        );
        assert_eq!(
            hanging("a /very/long/path/that/does/not/fit b", 2, 10),
            "a\n  /very/long/path/that/does/not/fit\n  b"
        );
        assert_eq!(hanging("two\nlines", 0, 40), "two\nlines");
        assert_eq!(hanging("天気 京都 東京", 0, 10), "天気 京都\n  東京");
    }

    #[test]
    fn colours_take_no_room() {
        assert_eq!(width_of("\u{1b}[1;31merror:\u{1b}[0m x"), 8);
    }

    /// Whatever the width, all words are there, in order and whole.
    #[test]
    fn no_word_is_lost_or_broken() {
        let text = "  ok   folders    models in /home/somebody/.cache/huggingface/hub, your settings in /home/somebody/.config";
        for columns in 1..120 {
            for indent in [0, 2, 15, 40] {
                let wrapped = hanging(text, indent, columns);
                let words = |text: &str| text.split_whitespace().map(str::to_owned).collect::<Vec<_>>();
                assert_eq!(words(&wrapped), words(text), "{columns} {indent}");
            }
        }
    }
}
