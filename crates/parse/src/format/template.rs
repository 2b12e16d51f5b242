//! A call's template: literal text with fields in it, such as `{name}[ARGS]{arguments}`.
//!
//! One template serves all three directions: it is filled when calls are written, matched when a header is read, and
//! handed to the decoding grammar piece by piece. Matching skips blanks and quotes on both sides, since models lose and
//! add them; a regular expression would have to spell that out at every place.

/// A piece of a template.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Piece {
    /// Text that stands there.
    Literal(String),
    /// A field to be filled.
    Field(Field),
}

impl Piece {
    /// Its text; empty for a field.
    #[must_use]
    pub fn literal(&self) -> &str {
        match self {
            Self::Literal(text) => text,
            Self::Field(_) => "",
        }
    }
}

/// The fields of templates.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Field {
    /// The tool's name.
    Name,
    /// The arguments as one JSON object.
    Arguments,
    /// The parameters, one after the other.
    Params,
    /// The call's id.
    Id,
    /// The call's index in the turn, from 0.
    Index,
    /// A parameter's name.
    Key,
    /// A parameter's value.
    Value,
    /// The JSON type of a parameter's value.
    Type,
    /// `true` where a parameter's value is a string, else `false`.
    IsString,
}

const FIELDS: [(&str, Field); 9] = [
    ("{name}", Field::Name),
    ("{arguments}", Field::Arguments),
    ("{params}", Field::Params),
    ("{id}", Field::Id),
    ("{index}", Field::Index),
    ("{key}", Field::Key),
    ("{value}", Field::Value),
    ("{type}", Field::Type),
    ("{is_string}", Field::IsString),
];

/// A template, taken apart.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Template {
    pieces: Vec<Piece>,
}

impl Template {
    /// Takes a template apart.
    #[must_use]
    pub fn new(text: &str) -> Self {
        let (mut pieces, mut literal, mut rest) = (Vec::new(), String::new(), text);
        while let Some(first) = rest.chars().next() {
            if let Some((word, field)) = FIELDS.iter().find(|(word, _)| rest.starts_with(word)) {
                if !literal.is_empty() {
                    pieces.push(Piece::Literal(std::mem::take(&mut literal)));
                }
                pieces.push(Piece::Field(*field));
                rest = &rest[word.len()..];
            } else {
                literal.push(first);
                rest = &rest[first.len_utf8()..];
            }
        }
        if !literal.is_empty() {
            pieces.push(Piece::Literal(literal));
        }
        Self { pieces }
    }

    /// The same without the attribute that says a value's type, where there is one: models leave it out.
    #[must_use]
    pub fn without_attribute(&self) -> Option<Self> {
        let at = self.pieces.iter().position(|piece| matches!(piece, Piece::Field(Field::Type | Field::IsString)))?;
        let mut pieces = self.pieces.clone();
        pieces.drain(at.checked_sub(1)?..=at);
        Some(Self { pieces })
    }

    /// The pieces, in order.
    #[must_use]
    pub fn pieces(&self) -> &[Piece] {
        &self.pieces
    }

    /// Whether the field occurs.
    #[must_use]
    pub fn has(&self, field: Field) -> bool {
        self.pieces.contains(&Piece::Field(field))
    }

    /// The literal that it begins with, `""` where it begins with a field.
    #[must_use]
    pub fn lead(&self) -> &str {
        literal(self.pieces.first())
    }

    /// The pieces before this field.
    #[must_use]
    pub fn before(&self, field: Field) -> &[Piece] {
        &self.pieces[..self.position(field)]
    }

    /// The pieces after this field.
    #[must_use]
    pub fn after(&self, field: Field) -> &[Piece] {
        self.pieces.get(self.position(field) + 1..).unwrap_or_default()
    }

    /// The literal right after this field.
    #[must_use]
    pub fn closer(&self, field: Field) -> &str {
        literal(self.after(field).first())
    }

    fn position(&self, field: Field) -> usize {
        self.pieces.iter().position(|piece| *piece == Piece::Field(field)).unwrap_or(self.pieces.len())
    }
}

fn literal(piece: Option<&Piece>) -> &str {
    match piece {
        Some(Piece::Literal(text)) => text,
        _ => "",
    }
}

/// What was found in the fields of a header.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(super) struct Header {
    pub name: String,
    pub id: Option<String>,
    pub key: String,
    pub kind: Option<String>,
}

/// Matches all of `text` against these pieces, blanks and quotes aside. A field holds at least one character.
pub(super) fn match_header(pieces: &[Piece], text: &str) -> Option<Header> {
    let (header, end) = match_beginning(pieces, text)?;
    text[end..].chars().all(is_loose).then_some(header)
}

/// Matches the beginning of `text` against these pieces, and says where they end.
pub(super) fn match_beginning(pieces: &[Piece], text: &str) -> Option<(Header, usize)> {
    let mut header = Header::default();
    let mut at = 0;
    let mut pieces = pieces.iter().peekable();
    while let Some(piece) = pieces.next() {
        match piece {
            Piece::Literal(wanted) => at = skip_literal(wanted, text, at)?,
            Piece::Field(field) => {
                let end = match pieces.peek() {
                    Some(Piece::Literal(next)) if loose(next).next().is_some() => find_literal(next, text, at)?,
                    _ => text.len(),
                };
                let found = text[at..end].trim_matches(is_loose);
                if found.is_empty() {
                    return None;
                }
                match field {
                    Field::Name => found.clone_into(&mut header.name),
                    Field::Id => header.id = Some(found.to_owned()),
                    Field::Key => found.clone_into(&mut header.key),
                    Field::Type | Field::IsString => header.kind = Some(found.to_owned()),
                    Field::Index | Field::Arguments | Field::Params | Field::Value => {}
                }
                at = end;
            }
        }
    }
    Some((header, at))
}

fn is_loose(letter: char) -> bool {
    letter.is_whitespace() || matches!(letter, '"' | '\'' | '`')
}

fn loose(text: &str) -> impl Iterator<Item = char> {
    text.chars().filter(|letter| !is_loose(*letter))
}

/// The byte after the literal, if it stands at `at`.
fn skip_literal(wanted: &str, text: &str, at: usize) -> Option<usize> {
    let mut wanted = loose(wanted);
    let Some(mut next) = wanted.next() else { return Some(at) };
    for (offset, letter) in text[at..].char_indices() {
        if is_loose(letter) {
            continue;
        }
        if letter != next {
            return None;
        }
        match wanted.next() {
            Some(following) => next = following,
            None => return Some(at + offset + letter.len_utf8()),
        }
    }
    None
}

/// Where the first occurrence of the literal at or after `at` ends, blanks and quotes aside.
pub(super) fn loose_end(wanted: &str, text: &str, at: usize) -> Option<usize> {
    skip_literal(wanted, text, find_literal(wanted, text, at)?)
}

/// Where the literal begins, at or after `at`. Headers are short, so trying every place costs little.
fn find_literal(wanted: &str, text: &str, at: usize) -> Option<usize> {
    let first = loose(wanted).next()?;
    text[at..]
        .match_indices(first)
        .map(|(offset, _)| at + offset)
        .find(|&from| skip_literal(wanted, text, from).is_some())
}
