//! Lists and objects as elements inside a parameter's element: `<days><item>mon</item></days>`.
//!
//! Every element carries its closing tag with it, because a text goes on until that tag comes. No tag of any kind is part
//! of a text, so that none is taken for an element. It must not know the token loop.

use super::expression::{Expression, escaped};
use super::grammar::{Free, Term};
use super::kind::{Kind, List, Object, Text};
use super::literal::{Scribe, Unwritable};
use super::tagged::{Frame, filled, reads_as};
use super::texts::{Asked, holding};
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
        let word = |word: &str| vec![Term::closed(word, self.closing(key))];
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
            Kind::Any => return Ok(vec![self.leaf(scribe, key, &Text::default(), place, not)]),
            Kind::Text(text) => return Ok(vec![self.leaf(scribe, key, text, place, not)]),
            Kind::Named(index) => {
                // One rule for each key, because the closing tag is part of it, and for each parameter, whose name is not.
                let word: Vec<String> =
                    key.bytes().chain([0]).chain(scribe.around.bytes()).map(|byte| byte.to_string()).collect();
                let name = format!("{}_element_{index}_{}", scribe.prefix, word.join("_"));
                if !scribe.grammar.has(&name) {
                    scribe.grammar.rule(name.as_str(), [Term::Rule(format!("{name}_is"))]);
                    let kind = scribe.kinds.named(*index).clone();
                    let terms = self.element(scribe, key, &kind, place, &[])?;
                    scribe.grammar.rule(format!("{name}_is"), terms);
                }
                return Ok(vec![Term::Rule(name)]);
            }
            Kind::Either(kinds) => {
                // What is read as one of the others is no text.
                let not: Vec<&str> = kinds.iter().filter_map(|kind| reads_as(kind.types())).collect();
                let written = kinds.iter().filter_map(|kind| self.element(scribe, key, kind, place, &not).ok());
                let written: Vec<_> = written.collect();
                if written.is_empty() {
                    return Err(format!("this format cannot represent any value of {place}"));
                }
                return Ok(named(scribe, written));
            }
            Kind::List(list) => self.items(scribe, list, place)?,
            Kind::Object(Object { members, .. }) if !members.is_empty() => {
                let mut terms = Vec::new();
                // An object without members would be an empty text.
                let none_required = members.iter().all(|member| !member.required);
                for member in members {
                    let place = format!("{place}/{}", member.key);
                    let own = match self.wrapped(scribe, &member.key, &member.kind, &place) {
                        Ok(own) => own,
                        Err(why) if member.required => return Err(why),
                        Err(why) => {
                            scribe.kinds.told.push(format!("{place} is left out: {why}"));
                            continue;
                        }
                    };
                    let needed = member.required || none_required;
                    terms.extend(if needed { own } else { named(scribe, vec![own, Vec::new()]) });
                }
                terms
            }
            Kind::Object(object) if object.least > 0 => return Err(format!("this format cannot represent {place}")),
            Kind::Object(_) => vec![Term::literal("{}")],
        };
        terms.push(close);
        Ok(terms)
    }

    /// The items of a list, each an element.
    fn items(&self, scribe: &mut Scribe<'_, '_>, list: &List, place: &str) -> Result<Vec<Term>, Unwritable> {
        let counted = u64::try_from(list.first.len()).unwrap_or(u64::MAX);
        let mut behind: Option<String> = None;
        if let Some(rest) = list.rest.as_ref().filter(|_| list.most.is_none_or(|most| most > counted)) {
            let item = self.wrapped(scribe, "item", rest, place)?;
            let name = scribe.name();
            scribe.grammar.rule(name.as_str(), item);
            let most = list.most.map(|most| most - counted);
            // A list without items is written in another way.
            let least = list.least.saturating_sub(counted).max(u64::from(counted == 0));
            let tail = scribe.name();
            scribe.grammar.rule(tail.as_str(), [Term::Repeat(vec![Term::Rule(name)], least, most)]);
            behind = Some(tail);
        }
        for (index, kind) in (0_u64..).zip(&list.first).collect::<Vec<_>>().into_iter().rev() {
            let mut some = self.wrapped(scribe, "item", kind, place)?;
            some.extend(behind.map(Term::Rule));
            let mut ways = vec![some];
            if index >= list.least && index > 0 {
                ways.push(Vec::new());
            }
            let name = scribe.name();
            scribe.grammar.either(name.as_str(), ways);
            behind = Some(name);
        }
        let none = (list.least == 0).then(|| vec![Term::literal("[]")]);
        let some = behind.map(|name| vec![Term::Rule(name)]);
        Ok(named(scribe, none.into_iter().chain(some).collect()))
    }

    /// A text inside elements, with the closing tag of its own: no tag of any kind is part of it.
    fn leaf(&self, scribe: &mut Scribe<'_, '_>, key: &str, text: &Text, place: &str, not: &[&str]) -> Term {
        let also = vec![Expression::without(&escaped(self.opening()))];
        let not = (!not.is_empty()).then(|| format!("[ \\t\\r\\n]*({})[ \\t\\r\\n]*", not.join("|")));
        let content = holding(scribe.kinds, text, place, Asked { also, not: not.as_deref(), ..Asked::default() });
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
        if scribe.around == key {
            // The reader would take it for the parameter once more.
            return Err(format!("this format cannot represent `{key}` inside the parameter `{key}`"));
        }
        let mut terms = vec![Term::literal(format!("{}{key}", self.opening()))];
        terms.extend(self.param.before(Field::Value).iter().skip(2).map(|piece| Term::literal(filled(piece, key, ""))));
        terms.extend(self.element(scribe, key, kind, place, &[])?);
        Ok(terms)
    }
}

fn named(scribe: &mut Scribe<'_, '_>, alternatives: Vec<Vec<Term>>) -> Vec<Term> {
    let name = scribe.name();
    scribe.grammar.either(name.as_str(), alternatives);
    vec![Term::Rule(name)]
}
