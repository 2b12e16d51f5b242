//! A grammar in llguidance's Lark, as rules of literals, schemas and free text.
//!
//! Literals stay apart from the rest until the vocabulary is known: a marker that is a control token there must be
//! written as that token, because no text can spell it. It must not know formats or tools.

use std::collections::HashMap;

use serde_json::Value;

use super::segments::Segments;

/// A grammar: rules by name.
#[derive(Debug, Clone, Default, PartialEq)]
pub(crate) struct Grammar {
    rules: Vec<(String, Body)>,
    /// Rules that are shared, by what is the same where they are.
    shared: HashMap<String, Vec<usize>>,
}

#[derive(Debug, Clone, PartialEq)]
enum Body {
    /// One of these; the terms of each follow one another.
    Either(Vec<Vec<Term>>),
    /// An expression of regular expressions.
    Terminal(String),
    /// Text up to what ends it.
    Free(Free),
    /// Text in segments, up to its closing tag.
    Segments(Segments),
}

/// Text that goes on until its end comes.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Free {
    /// What the text may be: an expression of regular expressions.
    pub(crate) content: String,
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
    /// Anything that satisfies a JSON Schema.
    Json(Value),
    /// Lark as it is: rule names, operators, regular expressions.
    Lark(String),
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

    pub(crate) fn lark(text: impl Into<String>) -> Self {
        Self::Lark(text.into())
    }
}

impl Grammar {
    /// Adds a rule.
    pub(crate) fn rule(&mut self, name: impl Into<String>, terms: impl IntoIterator<Item = Term>) {
        self.either(name, [terms.into_iter().collect()]);
    }

    /// Adds a rule with alternatives. Neighbouring literals become one, so that they are forced in one run.
    pub(crate) fn either(&mut self, name: impl Into<String>, alternatives: impl IntoIterator<Item = Vec<Term>>) {
        let alternatives = alternatives.into_iter().map(|terms| joined(self.with_shared(terms))).collect();
        self.rules.push((name.into(), Body::Either(alternatives)));
    }

    /// Schemas become rules of their own.
    fn with_shared(&mut self, terms: Vec<Term>) -> Vec<Term> {
        let mut shared = |term| match term {
            Term::Json(_) => Term::Lark(self.shared("json", Body::Either(vec![vec![term]]))),
            other => other,
        };
        terms.into_iter().map(&mut shared).collect()
    }

    /// A terminal, in a rule that all share who write the same.
    pub(crate) fn terminal(&mut self, expression: String) -> Term {
        Term::Lark(self.shared("word", Body::Terminal(expression)))
    }

    /// Free text, in a rule that all share who write the same.
    pub(crate) fn free(&mut self, free: Free) -> Term {
        if let Some(segments) = &free.segments {
            self.shared("text", Body::Segments(segments.clone()));
        }
        Term::Lark(self.shared("text", Body::Free(free)))
    }

    /// The rule with this body, which is made where there is none: what is compiled once costs once.
    fn shared(&mut self, word: &str, body: Body) -> String {
        let key = match &body {
            Body::Terminal(content) | Body::Free(Free { content, .. }) => content.clone(),
            Body::Either(ways) => format!("{ways:?}"),
            Body::Segments(segments) => segments.close().to_owned(),
        };
        let known = self.shared.entry(key).or_default();
        if let Some(at) = known.iter().find(|at| self.rules[**at].1 == body) {
            return self.rules[*at].0.clone();
        }
        known.push(self.rules.len());
        let name = format!("{word}_{}", self.rules.len());
        self.rules.push((name.clone(), body));
        name
    }

    /// Whether there is a rule with this name.
    pub(crate) fn has(&self, name: &str) -> bool {
        self.rules.iter().any(|(known, _)| known == name)
    }

    /// The grammar's text for people and other engines: each text is one rule that looks for its end.
    pub(crate) fn plain(&self) -> String {
        self.written(&[], false)
    }

    /// The grammar's text for a vocabulary with these control tokens.
    pub(crate) fn lark(&self, specials: &[(String, u32)]) -> String {
        self.written(specials, true)
    }

    fn written(&self, specials: &[(String, u32)], in_segments: bool) -> String {
        let specials = &Specials::new(specials);
        let cut = |segments: &Segments| in_segments && specials.first(segments.close()).is_none();
        let mut lark = String::new();
        for (name, body) in &self.rules {
            match body {
                Body::Either(alternatives) => {
                    lark.extend([name, ":"]);
                    for (index, terms) in alternatives.iter().enumerate() {
                        lark.push_str(if index > 0 { "\n  |" } else { "" });
                        push_terms(&mut lark, terms, specials);
                    }
                    lark.push('\n');
                }
                Body::Terminal(expression) => {
                    let upper = name.to_ascii_uppercase();
                    lark.extend([name, ": ", &upper, "\n", &upper, ": ", expression, "\n"]);
                }
                Body::Segments(segments) if cut(segments) => lark.push_str(&segments.lark(name)),
                Body::Segments(_) => {}
                Body::Free(free) => match free.segments.as_ref().filter(|segments| cut(segments)) {
                    Some(segments) => {
                        let of = self.rules.iter().find(|(_, body)| *body == Body::Segments(segments.clone()));
                        lark.extend([name.as_str(), ": ", of.map_or("", |(name, _)| name.as_str()), " "]);
                        let then = free.stop.get(segments.close().len()..).unwrap_or_default();
                        push_marker(&mut lark, segments.rest(then), specials);
                        lark.push('\n');
                    }
                    None => push_free(&mut lark, name, free, specials),
                },
            }
        }
        lark
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

fn push_terms(lark: &mut String, terms: &[Term], specials: &Specials<'_>) {
    if terms.is_empty() {
        lark.push_str(" \"\"");
    }
    for term in terms {
        lark.push(' ');
        match term {
            Term::Literal(parts) => push_literal(lark, parts, specials),
            Term::Json(schema) => lark.extend(["%json ", &schema.to_string()]),
            Term::Lark(text) => lark.push_str(text),
        }
    }
}

/// Text that ends at the first place where its stop stands; where a control token is part of the stop, at that token.
fn push_free(lark: &mut String, name: &str, free: &Free, specials: &Specials<'_>) {
    let Some((at, ..)) = specials.first(&free.stop) else {
        lark.extend([name, "[lazy]: ", &free.content, " "]);
        push_quoted(lark, &free.stop);
        lark.push('\n');
        return;
    };
    let text = name.to_ascii_uppercase();
    lark.extend([name, ": ", &text, " "]);
    push_marker(lark, free.stop[at..].to_owned(), specials);
    lark.extend(["\n", &text, ": (", &free.content, " & ", &without(&escaped(&free.never)), ") "]);
    push_quoted(lark, &free.stop[..at]);
    lark.push('\n');
}

/// Text that holds nothing of what this regular expression matches.
pub(crate) fn without(expression: &str) -> String {
    format!("~/(?s:.*)({expression})(?s:.*)/")
}

/// A text as a regular expression, between slashes.
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

/// A literal, cut at the control tokens in its markers.
fn push_literal(lark: &mut String, parts: &[Part], specials: &Specials<'_>) {
    let mut text = String::new();
    for part in parts {
        let mut rest = part.text();
        if matches!(part, Part::Marker(_)) {
            while let Some((at, special, token)) = specials.first(rest) {
                text.push_str(&rest[..at]);
                push_quoted(lark, &std::mem::take(&mut text));
                lark.extend([" <[", &token.to_string(), "]> "]);
                rest = &rest[at + special.len()..];
            }
        }
        text.push_str(rest);
    }
    push_quoted(lark, &text);
}

fn push_marker(lark: &mut String, marker: String, specials: &Specials<'_>) {
    push_literal(lark, &[Part::Marker(marker)], specials);
}

/// A vocabulary's control tokens. There are hundreds, and thousands of texts that are looked through for them: most hold
/// no letter with which one begins.
struct Specials<'a> {
    tokens: &'a [(String, u32)],
    begins: [bool; 256],
}

impl<'a> Specials<'a> {
    fn new(tokens: &'a [(String, u32)]) -> Self {
        let mut begins = [false; 256];
        tokens.iter().filter_map(|(text, _)| text.bytes().next()).for_each(|first| begins[usize::from(first)] = true);
        Self { tokens, begins }
    }

    /// The first control token in a text; of two at one place the longer one.
    fn first(&self, text: &str) -> Option<(usize, &'a str, u32)> {
        let text = text.as_bytes();
        let places = (0..text.len()).filter(|at| self.begins[usize::from(text[*at])]);
        places.into_iter().find_map(|at| {
            let here = self.tokens.iter().filter(|(special, _)| text[at..].starts_with(special.as_bytes()));
            let longest = here.filter(|(special, _)| !special.is_empty()).max_by_key(|(special, _)| special.len());
            longest.map(|(special, token)| (at, special.as_str(), *token))
        })
    }
}

/// A text in Lark's quotes.
pub(crate) fn quoted(text: &str) -> String {
    // Lark's strings are JSON's, but for DEL.
    Value::from(text).to_string().replace('\u{7f}', "\\u007f")
}

fn push_quoted(lark: &mut String, text: &str) {
    if !text.is_empty() {
        lark.push_str(&quoted(text));
    }
}

#[cfg(test)]
mod tests {
    use super::{Free, Grammar, Term};

    #[test]
    fn control_tokens_are_written_as_tokens() {
        let mut grammar = Grammar::default();
        grammar.rule("start", [Term::literal("a<tool>"), Term::literal("\n\"b")]);
        assert_eq!(grammar.lark(&[]), "start: \"a<tool>\\n\\\"b\"\n");
        assert_eq!(grammar.lark(&[("<tool>".into(), 7)]), "start: \"a\" <[7]> \"\\n\\\"b\"\n");
    }

    #[test]
    fn a_value_that_spells_a_control_token_is_text() {
        let mut grammar = Grammar::default();
        grammar.rule("start", [Term::literal("<v>"), Term::closed("<v>", "</v><v>")]);
        assert_eq!(grammar.lark(&[("<v>".into(), 7)]), "start:  <[7]> \"<v></v>\" <[7]> \n");
    }

    #[test]
    fn free_text_ends_at_a_control_token() {
        let mut grammar = Grammar::default();
        let free = Free { content: "/.*/".into(), stop: "\n</v>".into(), never: "</v>".into(), segments: None };
        assert_eq!(grammar.free(free.clone()), Term::lark("text_0"));
        assert_eq!(grammar.free(free), Term::lark("text_0"), "one rule for both");
        assert_eq!(grammar.lark(&[]), "text_0[lazy]: /.*/ \"\\n</v>\"\n");
        let text = "text_0: TEXT_0  <[7]> \nTEXT_0: (/.*/ & ~/(?s:.*)(<\\/v>)(?s:.*)/) \"\\n\"\n";
        assert_eq!(grammar.lark(&[("</v>".into(), 7)]), text);
    }
}
