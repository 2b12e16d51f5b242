//! A template's source, cut into text and tags, and the tags into tokens.
//!
//! Two things are done to a chat template before minijinja compiles it (see `meter`), and both need to know what is a
//! string, a comment or raw text and what is not: a search for `{% generation %}` in the bare text would change
//! prompts that talk about it. Only what Jinja's own lexer decides is decided here; grammar is minijinja's business.

use std::ops::Range;

/// A stretch of a template's source.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Piece<'s> {
    /// Text, a comment, or a raw block: copied as it is. `printed` is false for comments.
    Text {
        /// The source.
        source: &'s str,
        /// Whether it ends up in the output.
        printed: bool,
    },
    /// `{{ .. }}`.
    Print(Tag<'s>),
    /// `{% .. %}`.
    Block(Tag<'s>),
}

/// The inside of a tag with its delimiters.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Tag<'s> {
    /// `{{`, `{%-` and so on.
    pub(super) open: &'s str,
    /// What stands between, white space included.
    pub(super) tokens: Vec<Token<'s>>,
    /// `}}`, `-%}` and so on.
    pub(super) close: &'s str,
}

/// A token of an expression.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Token<'s> {
    /// What it is.
    pub(super) kind: TokenKind,
    /// Its source.
    pub(super) text: &'s str,
}

/// What a token is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum TokenKind {
    /// White space.
    Space,
    /// A name or keyword.
    Name,
    /// A number.
    Number,
    /// A quoted string.
    String,
    /// An operator or bracket.
    Operator,
}

/// A source that cannot be a template.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Malformed {
    /// Where the trouble begins.
    pub(super) at: usize,
    /// What it is.
    pub(super) what: &'static str,
}

/// The pieces of a source, in order; their sources joined give it back.
pub(super) fn pieces(source: &str) -> Result<Vec<Piece<'_>>, Malformed> {
    let mut pieces = Vec::new();
    let mut at = 0;
    while at < source.len() {
        let Some(begin) = next_open(source, at) else {
            pieces.push(Piece::Text { source: &source[at..], printed: true });
            break;
        };
        if begin > at {
            pieces.push(Piece::Text { source: &source[at..begin], printed: true });
        }
        at = match &source[begin..begin + 2] {
            "{#" => {
                let end = find(source, begin + 2, "#}")
                    .ok_or(Malformed { at: begin, what: "a comment that does not end" })?;
                pieces.push(Piece::Text { source: &source[begin..end + 2], printed: false });
                end + 2
            }
            "{{" => {
                let (tag, end) = tag(source, begin, "}}")?;
                pieces.push(Piece::Print(tag));
                end
            }
            _ => {
                let (tag, end) = tag(source, begin, "%}")?;
                if tag.name() == Some("raw") {
                    let end = end_of_raw(source, end)
                        .ok_or(Malformed { at: begin, what: "a raw block that does not end" })?;
                    pieces.push(Piece::Text { source: &source[begin..end], printed: true });
                    end
                } else {
                    pieces.push(Piece::Block(tag));
                    end
                }
            }
        };
    }
    Ok(pieces)
}

impl<'s> Tag<'s> {
    /// The tokens that are not white space.
    pub(super) fn words(&self) -> impl Iterator<Item = &Token<'s>> {
        self.tokens.iter().filter(|token| token.kind != TokenKind::Space)
    }

    /// The first word: the name of a block tag.
    pub(super) fn name(&self) -> Option<&'s str> {
        self.words().next().map(|token| token.text)
    }
}

fn find(source: &str, from: usize, needle: &str) -> Option<usize> {
    source.get(from..)?.find(needle).map(|at| from + at)
}

fn next_open(source: &str, from: usize) -> Option<usize> {
    let bytes = source.as_bytes();
    memchr::memchr_iter(b'{', &bytes[from..])
        .map(|at| from + at)
        .find(|&at| matches!(bytes.get(at + 1), Some(b'{' | b'%' | b'#')))
}

/// Where the tag that closes the raw block ends.
fn end_of_raw(source: &str, from: usize) -> Option<usize> {
    let mut at = from;
    loop {
        let open = find(source, at, "{%")?;
        let inside = source[open + 2..].trim_start_matches(['-', '+']).trim_start();
        if let Some(rest) = inside.strip_prefix("endraw") {
            let rest = rest.trim_start().trim_start_matches(['-', '+']);
            if let Some(rest) = rest.strip_prefix("%}") {
                return Some(source.len() - rest.len());
            }
        }
        at = open + 2;
    }
}

fn tag<'s>(source: &'s str, begin: usize, close: &'static str) -> Result<(Tag<'s>, usize), Malformed> {
    let bytes = source.as_bytes();
    let opened = begin + if matches!(bytes.get(begin + 2), Some(b'-' | b'+')) { 3 } else { 2 };
    let mut tokens = Vec::new();
    let mut depth = 0_usize;
    let mut at = opened;
    while at < source.len() {
        let rest = &source[at..];
        let marked = rest.starts_with(['-', '+']) && rest[1..].starts_with(close);
        if depth == 0 && (marked || rest.starts_with(close)) {
            let end = at + close.len() + usize::from(marked);
            return Ok((Tag { open: &source[begin..opened], tokens, close: &source[at..end] }, end));
        }
        let (kind, range) = token(source, at, &tokens)?;
        let text = &source[range.clone()];
        match text {
            "(" | "[" | "{" => depth += 1,
            ")" | "]" | "}" => depth = depth.saturating_sub(1),
            _ => {}
        }
        tokens.push(Token { kind, text });
        at = range.end;
    }
    Err(Malformed { at: begin, what: "a tag that does not end" })
}

/// The token at a place. What follows a full stop is never a fraction: `list.0.name`.
fn token(source: &str, at: usize, before: &[Token<'_>]) -> Result<(TokenKind, Range<usize>), Malformed> {
    let rest = &source[at..];
    let first = rest.chars().next().unwrap_or(' ');
    let run = |accepts: fn(char) -> bool| rest.find(|c| !accepts(c)).unwrap_or(rest.len());
    let (kind, length) = if first.is_whitespace() {
        (TokenKind::Space, run(char::is_whitespace))
    } else if first == '_' || first.is_alphabetic() {
        (TokenKind::Name, run(|c| c == '_' || c.is_alphanumeric()))
    } else if first.is_ascii_digit() {
        let attribute = before.last().is_some_and(|token| token.text == ".");
        (TokenKind::Number, if attribute { run(|c| c.is_ascii_digit()) } else { number(rest) })
    } else if first == '"' || first == '\'' {
        let length = quoted(rest).ok_or(Malformed { at, what: "a string that does not end" })?;
        (TokenKind::String, length)
    } else {
        let double = ["**", "//", "==", "!=", "<=", ">="].iter().any(|operator| rest.starts_with(operator));
        (TokenKind::Operator, if double { 2 } else { first.len_utf8() })
    };
    Ok((kind, at..at + length))
}

fn quoted(rest: &str) -> Option<usize> {
    let bytes = rest.as_bytes();
    let mut at = 1;
    while let Some(&byte) = bytes.get(at) {
        match byte {
            b'\\' => at += 2,
            byte if byte == bytes[0] => return Some(at + 1),
            _ => at += 1,
        }
    }
    None
}

fn number(rest: &str) -> usize {
    let bytes = rest.as_bytes();
    let digits = |mut at: usize| {
        while matches!(bytes.get(at), Some(b'0'..=b'9' | b'_')) {
            at += 1;
        }
        at
    };
    let mut end = digits(0);
    if bytes[0] == b'0' && matches!(bytes.get(1), Some(b'x' | b'X' | b'o' | b'O' | b'b' | b'B')) {
        return rest.find(|c: char| !c.is_ascii_alphanumeric() && c != '_').unwrap_or(rest.len());
    }
    if bytes.get(end) == Some(&b'.') && bytes.get(end + 1).is_some_and(u8::is_ascii_digit) {
        end = digits(end + 1);
    }
    if matches!(bytes.get(end), Some(b'e' | b'E')) {
        let sign = usize::from(matches!(bytes.get(end + 1), Some(b'+' | b'-')));
        if bytes.get(end + 1 + sign).is_some_and(u8::is_ascii_digit) {
            end = digits(end + 1 + sign);
        }
    }
    end
}

#[cfg(test)]
mod tests {
    use super::*;

    fn joined(source: &str) -> String {
        let tag = |tag: &Tag<'_>| {
            let inside: String = tag.tokens.iter().map(|token| token.text).collect();
            format!("{}{inside}{}", tag.open, tag.close)
        };
        let pieces = pieces(source).unwrap();
        let text = pieces.iter().map(|piece| match piece {
            Piece::Text { source, .. } => (*source).to_owned(),
            Piece::Print(inside) | Piece::Block(inside) => tag(inside),
        });
        text.collect()
    }

    #[test]
    fn pieces_join_to_the_source() {
        for source in [
            "a {{ {'b': {'c': '}}'}} }} d {# {{ #} {%- if x['%}'] -%} e {% raw %}{{ {% x %}{% endraw %} f",
            "{{ 1.5e-3 + list.0.name ** 2 // 3 }}{%+ set x = 'it\\'s' +%}",
            "no tags { at all }",
        ] {
            assert_eq!(joined(source), source);
        }
    }

    #[test]
    fn an_open_end_is_told() {
        assert_eq!(pieces("ab {% if").unwrap_err(), Malformed { at: 3, what: "a tag that does not end" });
        assert_eq!(pieces("{{ 'a }}").unwrap_err(), Malformed { at: 3, what: "a string that does not end" });
        assert_eq!(pieces("{# a").unwrap_err().what, "a comment that does not end");
        assert_eq!(pieces("{% raw %} a").unwrap_err().what, "a raw block that does not end");
    }
}
