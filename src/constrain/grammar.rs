//! A grammar in llguidance's Lark, as rules of literals and schemas.
//!
//! Literals stay apart from the rest until the vocabulary is known: a marker that is a control token there must be
//! written as that token, because no text can spell it. It must not know formats or tools.

use serde_json::Value;

/// A grammar: rules by name, the first one is the start.
#[derive(Debug, Clone, Default, PartialEq)]
pub(crate) struct Grammar {
    rules: Vec<(String, Vec<Term>)>,
}

/// A term of a rule; the terms of a rule follow one another.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Term {
    /// Text that stands there.
    Literal(String),
    /// Anything that satisfies a JSON Schema.
    Json(Value),
    /// Lark as it is: rule names, operators, regular expressions.
    Lark(String),
}

impl Grammar {
    /// Adds a rule. Neighbouring literals become one, so that they are forced in one run.
    pub(crate) fn rule(&mut self, name: impl Into<String>, terms: impl IntoIterator<Item = Term>) {
        let mut joined: Vec<Term> = Vec::new();
        for term in terms {
            match (joined.last_mut(), term) {
                (Some(Term::Literal(before)), Term::Literal(text)) => before.push_str(&text),
                (_, Term::Literal(text)) if text.is_empty() => {}
                (_, term) => joined.push(term),
            }
        }
        self.rules.push((name.into(), joined));
    }

    /// The grammar's text for a vocabulary with these control tokens.
    pub(crate) fn lark(&self, specials: &[(String, u32)]) -> String {
        let mut lark = String::new();
        for (name, terms) in &self.rules {
            lark.push_str(name);
            lark.push(':');
            for term in terms {
                lark.push(' ');
                match term {
                    Term::Literal(text) => push_literal(&mut lark, text, specials),
                    Term::Json(schema) => lark.extend(["%json ", &schema.to_string()]),
                    Term::Lark(text) => lark.push_str(text),
                }
            }
            lark.push('\n');
        }
        lark
    }
}

/// A literal, cut at the control tokens in it.
fn push_literal(lark: &mut String, text: &str, specials: &[(String, u32)]) {
    let mut rest = text;
    while let Some((at, special, token)) = first_special(rest, specials) {
        push_quoted(lark, &rest[..at]);
        lark.extend([" <[", &token.to_string(), "]> "]);
        rest = &rest[at + special.len()..];
    }
    push_quoted(lark, rest);
}

/// The first control token in a text; of two at one place the longer one.
fn first_special<'a>(text: &str, specials: &'a [(String, u32)]) -> Option<(usize, &'a str, u32)> {
    let found =
        specials.iter().filter_map(|(special, token)| Some((text.find(special.as_str())?, special.as_str(), *token)));
    found.min_by_key(|(at, special, _)| (*at, usize::MAX - special.len()))
}

fn push_quoted(lark: &mut String, text: &str) {
    if text.is_empty() {
        return;
    }
    // Lark's strings are JSON's, but for DEL.
    lark.push_str(&Value::from(text).to_string().replace('\u{7f}', "\\u007f"));
}

#[cfg(test)]
mod tests {
    use super::{Grammar, Term};

    #[test]
    fn control_tokens_are_written_as_tokens() {
        let mut grammar = Grammar::default();
        grammar.rule("start", [Term::Literal("a<tool>".into()), Term::Literal("\n\"b".into())]);
        assert_eq!(grammar.lark(&[]), "start: \"a<tool>\\n\\\"b\"\n");
        assert_eq!(grammar.lark(&[("<tool>".into(), 7)]), "start: \"a\" <[7]> \"\\n\\\"b\"\n");
    }
}
