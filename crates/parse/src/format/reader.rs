//! Text to steps, as it arrives: free text, reasoning, framing, calls.
//!
//! Every decision rests on bytes that no later byte can change, so the steps are the same however the text is cut, and no
//! byte is looked at more than a fixed number of times. What cannot be decided yet is held back. A call inside reasoning
//! is tentative: the end of the reasoning makes it reasoning, the end of the text makes it a call.

mod inside;
mod messages;
mod names;
mod quotes;
mod strays;
mod telling;
mod thoughts;

pub(crate) use inside::read_at;
use names::is_part_of_word;
use strays::Stands;

use std::cell::Cell;
use std::ops::Range;

use super::blocks::Blocks;
use super::envelope::RawCall;
use super::item::{Scene, fix};
use super::mention::is_mentioned;
use super::opened::opened;
use super::region::{Ended, Region, has_bare, has_one_call};
use super::row::{Place, ShapeName};
use super::scan::{Role, Sighted};
use super::{Calm, Format, Offered};
use crate::chat::{Fault, Fix, FixKind};

/// What a reader found. The spans of text, reasoning, framing, calls and malformed pieces lie end to end.
#[derive(Debug, Clone, PartialEq)]
pub enum Step {
    /// Text for the user.
    Text(Range<usize>),
    /// Reasoning.
    Reasoning(Range<usize>),
    /// What was told as text up to here was reasoning whose opening tag was not written.
    Thought(usize),
    /// Here calls are quoted or not meant for a tool: recovery must not look for any.
    Quoted(Range<usize>),
    /// A call was not finished, and another one opens inside its value: nothing behind it may be recovered.
    Unfinished,
    /// Markers and blanks.
    Framing(Range<usize>),
    /// Something that began as a call and could not be read.
    Malformed(Range<usize>),
    /// A call of this offered tool begins.
    Begin {
        /// The tool's name.
        name: String,
    },
    /// Bytes of the arguments of the call that has begun.
    Arguments(Range<usize>),
    /// A call, complete.
    Call(RawCall),
    /// A mistake.
    Fault(Fault),
    /// A tolerance.
    Fix(Fix),
}

/// A text, as far as it has come.
#[derive(Debug, Clone, Copy)]
pub struct Text<'a> {
    /// All of it so far, from its first byte.
    pub so_far: &'a str,
    /// Whether nothing more will come.
    pub at_end: bool,
}

/// Reads a text by a format. It holds none of it: whoever holds the text hands it in again, longer.
#[derive(Debug)]
#[expect(clippy::struct_excessive_bools, reason = "each is a fact of its own about what was told")]
pub struct Reader {
    state: State,
    /// Everything before is told.
    told: usize,
    /// Everything before holds no marker.
    at: usize,
    started: bool,
    told_text: bool,
    told_reasoning: bool,
    after_call: bool,
    pending_close: bool,
    /// From `told` to here are blanks only.
    blank_to: usize,
    patience: Cell<usize>,
    /// No more markers count.
    only_text: bool,
    blocks: Blocks,
    /// Up to here it was looked for what says whether a marker counts.
    looked: usize,
    /// The next calls may be part of a value of an unfinished call.
    in_value: bool,
    /// The region that is being read is only quoted: all of it is text.
    muted: bool,
    /// What is only quoted.
    quoted: Vec<Range<usize>>,
    /// The text is over and these reasoning tags (bit by index) are closed nowhere in what is left.
    unclosed: u64,
    /// The text is over inside this reasoning tag: what holds no call is reasoning.
    unended: Option<usize>,
    /// Nothing but text was found yet.
    fresh: bool,
    /// Where the content of a message began that is addressed to no tool: no call counts in it.
    said: Option<usize>,
}

/// How often a value that never ends is cut at the first marker inside it.
const PATIENCE: usize = 16;

/// Where a reader stands.
#[derive(Debug)]
pub(super) enum State {
    Text,
    Reasoning {
        tag: usize,
        /// Where a call began inside.
        call: Option<usize>,
    },
    /// In a message's header, from this byte on.
    Header {
        from: usize,
    },
    /// In a message whose header names no tool though it looks like a call's, from this byte on.
    Nobody {
        from: usize,
        /// The header says that arguments follow.
        arguments: bool,
    },
    Region(Box<Region>),
    Over,
}

impl Reader {
    /// A reader for one text. The prompt's end may have opened reasoning or a call.
    #[must_use]
    pub fn new(format: &Format, prompt_tail: &str) -> Self {
        let state = opened(format, prompt_tail.trim_end());
        let started = !matches!(state, State::Text);
        Self {
            state,
            told: 0,
            at: 0,
            started,
            told_text: false,
            told_reasoning: false,
            after_call: false,
            pending_close: false,
            blank_to: 0,
            patience: Cell::new(PATIENCE),
            only_text: false,
            blocks: Blocks::default(),
            looked: 0,
            in_value: false,
            muted: false,
            quoted: Vec::new(),
            unclosed: 0,
            unended: None,
            fresh: true,
            said: None,
        }
    }

    /// Goes on over the text and appends what is certain. The format is always the one it was made for.
    pub fn read(&mut self, format: &Format, text: Text<'_>, offered: &dyn Offered, out: &mut Vec<Step>) {
        let patience = self.patience.clone();
        let scene = Scene { format, offered, text: text.so_far, at_end: text.at_end, patience: &patience };
        self.run(&scene, out);
        self.patience = patience;
    }

    /// Calls that are only quoted, and so are none however they are read.
    pub(crate) fn quoted(&self) -> &[Range<usize>] {
        &self.quoted
    }

    /// Whether some of these bytes are.
    pub(crate) fn quotes(&self, span: &Range<usize>) -> bool {
        let first = self.quoted.partition_point(|quoted| quoted.end <= span.start);
        self.quoted.get(first).is_some_and(|quoted| quoted.start < span.end)
    }

    /// What may end the calm, if the reader has read all of a text of this length and stands in a value.
    pub(crate) fn calm<'f>(&'f self, format: &'f Format, length: usize) -> Option<Calm<'f>> {
        match &self.state {
            State::Region(region) => region.calm(format, length),
            _ => None,
        }
    }

    fn run(&mut self, scene: &Scene<'_>, out: &mut Vec<Step>) {
        loop {
            let state = std::mem::replace(&mut self.state, State::Over);
            let next = match state {
                State::Text => self.text(scene, out),
                State::Reasoning { tag, call } => self.reasoning(scene, tag, call, out),
                State::Header { from } => self.header(scene, from, out),
                State::Nobody { from, arguments } => self.nobody(scene, (from, arguments), out),
                State::Region(region) => self.region(scene, region, out),
                State::Over => return,
            };
            match next {
                Next::Go(state) => self.state = state,
                Next::Wait(state) => {
                    self.state = state;
                    return;
                }
            }
        }
    }

    fn text(&mut self, scene: &Scene<'_>, out: &mut Vec<Step>) -> Next {
        if !self.started {
            let first = scene.skip_blanks(self.at);
            self.at = first;
            let Some(byte) = scene.text.as_bytes().get(first) else {
                return if scene.at_end { self.over(scene, out) } else { Next::Wait(State::Text) };
            };
            self.started = true;
            if has_bare(scene, Place::Start) && may_begin(*byte) {
                return Next::Go(State::Region(Box::new(Region::bare(self.told, first, true))));
            }
        }
        let markers = match self.said {
            Some(_) => &scene.format.markers().said,
            None => &scene.format.markers().text,
        };
        match if self.only_text { Sighted::Nothing } else { markers.find(scene.text, self.at, scene.at_end) } {
            Sighted::Nothing => {
                self.at = scene.text.len();
                let end = if scene.at_end { self.at } else { self.before_name(scene, self.at) };
                self.tell_text(scene, end, out);
                if scene.at_end { self.over(scene, out) } else { Next::Wait(State::Text) }
            }
            Sighted::Perhaps { at } => {
                self.at = at;
                self.tell_text(scene, self.before_name(scene, at), out);
                Next::Wait(State::Text)
            }
            Sighted::Marker { at, end, role: Role::ParamOpen(_) } => {
                self.at = end;
                let name = self.before_name(scene, at);
                if name == at || !scene.offered.resolves(scene.strip(&scene.text[name..at])) {
                    return Next::Go(State::Text);
                }
                self.tell_text(scene, name, out);
                Next::Go(State::Region(Box::new(Region::unopened(self.told, name))))
            }
            Sighted::Marker { at, end, role } => {
                self.tell_text(scene, at, out);
                let quoted = match role {
                    Role::ReasoningClose(_) => is_mentioned(scene, at..end),
                    Role::Bare(body) => Some(is_part_of_word(scene, body, at)),
                    _ => Some(false),
                };
                match quoted {
                    Some(false) => {}
                    Some(true) => {
                        self.at = end;
                        self.tell_text(scene, end, out);
                        return Next::Go(State::Text);
                    }
                    None => {
                        self.at = at;
                        return Next::Wait(State::Text);
                    }
                }
                let example = self.blocks.is_example(scene, (at, role), self.told_text);
                if example != Some(false) {
                    if let Some(tag) = self.unended.filter(|_| example.is_some()) {
                        self.at = end;
                        return Next::Go(State::Reasoning { tag, call: None });
                    }
                    (self.at, self.only_text) = (at, example.is_some());
                    return if self.only_text { Next::Go(State::Text) } else { Next::Wait(State::Text) };
                }
                self.only_text = role == Role::Framing && self.after_call && has_one_call(scene.format);
                match self.stands(scene, at..end, role) {
                    Stands::Marker => {}
                    Stands::Perhaps => {
                        self.at = at;
                        return Next::Wait(State::Text);
                    }
                    Stands::Text { to } => {
                        if matches!(role, Role::CallOpen | Role::SectionOpen | Role::Bare(_)) {
                            self.quoted.push(at..to);
                        }
                        self.at = to;
                        return Next::Go(State::Text);
                    }
                    Stands::Stray => {
                        self.frame(end, out);
                        out.push(Step::Fix(fix(FixKind::Surplus, at..end)));
                        self.at = end;
                        return Next::Go(State::Text);
                    }
                    Stands::Quoted => {
                        self.quoted.push(at..end);
                        self.muted = true;
                    }
                }
                self.at = end;
                self.marked(scene, at..end, role, out)
            }
        }
    }

    fn marked(&mut self, scene: &Scene<'_>, marker: Range<usize>, role: Role, out: &mut Vec<Step>) -> Next {
        if matches!(role, Role::ChannelOpen | Role::ChannelClose | Role::Framing)
            && let Some(from) = self.said.take()
        {
            out.push(Step::Quoted(from..marker.start));
        }
        match role {
            Role::SectionOpen | Role::CallOpen => {
                return Next::Go(State::Region(Box::new(Region::marked(self.told, marker.end, role))));
            }
            Role::Bare(body) => {
                // A literal that prose may hold, too, marks nothing: only calls of offered tools count.
                let weak = scene.format.bodies()[body].row.shape == ShapeName::CallExpr;
                let at = marker.start;
                let region = if weak { Region::unopened(self.told, at) } else { Region::bare(self.told, at, false) };
                return Next::Go(State::Region(Box::new(region)));
            }
            Role::ReasoningOpen(tag) => {
                self.frame(marker.end, out);
                self.told_reasoning = false;
                self.fresh = false;
                return Next::Go(State::Reasoning { tag, call: None });
            }
            Role::ReasoningClose(tag) => {
                // Words that begin a thought are no tag: that they are missing before nothing at all is as it should be.
                let words = scene.format.row().reasoning.get(tag).is_some_and(|frame| frame.place == Place::Line);
                let missing = !words || self.told_text;
                if std::mem::take(&mut self.fresh) && self.told_text {
                    out.push(Step::Thought(marker.start));
                    self.told_text = false;
                }
                self.frame(marker.end, out);
                if missing {
                    out.push(Step::Fix(fix(FixKind::Opener, marker)));
                }
                self.started = false;
            }
            Role::ChannelOpen => return Next::Go(messages::message(scene, &marker)),
            Role::Framing | Role::ChannelClose => self.frame(marker.end, out),
            Role::CallClose | Role::SectionClose if self.pending_close => self.frame(marker.end, out),
            _ => {}
        }
        Next::Go(State::Text)
    }

    fn region(&mut self, scene: &Scene<'_>, mut region: Box<Region>, out: &mut Vec<Step>) -> Next {
        let muted = self.muted;
        let mut unheard = Vec::new();
        let ended = region.advance(scene, if muted { &mut unheard } else { out });
        self.muted &= matches!(ended, Ended::Not);
        match ended {
            Ended::Not => Next::Wait(State::Region(region)),
            Ended::Here { at, .. } if muted => {
                self.quoted.push(self.told.min(at)..at);
                self.at = at;
                Next::Go(State::Text)
            }
            Ended::Here { at, pending_close } => {
                self.told = region.told;
                self.at = at;
                (self.after_call, self.fresh, self.unended) = (true, false, None);
                self.in_value = region.unfinished;
                self.pending_close |= pending_close;
                Next::Go(State::Text)
            }
            Ended::Text => {
                // Another try at a marker that this region read over would end at the same place. That goes on past the
                // marker that a bare region began with, or it would begin again for ever.
                self.at = self.at.max(region.at);
                // A marker that was only mentioned in reasoning.
                Next::Go(self.unended.map_or(State::Text, |tag| State::Reasoning { tag, call: None }))
            }
        }
    }
}

enum Next {
    Go(State),
    Wait(State),
}

/// Whether a call with no marker may begin with this byte.
fn may_begin(byte: u8) -> bool {
    matches!(byte, b'{' | b'[' | b'`' | b'_') || byte.is_ascii_alphabetic() || byte >= 0x80
}
