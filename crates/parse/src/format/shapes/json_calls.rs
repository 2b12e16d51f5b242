//! A JSON object: one that says a call, `{"name": .., "arguments": {..}}`, or the arguments of a call named before it.
//!
//! Its end is found as it streams; it is read once, tolerantly, when it has ended. Meanwhile a strict walk tells the name
//! and the arguments as soon as they are certain.

use std::ops::Range;

use serde_json::Value;

use crate::chat::{Fix, FixKind};
use crate::format::envelope::{RawCall, Twice, calls_of, is_flat, said_twice};
use crate::format::extent::{Extent, Reach};
use crate::format::item::{Advance, Scene, Why, fix};
use crate::format::keys::{Keys, is};
use crate::format::reader::Step;
use crate::format::row::{JsonStyle, ShapeName};
use crate::format::shapes::quotes::{Doubt, Phase, Resolved, UNMATCHED, ends_well, has_sure_quotes, in_doubt};
use crate::format::walk::{ObjectWalk, Walked};
use crate::format::{Calm, Format};
use crate::value::settle::{Holds, Quotes};
use crate::value::{self, Unread};

/// A JSON object that is being read.
#[derive(Debug)]
pub(crate) struct JsonItem {
    from: usize,
    brace: usize,
    extent: Extent,
    named: Option<Named>,
    watch: Watch,
    phase: Phase,
}

/// A call that was cut off has said its name in so many bytes, if at all.
const NAME_NEAR: usize = 4096;

/// A name that stood before the object.
#[derive(Debug, Clone, Default)]
pub(crate) struct Named {
    pub(crate) name: String,
    pub(crate) id: Option<String>,
    pub(crate) fixes: Vec<Fix>,
    /// The literal that ends the call after its arguments.
    pub(crate) tail: Option<String>,
}

impl JsonItem {
    /// An object that says a call, from its brace.
    pub(crate) fn new(brace: usize) -> Self {
        Self {
            from: brace,
            brace,
            extent: Extent::new(brace),
            named: None,
            watch: Watch::new(brace),
            phase: Phase::Open,
        }
    }

    /// The arguments of a call whose name stands from `from` on.
    pub(crate) fn named(from: usize, brace: usize, named: Named) -> Self {
        Self { from, named: Some(named), ..Self::new(brace) }
    }

    pub(crate) fn cut_at(&self) -> Option<usize> {
        self.extent.marker_inside()
    }

    pub(crate) fn start(&self) -> usize {
        self.from
    }

    pub(crate) fn calm<'f>(&self, format: &'f Format, length: usize) -> Option<Calm<'f>> {
        let turns = &format.markers().turns;
        let calm = if self.watch.begun { Calm::Telling(turns) } else { Calm::Silent(&turns.ends) };
        // Before the name is known, each byte may make the call begin.
        let may_begin = self.named.is_none() && self.watch.name.is_none() && !self.watch.walk.is_lost();
        (self.phase.is_open() && self.extent.has_read(length) && !may_begin).then_some(calm)
    }

    pub(crate) fn advance(&mut self, scene: &Scene<'_>, out: &mut Vec<Step>) -> Advance {
        match std::mem::take(&mut self.phase) {
            Phase::Open => {}
            Phase::Ended(end, read) => return self.ended(scene, read, end),
            Phase::Doubted(doubt, read) => return self.resolve(scene, doubt, read),
        }
        let reach = self.extent.advance(scene, None);
        self.watch.look(self.named.as_ref(), scene, self.extent.at(), out);
        match reach {
            Reach::More => Advance::More,
            Reach::End(end) | Reach::Marker(end) => {
                let whole = self.read_whole(scene, end);
                self.ended(scene, whole, end)
            }
            Reach::Cut { shallow } => match self.extent.marker_inside() {
                Some(marker) => {
                    let read = self.read(scene, scene.cut(marker));
                    self.ended(scene, read, marker)
                }
                None if shallow && self.named.is_none() => self.read_cut(scene),
                None => Advance::Truncated { name: self.name_said(scene, scene.text.len()) },
            },
        }
    }

    /// What was read up to `end`, unless its quotes leave doubt about that end.
    fn ended(&mut self, scene: &Scene<'_>, read: Advance, end: usize) -> Advance {
        let (hard, strict) = match &read {
            Advance::Done { calls, .. } => (
                calls.iter().any(|call| in_doubt(&call.fixes, scene.text)),
                calls.iter().all(|call| has_sure_quotes(call, scene.text)),
            ),
            Advance::Unreadable { .. } => (true, false),
            _ => return read,
        };
        if self.tool(scene, &read, end).is_none() {
            return read;
        }
        match ends_well(scene, end, strict) {
            _ if hard => {}
            Some(true) => return read,
            Some(false) => {}
            None => {
                self.phase = Phase::Ended(end, read);
                return Advance::More;
            }
        }
        let doubt = Doubt::new(&read, (hard, end), self.extent.marker_inside());
        self.resolve(scene, doubt, read)
    }

    /// The offered tool whose call it is.
    fn tool(&self, scene: &Scene<'_>, read: &Advance, end: usize) -> Option<String> {
        let called = || match read {
            Advance::Done { calls, .. } => calls.first().map(|call| call.name.clone()),
            _ => self.name_said(scene, end),
        };
        self.name().or_else(called).filter(|name| scene.offered.resolves(name))
    }

    /// Goes on with a call whose quotes are in doubt.
    fn resolve(&mut self, scene: &Scene<'_>, mut doubt: Doubt, read: Advance) -> Advance {
        let (end, plain) = (doubt.end, doubt.unread.is_none());
        let holds = if self.named.is_some() { Holds::Arguments } else { Holds::Call };
        let Some(tool) = self.tool(scene, &read, end) else { return read };
        match doubt.resolve(scene, (self.from, self.brace), holds, &tool, self.tail().as_deref()) {
            Resolved::Wait => {
                self.phase = Phase::Doubted(doubt, read);
                Advance::More
            }
            Resolved::Once(_, other) if plain && other == end => read,
            Resolved::Once(quotes, end) => self.read_settled(scene, &quotes, end),
            Resolved::Not => read,
            Resolved::Unreadable { end, why } => Advance::Unreadable { end, why },
        }
    }

    /// Reads an object of which each string's end was found out.
    fn read_settled(&self, scene: &Scene<'_>, quotes: &Quotes, end: usize) -> Advance {
        let text = &scene.text[..end];
        let python = scene.format.row().json == JsonStyle::Python;
        let whole = |reading: &value::Reading| {
            reading.end == end && reading.fixes.iter().all(|fix| fix.kind != FixKind::Duplicate)
        };
        let Some(reading) = value::settled(text, self.brace, python, quotes).ok().filter(whole) else {
            return Advance::Unreadable { end, why: UNMATCHED };
        };
        match self.called(scene, reading, end) {
            Advance::Done { end, mut calls } => {
                // Its arguments are not to be found by a reader that does not know where they end.
                for call in &mut calls {
                    call.object = None;
                }
                Advance::Done { end, calls }
            }
            other => other,
        }
    }

    fn name(&self) -> Option<String> {
        self.named.as_ref().map(|named| named.name.clone()).or_else(|| self.watch.name.clone())
    }

    /// The name that a call which was cut off had said.
    fn name_said(&self, scene: &Scene<'_>, upto: usize) -> Option<String> {
        self.name().or_else(|| {
            let near = &scene.text[self.brace..scene.text.floor_char_boundary(upto.min(self.brace + NAME_NEAR))];
            let words = near.match_indices(['"', '\'']).filter_map(|(at, _)| Some((at, value::quoted(near, at)?)));
            let mut keys = words.filter(|(_, (word, _))| is(&Keys::table().name, word));
            let (key, name) = keys.find_map(|(key, (_, end))| {
                let at = value::skip_blanks(near, end);
                let at = value::skip_blanks(near, at + near[at..].strip_prefix(':').map(|_| 1)?);
                let (name, _) = near[at..].starts_with(['"', '\'']).then(|| value::quoted(near, at))??;
                let name = scene.strip(&name);
                scene.offered.resolves(name).then(|| (&near[key..end], name.to_owned()))
            })?;
            // Where several are named, the first ones may be whole: recovery finds them.
            (scene.text[self.brace..upto].matches(key).count() == 1).then_some(name)
        })
    }

    /// Reads an object of which only the last bracket is missing: a call if its arguments are closed, for then nothing
    /// more can belong to them.
    fn read_cut(&self, scene: &Scene<'_>) -> Advance {
        let read = self.read(scene, scene.text.len());
        let closed = matches!(&read, Advance::Done { calls, .. } if calls.iter().all(|call| !is_flat(call)));
        if closed { read } else { Advance::Truncated { name: self.name_said(scene, scene.text.len()) } }
    }

    /// Reads a value whose brackets all closed. Where a string in it holds a marker and is broken besides, two calls ran
    /// into one: the marker ends the first.
    fn read_whole(&self, scene: &Scene<'_>, end: usize) -> Advance {
        let whole = self.read(scene, end);
        let broken =
            |fix: &Fix| matches!(fix.kind, FixKind::UnescapedQuote | FixKind::RawControl | FixKind::MissingClose);
        let doubtful = match &whole {
            Advance::Done { calls, .. } => calls.iter().any(|call| call.fixes.iter().any(broken)),
            _ => true,
        };
        match self.extent.marker_inside() {
            Some(marker) if doubtful => return self.read(scene, scene.cut(marker)),
            _ => {}
        }
        match (self.twice(scene, &whole, end), self.extent.marker_inside()) {
            (Twice::Same, _) => whole,
            (Twice::Calls(said), _) => {
                let span = self.from..end;
                let mut calls = calls(scene, Value::Array(said), &span);
                for call in &mut calls {
                    call.fixes.push(fix(FixKind::Duplicate, span.clone()));
                }
                Advance::Done { end, calls }
            }
            (Twice::Muddled, Some(marker)) => self.read(scene, scene.cut(marker)),
            (Twice::Muddled, None) => Advance::Unreadable { end, why: Why::Doubtful("two calls run into one") },
        }
    }

    /// Whether the object says two calls, of which one would be lost. Asked only where a key was seen twice.
    fn twice(&self, scene: &Scene<'_>, read: &Advance, end: usize) -> Twice {
        let Advance::Done { calls, .. } = read else { return Twice::Same };
        let fixed = |call: &RawCall| call.fixes.iter().any(|fix| fix.kind == FixKind::Duplicate);
        if self.named.is_none() && (self.watch.twice || calls.iter().any(fixed)) {
            said_twice(&scene.text[..end], self.brace)
        } else {
            Twice::Same
        }
    }

    fn read(&self, scene: &Scene<'_>, end: usize) -> Advance {
        let text = &scene.text[..end];
        let python = scene.format.row().json == JsonStyle::Python;
        let read = if python { value::python(text, self.brace) } else { value::json_closed(text, self.brace) };
        let reading = match read {
            Ok(reading) => reading,
            Err(Unread::TooDeep { .. }) => return Advance::Unreadable { end, why: Why::Broken("nested too deep") },
            Err(_) => return Advance::Unreadable { end, why: Why::Broken("expected a JSON object") },
        };
        let ended = text[reading.end..].trim().is_empty();
        // A quote that closes nothing hid the object's end: what stands behind is another call, perhaps.
        let end = match ended {
            true => end,
            false if scene.is_tired() => {
                return Advance::Unreadable { end, why: Why::Broken("expected one JSON object") };
            }
            false => scene.cut(reading.end),
        };
        self.called(scene, reading, end)
    }

    /// The calls that a value says.
    fn called(&self, scene: &Scene<'_>, reading: value::Reading, end: usize) -> Advance {
        let span = self.from..end;
        let mut calls = match &self.named {
            Some(named) => vec![RawCall {
                name: named.name.clone(),
                arguments: reading.value,
                id: named.id.clone(),
                span: span.clone(),
                fixes: named.fixes.clone(),
                sources: Vec::new(),
                object: None,
            }],
            None => calls(scene, reading.value, &span),
        };
        let single = calls.len() == 1;
        let Some(first) = calls.first_mut() else {
            return Advance::Unreadable { end, why: Why::Broken("expected an object that names a tool") };
        };
        first.fixes.splice(0..0, reading.fixes);
        first.object = single.then_some(self.brace);
        if !matches!(&scene.text[..end].chars().next_back(), Some('}' | ']')) {
            first.fixes.push(fix(FixKind::MissingClose, span));
        }
        Advance::Done { end, calls }
    }

    /// The literal that ends the call after its arguments.
    pub(crate) fn tail(&self) -> Option<String> {
        self.named.as_ref()?.tail.clone()
    }
}

/// The calls that an object says.
fn calls(scene: &Scene<'_>, value: Value, span: &Range<usize>) -> Vec<RawCall> {
    let body = scene.format.bodies().iter().find(|body| body.row.shape == ShapeName::JsonCalls);
    let written = scene.format.written().row.shape == ShapeName::JsonCalls;
    let own = body.map(|body| body.keys.clone()).unwrap_or_default();
    let mut calls = calls_of(value, span, &own, scene.offered);
    for call in &mut calls {
        scene.strip(&call.name).to_owned().clone_into(&mut call.name);
        if !written && body.is_none() {
            call.fixes.push(fix(FixKind::Shape, span.clone()));
        }
    }
    calls
}

/// Tells name and arguments as soon as they are certain.
#[derive(Debug)]
struct Watch {
    walk: ObjectWalk,
    walked: usize,
    brace: usize,
    name: Option<String>,
    text: Vec<u8>,
    key: Key,
    begun: bool,
    /// A second name or second arguments came.
    twice: bool,
    argued: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Key {
    Name,
    Arguments,
    Other,
}

impl Watch {
    fn new(brace: usize) -> Self {
        let walk = ObjectWalk::new();
        Self {
            walk,
            walked: brace,
            brace,
            name: None,
            text: Vec::new(),
            key: Key::Other,
            begun: false,
            twice: false,
            argued: false,
        }
    }

    fn look(&mut self, named: Option<&Named>, scene: &Scene<'_>, upto: usize, out: &mut Vec<Step>) {
        if let Some(named) = named {
            if self.walked == self.brace && upto > self.brace && scene.offered.knows(&named.name) {
                out.push(Step::Begin { name: named.name.clone() });
                self.begun = true;
            }
            if self.begun && upto > self.walked {
                out.push(Step::Arguments(self.walked..upto));
            }
            self.walked = self.walked.max(upto);
            return;
        }
        if upto <= self.walked {
            return;
        }
        let Self { walk, walked, name, text, key, begun, twice, argued, .. } = self;
        let keys = Keys::table();
        walk.push(&scene.text.as_bytes()[*walked..upto], *walked, &mut |passed| match passed {
            Walked::Key(word) if is(&keys.name, &word) && name.is_none() => *key = Key::Name,
            Walked::Key(word) if is(&keys.arguments, &word) => {
                *key = Key::Arguments;
                *twice |= std::mem::replace(argued, true);
            }
            Walked::Key(word) if is(&keys.name, &word) => {
                *key = Key::Other;
                *twice = true;
            }
            Walked::Key(_) | Walked::End => *key = Key::Other,
            Walked::Value(range) if *key == Key::Name => text.extend(&scene.text.as_bytes()[range]),
            Walked::Value(range) if *key == Key::Arguments && *begun => out.push(Step::Arguments(range)),
            Walked::ValueEnd if *key == Key::Name => {
                let said = serde_json::from_slice::<String>(text).unwrap_or_default();
                let said = scene.strip(&said).to_owned();
                if scene.offered.knows(&said) {
                    out.push(Step::Begin { name: said.clone() });
                    *begun = true;
                }
                *name = Some(said);
            }
            Walked::Value(_) | Walked::ValueEnd => {}
        });
        *walked = upto;
    }
}
