//! One element a parameter: `<parameter=city>\nOslo\n</parameter>`.
//!
//! A text goes on until its closing tag. It contains none of the call's own tags, because the reader counts those that open
//! and close inside a value; only a closing tag followed by words is allowed. A text ends with its closing tag together
//! with what follows it, the next parameter's opening or the call's end. Parameters come in the schema's order. It must
//! not know the token loop.

use serde_json::json;

use super::expression::Expression;
use super::grammar::{Free, Term};
use super::kind::{Kind, Member, Text};
use super::literal::{Scribe, Unwritable};
use super::segments::{Segments, no_end};
use super::texts::{Asked, holding};
use callwright_parse::format::{Endings, Enforce, Escape, Field, Nested, Piece, Template, type_of};
use callwright_parse::schema::Types;

/// What is written around the parameters of one tool.
pub(super) struct Frame<'a> {
    pub(super) pieces: &'a Enforce<'a>,
    pub(super) param: &'a Template,
    pub(super) tags: &'a Endings,
    /// What follows the last parameter.
    pub(super) tail: &'a str,
}

/// The ways to write one parameter's value.
struct Form {
    /// What an attribute says that it is.
    kind: &'static str,
    body: Body,
}

/// What a text is, and what it must not be.
#[derive(Clone, Default)]
struct Bounds {
    text: Text,
    not: Vec<&'static str>,
}

enum Body {
    /// Text of these bounds. Where other types may stand there too, what would be read as one of them is no text.
    Free(Bounds),
    /// This text.
    Word(String),
    Terms(Vec<Term>),
    /// A value together with its closing tag.
    Closed(Vec<Term>),
}

impl Frame<'_> {
    /// The parameters and what ends the call.
    pub(super) fn call(&self, scribe: &mut Scribe<'_, '_>, members: &[Member]) -> Result<Vec<Term>, Unwritable> {
        let mut params = Vec::new();
        for member in members {
            let place = format!("/{}", member.key);
            match self.forms(scribe, member, &place) {
                Ok(forms) => params.push((member, forms)),
                Err(why) if member.required => return Err(why),
                Err(why) => scribe.kinds.told.push(format!("{place} is left out: {why}")),
            }
        }
        // From the last one back. At a boundary a parameter may begin or the call ends; behind a lead one has begun.
        let (mut boundary, mut begun): (Vec<Term>, Option<String>) = (vec![Term::literal(self.tail)], None);
        let mut may_end = true;
        for (member, forms) in params.into_iter().rev() {
            // Values stand in a rule of their own behind their heading: as one literal, `null` would keep all texts out
            // that begin with its first letter.
            let mut headed: Vec<(String, Vec<Vec<Term>>)> = Vec::new();
            let seen = |form: &Form| (self.heading(member, form.kind), matches!(form.body, Body::Free(_)));
            let all: Vec<(String, bool)> = forms.iter().map(seen).collect();
            for form in forms {
                let heading = self.heading(member, form.kind);
                let alone = all.iter().filter(|(other, _)| *other == heading).count() == 1;
                let beside_text = all.iter().any(|(other, is_text)| *is_text && *other == heading);
                let at = headed.iter().position(|(known, _)| *known == heading).unwrap_or_else(|| {
                    headed.push((heading, Vec::new()));
                    headed.len() - 1
                });
                let values = &mut headed[at].1;
                match form.body {
                    Body::Free(bounds) => {
                        let place = format!("/{}", member.key);
                        if let Some(begun) = &begun {
                            let text = self.free(scribe, &bounds, &place, alone, self.opening());
                            values.push(vec![text, Term::rule(begun.as_str())]);
                        }
                        if may_end {
                            values.push(vec![self.free(scribe, &bounds, &place, alone, self.tail)]);
                        }
                    }
                    Body::Word(word) if !beside_text => {
                        let closed = Term::closed(word, self.closing(&member.key));
                        values.push([closed].into_iter().chain(boundary.clone()).collect());
                    }
                    Body::Word(word) => {
                        // One literal up to where a text would end: a shorter one would lose against the text.
                        let close = self.closing(&member.key);
                        if let Some(begun) = &begun {
                            let next = Term::closed(word.as_str(), format!("{close}{}", self.opening()));
                            values.push(vec![next, Term::rule(begun.as_str())]);
                        }
                        if may_end {
                            values.push(vec![Term::closed(word, format!("{close}{}", self.tail))]);
                        }
                    }
                    Body::Terms(mut value) => {
                        value.push(Term::literal(self.closing(&member.key)));
                        value.extend(boundary.clone());
                        values.push(value);
                    }
                    Body::Closed(mut value) => {
                        value.extend(boundary.clone());
                        values.push(value);
                    }
                }
            }
            let mut own = Vec::new();
            for (heading, mut values) in headed {
                let mut terms = vec![Term::literal(heading)];
                match values.pop() {
                    // Many rules are slow to compile.
                    Some(only) if values.is_empty() && !matches!(only.first(), Some(Term::Literal(_))) => {
                        terms.extend(only);
                    }
                    last => {
                        values.extend(last);
                        let name = scribe.name();
                        scribe.grammar.either(name.as_str(), values);
                        terms.push(Term::Rule(name));
                    }
                }
                own.push(terms);
            }
            if !member.required {
                own.extend(begun.map(|name| vec![Term::Rule(name)]));
            }
            let name = scribe.name();
            scribe.grammar.either(name.as_str(), own);
            may_end &= !member.required;
            let mut ways = vec![vec![Term::literal(self.opening()), Term::rule(name.as_str())]];
            if may_end {
                ways.push(vec![Term::literal(self.tail)]);
            }
            let edge = scribe.name();
            scribe.grammar.either(edge.as_str(), ways);
            boundary = vec![Term::Rule(edge)];
            begun = Some(name);
        }
        Ok(boundary)
    }

    /// The literal before a parameter's name.
    pub(super) fn opening(&self) -> &str {
        self.param.lead()
    }

    /// The rest of a parameter's opening tag, from its name on.
    fn heading(&self, member: &Member, kind: &str) -> String {
        self.param.before(Field::Value).iter().skip(1).map(|piece| filled(piece, &member.key, kind)).collect()
    }

    /// What closes this parameter's value.
    pub(super) fn closing(&self, key: &str) -> String {
        self.param.after(Field::Value).iter().map(|piece| filled(piece, key, "")).collect()
    }

    fn has_attribute(&self) -> bool {
        self.param.has(Field::IsString) || self.param.has(Field::Type)
    }

    /// Text up to its closing tag and this text behind it; `alone`: nothing else may stand in its place.
    fn free(&self, scribe: &mut Scribe<'_, '_>, bounds: &Bounds, place: &str, alone: bool, then: &str) -> Term {
        // A newline before the tag would belong to it, and the text is the same without.
        let closing = self.closing("");
        let close = closing.trim_start().to_owned();
        let behind = &closing[..closing.len() - close.len()];
        let no_end = no_end(self.tags);
        let not = (!bounds.not.is_empty()).then(|| format!("[ \\t\\r\\n]*({})[ \\t\\r\\n]*", bounds.not.join("|")));
        let letters = (self.pieces.escape == Escape::Xml).then_some("[^<>&\"]*");
        let asked = Asked { also: vec![no_end], letters, not: not.as_deref(), behind };
        let text = holding(scribe.kinds, &bounds.text, place, asked);
        let content = match self.pieces.escape {
            Escape::None | Escape::Xml => text,
            Escape::Cdata => {
                let inside = text.clone().and([Expression::without(r"\]\]>")]);
                let section = Expression::Then(vec![Expression::text("<![CDATA["), inside, Expression::text("]]>")]);
                Expression::Or(vec![text.and([Expression::regex("[^<&]*")]), section])
            }
        };
        // Neither lengths nor letters are counted over segments, nor is a text told there from what else may stand in
        // its place.
        let plain = alone && self.pieces.escape == Escape::None && bounds.text == Text::default();
        let segments = if plain { Segments::new(self.tags, &close) } else { None };
        let segments = segments.filter(|_| then.trim_start().starts_with('<'));
        let never = close.trim().to_owned();
        scribe.grammar.free(Free { content, stop: format!("{close}{then}"), never, segments })
    }

    fn forms(&self, scribe: &mut Scribe<'_, '_>, member: &Member, place: &str) -> Result<Vec<Form>, Unwritable> {
        if !(scribe.sayable)(&json!({ member.key.as_str(): 1 })) {
            return Err(format!("this format cannot represent the name `{}`", member.key));
        }
        if self.pieces.nested == Nested::Elements {
            scribe.around.clone_from(&member.key);
            let value = self.element(scribe, &member.key, &member.kind, place, &[])?;
            return Ok(vec![Form { kind: "", body: Body::Closed(value) }]);
        }
        let mut forms = Vec::new();
        self.gather(scribe, &member.kind, &mut forms, 0);
        if !self.has_attribute() {
            let others: Vec<&'static str> = forms.iter().filter_map(|form| reads_as(Types::named(form.kind))).collect();
            for form in &mut forms {
                if let Body::Free(bounds) = &mut form.body {
                    bounds.not.clone_from(&others);
                    bounds.not.dedup();
                }
            }
        }
        if forms.is_empty() { Err(format!("this format cannot represent any value of {place}")) } else { Ok(forms) }
    }

    fn gather(&self, scribe: &mut Scribe<'_, '_>, kind: &Kind, forms: &mut Vec<Form>, depth: usize) {
        let style = self.pieces.json;
        let json = |scribe: &mut Scribe<'_, '_>, kind: &Kind| Body::Terms(vec![scribe.json(kind, style)]);
        let text = |text: Text| Form { kind: "string", body: Body::Free(Bounds { text, not: Vec::new() }) };
        match kind {
            Kind::Any if self.has_attribute() => {
                forms.push(text(Text::default()));
                let kinds = [
                    ("number", Kind::number()),
                    ("boolean", Kind::Boolean),
                    ("null", Kind::Null),
                    ("array", Kind::list()),
                    ("object", Kind::object()),
                ];
                forms.extend(kinds.map(|(kind, own)| Form { kind, body: json(scribe, &own) }));
            }
            Kind::Any => forms.push(text(Text::default())),
            Kind::Text(own) => forms.push(text(own.clone())),
            Kind::Null => forms.push(Form { kind: "null", body: Body::Word("null".to_owned()) }),
            Kind::Boolean => {
                let word = |word: &str| Form { kind: "boolean", body: Body::Word(word.to_owned()) };
                forms.extend(["true", "false"].map(word));
            }
            Kind::Number(_) => forms.push(Form { kind: "number", body: json(scribe, kind) }),
            Kind::List(_) => forms.push(Form { kind: "array", body: json(scribe, kind) }),
            Kind::Object(_) => forms.push(Form { kind: "object", body: json(scribe, kind) }),
            Kind::Constants(values) => {
                for value in values.iter().filter(|value| (scribe.sayable)(value)) {
                    let word = (scribe.constant)(value);
                    forms.push(Form { kind: type_of(value), body: Body::Word(word) });
                }
            }
            Kind::Either(kinds) => kinds.iter().for_each(|kind| self.gather(scribe, kind, forms, depth + 1)),
            Kind::Named(index) if depth < 8 => {
                let kind = scribe.kinds.named(*index).clone();
                self.gather(scribe, &kind, forms, depth + 1);
            }
            Kind::Named(_) => {}
        }
    }
}

pub(super) fn filled(piece: &Piece, key: &str, kind: &str) -> String {
    match piece {
        Piece::Literal(text) => text.clone(),
        Piece::Field(Field::IsString) => (kind == "string").to_string(),
        Piece::Field(Field::Type) => kind.to_owned(),
        Piece::Field(_) => key.to_owned(),
    }
}

/// Texts that are read as a value of this type where both it and a text may stand, as a regular expression. Numbers,
/// lists and objects are told from texts by their first letter.
pub(super) fn reads_as(kind: Types) -> Option<&'static str> {
    Some(match kind {
        Types::NULL => "null|None",
        Types::BOOLEAN => "true|false|True|False",
        Types::NUMBER => r"[\-0-9](?s:.*)",
        Types::LIST => r"\[(?s:.*)",
        Types::OBJECT => r"\{(?s:.*)",
        _ => return None,
    })
}
