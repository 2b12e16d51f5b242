//! What became of a keyword that is not taken as it stands, as a value.
//!
//! A tool list from elsewhere is never refused for one odd keyword, and nothing that its author wrote is passed over in
//! silence: each such keyword is told once per tool, with its place and the reason. It must not know schemas.

use std::fmt;

use serde::Serialize;

/// A keyword of a tool's schema, and what became of it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Told {
    /// Where the keyword stands, as a JSON pointer to the schema around it; empty for the root.
    pub place: String,
    /// The keyword.
    pub keyword: String,
    /// What became of it.
    pub degree: Degree,
    /// Why, in a few words.
    pub why: String,
}

/// How far a keyword is kept to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Degree {
    /// It was read as what it must mean, and is kept to.
    Mended,
    /// A call is checked against it, but the decoding grammar does not hold the model to it.
    Checked,
    /// It is neither enforced nor checked.
    Ignored,
}

impl fmt::Display for Told {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { place, keyword, degree, why } = self;
        let became = match degree {
            Degree::Mended => "corrected",
            Degree::Checked => "checked but not enforced",
            Degree::Ignored => "ignored",
        };
        write!(f, "`{keyword}`")?;
        if !place.is_empty() {
            write!(f, " of {place}")?;
        }
        write!(f, " is {became}: {why}")
    }
}
