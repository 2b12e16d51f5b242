//! Finds markers in a stream.
//!
//! Several literals are looked for at once; their first bytes are searched with `memchr`, so plain text costs almost
//! nothing. Where the text so far ends inside a marker, the scan says so and the caller holds those bytes back: a marker
//! split over chunks never leaks. It knows markers and their roles, not what stands between them.

use memchr::{memchr, memchr2, memchr3};

use super::Body;
use super::bytes::ByteSet;
use super::calm::Turns;
use super::row::{Frame, Place, Row};
use super::template::{Field, Piece};

/// What a marker does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Role {
    SectionOpen,
    SectionClose,
    CallOpen,
    CallClose,
    /// A body that needs no marker, by its first literal.
    Bare(usize),
    /// A reasoning tag, by index.
    ReasoningOpen(usize),
    ReasoningClose(usize),
    /// A parameter of this body begins.
    ParamOpen(usize),
    /// A tag with the name of a parameter's begins, whatever its attributes.
    Inner,
    /// A parameter's value ends.
    ValueClose,
    /// A tagged call ends.
    Tail,
    /// A token that is no text.
    Framing,
    /// A closer of a parameter or a body, outside calls.
    Stray,
    ChannelOpen,
    ChannelClose,
}

/// A literal with its role.
#[derive(Debug, Clone)]
struct Marker {
    text: String,
    role: Role,
    place: Place,
}

/// Literals that are looked for together.
#[derive(Debug, Clone, Default)]
pub(crate) struct Literals {
    markers: Vec<Marker>,
    /// The bytes that a marker may begin with.
    firsts: Vec<u8>,
    table: ByteSet,
    variants: Vec<Vec<String>>,
}

/// What a search found.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Sighted {
    /// A marker from `at` to `end`.
    Marker { at: usize, end: usize, role: Role },
    /// The text ends in what may become a marker.
    Perhaps { at: usize },
    /// Nothing.
    Nothing,
}

impl Literals {
    pub(crate) fn add(&mut self, text: &str, role: Role, place: Place) {
        let text = text.trim();
        if text.is_empty() || self.markers.iter().any(|known| known.text == text) {
            return;
        }
        self.markers.push(Marker { text: text.to_owned(), role, place });
        for other in varied(text, &self.variants) {
            if self.markers.iter().all(|known| known.text != other) {
                self.markers.push(Marker { text: other, role, place });
            }
        }
        self.index();
    }

    /// Works out the first bytes.
    fn index(&mut self) {
        self.firsts.clear();
        for marker in &self.markers {
            let first = marker.text.as_bytes()[0];
            if !self.firsts.contains(&first) {
                self.firsts.push(first);
            }
        }
        self.table = ByteSet::default().and(&self.firsts);
    }

    /// All of them, in all their spellings.
    pub(super) fn all(&self) -> impl Iterator<Item = (&str, Role)> {
        self.markers.iter().map(|marker| (marker.text.as_str(), marker.role))
    }

    fn frame(&mut self, frame: &Frame, open: Role, close: Role) {
        let opens = std::iter::once(&frame.open).chain(&frame.also_open);
        opens.for_each(|text| self.add(text, open, frame.place));
        let closes = std::iter::once(&frame.close).chain(&frame.also_close);
        closes.for_each(|text| self.add(text, close, Place::Anywhere));
    }

    /// The first marker at or after `from`. With `at_end` nothing more will come, so nothing is held back.
    pub(crate) fn find(&self, text: &str, from: usize, at_end: bool) -> Sighted {
        self.find_bytes(text.as_bytes(), from, at_end)
    }

    /// As [`Self::find`], in bytes that may not be UTF-8.
    pub(crate) fn find_bytes(&self, bytes: &[u8], from: usize, at_end: bool) -> Sighted {
        let mut at = from;
        while let Some(offset) = self.next_first(&bytes[at..]) {
            at += offset;
            match self.here_bytes(bytes, at, at_end) {
                Sighted::Nothing => at += 1,
                seen => return seen,
            }
        }
        Sighted::Nothing
    }

    /// The longest marker that stands at `at`.
    pub(crate) fn here(&self, text: &str, at: usize, at_end: bool) -> Sighted {
        self.here_bytes(text.as_bytes(), at, at_end)
    }

    fn here_bytes(&self, bytes: &[u8], at: usize, at_end: bool) -> Sighted {
        let rest = &bytes[at..];
        let Some(first) = rest.first() else { return if at_end { Sighted::Nothing } else { Sighted::Perhaps { at } } };
        if !self.table.has(*first) {
            return Sighted::Nothing;
        }
        let mut best: Option<&Marker> = None;
        for marker in &self.markers {
            let word = marker.text.as_bytes();
            if marker.place == Place::Line && !at_line_start(&bytes[..at]) {
                continue;
            }
            if rest.starts_with(word) {
                if best.is_none_or(|best| best.text.len() < word.len()) {
                    best = Some(marker);
                }
            } else if !at_end && word.starts_with(rest) {
                return Sighted::Perhaps { at };
            }
        }
        best.map_or(Sighted::Nothing, |marker| Sighted::Marker { at, end: at + marker.text.len(), role: marker.role })
    }

    /// The literals, but those of this role.
    pub(crate) fn words(&self, but: Role) -> impl Iterator<Item = &str> {
        self.markers.iter().filter(move |marker| marker.role != but).map(|marker| marker.text.as_str())
    }

    /// Bytes that a marker may begin with.
    pub(crate) fn firsts(&self) -> &ByteSet {
        &self.table
    }

    /// The first byte that is one of these two, or that a marker may begin with.
    pub(crate) fn next_first_or(&self, [a, b]: [u8; 2], bytes: &[u8]) -> Option<usize> {
        match self.firsts.as_slice() {
            [] => memchr2(a, b, bytes),
            [first] => memchr3(a, b, *first, bytes),
            _ => bytes.iter().position(|byte| *byte == a || *byte == b || self.table.has(*byte)),
        }
    }

    fn next_first(&self, bytes: &[u8]) -> Option<usize> {
        match self.firsts.as_slice() {
            [] => None,
            [a] => memchr(*a, bytes),
            [a, b] => memchr2(*a, *b, bytes),
            [a, b, c] => memchr3(*a, *b, *c, bytes),
            _ => self.table.first_in(bytes),
        }
    }
}

/// The word with each group's first member replaced by another one, in all places alike.
pub(super) fn varied(word: &str, groups: &[Vec<String>]) -> Vec<String> {
    let mut words = vec![word.to_owned()];
    for group in groups {
        let Some((first, others)) = group.split_first() else { continue };
        let more: Vec<String> = words
            .iter()
            .filter(|word| word.contains(first.as_str()))
            .flat_map(|word| others.iter().map(move |other| word.replace(first.as_str(), other)))
            .collect();
        words.extend(more);
    }
    words
}

/// More blanks and emphasis than this before a marker do not begin a line.
pub(super) const LINE_MARK: usize = 16;

/// Whether nothing but a few blanks and Markdown's emphasis stands before on the line.
fn at_line_start(before: &[u8]) -> bool {
    let near = before.iter().rev().take(LINE_MARK);
    let marks = near.take_while(|byte| matches!(byte, b' ' | b'\t' | b'*' | b'#')).count();
    marks == before.len() || marks < LINE_MARK && before[before.len() - marks - 1] == b'\n'
}

/// A format's markers, by where the reader stands.
#[derive(Debug, Clone, Default)]
pub(crate) struct Markers {
    /// In free text: what opens a call or reasoning, and what frames.
    pub(crate) text: Literals,
    /// In reasoning, by the tag that opened it: its end, and what opens a call.
    pub(crate) reasoning: Vec<Literals>,
    /// In a message that is addressed to no tool: what ends it.
    pub(crate) said: Literals,
    /// In a call: what ends it.
    pub(crate) inside: Literals,
    /// Between calls: the same, and closers that close nothing.
    pub(crate) between: Literals,
    /// In a call's header: what ends it, and what ends the header.
    pub(crate) head: Literals,
    /// In a bracketed value: what may end it.
    pub(crate) turns: Turns,
}

/// What is looked for in a tagged call.
#[derive(Debug, Clone, Default)]
pub(crate) struct Tags {
    /// Between parameters.
    pub(crate) between: Literals,
    /// In a parameter's value.
    pub(crate) value: Literals,
}

impl Tags {
    /// The tags of this body, and the markers that end any call.
    pub(super) fn of(body: &Body, index: usize, inside: &Literals) -> Self {
        let Some(param) = &body.param else { return Self::default() };
        let mut between = inside.clone();
        between.add(lead(param.lead()), Role::ParamOpen(index), Place::Anywhere);
        for template in body.templates() {
            between.add(template.closer(Field::Params), Role::Tail, Place::Anywhere);
        }
        for other in &body.params {
            between.add(lead(other.lead()), Role::ParamOpen(index), Place::Anywhere);
        }
        let mut value = between.clone();
        if !param.after(Field::Value).contains(&Piece::Field(Field::Key)) {
            let close = param.closer(Field::Value);
            value.add(close, Role::ValueClose, Place::Anywhere);
            if let Some(name) = close.trim().strip_prefix("</").and_then(|rest| rest.strip_suffix('>')) {
                value.add(&format!("<{name}"), Role::Inner, Place::Anywhere);
            }
        }
        for template in body.templates() {
            value.add(lead(template.lead()), Role::Bare(index), Place::Anywhere);
        }
        Self { between, value }
    }
}

impl Markers {
    pub(super) fn of(row: &Row, bodies: &[Body]) -> Self {
        let mut text = Literals::default();
        let mut inside = Literals::default();
        let mut said = Literals::default();
        for frames in [&mut text, &mut inside] {
            frames.variants.clone_from(&row.variants);
            frames.frame(&row.section, Role::SectionOpen, Role::SectionClose);
            frames.frame(&row.call, Role::CallOpen, Role::CallClose);
        }
        for frames in [&mut text, &mut inside, &mut said] {
            if let Some(channels) = &row.channels {
                channels.open.iter().for_each(|word| frames.add(word, Role::ChannelOpen, Place::Anywhere));
                channels.line_open.iter().for_each(|word| frames.add(word, Role::ChannelOpen, Place::Line));
                channels.close.iter().for_each(|word| frames.add(word, Role::ChannelClose, Place::Anywhere));
            }
            row.framing.iter().chain(&row.stop).for_each(|token| frames.add(token, Role::Framing, Place::Anywhere));
        }
        for (index, body) in bodies.iter().enumerate().filter(|(_, body)| body.row.bare == Place::Anywhere) {
            let leads = body.templates().map(|template| lead(template.lead()));
            // A sign alone marks nothing outside the format's markers.
            for word in leads.filter(|word| word.contains(char::is_alphanumeric)) {
                text.add(word, Role::Bare(index), Place::Anywhere);
            }
        }
        for (index, body) in bodies.iter().enumerate().filter(|(_, body)| body.begins_with_name()) {
            if let Some(param) = &body.param {
                text.add(lead(param.lead()), Role::ParamOpen(index), Place::Anywhere);
            }
        }
        let mut head = inside.clone();
        for (index, body) in bodies.iter().enumerate() {
            for param in &body.params {
                head.add(lead(param.lead()), Role::ParamOpen(index), Place::Anywhere);
            }
            for template in body.templates() {
                head.add(template.closer(Field::Params), Role::Tail, Place::Anywhere);
            }
        }
        let mut reasoning = Vec::new();
        for (index, tag) in row.reasoning.iter().enumerate() {
            let mut within = Literals { variants: row.variants.clone(), ..Literals::default() };
            for close in std::iter::once(&tag.close).chain(&tag.also_close) {
                within.add(close, Role::ReasoningClose(index), Place::Anywhere);
                text.add(close, Role::ReasoningClose(index), Place::Anywhere);
            }
            for open in std::iter::once(&tag.open).chain(&tag.also_open) {
                text.add(open, Role::ReasoningOpen(index), tag.place);
            }
            let opens = [(&row.section, Role::SectionOpen), (&row.call, Role::CallOpen)];
            for (frame, role) in opens {
                let words = std::iter::once(&frame.open).chain(&frame.also_open);
                words.for_each(|word| within.add(word, role, frame.place));
            }
            reasoning.push(within);
        }
        if let Some(channels) = &row.channels {
            let mut within = Literals::default();
            channels.open.iter().for_each(|word| within.add(word, Role::ChannelOpen, Place::Anywhere));
            channels
                .close
                .iter()
                .for_each(|word| within.add(word, Role::ReasoningClose(reasoning.len()), Place::Anywhere));
            reasoning.push(within);
        }
        row.leaks.iter().for_each(|token| text.add(token, Role::Framing, Place::Anywhere));
        let strays = strays(bodies);
        for closer in &strays {
            text.add(closer, Role::Stray, Place::Anywhere);
        }
        let mut between = inside.clone();
        let leaks = row.leaks.iter().map(String::as_str);
        leaks.chain(strays).for_each(|closer| between.add(closer, Role::Stray, Place::Anywhere));
        // What counts at the beginning only is seen to by the region that begins there.
        text.markers.retain(|marker| marker.place != Place::Start);
        text.index();
        let turns = Turns::of(&inside);
        Self { text, reasoning, said, inside, between, head, turns }
    }
}

/// The closers of bodies and parameters that are tags, and so are no text where they stand alone.
fn strays(bodies: &[Body]) -> Vec<&str> {
    let tails = bodies.iter().map(Body::tail);
    let values = bodies.iter().flat_map(|body| &body.params).map(|param| param.closer(Field::Value).trim());
    let is_tag = |closer: &&str| closer.len() > 3 && closer.starts_with(['<', '[']) && closer.ends_with(['>', ']']);
    let is_close = |closer: &&str| closer.contains(['/', '|', '｜']);
    tails.chain(values).filter(is_tag).filter(is_close).collect()
}

/// A body's first literal without a quote that may be missing: `<function name="` is `<function name=`.
pub(crate) fn lead(text: &str) -> &str {
    text.trim().trim_end_matches(['"', '\''])
}
