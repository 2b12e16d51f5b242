//! An expression of regular expressions: what one terminal of a grammar matches.
//!
//! Regular expressions alone cannot say that a text matches two of them, or holds nothing of a third. Both writers of
//! grammars take it from here. It must not know what it is an expression of.

use llguidance::derivre::RegexAst;

/// What a text is.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) enum Expression {
    /// What this regular expression matches, as a whole.
    Regex(String),
    /// This text.
    Text(String),
    /// All of these at once.
    And(Vec<Self>),
    /// One of these.
    Or(Vec<Self>),
    /// One behind the other.
    Then(Vec<Self>),
    /// Not this.
    Not(Box<Self>),
}

impl Expression {
    pub(crate) fn regex(expression: impl Into<String>) -> Self {
        Self::Regex(expression.into())
    }

    pub(crate) fn text(text: impl Into<String>) -> Self {
        Self::Text(text.into())
    }

    /// Texts that this regular expression does not match as a whole.
    pub(crate) fn not(expression: impl Into<String>) -> Self {
        Self::Not(Box::new(Self::regex(expression)))
    }

    /// Texts that hold nothing of what this regular expression matches.
    pub(crate) fn without(expression: &str) -> Self {
        Self::not(format!("(?s:.*)({expression})(?s:.*)"))
    }

    /// This and those at once, on one level.
    pub(crate) fn and(self, others: impl IntoIterator<Item = Self>) -> Self {
        let mut all = match self {
            Self::And(all) => all,
            one => vec![one],
        };
        for other in others {
            match other {
                Self::And(more) => all.extend(more),
                one => all.push(one),
            }
        }
        if all.len() == 1 { all.remove(0) } else { Self::And(all) }
    }

    /// The expression for the automaton.
    pub(crate) fn ast(&self) -> RegexAst {
        let all = |parts: &[Self]| parts.iter().map(Self::ast).collect();
        match self {
            Self::Regex(expression) => RegexAst::Regex(expression.clone()),
            Self::Text(text) => RegexAst::Literal(text.clone()),
            Self::And(parts) => RegexAst::And(all(parts)),
            Self::Or(parts) => RegexAst::Or(all(parts)),
            Self::Then(parts) => RegexAst::Concat(all(parts)),
            Self::Not(inner) => RegexAst::Not(Box::new(inner.ast())),
        }
    }

    /// Shows every text and regular expression in it, and which of the two it is.
    pub(crate) fn each(&self, show: &mut dyn FnMut(&str, bool)) {
        match self {
            Self::Regex(text) => show(text, true),
            Self::Text(text) => show(text, false),
            Self::And(parts) | Self::Or(parts) | Self::Then(parts) => parts.iter().for_each(|part| part.each(show)),
            Self::Not(inner) => inner.each(show),
        }
    }
}

/// So many letters of any kind, as a regular expression.
pub(crate) fn letters(least: u64, most: Option<u64>) -> String {
    let most = most.map(|most| most.to_string()).unwrap_or_default();
    format!("(?s:.{{{least},{most}}})")
}

/// A text as a regular expression; a slash in it is escaped, too, since expressions may stand between slashes.
pub(crate) fn escaped(text: &str) -> String {
    let mut escaped = String::new();
    for letter in text.chars() {
        match letter {
            '\n' => escaped.push_str("\\n"),
            '\r' => escaped.push_str("\\r"),
            '\t' => escaped.push_str("\\t"),
            letter if r"\.+*?()|[]{}^$#&-~/".contains(letter) => escaped.extend(['\\', letter]),
            letter => escaped.push(letter),
        }
    }
    escaped
}
