//! A name among literals, then one element a parameter: `<parameter=city>\nOslo\n</parameter>`.
//!
//! What ends a value is said in [`super::tagged_value`]; here is the call around it. Words where a parameter is due may
//! belong to a value, so they make the call unreadable. What a value's text means is asked of the tool's schema.

use serde_json::{Map, Value};

use super::elements;
use super::follows::{begins_call, begins_line};
use super::json_calls::{JsonItem, Named};
use super::param_tag::{Tag, TagState, begins_in_tag, opening_tag, own_close};
use super::param_text::{framed, unescape, without_newline};
use super::tagged_value::{Next, Open};
use super::torn::{ends_torn, holds_torn};
use crate::chat::{Fix, FixKind};
use crate::format::envelope::RawCall;
use crate::format::extent::Starts;
use crate::format::item::{Advance, Item, Scene, Why, fix};
use crate::format::reader::Step;
use crate::format::row::Nested;
use crate::format::scan::{Role, Sighted, lead};
use crate::format::template::Field;
use crate::format::{Body, Calm, Format};
use crate::schema::View;
use crate::value;

/// A tagged call that is being read.
#[derive(Debug)]
pub(crate) struct TaggedItem {
    from: usize,
    at: usize,
    /// Between parameters: no marker begins before this byte.
    searched: usize,
    body: usize,
    named: Named,
    begun: bool,
    part: Part,
    arguments: Map<String, Value>,
    /// Why the call cannot be trusted, though it was read on to its end.
    spoiled: Option<&'static str>,
}

#[derive(Debug)]
enum Part {
    /// Between parameters.
    Between,
    /// In a parameter's opening tag, from `from` on.
    Opening { from: usize },
    /// In a value.
    Value(Box<Open>),
}

/// A tag that is nearly one of the call's.
const TORN: &str = "a tag in it is broken";

/// Words that may belong to a value beside them.
const WORDS: &str = "words stand between its parameters";

impl TaggedItem {
    /// A call whose header stands at `from` and whose first parameter begins at `at`.
    pub(crate) fn new(from: usize, at: usize, body: usize, named: Named) -> Self {
        let (part, arguments) = (Part::Between, Map::new());
        Self { from, at, searched: at, body, named, begun: false, part, arguments, spoiled: None }
    }

    /// The call with a header that is broken: it is read to its end, and is none.
    pub(crate) fn spoiled(from: usize, at: usize, body: &Body) -> Self {
        let open = Open::new((String::new(), None), at, false, None, body);
        let new = Self::new(from, at, body.index, Named::default());
        Self {
            spoiled: Some("its name or a tag in it is broken"),
            begun: true,
            part: Part::Value(Box::new(open)),
            ..new
        }
    }

    pub(crate) fn start(&self) -> usize {
        self.from
    }

    pub(crate) fn calm<'f>(&'f self, format: &'f Format, length: usize) -> Option<Calm<'f>> {
        let Part::Value(open) = &self.part else { return None };
        let tags = open.tags(&format.bodies()[self.body]);
        open.is_calm(length).then_some(Calm::Silent(tags.firsts()))
    }

    pub(crate) fn advance(&mut self, scene: &Scene<'_>, out: &mut Vec<Step>) -> Advance {
        if !self.begun && scene.offered.knows(&self.named.name) {
            out.push(Step::Begin { name: self.named.name.clone() });
        }
        self.begun = true;
        loop {
            let part = std::mem::replace(&mut self.part, Part::Between);
            let step = match part {
                Part::Between => self.between(scene),
                Part::Opening { from } => self.opening(scene, from),
                Part::Value(open) => self.value(scene, open),
            };
            if let Some(advance) = step {
                return advance;
            }
        }
    }

    fn between(&mut self, scene: &Scene<'_>) -> Option<Advance> {
        let body = &scene.format.bodies()[self.body];
        self.at = scene.skip_blanks(self.at);
        if scene.text.as_bytes().get(self.at) == Some(&b'{') && self.arguments.is_empty() {
            self.named.fixes.push(fix(FixKind::Shape, self.from..self.at));
            return Some(Advance::Becomes(Item::Json(Box::new(JsonItem::named(
                self.from,
                self.at,
                self.named.clone(),
            )))));
        }
        match begins_call(scene, self.at) {
            Starts::Yes => {
                self.named.fixes.push(fix(FixKind::MissingClose, self.at..self.at));
                return Some(self.done(self.at));
            }
            Starts::Perhaps if self.at < scene.text.len() => return Some(Advance::More),
            _ => {}
        }
        match body.tags.between.find(scene.text, self.at.max(self.searched), scene.at_end) {
            Sighted::Marker { at, end, role } => {
                if at > self.at {
                    // They are read as a value, so that a call in them is not taken for one.
                    self.spoiled = Some(WORDS);
                    let open = Open::new((String::new(), None), self.at, false, None, body);
                    self.part = Part::Value(Box::new(open));
                    return None;
                }
                match role {
                    Role::ParamOpen(_) | Role::Inner => {
                        self.part = Part::Opening { from: at };
                        None
                    }
                    Role::Tail => Some(self.done(end)),
                    _ => {
                        if !body.tail().is_empty() {
                            self.named.fixes.push(fix(FixKind::MissingClose, at..at));
                        }
                        Some(self.done(at))
                    }
                }
            }
            Sighted::Nothing if scene.at_end => Some(self.truncated()),
            Sighted::Perhaps { at } => {
                self.searched = at;
                Some(Advance::More)
            }
            Sighted::Nothing => {
                self.searched = scene.text.len();
                Some(Advance::More)
            }
        }
    }

    fn opening(&mut self, scene: &Scene<'_>, from: usize) -> Option<Advance> {
        let body = &scene.format.bodies()[self.body];
        let Some(param) = &body.param else { return Some(Advance::Not) };
        match opening_tag(body, scene.text, from, scene.at_end, &scene.offered.parameters(&self.named.name)) {
            Tag::Wait => {
                self.part = Part::Opening { from };
                Some(Advance::More)
            }
            Tag::Cut => Some(self.truncated()),
            Tag::None => Some(Advance::Unreadable { end: from, why: Why::Broken("expected a parameter") }),
            Tag::Whole { key, kind, end, state } => {
                match state {
                    TagState::Sound => {}
                    TagState::Foreign | TagState::Mended => self.named.fixes.push(fix(FixKind::Opener, from..end)),
                    TagState::Torn => self.spoiled = Some(TORN),
                }
                let close = own_close(param, &key);
                let open = Open::new((key, kind), end, begins_line(scene.text, from), close, body);
                self.part = Part::Value(Box::new(open));
                self.at = end;
                None
            }
        }
    }

    fn value(&mut self, scene: &Scene<'_>, mut open: Box<Open>) -> Option<Advance> {
        let body = &scene.format.bodies()[self.body];
        let given = |key: &str| self.arguments.contains_key(key);
        match open.advance(scene, body, &self.named.name, &given) {
            Next::Wait => {
                self.part = Part::Value(open);
                return Some(Advance::More);
            }
            Next::Cut => return Some(self.truncated()),
            Next::Blank { end } => {
                return Some(Advance::Unreadable {
                    end,
                    why: Why::Broken("expected the parameter's value and its end"),
                });
            }
            Next::Closed { at, end, stray, torn } => {
                let lead = body.param.as_ref().map_or("", |param| lead(param.lead()));
                let half = open.closes_by_key() && scene.text[open.from..at].trim_end().ends_with(lead);
                if torn || half || begins_in_tag(body, &scene.text[open.from..at]) {
                    self.spoiled = Some(TORN);
                }
                self.named.fixes.extend(stray.map(|stray| fix(FixKind::Surplus, stray)));
                self.take(scene, &open, at);
                self.at = end;
                self.searched = end;
            }
            Next::Param { at, words } => {
                if words {
                    self.spoiled = Some(WORDS);
                }
                self.take_unclosed(scene, &open, at);
                self.part = Part::Opening { from: at };
            }
            Next::Over { at, end, closed, doubtful } => {
                if doubtful {
                    self.spoiled = Some("its closing tags stand in several places");
                }
                if closed {
                    self.take(scene, &open, at);
                } else {
                    self.take_unclosed(scene, &open, at);
                }
                return Some(self.done(end));
            }
        }
        None
    }

    /// Takes the value that ends at `end` though nothing closes it there; the newline before a tag belongs to the tag.
    fn take_unclosed(&mut self, scene: &Scene<'_>, open: &Open, end: usize) {
        self.named.fixes.push(fix(FixKind::MissingClose, end..end));
        let within = &scene.text[open.from..end];
        let close = match &scene.format.bodies()[self.body].param {
            Some(param) => own_close(param, &open.key).unwrap_or_else(|| param.closer(Field::Value).to_owned()),
            None => String::new(),
        };
        let own_end = format!("{}>", open.key);
        if ends_torn(within, &close).is_some()
            || holds_torn(within, &close)
            || open.closes_by_key() && within.trim_end().ends_with(&own_end)
        {
            self.spoiled = Some(TORN);
        }
        let framed = framed(within, scene.format.bodies()[self.body].param.as_ref());
        let end = if framed.len() == within.len() { open.from + without_newline(within).len() } else { end };
        // Where nothing closes it, empty lines at its end may as well stand between the tags.
        let end = open.from + scene.text[open.from..end].trim_end_matches(['\n', '\r']).len();
        self.take(scene, open, end);
    }

    /// Takes the value that ends at `end`.
    fn take(&mut self, scene: &Scene<'_>, open: &Open, end: usize) {
        let body = &scene.format.bodies()[self.body];
        let text = framed(&scene.text[open.from..end], body.param.as_ref());
        let text = unescape(text, body.row.escape);
        let value = if open.is_said_text() {
            Value::String(text)
        } else {
            let view = scene.offered.parameter(&self.named.name, &open.key).unwrap_or(View::ANY);
            if let (Nested::Elements, Some(param)) = (body.row.nested, &body.param) {
                elements::read(&text, param, view)
            } else {
                let reading = value::typed(&text, view);
                let place = open.from..end;
                self.named.fixes.extend(reading.fixes.into_iter().map(|own| Fix { span: place.clone(), ..own }));
                reading.value
            }
        };
        if self.arguments.insert(open.key.clone(), value).is_some() {
            let note = Some(open.key.clone());
            self.named.fixes.push(Fix { note, ..fix(FixKind::Duplicate, open.from..end) });
        }
    }

    /// The call, read to its end.
    fn done(&mut self, end: usize) -> Advance {
        if let Some(message) = self.spoiled {
            return Advance::Unreadable { end, why: Why::Doubtful(message) };
        }
        let Named { name, id, fixes, .. } = std::mem::take(&mut self.named);
        let arguments = Value::Object(std::mem::take(&mut self.arguments));
        Advance::Done {
            end,
            calls: vec![RawCall {
                name,
                arguments,
                id,
                span: self.from..end,
                fixes,
                sources: Vec::new(),
                object: None,
            }],
        }
    }

    fn truncated(&self) -> Advance {
        Advance::Truncated { name: Some(self.named.name.clone()).filter(|name| !name.is_empty()) }
    }
}
