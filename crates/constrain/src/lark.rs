//! A grammar in llguidance's Lark.
//!
//! Values are handed over as JSON Schemas (`%json`), made from their kinds: llguidance's own compiler of them knows bounds
//! of numbers and the escapes of strings. It must not know formats, tools or schemas.

use std::fmt::Write as _;

use serde_json::Value;

use super::expression::{Expression, escaped};
use super::grammar::{Body, Free, Grammar, Part, Term};
use super::segments::Segments;

impl Grammar {
    /// The grammar's text for people: each text is one rule that looks for its end.
    pub(crate) fn plain(&self) -> String {
        Writer { lark: String::new(), specials: &Specials::new(&[]), in_segments: false }.written(self)
    }

    /// The grammar's text for a vocabulary with these control tokens.
    pub(crate) fn lark(&self, specials: &[(String, u32)]) -> String {
        Writer { lark: String::new(), specials: &Specials::new(specials), in_segments: true }.written(self)
    }
}

struct Writer<'a> {
    lark: String,
    specials: &'a Specials<'a>,
    in_segments: bool,
}

impl Writer<'_> {
    fn written(mut self, grammar: &Grammar) -> String {
        for (name, body) in grammar.rules() {
            self.body(grammar, name, body);
        }
        self.lark
    }

    fn body(&mut self, grammar: &Grammar, name: &str, body: &Body) {
        match body {
            Body::Either(alternatives) => {
                self.lark.extend([name, ":"]);
                for (index, terms) in alternatives.iter().enumerate() {
                    self.lark.push_str(if index > 0 { "\n  |" } else { "" });
                    self.terms(terms);
                }
                self.lark.push('\n');
            }
            Body::Terminal(expression) => {
                let upper = name.to_ascii_uppercase();
                self.lark.extend([name, ": ", &upper, "\n", &upper, ": "]);
                self.expression(expression);
                self.lark.push('\n');
            }
            Body::Value(value) => self.lark.extend([name, ": %json ", &value.schema, "\n"]),
            Body::Segments(segments) if self.cuts(segments) => self.lark.push_str(&segments.lark(name)),
            Body::Segments(_) => {}
            Body::Free(free) => match free.segments.as_ref().filter(|segments| self.cuts(segments)) {
                Some(segments) => {
                    self.lark.extend([name, ": ", grammar.of_segments(segments), " "]);
                    let then = free.stop.get(segments.close().len()..).unwrap_or_default();
                    self.marker(segments.rest(then));
                    self.lark.push('\n');
                }
                None => self.free(name, free),
            },
        }
    }

    fn cuts(&self, segments: &Segments) -> bool {
        self.in_segments && self.specials.first(segments.close()).is_none()
    }

    fn terms(&mut self, terms: &[Term]) {
        if terms.is_empty() {
            self.lark.push_str(" \"\"");
        }
        for term in terms {
            self.lark.push(' ');
            self.term(term);
        }
    }

    fn term(&mut self, term: &Term) {
        match term {
            Term::Literal(parts) => self.literal(parts),
            Term::Rule(name) => self.lark.push_str(name),
            Term::Letters(class, least, most) => {
                // Writing to a string cannot fail.
                let _ = write!(self.lark, "/[{class}]{{{least},{most}}}/");
            }
            Term::Repeat(terms, least, most) => {
                match terms.as_slice() {
                    [Term::Rule(name)] => self.lark.push_str(name),
                    terms => {
                        self.lark.push('(');
                        self.terms(terms);
                        self.lark.push(')');
                    }
                }
                self.lark.push_str(&times(*least, *most));
            }
        }
    }

    /// Text that ends at the first place where its stop stands; where a control token is part of the stop, at that token.
    fn free(&mut self, name: &str, free: &Free) {
        let Some((at, ..)) = self.specials.first(&free.stop) else {
            self.lark.extend([name, "[lazy]: "]);
            self.expression(&free.content);
            self.lark.push(' ');
            self.quoted(&free.stop);
            self.lark.push('\n');
            return;
        };
        let text = name.to_ascii_uppercase();
        self.lark.extend([name, ": ", &text, " "]);
        self.marker(free.stop[at..].to_owned());
        self.lark.extend(["\n", &text, ": "]);
        self.expression(&free.content.clone().and([Expression::without(&escaped(&free.never))]));
        self.lark.push(' ');
        self.quoted(&free.stop[..at]);
        self.lark.push('\n');
    }

    fn expression(&mut self, expression: &Expression) {
        let (open, between, parts) = match expression {
            Expression::Regex(regex) => return self.lark.extend(["/", regex, "/"]),
            Expression::Text(text) if text.is_empty() => return self.lark.push_str("\"\""),
            Expression::Text(text) => return self.quoted(text),
            Expression::Not(inner) => {
                self.lark.push('~');
                return self.expression(inner);
            }
            Expression::And(parts) => ("(", " & ", parts),
            Expression::Or(parts) => ("(", " | ", parts),
            Expression::Then(parts) => ("(", " ", parts),
        };
        self.lark.push_str(open);
        for (index, part) in parts.iter().enumerate() {
            self.lark.push_str(if index > 0 { between } else { "" });
            self.expression(part);
        }
        self.lark.push(')');
    }

    /// A literal, cut at the control tokens in its markers.
    fn literal(&mut self, parts: &[Part]) {
        let mut text = String::new();
        for part in parts {
            let mut rest = part.text();
            if matches!(part, Part::Marker(_)) {
                while let Some((at, special, token)) = self.specials.first(rest) {
                    text.push_str(&rest[..at]);
                    self.quoted(&std::mem::take(&mut text));
                    self.lark.extend([" <[", &token.to_string(), "]> "]);
                    rest = &rest[at + special.len()..];
                }
            }
            text.push_str(rest);
        }
        self.quoted(&text);
    }

    fn marker(&mut self, marker: String) {
        self.literal(&[Part::Marker(marker)]);
    }

    /// A text in Lark's quotes, which are JSON's, but for DEL.
    fn quoted(&mut self, text: &str) {
        if !text.is_empty() {
            self.lark.push_str(&Value::from(text).to_string().replace('\u{7f}', "\\u007f"));
        }
    }
}

/// How often something may come, as Lark and GBNF have it.
pub(crate) fn times(least: u64, most: Option<u64>) -> String {
    match (least, most) {
        (0, None) => "*".to_owned(),
        (least, None) => format!("{{{least},}}"),
        (least, Some(most)) => format!("{{{least},{most}}}"),
    }
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

#[cfg(test)]
mod tests {
    use crate::expression::Expression;
    use crate::grammar::{Free, Grammar, Term};

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
        let content = Expression::regex(".*");
        let free = Free { content, stop: "\n</v>".into(), never: "</v>".into(), segments: None };
        assert_eq!(grammar.free(free.clone()), Term::rule("text_0"));
        assert_eq!(grammar.free(free), Term::rule("text_0"), "one rule for both");
        assert_eq!(grammar.lark(&[]), "text_0[lazy]: /.*/ \"\\n</v>\"\n");
        let text = "text_0: TEXT_0  <[7]> \nTEXT_0: (/.*/ & ~/(?s:.*)(<\\/v>)(?s:.*)/) \"\\n\"\n";
        assert_eq!(grammar.lark(&[("</v>".into(), 7)]), text);
    }

    #[test]
    fn repetition_is_written_in_short() {
        let mut grammar = Grammar::default();
        let pair = vec![Term::literal(","), Term::rule("a")];
        grammar.rule("start", [Term::Repeat(vec![Term::rule("a")], 0, None), Term::Repeat(pair, 1, Some(2))]);
        assert_eq!(grammar.lark(&[]), "start: a* ( \",\" a){1,2}\n");
    }
}
