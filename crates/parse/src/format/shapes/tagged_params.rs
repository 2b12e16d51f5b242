//! A name among literals, then one element a parameter: `<parameter=city>\nOslo\n</parameter>`.
//!
//! A value may hold anything, closing tags too, so a closing tag counts only where structure follows it: the next
//! parameter, the call's end, the text's end. Where the call seems to end inside a value, its closing tag may still come
//! further on: then the value went on. What a value's text means is asked of the tool's schema.

use serde_json::{Map, Value};

use super::elements;
use super::follows::{Follows, begins_call, begins_line, follows, tagged_leads};
use super::json_calls::{JsonItem, Named};
use super::param_tag::{Tag, opening_tag, own_close};
use super::param_text::{Reached, framed, past_cdata, unescape, without_newline};
use crate::chat::{Fix, FixKind};
use crate::format::envelope::RawCall;
use crate::format::extent::Starts;
use crate::format::item::{Advance, Item, Scene, fix};
use crate::format::reader::Step;
use crate::format::row::{Escape, Nested, Place};
use crate::format::scan::{Literals, Role, Sighted};
use crate::format::{Calm, Format};
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
}

#[derive(Debug)]
enum Part {
    /// Between parameters.
    Between,
    /// In a parameter's opening tag, from `from` on.
    Opening { from: usize },
    /// In a value.
    Value(Box<Open>),
    /// After a closing tag in a value, looking for structure.
    Closing { open: Box<Open>, end: usize, next: usize },
}

/// A value that is open.
#[derive(Debug, Clone)]
struct Open {
    key: String,
    kind: Option<String>,
    from: usize,
    /// Its opening tag stands at the beginning of a line.
    on_line: bool,
    /// What is looked for in the value, where that is more than the format's own.
    close: Option<Literals>,
    marker_inside: Option<usize>,
    /// Blanks reach to here after a closing tag that was looked at.
    probe: usize,
    /// Where the value and the call seemed to end, with the value's closing tag missing.
    ended: Option<(usize, usize)>,
    /// No `<![CDATA[` can begin any more.
    plain: bool,
}

impl TaggedItem {
    /// A call whose header stands at `from` and whose first parameter begins at `at`.
    pub(crate) fn new(from: usize, at: usize, body: usize, named: Named) -> Self {
        Self { from, at, searched: at, body, named, begun: false, part: Part::Between, arguments: Map::new() }
    }

    pub(crate) fn start(&self) -> usize {
        self.from
    }

    pub(crate) fn calm<'f>(&'f self, format: &'f Format, length: usize) -> Option<Calm<'f>> {
        let Part::Value(open) = &self.part else { return None };
        let tags = open.close.as_ref().unwrap_or(&format.bodies()[self.body].tags.value);
        (self.at == length).then_some(Calm::Silent(tags.firsts()))
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
                Part::Closing { open, end, next } => self.closing(scene, open, end, next),
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
                    self.named.fixes.push(fix(FixKind::Surplus, self.at..at));
                }
                match role {
                    Role::ParamOpen(_) => {
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
        match opening_tag(body, scene.text, from, scene.at_end) {
            Tag::Wait => {
                self.part = Part::Opening { from };
                Some(Advance::More)
            }
            Tag::Cut => Some(self.truncated()),
            Tag::None => Some(Advance::Unreadable { end: from, message: "expected a parameter" }),
            Tag::Whole { key, kind, end } => {
                let close = own_close(param, &key).map(|close| {
                    let mut literals = body.tags.value.clone();
                    literals.add(&close, Role::ValueClose, Place::Anywhere);
                    literals
                });
                let on_line = begins_line(scene.text, from);
                let (ended, plain) = (None, body.row.escape != Escape::Cdata);
                let open = Open { key, kind, from: end, on_line, close, marker_inside: None, probe: 0, ended, plain };
                self.part = Part::Value(Box::new(open));
                self.at = end;
                None
            }
        }
    }

    fn value(&mut self, scene: &Scene<'_>, mut open: Box<Open>) -> Option<Advance> {
        if !open.plain {
            match past_cdata(scene, &mut self.at, &mut open.probe) {
                Reached::End => open.plain = true,
                Reached::Wait => return Some(self.wait(open)),
                Reached::Cut => return Some(self.truncated()),
            }
        }
        let body = &scene.format.bodies()[self.body];
        match open.close.as_ref().unwrap_or(&body.tags.value).find(scene.text, self.at, scene.at_end) {
            Sighted::Marker { at, end, role: Role::ValueClose } => {
                self.at = at;
                self.part = Part::Closing { open, end, next: end };
                None
            }
            Sighted::Marker { at, end, role: Role::ParamOpen(_) } => {
                let Some(next) = self.is_next_param(scene, at, open.on_line) else {
                    self.at = at;
                    return Some(self.wait(open));
                };
                self.at = end;
                if next {
                    self.take_unclosed(scene, &open, at);
                    self.part = Part::Opening { from: at };
                } else {
                    self.part = Part::Value(open);
                }
                None
            }
            Sighted::Marker { at, end, role: Role::Tail } => self.tail(scene, open, at, end),
            // Another call begins, so the one before did end where it seemed to.
            Sighted::Marker { role: Role::CallOpen | Role::SectionOpen | Role::Bare(_), .. }
                if open.ended.is_some() =>
            {
                Some(self.end_unclosed(scene, &open))
            }
            Sighted::Marker { at, .. } if scene.is_tired() => {
                open.ended = open.ended.or(Some((at, at)));
                Some(self.end_unclosed(scene, &open))
            }
            Sighted::Marker { at, end, .. } => {
                open.marker_inside = open.marker_inside.or(Some(at));
                self.at = end;
                self.part = Part::Value(open);
                None
            }
            Sighted::Perhaps { at } => {
                self.at = at;
                Some(self.wait(open))
            }
            Sighted::Nothing if !scene.at_end => {
                self.at = scene.text.len();
                Some(self.wait(open))
            }
            Sighted::Nothing => {
                open.ended = open.ended.or(open.marker_inside.map(|marker| (marker, marker)));
                let Some((end, _)) = open.ended else { return Some(self.truncated()) };
                if is_blank(scene, &open, end) {
                    return Some(self.truncated());
                }
                scene.cut(end);
                Some(self.end_unclosed(scene, &open))
            }
        }
    }

    /// The call's own end stands in the value, from `at` to `end`. It is one if another call or an ending follows at
    /// once; a value may hold the tag alone, and with an ending if the value's closing tag still comes.
    fn tail(&mut self, scene: &Scene<'_>, mut open: Box<Open>, at: usize, end: usize) -> Option<Advance> {
        let next = scene.skip_blanks(end.max(open.probe));
        match follows(scene, next) {
            Follows::Wait => {
                self.at = at;
                open.probe = next;
                return Some(self.wait(open));
            }
            Follows::Call => {
                open.ended = open.ended.or(Some((at, end)));
                return Some(self.end_unclosed(scene, &open));
            }
            Follows::Close if open.ended.is_none() => {
                open.ended = Some((at, end));
                if scene.is_tired() {
                    return Some(self.end_unclosed(scene, &open));
                }
                let mut literals =
                    open.close.take().unwrap_or_else(|| scene.format.bodies()[self.body].tags.value.clone());
                tagged_leads(scene.format)
                    .for_each(|(word, body)| literals.add(word, Role::Bare(body), Place::Anywhere));
                open.close = Some(literals);
            }
            Follows::Close | Follows::Text => {}
        }
        self.at = end;
        self.part = Part::Value(open);
        None
    }

    fn wait(&mut self, open: Box<Open>) -> Advance {
        self.part = Part::Value(open);
        Advance::More
    }

    fn closing(&mut self, scene: &Scene<'_>, open: Box<Open>, end: usize, next: usize) -> Option<Advance> {
        let next = scene.skip_blanks(next);
        let body = &scene.format.bodies()[self.body];
        let over = next == scene.text.len() && scene.at_end;
        match body.tags.between.here(scene.text, next, scene.at_end) {
            Sighted::Perhaps { .. } => {
                self.part = Part::Closing { open, end, next };
                return Some(Advance::More);
            }
            Sighted::Nothing if !over && !matches!(begins_call(scene, next), Starts::Yes) => {
                if matches!(begins_call(scene, next), Starts::Perhaps) {
                    self.part = Part::Closing { open, end, next };
                    return Some(Advance::More);
                }
                self.at = end;
                self.part = Part::Value(open);
                return None;
            }
            _ => {}
        }
        let at = self.at;
        self.take(scene, &open, at);
        self.at = end;
        None
    }

    /// Whether the opening tag at `at`, inside a value, is the next parameter: on a line as the one before was, of this
    /// tool. None while the tag is not whole.
    fn is_next_param(&self, scene: &Scene<'_>, at: usize, on_line: bool) -> Option<bool> {
        if on_line && !begins_line(scene.text, at) {
            return Some(false);
        }
        match opening_tag(&scene.format.bodies()[self.body], scene.text, at, scene.at_end) {
            Tag::Wait => None,
            Tag::Whole { key, .. } => {
                let known = scene.offered.parameter(&self.named.name, &key).is_some();
                Some(known && !self.arguments.contains_key(&key))
            }
            Tag::Cut | Tag::None => Some(false),
        }
    }

    /// Takes the value that ends at `end` though nothing closes it there; the newline before a tag belongs to the tag.
    fn take_unclosed(&mut self, scene: &Scene<'_>, open: &Open, end: usize) {
        self.named.fixes.push(fix(FixKind::MissingClose, end..end));
        let within = &scene.text[open.from..end];
        let framed = framed(within, scene.format.bodies()[self.body].param.as_ref());
        let end = if framed.len() == within.len() { open.from + without_newline(within).len() } else { end };
        self.take(scene, open, end);
    }

    /// The call with the value that seemed to end.
    fn end_unclosed(&mut self, scene: &Scene<'_>, open: &Open) -> Advance {
        let Some((at, end)) = open.ended else { return self.truncated() };
        // Nothing stands there yet: an argument must not be emptied.
        if is_blank(scene, open, at) {
            return Advance::Unreadable { end, message: "expected the parameter's value and its end" };
        }
        self.take_unclosed(scene, open, at);
        self.done(end)
    }

    /// Takes the value that ends at `end`.
    fn take(&mut self, scene: &Scene<'_>, open: &Open, end: usize) {
        let body = &scene.format.bodies()[self.body];
        let text = framed(&scene.text[open.from..end], body.param.as_ref());
        let text = unescape(text, body.row.escape);
        let said_string = open.kind.as_deref().is_some_and(|kind| matches!(kind, "true" | "string"));
        let value = if said_string {
            Value::String(text)
        } else {
            let schema = scene.offered.parameter(&self.named.name, &open.key).cloned().unwrap_or(Value::Bool(true));
            if let (Nested::Elements, Some(param)) = (body.row.nested, &body.param) {
                elements::read(&text, param, &schema)
            } else {
                let reading = value::typed(&text, &schema);
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

    fn done(&mut self, end: usize) -> Advance {
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
        Advance::Truncated { name: Some(self.named.name.clone()) }
    }
}

/// Whether the value that ends here says nothing.
fn is_blank(scene: &Scene<'_>, open: &Open, end: usize) -> bool {
    scene.text[open.from..end].trim().is_empty()
}
