//! One element a parameter: `<parameter=city>\nOslo\n</parameter>`.
//!
//! A text goes on until its closing tag, and may hold nearly anything, that tag too: the reader takes a tag for the end
//! only where structure follows it. So the end of a text is its closing tag together with what comes then, the next
//! parameter's opening or the call's end, and what the reader would take for an end is kept out of texts. Parameters
//! come in the schema's order. It must not know the token loop.

use serde_json::{Value, json};

use super::grammar::{Free, Term, escaped, without};
use super::kind::{Kind, Member};
use super::literal::{Scribe, Unwritable};
use super::schema::{Strictness, enforced};
use crate::format::{Endings, Enforce, Escape, Field, Nested, Piece, Template};

/// What is written around the parameters of one tool.
pub(super) struct Frame<'a> {
    pub(super) pieces: &'a Enforce<'a>,
    pub(super) param: &'a Template,
    pub(super) tags: &'a Endings,
    /// What follows the last parameter.
    pub(super) tail: &'a str,
    /// The whole schema, for what its parameters refer to.
    pub(super) root: &'a Value,
    pub(super) strictness: Strictness,
}

/// The ways to write one parameter's value.
struct Form {
    /// What an attribute says that it is.
    kind: &'static str,
    body: Body,
}

/// How long a text is, and what it must not be.
#[derive(Clone, Default)]
struct Bounds {
    least: u64,
    most: Option<u64>,
    not: Vec<&'static str>,
}

enum Body {
    /// Text of these bounds. Where other types may stand there too, what would be read as one of them is no text.
    Free(Bounds),
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
            let mut own = Vec::new();
            for form in forms {
                let mut terms = self.heading(member, form.kind);
                match form.body {
                    Body::Free(bounds) => {
                        if let Some(begun) = &begun {
                            let mut next = terms.clone();
                            next.push(self.free(scribe, &bounds, self.opening()));
                            next.push(Term::lark(begun.as_str()));
                            own.push(next);
                        }
                        if may_end {
                            terms.push(self.free(scribe, &bounds, self.tail));
                            own.push(terms);
                        }
                    }
                    Body::Terms(value) => {
                        terms.extend(value);
                        terms.push(Term::literal(self.closing(&member.key)));
                        terms.extend(boundary.clone());
                        own.push(terms);
                    }
                    Body::Closed(value) => {
                        terms.extend(value);
                        terms.extend(boundary.clone());
                        own.push(terms);
                    }
                }
            }
            if !member.required {
                own.extend(begun.map(|name| vec![Term::lark(name)]));
            }
            let name = scribe.name();
            scribe.grammar.either(name.as_str(), own);
            may_end &= !member.required;
            let mut ways = vec![vec![Term::literal(self.opening()), Term::lark(name.as_str())]];
            if may_end {
                ways.push(vec![Term::literal(self.tail)]);
            }
            let edge = scribe.name();
            scribe.grammar.either(edge.as_str(), ways);
            boundary = vec![Term::lark(edge)];
            begun = Some(name);
        }
        Ok(boundary)
    }

    /// The literal before a parameter's name.
    fn opening(&self) -> &str {
        self.param.lead()
    }

    /// The rest of a parameter's opening tag, from its name on.
    fn heading(&self, member: &Member, kind: &str) -> Vec<Term> {
        let pieces = self.param.before(Field::Value).iter().skip(1);
        pieces.map(|piece| Term::literal(filled(piece, &member.key, kind))).collect()
    }

    /// What closes this parameter's value.
    fn closing(&self, key: &str) -> String {
        self.param.after(Field::Value).iter().map(|piece| filled(piece, key, "")).collect()
    }

    fn has_attribute(&self) -> bool {
        self.param.has(Field::IsString) || self.param.has(Field::Type)
    }

    /// Text up to its closing tag and this text behind it.
    fn free(&self, scribe: &mut Scribe<'_, '_>, bounds: &Bounds, then: &str) -> Term {
        let close = self.closing("");
        let word = if then == self.tail { "last" } else { "text" };
        let most = bounds.most.map(|most| most.to_string()).unwrap_or_default();
        let own = bounds.not.join("").len();
        let name = format!("{}_{word}_{}_{most}_{own}", scribe.prefix, bounds.least);
        if !scribe.grammar.has(&name) {
            let mut text = format!("/(?s:.{{{},{most}}})/ & {}", bounds.least, self.no_end());
            if !bounds.not.is_empty() {
                text = format!("{text} & ~/[ \\t\\r\\n]*({})[ \\t\\r\\n]*/", bounds.not.join("|"));
            }
            let content = match self.pieces.escape {
                Escape::None => format!("({text})"),
                Escape::Xml => format!("({text} & /[^<>&\"]*/)"),
                Escape::Cdata => {
                    format!("(({text} & /[^<&]*/) | (\"<![CDATA[\" ({text} & {}) \"]]>\"))", without(r"\]\]>"))
                }
            };
            let never = close.trim().to_owned();
            scribe.grammar.free(name.as_str(), Free { content, stop: format!("{close}{then}"), never });
        }
        Term::lark(name)
    }

    /// Text in which the reader sees no end: no closing tag with structure behind it, no parameter on a line of its
    /// own, no end of the call with another end behind it.
    fn no_end(&self) -> String {
        let Endings { leads, closes, tails, markers, .. } = self.tags;
        let one_of = |groups: &[&[String]]| {
            let texts: Vec<String> =
                groups.iter().flat_map(|texts| texts.iter()).map(|text| self.varied(text)).collect();
            format!("({})", texts.join("|"))
        };
        // Two letters of what may follow are enough: an expression of whole markers is slow.
        let begun = |groups: &[&[String]]| {
            let texts = groups.iter().flat_map(|texts| texts.iter());
            let mut texts: Vec<String> =
                texts.map(|text| self.varied(&text.chars().take(2).collect::<String>())).collect();
            texts.sort_unstable();
            texts.dedup();
            format!("({})", texts.join("|"))
        };
        let blanks = r"[ \t\r\n]*";
        let mut ends = Vec::new();
        if !closes.is_empty() {
            ends.push(format!("{}{blanks}{}", one_of(&[closes]), begun(&[markers, leads, tails])));
        }
        if !tails.is_empty() && !markers.is_empty() {
            ends.push(format!("{}{blanks}{}", one_of(&[tails]), begun(&[markers])));
        }
        if !leads.is_empty() {
            ends.push(format!("\\n[ \\t]*{}", one_of(&[leads])));
        }
        let anywhere = without(&ends.join("|"));
        if leads.is_empty() { anywhere } else { format!("{anywhere} & ~/[ \\t]*{}(?s:.*)/", one_of(&[leads])) }
    }

    /// A marker in all its spellings, as a regular expression.
    fn varied(&self, marker: &str) -> String {
        let mut expression = escaped(marker);
        for group in &self.tags.variants {
            if let Some(first) = group.first().map(|first| escaped(first)) {
                let any: Vec<String> = group.iter().map(|own| escaped(own)).collect();
                expression = expression.replace(&first, &format!("({})", any.join("|")));
            }
        }
        expression
    }

    fn forms(&self, scribe: &mut Scribe<'_, '_>, member: &Member, place: &str) -> Result<Vec<Form>, Unwritable> {
        if !(scribe.sayable)(&json!({ member.key.as_str(): 1 })) {
            return Err(format!("the name `{}` cannot be written in this format", member.key));
        }
        if self.pieces.nested == Nested::Elements {
            let value = self.element(scribe, &member.key, &member.kind, place)?;
            return Ok(vec![Form { kind: "", body: Body::Closed(value) }]);
        }
        let mut forms = Vec::new();
        self.gather(scribe, &member.kind, place, &mut forms, 0);
        if !self.has_attribute() {
            let others: Vec<&'static str> = forms.iter().filter_map(|form| reads_as(form.kind)).collect();
            for form in &mut forms {
                if let Body::Free(bounds) = &mut form.body {
                    bounds.not.clone_from(&others);
                    bounds.not.dedup();
                }
            }
        }
        if forms.is_empty() { Err(format!("no value of {place} can be written in this format")) } else { Ok(forms) }
    }

    fn gather(&self, scribe: &mut Scribe<'_, '_>, kind: &Kind, place: &str, forms: &mut Vec<Form>, depth: usize) {
        let schema = |schema: &Value| Body::Terms(vec![Term::Json(self.schema(schema))]);
        let text = |least, most| Form { kind: "string", body: Body::Free(Bounds { least, most, not: Vec::new() }) };
        match kind {
            Kind::Any if self.has_attribute() => {
                forms.push(text(0, None));
                for name in ["number", "boolean", "null", "array", "object"] {
                    forms.push(Form { kind: name, body: schema(&json!({"type": name})) });
                }
            }
            Kind::Any => forms.push(text(0, None)),
            Kind::Text { least, most, schema } => {
                scribe.relax(schema, place);
                forms.push(text(*least, *most));
            }
            Kind::Null => forms.push(Form { kind: "null", body: Body::Terms(vec![Term::literal("null")]) }),
            Kind::Boolean => forms.push(Form { kind: "boolean", body: schema(&json!({"type": "boolean"})) }),
            Kind::Number(own) => forms.push(Form { kind: "number", body: schema(own) }),
            Kind::List { schema: own, .. } => forms.push(Form { kind: "array", body: schema(own) }),
            Kind::Object { schema: own, .. } => forms.push(Form { kind: "object", body: schema(own) }),
            Kind::Constants(values) => {
                for value in values.iter().filter(|value| (scribe.sayable)(value)) {
                    let written = Term::literal((scribe.constant)(value));
                    forms.push(Form { kind: type_of(value), body: Body::Terms(vec![written]) });
                }
            }
            Kind::Either(kinds) => kinds.iter().for_each(|kind| self.gather(scribe, kind, place, forms, depth + 1)),
            Kind::Named(index) if depth < 8 => {
                let kind = scribe.kinds.named(*index).clone();
                self.gather(scribe, &kind, place, forms, depth + 1);
            }
            Kind::Named(_) => {}
        }
    }

    /// A part of the schema as a whole one.
    fn schema(&self, part: &Value) -> Value {
        let mut schema = part.clone();
        for key in ["$defs", "definitions"] {
            if let Some(own) = self.root.get(key).filter(|_| schema.is_object()) {
                schema[key] = own.clone();
            }
        }
        enforced(&schema, self.pieces.json, self.strictness)
    }

    /// A value written as elements, up to its closing tag and with it.
    fn element(
        &self,
        scribe: &mut Scribe<'_, '_>,
        key: &str,
        kind: &Kind,
        place: &str,
    ) -> Result<Vec<Term>, Unwritable> {
        let close = Term::literal(self.closing(key));
        let mut terms = match kind {
            Kind::Null | Kind::Boolean | Kind::Number(_) | Kind::Constants(_) => scribe.value(kind, place)?,
            Kind::Any => return Ok(vec![self.leaf(scribe, key, 0, None)]),
            Kind::Text { least, most, schema } => {
                scribe.relax(schema, place);
                return Ok(vec![self.leaf(scribe, key, *least, *most)]);
            }
            Kind::Named(index) => {
                // One rule for each key, because the closing tag is part of it.
                let word: Vec<String> = key.bytes().map(|byte| byte.to_string()).collect();
                let name = format!("{}_element_{index}_{}", scribe.prefix, word.join("_"));
                if !scribe.grammar.has(&name) {
                    scribe.grammar.rule(name.as_str(), [Term::lark(format!("{name}_is"))]);
                    let kind = scribe.kinds.named(*index).clone();
                    let terms = self.element(scribe, key, &kind, place)?;
                    scribe.grammar.rule(format!("{name}_is"), terms);
                }
                return Ok(vec![Term::lark(name)]);
            }
            Kind::Either(kinds) => {
                let written = kinds.iter().filter_map(|kind| self.element(scribe, key, kind, place).ok());
                let written: Vec<_> = written.collect();
                if written.is_empty() {
                    return Err(format!("no value of {place} can be written in this format"));
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
    fn leaf(&self, scribe: &mut Scribe<'_, '_>, key: &str, least: u64, most: Option<u64>) -> Term {
        let most = most.map(|most| most.to_string()).unwrap_or_default();
        let content = format!("(/(?s:.{{{least},{most}}})/ & {})", without(&escaped(self.opening())));
        let (name, stop) = (scribe.name(), self.closing(key));
        scribe.grammar.free(name.as_str(), Free { content, never: stop.clone(), stop });
        Term::lark(name)
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
        terms.extend(self.element(scribe, key, kind, place)?);
        Ok(terms)
    }
}

fn named(scribe: &mut Scribe<'_, '_>, alternatives: Vec<Vec<Term>>) -> Vec<Term> {
    let name = scribe.name();
    scribe.grammar.either(name.as_str(), alternatives);
    vec![Term::lark(name)]
}

fn filled(piece: &Piece, key: &str, kind: &str) -> String {
    match piece {
        Piece::Literal(text) => text.clone(),
        Piece::Field(Field::IsString) => (kind == "string").to_string(),
        Piece::Field(Field::Type) => kind.to_owned(),
        Piece::Field(_) => key.to_owned(),
    }
}

/// Texts that are read as a value of this type where both it and a text may stand, as a regular expression.
fn reads_as(kind: &str) -> Option<&'static str> {
    match kind {
        "null" => Some("null|None"),
        "boolean" => Some("true|false|True|False"),
        "number" => Some("-?[0-9][0-9.eE+-]*"),
        "array" => Some(r"\[(?s:.*)"),
        "object" => Some(r"\{(?s:.*)"),
        _ => None,
    }
}

fn type_of(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Bool(_) => "boolean",
        Value::Number(_) => "number",
        Value::String(_) => "string",
        Value::Array(_) => "array",
        Value::Object(_) => "object",
    }
}
