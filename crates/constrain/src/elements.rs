//! Lists and objects as elements inside a parameter's element: `<days><item>mon</item></days>`.
//!
//! Every element carries its closing tag with it, because a text goes on until that tag comes. No tag of any kind is part
//! of a text, so that none is taken for an element. It must not know the token loop.

use super::grammar::{Free, Term, escaped, without};
use super::kind::Kind;
use super::literal::{Scribe, Unwritable};
use super::tagged::{Frame, filled, reads_as};
use callwright_parse::format::Field;

impl Frame<'_> {
    /// A value written as elements, up to its closing tag and with it.
    pub(super) fn element(
        &self,
        scribe: &mut Scribe<'_, '_>,
        key: &str,
        kind: &Kind,
        place: &str,
        not: &[&str],
    ) -> Result<Vec<Term>, Unwritable> {
        let close = Term::literal(self.closing(key));
        let word = |word: &str| vec![Term::literal(word), close.clone()];
        let mut terms = match kind {
            Kind::Null => return Ok(word("null")),
            Kind::Boolean => return Ok(named(scribe, vec![word("true"), word("false")])),
            Kind::Constants(values) => {
                let sayable = values.iter().filter(|value| (scribe.sayable)(value));
                let written: Vec<_> = sayable.map(|value| word(&(scribe.constant)(value))).collect();
                if written.is_empty() {
                    return Err(format!("this format cannot represent any value of {place}"));
                }
                return Ok(named(scribe, written));
            }
            Kind::Number(_) => scribe.value(kind, place)?,
            Kind::Any => return Ok(vec![self.leaf(scribe, key, (0, None), not)]),
            Kind::Text { least, most, schema } => {
                let lengths = scribe.kinds.searched(schema, (*least, *most), place);
                return Ok(vec![self.leaf(scribe, key, lengths, not)]);
            }
            Kind::Named(index) => {
                // One rule for each key, because the closing tag is part of it.
                let word: Vec<String> = key.bytes().map(|byte| byte.to_string()).collect();
                let name = format!("{}_element_{index}_{}", scribe.prefix, word.join("_"));
                if !scribe.grammar.has(&name) {
                    scribe.grammar.rule(name.as_str(), [Term::lark(format!("{name}_is"))]);
                    let kind = scribe.kinds.named(*index).clone();
                    let terms = self.element(scribe, key, &kind, place, &[])?;
                    scribe.grammar.rule(format!("{name}_is"), terms);
                }
                return Ok(vec![Term::lark(name)]);
            }
            Kind::Either(kinds) => {
                // What is read as one of the others is no text.
                let not: Vec<&str> = kinds.iter().filter_map(|kind| reads_as(sort(kind))).collect();
                let written = kinds.iter().filter_map(|kind| self.element(scribe, key, kind, place, &not).ok());
                let written: Vec<_> = written.collect();
                if written.is_empty() {
                    return Err(format!("this format cannot represent any value of {place}"));
                }
                return Ok(named(scribe, written));
            }
            Kind::List { first, rest, least, most, .. } if first.is_empty() => {
                let item = self.wrapped(scribe, "item", rest, place)?;
                let name = scribe.name();
                scribe.grammar.rule(name.as_str(), item);
                let most = most.map(|most| most.to_string()).unwrap_or_default();
                let some = vec![Term::lark(format!("{name}{{{},{most}}}", (*least).max(1)))];
                let none = (*least == 0).then(|| vec![Term::literal("[]")]);
                named(scribe, none.into_iter().chain([some]).collect())
            }
            Kind::Object { members, others: None, .. } if !members.is_empty() => {
                let mut terms = Vec::new();
                // An object without members would be an empty text.
                let none_required = members.iter().all(|member| !member.required);
                for member in members {
                    let place = format!("{place}/{}", member.key);
                    let own = self.wrapped(scribe, &member.key, &member.kind, &place)?;
                    let needed = member.required || none_required;
                    terms.extend(if needed { own } else { named(scribe, vec![own, Vec::new()]) });
                }
                terms
            }
            Kind::Object { .. } => vec![Term::literal("{}")],
            Kind::List { .. } => vec![Term::literal("[]")],
        };
        terms.push(close);
        Ok(terms)
    }

    /// A text inside elements, with the closing tag of its own: no tag of any kind is part of it.
    fn leaf(&self, scribe: &mut Scribe<'_, '_>, key: &str, (least, most): (u64, Option<u64>), not: &[&str]) -> Term {
        let most = most.map(|most| most.to_string()).unwrap_or_default();
        let mut content = format!("/(?s:.{{{least},{most}}})/ & {}", without(&escaped(self.opening())));
        if !not.is_empty() {
            content = format!("{content} & ~/[ \\t\\r\\n]*({})[ \\t\\r\\n]*/", not.join("|"));
        }
        let content = format!("({content})");
        let stop = self.closing(key);
        scribe.grammar.free(Free { content, never: stop.clone(), stop, segments: None })
    }

    fn wrapped(
        &self,
        scribe: &mut Scribe<'_, '_>,
        key: &str,
        kind: &Kind,
        place: &str,
    ) -> Result<Vec<Term>, Unwritable> {
        let mut terms = vec![Term::literal(format!("{}{key}", self.opening()))];
        terms.extend(self.param.before(Field::Value).iter().skip(2).map(|piece| Term::literal(filled(piece, key, ""))));
        terms.extend(self.element(scribe, key, kind, place, &[])?);
        Ok(terms)
    }
}

fn named(scribe: &mut Scribe<'_, '_>, alternatives: Vec<Vec<Term>>) -> Vec<Term> {
    let name = scribe.name();
    scribe.grammar.either(name.as_str(), alternatives);
    vec![Term::lark(name)]
}

/// What a value of this kind is called, where texts may stand beside it.
fn sort(kind: &Kind) -> &'static str {
    match kind {
        Kind::Null => "null",
        Kind::Boolean => "boolean",
        Kind::Number(_) => "number",
        Kind::List { .. } => "array",
        Kind::Object { .. } => "object",
        _ => "",
    }
}
