//! What stands between a format's markers: calls, brackets of lists, separators, fences, and sometimes nothing.
//!
//! A region holds back what it found until it is certain that a call stands there: a marker that is only mentioned in
//! prose stays text. Lists, lines, separators and repeated markers are all read everywhere, since models mix them; only
//! what the format writes depends on its row.

mod begin;
mod ending;
mod fence;

pub(crate) use ending::has_one_call;

use super::extent::{Starts, starts};
use super::item::{Advance, Item, Scene, Why, fix};
use super::reader::Step;
use super::row::Place;
use super::scan::{Role, Sighted};
use super::shapes::json_calls::{JsonItem, Named};
use super::{Calm, Format};
use crate::chat::{Fault, FixKind};
use crate::value;

/// No model writes calls in lists in lists; brackets that go deeper are something else.
const DEEPEST_LIST: usize = 8;

/// No model closes more brackets than it opened.
const MOST_SURPLUS: usize = 32;

/// A region that is being read.
#[derive(Debug)]
#[expect(clippy::struct_excessive_bools, reason = "each is a fact of its own about what is open")]
pub(crate) struct Region {
    /// What lies before is told; from here on it is held or told by this region.
    pub(crate) told: usize,
    pub(crate) at: usize,
    /// No marker opened it: only calls of offered tools count.
    bare: bool,
    section: bool,
    call_open: bool,
    list: usize,
    fence: bool,
    calls: usize,
    /// A list closed that held nothing: no call is meant.
    none: bool,
    committed: bool,
    held: Vec<Step>,
    item: Option<Item>,
    /// The literal that ends the call just read, where it stands.
    tail: Option<String>,
    /// A header said whose arguments these are.
    named: Option<Named>,
    /// Whom the message speaks to that the calls stand in.
    recipient: Option<String>,
    /// How many closing brackets too many may follow: the last call ended with one.
    surplus: usize,
    /// The region opened inside a value of an unfinished call, so its calls may be part of that value.
    in_value: bool,
    /// A call of this region was not finished, and another one opens inside its value.
    pub(crate) unfinished: bool,
}

/// How a region ended.
pub(crate) enum Ended {
    /// It goes on.
    Not,
    /// It held calls, or something that was meant as one; text goes on at `at`.
    Here { at: usize, pending_close: bool },
    /// It held none: all since its beginning is text.
    Text,
}

impl Region {
    /// A region whose marker, from `told` to `at`, has this role.
    pub(crate) fn marked(told: usize, at: usize, role: Role) -> Self {
        let mut region = Self::new(told, at);
        region.section = role == Role::SectionOpen;
        region.call_open = role == Role::CallOpen;
        region.held.push(Step::Framing(told..at));
        region.told = at;
        region
    }

    /// A region that begins with a body.
    pub(crate) fn bare(told: usize, at: usize, start_only: bool) -> Self {
        let mut region = Self::new(told, at);
        region.bare = start_only;
        region
    }

    /// A region whose opening marker is missing: the call's name stands at `at`.
    pub(crate) fn unopened(told: usize, at: usize) -> Self {
        let mut region = Self::bare(told, at, true);
        region.held.push(Step::Fix(fix(FixKind::Opener, at..at)));
        region
    }

    /// The content of a message to a tool, whose header ends at `at`.
    pub(crate) fn addressed(told: usize, at: usize, named: Option<Named>, recipient: String) -> Self {
        let mut region = Self::new(told, at);
        region.held.push(Step::Framing(told..at));
        region.told = at;
        region.named = named;
        region.recipient = Some(recipient);
        region
    }

    /// The same region, inside a value of an unfinished call if `in_value`.
    pub(crate) fn in_value(mut self, in_value: bool) -> Self {
        self.in_value = in_value;
        self
    }

    fn new(told: usize, at: usize) -> Self {
        Self {
            told,
            at,
            bare: false,
            section: false,
            call_open: false,
            list: 0,
            fence: false,
            calls: 0,
            none: false,
            committed: false,
            held: Vec::new(),
            item: None,
            named: None,
            recipient: None,
            tail: None,
            surplus: 0,
            in_value: false,
            unfinished: false,
        }
    }

    pub(crate) fn advance(&mut self, scene: &Scene<'_>, out: &mut Vec<Step>) -> Ended {
        loop {
            let ended = match self.item.take() {
                Some(item) => self.item(item, scene, out),
                None => self.peek(scene, out),
            };
            if let Some(ended) = ended {
                return ended;
            }
        }
    }

    pub(crate) fn calm<'f>(&'f self, format: &'f Format, length: usize) -> Option<Calm<'f>> {
        self.item.as_ref()?.calm(format, length)
    }

    /// Goes on with a call. None: look again.
    fn item(&mut self, mut item: Item, scene: &Scene<'_>, out: &mut Vec<Step>) -> Option<Ended> {
        let advance = if self.committed {
            item.advance(scene, out)
        } else {
            let told = self.held.len();
            let advance = item.advance(scene, &mut self.held);
            if self.held[told..].iter().any(|step| matches!(step, Step::Begin { .. })) {
                self.commit(out);
            }
            advance
        };
        match ending::doubted(scene, &item, advance, self.in_value || self.unfinished) {
            Advance::More => {
                self.item = Some(item);
                return Some(Ended::Not);
            }
            Advance::Becomes(next) => self.item = Some(next),
            Advance::Done { end, calls } => {
                if self.bare && !self.committed && !calls.iter().all(|call| scene.offered.resolves(&call.name)) {
                    return Some(Ended::Text);
                }
                if self.bare && self.committed && !calls.iter().all(|call| scene.offered.resolves(&call.name)) {
                    return Some(self.over(item.start()));
                }
                self.framing(item.start(), out);
                self.commit(out);
                if self.calls > 0 && calls.iter().all(|call| ending::is_code(call, scene)) {
                    self.push(Step::Fix(fix(FixKind::Surplus, item.start()..end)), out);
                    self.framing(end, out);
                    return None;
                }
                self.calls += calls.len();
                for call in calls {
                    let none = scene.format.row().none.contains(&call.name);
                    match &self.recipient {
                        _ if none => out.push(Step::Framing(call.span)),
                        Some(to) if !ending::is_same_tool(to, &call.name) => ending::misaddressed(call, to, out),
                        _ => out.push(Step::Call(call)),
                    }
                }
                self.told = end;
                self.at = end;
                if matches!(item, Item::Text(_)) {
                    return Some(Ended::Here { at: end, pending_close: false });
                }
                self.surplus = if matches!(item, Item::Json(_) | Item::Expr(_)) { MOST_SURPLUS } else { 0 };
                self.tail = match &item {
                    Item::Json(json) => json.tail(),
                    _ => None,
                };
            }
            Advance::Not => match self.broken(scene, item.start()) {
                Some(true) => return None,
                None => {
                    self.item = Some(item);
                    return Some(Ended::Not);
                }
                Some(false) => return Some(if self.committed { self.over(item.start()) } else { Ended::Text }),
            },
            Advance::Unreadable { why: Why::Broken(_), .. } if self.bare && !self.committed => {
                return Some(Ended::Text);
            }
            Advance::Unreadable { end, why } => {
                self.framing(item.start(), out);
                self.commit(out);
                let end = end.max(item.start() + 1);
                if item.cut_at() == Some(end) && ending::opens_at(scene, end) {
                    self.unfinished = true;
                    out.push(Step::Unfinished);
                }
                out.push(Step::Malformed(item.start()..end));
                if matches!(why, Why::Doubtful(_)) || matches!(&item, Item::Expr(expr) if expr.has_tokens()) {
                    // Reading it again would be guessing, and recovery would take quote tokens for text.
                    out.push(Step::Quoted(item.start()..end));
                }
                out.push(Step::Fault(Fault::Unreadable {
                    span: item.start()..end,
                    message: format!("unreadable call: {}", why.message()),
                }));
                self.calls += 1;
                self.told = end;
                self.at = end;
            }
            Advance::Truncated { name } => {
                let known = name.as_deref().is_some_and(|name| scene.offered.resolves(scene.strip(name)));
                if self.bare && !known {
                    return Some(if self.committed { self.over(item.start()) } else { Ended::Text });
                }
                self.framing(item.start(), out);
                self.commit(out);
                let span = item.start()..scene.text.len();
                out.push(Step::Malformed(span.clone()));
                out.push(Step::Fault(Fault::Truncated { span, name }));
                self.told = scene.text.len();
                return Some(self.over(scene.text.len()));
            }
        }
        None
    }

    /// What comes next, outside calls. None: look again.
    fn peek(&mut self, scene: &Scene<'_>, out: &mut Vec<Step>) -> Option<Ended> {
        self.at = scene.skip_blanks(self.at);
        let bytes = scene.text.as_bytes();
        let Some(byte) = bytes.get(self.at).copied() else {
            return Some(if scene.at_end { self.at_end(scene, out) } else { Ended::Not });
        };
        match self.surplus_bracket(scene, byte) {
            Some(true) => {
                self.surplus -= 1;
                self.push(Step::Fix(fix(FixKind::Surplus, self.at..self.at + 1)), out);
                self.framing(self.at + 1, out);
                return None;
            }
            Some(false) => {}
            None => return Some(Ended::Not),
        }
        if let Some(tail) = &self.tail {
            match starts(&bytes[self.at..], tail, scene.at_end) {
                Starts::Yes => {
                    let end = self.at + tail.len();
                    self.tail = None;
                    self.framing(end, out);
                    return None;
                }
                Starts::Perhaps => return Some(Ended::Not),
                Starts::No => {
                    self.tail = None;
                    self.push(Step::Fix(fix(FixKind::MissingClose, self.at..self.at)), out);
                }
            }
        }
        let markers = scene.format.markers();
        let markers = if self.calls > 0 { &markers.between } else { &markers.inside };
        match markers.here(scene.text, self.at, scene.at_end) {
            Sighted::Perhaps { .. } => return Some(Ended::Not),
            Sighted::Marker { end, role: Role::Stray, .. } => {
                self.push(Step::Fix(fix(FixKind::Surplus, self.at..end)), out);
                self.framing(end, out);
                return None;
            }
            // A fence that is also the closing marker, before anything was opened.
            Sighted::Marker { role: Role::SectionClose, .. } if byte == b'`' && !self.section && !self.fence => {
                return self.fence(scene, out);
            }
            Sighted::Marker { end, role, .. } => return self.marker(scene, (role, end), out),
            Sighted::Nothing => {}
        }
        match byte {
            b'{' => {
                self.item = Some(Item::Json(Box::new(match self.named.take() {
                    Some(named) => JsonItem::named(self.at, self.at, named),
                    None => JsonItem::new(self.at),
                })));
            }
            b'[' if self.list < DEEPEST_LIST => {
                self.list += 1;
                self.framing(self.at + 1, out);
            }
            b']' if self.list > 0 => {
                self.list -= 1;
                self.none |= self.calls == 0;
                self.framing(self.at + 1, out);
                if self.bare && self.list == 0 && self.calls == 0 {
                    return Some(Ended::Text);
                }
            }
            b',' | b';' if self.calls > 0 => self.framing(self.at + 1, out),
            b'`' if value::name(scene.text, self.at + 1).is_none() => return self.fence(scene, out),
            _ => return self.begin(scene),
        }
        None
    }

    fn marker(&mut self, scene: &Scene<'_>, (role, end): (Role, usize), out: &mut Vec<Step>) -> Option<Ended> {
        match role {
            Role::CallOpen | Role::SectionOpen => {
                if self.call_open && self.calls == 0 && role == Role::CallOpen {
                    self.push(Step::Fix(fix(FixKind::Opener, self.at..end)), out);
                }
                self.call_open |= role == Role::CallOpen;
                self.section |= role == Role::SectionOpen;
                self.framing(end, out);
                None
            }
            Role::CallClose if self.section && !self.call_open_only() => {
                self.call_open = false;
                self.framing(end, out);
                None
            }
            Role::CallClose | Role::SectionClose => {
                if self.fence {
                    self.push(Step::Fix(fix(FixKind::MissingClose, self.at..self.at)), out);
                }
                self.framing(end, out);
                self.commit(out);
                Some(Ended::Here { at: end, pending_close: false })
            }
            // A token that ends the message: the text's own state knows it.
            _ if self.committed => {
                self.tell_open(scene, out);
                Some(self.over(self.at))
            }
            _ => Some(Ended::Text),
        }
    }

    fn call_open_only(&self) -> bool {
        self.call_open && !self.section
    }

    /// Frames everything up to `end`.
    fn framing(&mut self, end: usize, out: &mut Vec<Step>) {
        if end > self.told {
            let span = self.told..end;
            self.push(Step::Framing(span), out);
            self.told = end;
        }
        self.at = self.at.max(end);
    }

    fn push(&mut self, step: Step, out: &mut Vec<Step>) {
        let steps = if self.committed { out } else { &mut self.held };
        match (steps.last_mut(), &step) {
            // However many markers follow one another, they are kept as one.
            (Some(Step::Framing(last)), Step::Framing(next)) if last.end == next.start => last.end = next.end,
            _ => steps.push(step),
        }
    }

    fn commit(&mut self, out: &mut Vec<Step>) {
        self.committed = true;
        out.append(&mut self.held);
    }
}

/// Where a body may begin with no marker at all: the bodies of this place.
pub(crate) fn has_bare(scene: &Scene<'_>, place: Place) -> bool {
    scene.format.bodies().iter().any(|body| body.row.bare == place)
}
