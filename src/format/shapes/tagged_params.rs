//! A name among literals, then one element a parameter: `<parameter=city>\nOslo\n</parameter>`.
//!
//! A value may hold anything, closing tags too, so a closing tag counts only where structure follows it: the next
//! parameter, the call's end, the text's end. What a value's text means is asked of the tool's schema.

use serde_json::{Map, Value};

use super::elements;
use super::json_calls::{JsonItem, Named};
use super::param_text::{framed, unescape};
use crate::chat::{Fix, FixKind};
use crate::format::envelope::RawCall;
use crate::format::item::{Advance, Item, Scene, fix};
use crate::format::reader::Step;
use crate::format::row::{Nested, Place};
use crate::format::scan::{Literals, Role, Sighted, lead};
use crate::format::template::{Field, Piece, Template, loose_end, match_header};
use crate::format::{Body, Calm, Format};
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
    /// What is looked for in the value, where what closes it depends on the key.
    close: Option<Literals>,
    marker_inside: Option<usize>,
    /// Blanks reach to here after a closing tag that was looked at.
    probe: usize,
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
                self.part = Part::Value(Box::new(Open { key, kind, from: end, close, marker_inside: None, probe: 0 }));
                self.at = end;
                None
            }
        }
    }

    fn value(&mut self, scene: &Scene<'_>, mut open: Box<Open>) -> Option<Advance> {
        let body = &scene.format.bodies()[self.body];
        match open.close.as_ref().unwrap_or(&body.tags.value).find(scene.text, self.at, scene.at_end) {
            Sighted::Marker { at, end, role: Role::ValueClose } => {
                self.at = at;
                self.part = Part::Closing { open, end, next: end };
                None
            }
            Sighted::Marker { at, end, role: Role::ParamOpen(_) } => {
                let Some(next) = self.is_next_param(scene, at) else {
                    self.at = at;
                    self.part = Part::Value(open);
                    return Some(Advance::More);
                };
                self.at = end;
                if next {
                    self.named.fixes.push(fix(FixKind::MissingClose, at..at));
                    self.take(scene, &open, at);
                    self.part = Part::Opening { from: at };
                } else {
                    self.part = Part::Value(open);
                }
                None
            }
            Sighted::Marker { at, end, role: Role::Tail } => {
                // The call's end, if another ending follows at once; a value may hold the tag alone.
                let next = scene.skip_blanks(end.max(open.probe));
                match scene.format.markers().inside.here(scene.text, next, scene.at_end) {
                    Sighted::Perhaps { .. } => {
                        self.at = at;
                        open.probe = next;
                        self.part = Part::Value(open);
                        return Some(Advance::More);
                    }
                    Sighted::Marker { .. } => {
                        self.named.fixes.push(fix(FixKind::MissingClose, at..at));
                        self.take(scene, &open, at);
                        return Some(self.done(end));
                    }
                    Sighted::Nothing => {}
                }
                self.at = end;
                self.part = Part::Value(open);
                None
            }
            Sighted::Marker { at, .. } if scene.is_tired() => {
                self.take(scene, &open, at);
                Some(self.done(at))
            }
            Sighted::Marker { at, end, .. } => {
                open.marker_inside = open.marker_inside.or(Some(at));
                self.at = end;
                self.part = Part::Value(open);
                None
            }
            Sighted::Perhaps { at } => {
                self.at = at;
                self.part = Part::Value(open);
                Some(Advance::More)
            }
            Sighted::Nothing if !scene.at_end => {
                self.at = scene.text.len();
                self.part = Part::Value(open);
                Some(Advance::More)
            }
            Sighted::Nothing => match open.marker_inside {
                Some(marker) => {
                    scene.cut(marker);
                    self.named.fixes.push(fix(FixKind::MissingClose, marker..marker));
                    self.take(scene, &open, marker);
                    Some(self.done(marker))
                }
                None => Some(self.truncated()),
            },
        }
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
            Sighted::Nothing if !over => {
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

    /// Whether the opening tag at `at`, inside a value, is the next parameter: on its own line, of this tool. None while
    /// the tag is not whole.
    fn is_next_param(&self, scene: &Scene<'_>, at: usize) -> Option<bool> {
        let own_line = scene.text[..at].trim_end_matches([' ', '\t']).ends_with('\n');
        if !own_line {
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
                self.arguments.insert(open.key.clone(), elements::read(&text, param, &schema));
                return;
            }
            let reading = value::typed(&text, &schema);
            let place = open.from..end;
            self.named.fixes.extend(reading.fixes.into_iter().map(|own| Fix { span: place.clone(), ..own }));
            reading.value
        };
        self.arguments.insert(open.key.clone(), value);
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

/// A parameter's opening tag.
enum Tag {
    Wait,
    Cut,
    None,
    Whole { key: String, kind: Option<String>, end: usize },
}

/// No opening tag is longer.
const LONGEST_TAG: usize = 300;

fn opening_tag(body: &Body, text: &str, from: usize, at_end: bool) -> Tag {
    let Some(Piece::Literal(last)) = body.params.first().and_then(|param| param.before(Field::Value).last()) else {
        return Tag::None;
    };
    let within = text.len().min(from + LONGEST_TAG);
    let within = (from..=within).rev().find(|at| text.is_char_boundary(*at)).unwrap_or(from);
    let text_within = &text[from..within];
    let lead = body.params.iter().map(|param| lead(param.lead())).find(|lead| text_within.starts_with(lead));
    let Some(end) = lead.and_then(|lead| loose_end(last, text_within, lead.len())) else {
        let long = text.len() - from > LONGEST_TAG;
        return if long {
            Tag::None
        } else if at_end {
            Tag::Cut
        } else {
            Tag::Wait
        };
    };
    let header = body.params.iter().find_map(|param| match_header(param.before(Field::Value), &text_within[..end]));
    match header {
        Some(header) => Tag::Whole { key: header.key, kind: header.kind, end: from + end },
        None => Tag::None,
    }
}

/// The closing literal of a value, where the key is part of it: `</city>`.
fn own_close(param: &Template, key: &str) -> Option<String> {
    param.after(Field::Value).contains(&Piece::Field(Field::Key)).then(|| elements::close(param, key))
}
