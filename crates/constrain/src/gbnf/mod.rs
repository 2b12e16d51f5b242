//! A grammar in GBNF, which llama-server, vLLM and SGLang all read.
//!
//! It is written from the same tree as the Lark that runs in process: a value becomes rules of its own, and so does a
//! text up to its marker. What cannot be said that way has no translation, and that is an answer too: nothing is ever sent
//! that would hold a model to something else. It must not know formats, tools or schemas.

mod automaton;
mod values;

use std::collections::{BTreeSet, HashMap};
use std::fmt::Write as _;

use super::expression::Expression;
use super::grammar::{Body, Grammar, Part, Term};
use super::lark::times;
use values::Values;

/// A grammar for other engines.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Gbnf {
    /// The grammar; its first rule is `root`.
    pub text: String,
    /// Schema keywords that the engine does not enforce, although the grammar that runs in process does.
    pub told: BTreeSet<&'static str>,
}

impl Grammar {
    /// The grammar in GBNF; `None` where it says what GBNF cannot.
    pub(crate) fn gbnf(&self) -> Option<Gbnf> {
        let mut rules = Rules::default();
        let mut values = Values::default();
        for (name, body) in self.rules() {
            let name = named(name);
            match body {
                Body::Either(ways) => {
                    let ways: Vec<String> = ways.iter().map(|terms| sequence(terms)).collect();
                    rules.add(&name, &ways.join(" | "));
                }
                Body::Terminal(expression) => rules.text.push_str(&automaton::rules(&name, expression, false)?),
                Body::Free(free) => {
                    let whole = Expression::Then(vec![free.content.clone(), Expression::text(free.stop.as_str())]);
                    rules.text.push_str(&automaton::rules(&name, &whole, true)?);
                }
                Body::Value(value) => {
                    let body = values.value(value, &mut rules)?;
                    rules.add(&name, &body);
                }
                // Each text is one rule here.
                Body::Segments(_) => {}
            }
        }
        Some(Gbnf { text: rules.text, told: values.told })
    }
}

/// Rules in GBNF.
#[derive(Debug, Default)]
struct Rules {
    text: String,
    /// Rules by what they say: who says the same shares them.
    known: HashMap<String, String>,
    /// Rules by what their texts match; none where that is too much for rules.
    matching: HashMap<Expression, Option<String>>,
}

impl Rules {
    fn add(&mut self, name: &str, body: &str) {
        // Writing to a string cannot fail.
        let _ = writeln!(self.text, "{name} ::= {body}");
    }

    /// A rule that says this.
    fn of(&mut self, body: String) -> String {
        if let Some(name) = self.known.get(&body) {
            return name.clone();
        }
        let name = format!("part-{}", self.known.len());
        self.add(&name, &body);
        self.known.insert(body, name.clone());
        name
    }

    /// A rule whose texts match this.
    fn matching(&mut self, expression: Expression) -> Option<String> {
        if let Some(known) = self.matching.get(&expression) {
            return known.clone();
        }
        let name = format!("match-{}", self.matching.len());
        let made = automaton::rules(&name, &expression, false).map(|rules| {
            self.text.push_str(&rules);
            name
        });
        self.matching.insert(expression, made.clone());
        made
    }
}

/// A rule's name as GBNF has it.
fn named(name: &str) -> String {
    if name == "start" { "root".to_owned() } else { name.replace('_', "-") }
}

fn sequence(terms: &[Term]) -> String {
    if terms.is_empty() { "\"\"".to_owned() } else { terms.iter().map(term).collect::<Vec<_>>().join(" ") }
}

fn term(term: &Term) -> String {
    match term {
        Term::Literal(parts) => literal(&parts.iter().map(Part::text).collect::<String>()),
        Term::Rule(name) => named(name),
        Term::Letters(class, least, most) => format!("[{class}]{{{least},{most}}}"),
        Term::Repeat(terms, least, most) => match terms.as_slice() {
            [Term::Rule(name)] => format!("{}{}", named(name), times(*least, *most)),
            terms => format!("({}){}", sequence(terms), times(*least, *most)),
        },
    }
}

/// A text as GBNF writes it.
fn literal(text: &str) -> String {
    let mut out = String::from("\"");
    for c in text.chars() {
        match c {
            '"' => out.push_str("\\\""),
            '\\' => out.push_str("\\\\"),
            '\n' => out.push_str("\\n"),
            '\r' => out.push_str("\\r"),
            '\t' => out.push_str("\\t"),
            c => out.push(c),
        }
    }
    out.push('"');
    out
}

#[cfg(test)]
mod tests {
    use callwright_parse::chat::{Tool, ToolChoice};
    use callwright_parse::check::ToolSet;
    use callwright_parse::format::Formats;
    use serde_json::{Value, json};

    use super::*;
    use crate::Constraint;
    use crate::grammar::Free;

    fn of(schema: Value) -> Gbnf {
        let tools = ToolSet::compile(&[Tool::new("t", "", schema)]).unwrap();
        let hermes = Formats::builtin().get("hermes").unwrap();
        let constraint = Constraint::compile(&hermes, &tools, &ToolChoice::Required, true, "").unwrap().unwrap();
        constraint.gbnf().expect("a translation").clone()
    }

    #[test]
    fn literals_rules_and_values_go_over() {
        let Gbnf { text, told } = of(json!({"properties": {"a": {"type": "integer"}, "b": {"enum": ["x", 1]}},
            "required": ["a"]}));
        assert!(text.starts_with("root ::= call more*\n"), "{text}");
        assert!(text.contains(" ::= \"\\\"x\\\"\" | \"1\"\n"), "{text}");
        assert!(text.contains(" ::= \"\\\"a\\\": \" integer\n"), "{text}");
        assert!(told.is_empty());
    }

    #[test]
    fn what_is_left_to_the_check_is_told() {
        let Gbnf { told, .. } = of(json!({"properties": {"a": {"type": "integer", "title": "A", "minimum": 1},
            "b": {"type": "number", "exclusiveMaximum": 3, "multipleOf": 2}, "c": {"minLength": 3000, "type": "string"}}}));
        assert_eq!(told.into_iter().collect::<Vec<_>>(), ["exclusiveMaximum", "minLength", "minimum", "multipleOf"]);
    }

    #[test]
    fn texts_keep_to_their_patterns_and_lengths() {
        let Gbnf { text, told } = of(json!({"properties": {"a": {"type": "string", "pattern": "^a?b$"},
            "b": {"type": "string", "maxLength": 7}}}));
        assert!(told.is_empty(), "{told:?}");
        assert!(text.contains("match-0 ::= [a] match-0-1 | [b] match-0-2\n"), "{text}");
        assert!(text.contains("\"\\\"\" char{0,7} \"\\\"\""), "{text}");
    }

    #[test]
    fn references_are_rules() {
        let node = json!({"type": "object", "properties": {"next": {"$ref": "#"}, "v": {"type": "null"}}});
        let Gbnf { text, told } = of(node);
        assert!(told.is_empty(), "{told:?}");
        assert!(text.contains("\"\\\"next\\\": \" ref-0\n"), "{text}");
    }

    #[test]
    fn texts_become_rules() {
        let mut grammar = Grammar::default();
        let content = Expression::regex("x");
        let free = Free { content, stop: "<end>".into(), never: "<end>".into(), segments: None };
        let text = grammar.free(free);
        let letters = Term::Letters("a-z", 9, 9);
        let more = Term::Repeat(vec![Term::literal(", "), Term::rule("x")], 0, None);
        grammar.rule("start", [text, letters, more]);
        let text = grammar.gbnf().expect("a translation").text;
        assert!(text.starts_with("text-0 ::= [x] text-0-1\n"), "{text}");
        assert!(text.contains("root ::= text-0 [a-z]{9,9} (\", \" x)*\n"), "{text}");
    }
}
