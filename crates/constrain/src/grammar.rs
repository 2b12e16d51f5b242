//! The grammar of what may be called: rules of literals, values and free text.
//!
//! It is the one tree from which all grammars are written: llguidance's Lark in [`lark`](super::lark), GBNF in
//! [`gbnf`](super::gbnf). Literals stay apart from the rest until the vocabulary is known: a marker that is a control token
//! there must be written as that token, because no text can spell it. It must not know formats, tools or spellings.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use callwright_parse::format::JsonStyle;

use super::expression::Expression;
use super::kind::Kind;
use super::kinds::Kinds;
use super::schema::enforced;
use super::segments::Segments;

/// A grammar: rules by name. The first one is the whole.
#[derive(Debug, Clone, Default)]
pub(crate) struct Grammar {
    rules: Vec<(String, Body)>,
    names: HashSet<String>,
    /// Rules that are shared by all who need the same.
    shared: HashMap<Key, usize>,
}

/// What a rule stands for.
#[derive(Debug, Clone)]
pub(crate) enum Body {
    /// One of these; the terms of each follow one another.
    Either(Vec<Vec<Term>>),
    /// What this matches.
    Terminal(Expression),
    /// Text up to what ends it.
    Free(Free),
    /// Text in segments, up to its closing tag.
    Segments(Segments),
    /// A value, as JSON writes it.
    Value(Valued),
}

/// A value in JSON.
#[derive(Debug, Clone)]
pub(crate) struct Valued {
    pub(crate) kind: Kind,
    /// What the kind refers to.
    pub(crate) named: Arc<[Kind]>,
    pub(crate) style: JsonStyle,
    /// The same as a schema of llguidance, which makes its own rules of it.
    pub(crate) schema: String,
}

/// What shared rules have in common.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
enum Key {
    Terminal(Expression),
    Free(Free),
    Segments(Segments),
    Value(String),
}

/// Text that goes on until its end comes.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) struct Free {
    /// What the text may be.
    pub(crate) content: Expression,
    /// What ends it, and is part of it.
    pub(crate) stop: String,
    /// What the text must not hold where its end cannot be looked for, because a control token is part of it.
    pub(crate) never: String,
    /// How the text is cut into segments, where it can be.
    pub(crate) segments: Option<Segments>,
}

/// A term of a rule.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Term {
    /// Text that stands there: markers, and what a model says.
    Literal(Vec<Part>),
    /// What the rule with this name stands for.
    Rule(String),
    /// These terms in a row, so many times.
    Repeat(Vec<Self>, u64, Option<u64>),
    /// So many letters of a class, such as `a-z0-9`: plain ones, which mean the same in every grammar.
    Letters(&'static str, u32, u32),
}

/// A part of a text that stands somewhere.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Part {
    /// What the format writes: a control token in it is that token.
    Marker(String),
    /// What a model says: what reads as a control token in it is text.
    Said(String),
}

impl Part {
    pub(crate) fn text(&self) -> &str {
        match self {
            Self::Marker(text) | Self::Said(text) => text,
        }
    }
}

impl Term {
    pub(crate) fn literal(text: impl Into<String>) -> Self {
        Self::Literal(vec![Part::Marker(text.into())])
    }

    /// A value that stands there, and is no marker whatever it says.
    pub(crate) fn said(text: impl Into<String>) -> Self {
        Self::Literal(vec![Part::Said(text.into())])
    }

    /// A value with a marker behind it.
    pub(crate) fn closed(text: impl Into<String>, marker: impl Into<String>) -> Self {
        Self::Literal(vec![Part::Said(text.into()), Part::Marker(marker.into())])
    }

    pub(crate) fn rule(name: impl Into<String>) -> Self {
        Self::Rule(name.into())
    }
}

impl Grammar {
    /// Adds a rule.
    pub(crate) fn rule(&mut self, name: impl Into<String>, terms: impl IntoIterator<Item = Term>) {
        self.either(name, [terms.into_iter().collect()]);
    }

    /// Adds a rule with alternatives. Neighbouring literals become one, so that they are forced in one run.
    pub(crate) fn either(&mut self, name: impl Into<String>, alternatives: impl IntoIterator<Item = Vec<Term>>) {
        let alternatives = alternatives.into_iter().map(joined).collect();
        self.add(name.into(), Body::Either(alternatives));
    }

    fn add(&mut self, name: String, body: Body) {
        self.names.insert(name.clone());
        self.rules.push((name, body));
    }

    /// A terminal, in a rule that all share who write the same.
    pub(crate) fn terminal(&mut self, expression: Expression) -> Term {
        self.shared("word", Key::Terminal(expression.clone()), || Body::Terminal(expression))
    }

    /// Free text, in a rule that all share who write the same.
    pub(crate) fn free(&mut self, free: Free) -> Term {
        if let Some(segments) = &free.segments {
            self.shared("text", Key::Segments(segments.clone()), || Body::Segments(segments.clone()));
        }
        self.shared("text", Key::Free(free.clone()), || Body::Free(free))
    }

    /// A value as JSON, in a rule that all share who write the same.
    pub(crate) fn value(&mut self, kind: &Kind, kinds: &Kinds<'_>, style: JsonStyle) -> Term {
        let schema = enforced(kind, kinds, style).to_string();
        let body = |schema: String| Body::Value(Valued { kind: kind.clone(), named: kinds.all_named(), style, schema });
        self.shared("json", Key::Value(schema.clone()), || body(schema))
    }

    /// The rule with this body, which is made where there is none: what is compiled once costs once.
    fn shared(&mut self, word: &str, key: Key, body: impl FnOnce() -> Body) -> Term {
        let next = self.rules.len();
        let at = *self.shared.entry(key).or_insert(next);
        if at == next {
            self.add(format!("{word}_{next}"), body());
        }
        Term::Rule(self.rules[at].0.clone())
    }

    /// Whether there is a rule with this name.
    pub(crate) fn has(&self, name: &str) -> bool {
        self.names.contains(name)
    }

    /// All rules.
    pub(crate) fn rules(&self) -> impl Iterator<Item = (&str, &Body)> {
        self.rules.iter().map(|(name, body)| (name.as_str(), body))
    }

    /// The name of the rule of these segments.
    pub(crate) fn of_segments(&self, segments: &Segments) -> &str {
        let at = self.shared.get(&Key::Segments(segments.clone()));
        at.and_then(|at| self.rules.get(*at)).map_or("", |(name, _)| name.as_str())
    }
}

fn joined(terms: Vec<Term>) -> Vec<Term> {
    let mut joined: Vec<Term> = Vec::new();
    for term in terms {
        match (joined.last_mut(), term) {
            (Some(Term::Literal(before)), Term::Literal(parts)) => {
                for part in parts {
                    match (before.last_mut(), part) {
                        (Some(Part::Marker(known)), Part::Marker(text)) => known.push_str(&text),
                        (_, part) => before.push(part),
                    }
                }
            }
            (_, Term::Literal(parts)) if parts.iter().all(|part| part.text().is_empty()) => {}
            (_, term) => joined.push(term),
        }
    }
    joined
}
