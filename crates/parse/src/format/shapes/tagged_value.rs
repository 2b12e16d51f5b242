//! Where a parameter's value ends.
//!
//! A value may hold anything: closing tags, whole calls. Tags that are opened inside it are closed inside it first, so
//! an example of a call is content. A closing tag counts where structure follows it ([`Closers`]); where words follow, the
//! value may go on or end there, and what comes decides: if tags close it properly further on, it went on. An opening tag
//! alone is text: a closing tag that would be missing otherwise is the value's own.

mod inside;
mod json;
mod next;
mod offered;
mod words;

use super::follows::begins_line;
use super::param_tag::{Tag, TagState, is_pair, opening_tag};
use super::param_text::{Reached, past_cdata};
use super::tagged_close::{Behind, Closers};
use crate::format::Body;
use crate::format::item::Scene;
use crate::format::row::{Escape, Place};
use crate::format::scan::{Literals, Role, Sighted};
use inside::{Inner, Inside, Kind, Looking, Passed};
use json::{Json, Told};
pub(crate) use next::Next;
use offered::begins_offered;
use words::follow_torn;

/// So many places are looked at where words follow a closing tag.
const MOST_WORDS: usize = 8;

/// A value that is open.
#[derive(Debug)]
pub(crate) struct Open {
    pub(crate) key: String,
    pub(crate) kind: Option<String>,
    pub(crate) from: usize,
    at: usize,
    /// Its opening tag stands at the beginning of a line.
    on_line: bool,
    /// What is looked for in the value, where the key is part of its closing tag.
    close: Option<Literals>,
    /// The end of a part in CDATA begins not before this byte.
    probe: usize,
    /// No `<![CDATA[` can begin any more.
    plain: bool,
    /// Until it is known whether the value is JSON.
    json: Option<Json>,
    /// Tags that are open inside the value.
    inside: Inside,
    looking: Option<Looking>,
    /// Its closing tag stood there, and words after it.
    passed: Option<Passed>,
    /// Where such words begin.
    words: Vec<usize>,
    /// The call's end stood there, all of it, with the value's closing tag missing, and words after it.
    seemed: Option<(usize, usize)>,
    /// The first call inside that ended with the call's own end tag: if that is missed later, it began no call.
    group: Option<usize>,
    /// Tags that open before this byte are text.
    text_to: usize,
    /// The next parameter may begin there, in a format whose values close by their key.
    next: Option<usize>,
}

/// A tag that was found.
type Found = (usize, usize, Role);

impl Open {
    /// The value of this key, from this byte on. `close` is its closing tag, where that is its own.
    pub(crate) fn new(
        (key, kind): (String, Option<String>),
        from: usize,
        on_line: bool,
        close: Option<String>,
        body: &Body,
    ) -> Self {
        let close = close.map(|close| {
            let mut literals = body.tags.value.clone();
            literals.add(&close, Role::ValueClose, Place::Anywhere);
            literals
        });
        Self {
            key,
            kind,
            from,
            at: from,
            on_line,
            close,
            probe: 0,
            plain: body.row.escape != Escape::Cdata,
            json: Some(Json::Unseen),
            inside: Inside::default(),
            looking: None,
            passed: None,
            words: Vec::new(),
            seemed: None,
            group: None,
            text_to: 0,
            next: None,
        }
    }

    /// What is looked for in the value.
    pub(crate) fn tags<'t>(&'t self, body: &'t Body) -> &'t Literals {
        self.close.as_ref().unwrap_or(&body.tags.value)
    }

    /// Whether its tag says that it is a text.
    pub(crate) fn is_said_text(&self) -> bool {
        self.kind.as_deref().is_some_and(|kind| matches!(kind, "true" | "string"))
    }

    /// Whether its closing tag is named after its key.
    pub(crate) fn closes_by_key(&self) -> bool {
        self.close.is_some()
    }

    /// Whether all of a text of this length was looked at and nothing in it awaits what follows.
    pub(crate) fn is_calm(&self, length: usize) -> bool {
        self.at == length && self.looking.is_none() && self.json.is_none()
    }

    /// Goes on over the text. `given` says which parameters the call has.
    pub(crate) fn advance(&mut self, scene: &Scene<'_>, body: &Body, tool: &str, given: &dyn Fn(&str) -> bool) -> Next {
        if !self.plain {
            match past_cdata(scene, &mut self.at, &mut self.probe) {
                Reached::End => self.plain = true,
                Reached::Wait => return Next::Wait,
                Reached::Cut => return Next::Cut,
            }
        }
        if self.is_said_text() {
            self.json = None;
        }
        if let Some(json) = &mut self.json {
            let tags = self.close.as_ref().unwrap_or(&body.tags.value);
            match json.advance(scene, tags, (tool, &self.key, self.kind.as_deref()), self.from) {
                Told::Wait => return Next::Wait,
                Told::Whole(end) => self.at = self.at.max(end),
                Told::No => {}
            }
            self.json = None;
        }
        loop {
            let next = match self.looking.take() {
                Some(looking) if looking.ends_call => self.at_call_end(scene, body, looking),
                Some(looking) => self.at_close(scene, body, looking, tool, given),
                None => match self.tags(body).find(scene.text, self.at, scene.at_end) {
                    Sighted::Marker { at, end, role } => self.tag(scene, body, (at, end, role), tool, given),
                    Sighted::Perhaps { at } => {
                        self.at = at;
                        Some(Next::Wait)
                    }
                    Sighted::Nothing => {
                        self.at = scene.text.len();
                        Some(if scene.at_end { self.cut(scene) } else { Next::Wait })
                    }
                },
            };
            if let Some(next) = next {
                return next;
            }
        }
    }

    fn tag(
        &mut self,
        scene: &Scene<'_>,
        body: &Body,
        found: Found,
        tool: &str,
        given: &dyn Fn(&str) -> bool,
    ) -> Option<Next> {
        let (at, end, role) = found;
        self.at = end;
        match role {
            Role::ValueClose => {
                let popped = self.inside.pop(Kind::Param);
                if popped.is_none() {
                    // What is open began no call: a call would have opened the parameter that ends here.
                    self.inside.clear();
                } else if !self.inside.is_empty() {
                    return None;
                }
                let strict = self.text_to > 0;
                let closers =
                    Closers { once: strict || popped.is_some(), to_the_end: strict, ..Closers::of_value(end) };
                self.looking = Some(Looking { at, end, closers, ends_call: false, popped });
            }
            Role::ParamOpen(_) | Role::Inner => return self.opened(scene, body, found, tool, given),
            Role::CallOpen | Role::SectionOpen | Role::Bare(_) => {
                if let Some(over) = self.over_before().filter(|_| self.inside.is_empty()) {
                    return Some(over);
                }
                let kind = if matches!(role, Role::Bare(_)) { Kind::Call } else { Kind::Frame };
                self.inside.push(Inner { kind, from: at, end, next: false });
            }
            Role::Tail | Role::CallClose | Role::SectionClose => {
                let kind = if role == Role::Tail { Kind::Call } else { Kind::Frame };
                match self.inside.pop(kind) {
                    Some(inner) if self.inside.is_empty() && kind == Kind::Call => {
                        self.group = self.group.or(Some(inner.end));
                    }
                    None if self.inside.is_empty() || self.inside.next_param().is_some() => {
                        let closers = Closers::of_call((at, end), role == Role::Tail);
                        self.looking = Some(Looking { at, end, closers, ends_call: true, popped: None });
                    }
                    _ => {}
                }
            }
            _ => {}
        }
        None
    }

    /// An opening tag of a parameter.
    fn opened(
        &mut self,
        scene: &Scene<'_>,
        body: &Body,
        found: Found,
        tool: &str,
        given: &dyn Fn(&str) -> bool,
    ) -> Option<Next> {
        let (at, end, role) = found;
        let keys = scene.offered.parameters(tool);
        let (key, tag_end) = match opening_tag(body, scene.text, at, scene.at_end, &keys) {
            Tag::Wait => {
                self.at = at;
                return Some(Next::Wait);
            }
            Tag::Whole { key, end, state: TagState::Sound | TagState::Foreign | TagState::Torn, .. } => {
                (Some(key), end)
            }
            _ => (None, end),
        };
        let bytes = scene.text.as_bytes();
        let opens = match bytes.get(end) {
            _ if role != Role::Inner => key.is_some(),
            None if !scene.at_end => {
                self.at = at;
                return Some(Next::Wait);
            }
            next => next.is_none_or(|next| matches!(next, b'>' | b' ' | b'=' | b'\n')),
        };
        if !opens || scene.text[at..tag_end].ends_with("/>") {
            return None;
        }
        self.at = tag_end;
        let next = key.as_ref().is_some_and(|key| {
            let fits = !self.on_line || is_pair(body) || begins_line(scene.text, at);
            fits && *key != self.key && keys.contains(&key.as_str()) && !given(key)
        });
        if self.close.is_some() {
            if key.as_ref() == Some(&self.key) {
                self.inside.push(Inner { kind: Kind::Param, from: at, end: tag_end, next: false });
            } else if next && self.inside.is_empty() {
                self.next = self.next.or(Some(at));
            }
            return None;
        }
        // Two in a row are not closed, so the first is no example.
        if let Some(first) = self.inside.next_param().filter(|_| next) {
            return Some(self.param(first));
        }
        let next = next && self.inside.is_empty() && at >= self.text_to;
        self.inside.push(Inner { kind: Kind::Param, from: at, end: tag_end, next });
        None
    }

    /// Behind a closing tag of a value.
    fn at_close(
        &mut self,
        scene: &Scene<'_>,
        body: &Body,
        mut looking: Looking,
        tool: &str,
        given: &dyn Fn(&str) -> bool,
    ) -> Option<Next> {
        let behind = looking.closers.advance(scene, self.tags(body));
        let at = looking.closers.at;
        let counts = match behind {
            Behind::Wait => {
                self.looking = Some(looking);
                return Some(Next::Wait);
            }
            Behind::Param if looking.popped.is_some_and(|inner| !inner.next) => {
                let keys = scene.offered.parameters(tool);
                match opening_tag(body, scene.text, at, scene.at_end, &keys) {
                    Tag::Wait => {
                        self.looking = Some(looking);
                        return Some(Next::Wait);
                    }
                    Tag::Whole { key, .. } => keys.contains(&key.as_str()) && key != self.key && !given(&key),
                    Tag::Cut | Tag::None => false,
                }
            }
            Behind::End | Behind::Call | Behind::Param => true,
            Behind::Words => false,
        };
        match (counts, looking.popped) {
            (true, Some(inner)) if inner.next => Some(self.param(inner.from)),
            (true, _) => Some(Next::Closed {
                at: looking.at,
                end: looking.closers.value_end,
                stray: looking.closers.stray,
                torn: follow_torn(scene, body, self.tags(body), tool, &self.words, looking.at),
            }),
            (false, Some(_)) => {
                self.at = looking.end;
                None
            }
            (false, None) => {
                let call_end = looking.closers.call_end;
                if self.words.len() < MOST_WORDS {
                    self.words.push(at);
                }
                self.passed = Some(match self.passed {
                    Some(before) if before.call_end.is_some() => Passed { later: true, ..before },
                    _ => Passed { at: looking.at, call_end, later: false },
                });
                self.at = at;
                None
            }
        }
    }

    /// Behind an end of the call, with the value's closing tag missing.
    fn at_call_end(&mut self, scene: &Scene<'_>, body: &Body, mut looking: Looking) -> Option<Next> {
        let behind = looking.closers.advance(scene, self.tags(body));
        let ends = match behind {
            Behind::Wait => None,
            Behind::Call if looking.closers.call_end.is_none() => begins_offered(scene, body, looking.closers.at),
            Behind::End | Behind::Call => Some(true),
            Behind::Words | Behind::Param => Some(false),
        };
        let Some(ends) = ends else {
            self.looking = Some(looking);
            return Some(Next::Wait);
        };
        let (at, end) = (looking.at, looking.closers.call_end.unwrap_or(looking.at));
        if !ends {
            if looking.closers.call_end.is_some() && looking.closers.closed {
                self.seemed = self.seemed.or(Some((at, end)));
            }
            if let Some(passed) = &mut self.passed {
                passed.later = true;
            }
            self.at = looking.end;
            return None;
        }
        if let Some(next) = self.inside.next_param().or(self.next) {
            return Some(self.param(next));
        }
        if let Some(group) = self.group.take().filter(|_| self.passed.is_none() && !scene.is_tired()) {
            scene.cut(group);
            self.inside.clear();
            (self.at, self.text_to) = (group, group);
            return None;
        }
        if scene.text[self.from..at].trim().is_empty() {
            return Some(Next::Blank { end });
        }
        Some(Next::Over { at, end, closed: false, doubtful: self.passed.is_some() })
    }

    /// The next parameter begins there.
    fn param(&self, at: usize) -> Next {
        Next::Param { at, words: self.passed.is_some_and(|passed| passed.at < at) }
    }

    /// Where the call ended, if it did end before: nothing that belongs to it came since.
    fn over_before(&self) -> Option<Next> {
        if let Some(Passed { at, call_end: Some(end), later }) = self.passed {
            return Some(Next::Over { at, end, closed: true, doubtful: later || self.seemed.is_some() });
        }
        let (at, end) = self.seemed?;
        Some(Next::Over { at, end, closed: false, doubtful: self.passed.is_some() })
    }

    /// The text is over.
    fn cut(&self, scene: &Scene<'_>) -> Next {
        if scene.is_tired() || !self.inside.is_empty() {
            return Next::Cut;
        }
        let over = self.over_before().unwrap_or(Next::Cut);
        if let Next::Over { end, .. } = over {
            scene.cut(end);
        }
        over
    }
}
