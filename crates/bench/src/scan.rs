//! Source text cut where a reader would cut it: at commas and colons outside quotes and brackets.

/// Cuts at each `mark` that stands in no quotes and no brackets. Nothing but blanks is no piece at all.
pub(super) fn split(text: &str, mark: char) -> Vec<&str> {
    let mut pieces = Vec::new();
    let mut start = 0;
    let mut depth = 0_usize;
    let mut quote = None;
    let mut escaped = false;
    for (at, letter) in text.char_indices() {
        match quote {
            Some(_) if escaped => escaped = false,
            Some(_) if letter == '\\' => escaped = true,
            Some(open) if letter == open => quote = None,
            Some(_) => {}
            None => match letter {
                '"' | '\'' => quote = Some(letter),
                '(' | '[' | '{' | '<' => depth += 1,
                ')' | ']' | '}' | '>' => depth = depth.saturating_sub(1),
                _ if letter == mark && depth == 0 => {
                    pieces.push(text[start..at].trim());
                    start = at + letter.len_utf8();
                }
                _ => {}
            },
        }
    }
    let rest = text[start..].trim();
    if !rest.is_empty() {
        pieces.push(rest);
    }
    pieces
}

/// What stands between the first `open` and the last `close` after it.
pub(super) fn between(text: &str, open: char, close: char) -> Option<&str> {
    let start = text.find(open)? + open.len_utf8();
    let end = text.rfind(close)?;
    text.get(start..end)
}

/// The insides of each statement `name(..);` in a block.
pub(super) fn calls<'t>(text: &'t str, name: &str) -> Vec<&'t str> {
    let opener = format!("{name}(");
    let mut found = Vec::new();
    let block = text.trim_matches(|c: char| matches!(c, '{' | '}') || c.is_whitespace());
    for statement in split(block, ';') {
        if let Some(inside) = statement.strip_prefix(opener.as_str()) {
            found.push(inside.strip_suffix(')').unwrap_or(inside).trim());
        }
    }
    found
}

/// A text without the quotes around it, where there are any.
pub(super) fn unquoted(text: &str) -> Option<&str> {
    let inside = |quote| text.strip_prefix(quote)?.strip_suffix(quote);
    inside('"').or_else(|| inside('\''))
}

/// Whether a text is a whole number, with `suffix` behind it.
pub(super) fn integer(text: &str, suffix: &[char]) -> Option<i64> {
    decimal(text, suffix).filter(|digits| !digits.contains(['.', 'e', 'E'])).and_then(|digits| digits.parse().ok())
}

/// Whether a text is a number with decimals or without, with `suffix` behind it.
pub(super) fn float(text: &str, suffix: &[char]) -> Option<f64> {
    decimal(text, suffix).and_then(|digits| digits.parse().ok())
}

fn decimal<'t>(text: &'t str, suffix: &[char]) -> Option<&'t str> {
    let digits = if suffix.is_empty() { text } else { text.strip_suffix(suffix)? };
    let first = digits.strip_prefix('-').unwrap_or(digits);
    let looks = first.starts_with(|c: char| c.is_ascii_digit())
        && first.ends_with(|c: char| c.is_ascii_digit())
        && first.chars().all(|c| c.is_ascii_digit() || matches!(c, '.' | 'e' | 'E' | '-' | '+'));
    looks.then_some(digits)
}
