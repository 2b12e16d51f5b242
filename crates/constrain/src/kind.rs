//! What values a tool's parameters may have: the one tree that every grammar is written from.
//!
//! It holds what a grammar can hold values to: types, constants, alternatives, references, members, items, bounds and
//! patterns. What a schema says beyond that is not in it, and was told when it was made. It must not know how values are
//! written, nor JSON Schema.

use callwright_parse::schema::{Numbers, Types};
use serde_json::Value;

use super::pattern::Pattern;

/// What a value may be.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Kind {
    Any,
    Null,
    Boolean,
    /// A number, of at most one multiple.
    Number(Numbers),
    Text(Text),
    List(List),
    Object(Object),
    /// One of these values; an empty list allows no value.
    Constants(Vec<Value>),
    Either(Vec<Self>),
    /// A kind that is referred to by number, because it may be recursive.
    Named(usize),
}

/// A text: its length in letters, and what all of it matches.
#[derive(Debug, Clone, Default, PartialEq)]
pub(super) struct Text {
    pub(super) least: u64,
    pub(super) most: Option<u64>,
    pub(super) patterns: Vec<Pattern>,
}

/// A list: its first items, each of its own kind, and how many there are in all.
#[derive(Debug, Clone, Default, PartialEq)]
pub(super) struct List {
    pub(super) first: Vec<Kind>,
    /// What the other items are, where there may be others.
    pub(super) rest: Option<Box<Kind>>,
    pub(super) least: u64,
    pub(super) most: Option<u64>,
}

/// An object: its members, and how many there are in all.
#[derive(Debug, Clone, Default, PartialEq)]
pub(super) struct Object {
    pub(super) members: Vec<Member>,
    /// Members whose names match a schema's pattern.
    pub(super) matching: Vec<(Pattern, Kind)>,
    /// What additional members may be, where they are allowed.
    pub(super) others: Option<Box<Kind>>,
    pub(super) least: u64,
    pub(super) most: Option<u64>,
}

/// A member of an object.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Member {
    pub(super) key: String,
    pub(super) kind: Kind,
    pub(super) required: bool,
}

impl Kind {
    /// No value at all.
    pub(super) const NEVER: Self = Self::Constants(Vec::new());

    /// Any number.
    pub(super) fn number() -> Self {
        Self::Number(Numbers::default())
    }

    /// Any list.
    pub(super) fn list() -> Self {
        Self::List(List { rest: Some(Box::new(Self::Any)), ..List::default() })
    }

    /// Any object.
    pub(super) fn object() -> Self {
        Self::Object(Object { others: Some(Box::new(Self::Any)), ..Object::default() })
    }

    /// One of these kinds, flat; each once.
    pub(super) fn either(kinds: Vec<Self>) -> Self {
        let mut flat: Vec<Self> = Vec::with_capacity(kinds.len());
        for kind in kinds {
            let inner = if let Self::Either(inner) = kind { inner } else { vec![kind] };
            for kind in inner {
                if !kind.is_never() && !flat.contains(&kind) {
                    flat.push(kind);
                }
            }
        }
        match flat.len() {
            0 => Self::NEVER,
            1 => flat.remove(0),
            _ => Self::Either(flat),
        }
    }

    pub(super) fn is_never(&self) -> bool {
        matches!(self, Self::Constants(values) if values.is_empty())
    }

    /// The type of all values of this kind; none where they are of several, or that is not said.
    pub(super) fn types(&self) -> Types {
        match self {
            Self::Null => Types::NULL,
            Self::Boolean => Types::BOOLEAN,
            Self::Number(_) => Types::NUMBER,
            Self::Text(_) => Types::STRING,
            Self::List(_) => Types::LIST,
            Self::Object(_) => Types::OBJECT,
            Self::Any | Self::Constants(_) | Self::Either(_) | Self::Named(_) => Types::NONE,
        }
    }
}
