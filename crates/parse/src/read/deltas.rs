//! The arguments of a call as canonical JSON, while they arrive.
//!
//! What was sent must stay a prefix of the final arguments. So a value is sent only where nothing can change it any more:
//! a string where the schema takes any string, as it comes; any other value when it is complete and the check has nothing
//! to put right in it. At the first doubt the stream pauses, and the rest is sent when the call is complete.

use std::collections::HashSet;
use std::ops::Range;

use serde_json::Value;

use crate::chat::{Arguments, Digits};
use crate::check::ToolSet;
use crate::format::{ByteSet, ObjectWalk, Turns, Walked};
use crate::schema::{Kind, Others, View};
use crate::value::Canonical;

/// The stream of one call's arguments.
#[derive(Debug)]
pub(super) struct Deltas {
    walk: ObjectWalk,
    pen: Pen,
    /// How much was sent of bytes that are still to be pushed.
    ahead: usize,
}

/// What is written and where it stands.
#[derive(Debug)]
struct Pen {
    tool: String,
    flow: Flow,
    /// The keys that were met, and the last one.
    keys: HashSet<String>,
    key: String,
    out: String,
    /// The end of the last value. It is sent once the object goes on behind it: before that, a quote that seems to close
    /// a string may turn out to belong to it.
    last: String,
    /// What was sent in earlier deltas.
    sent: String,
}

#[derive(Debug)]
enum Flow {
    Between,
    /// A key was met; its value's first byte decides.
    Keyed,
    /// In a string that is sent as it comes.
    Flowing(Box<Canonical>),
    /// In a value that is sent when it is complete.
    Held(Range<usize>),
    /// Nothing more until the call is complete.
    Paused,
}

impl Deltas {
    /// The arguments of a call of this tool.
    pub(super) fn new(tool: String) -> Self {
        let (key, out, last, sent) = Default::default();
        let pen = Pen { tool, flow: Flow::Between, keys: HashSet::new(), key, out, last, sent };
        Self { walk: ObjectWalk::new(), pen, ahead: 0 }
    }

    /// The tool's name.
    pub(super) fn tool(&self) -> &str {
        &self.pen.tool
    }

    /// Looks at these bytes of the arguments, and returns what is certain now.
    pub(super) fn push(&mut self, text: &str, range: Range<usize>, tools: &ToolSet) -> String {
        let Self { walk, pen, ahead } = self;
        if !matches!(pen.flow, Flow::Paused) {
            let from = range.start;
            pen.out.reserve(range.len() + 8);
            walk.push(&text.as_bytes()[range], from, &mut |passed| pen.pass(passed, text, tools));
        }
        pen.sent.push_str(&pen.out);
        let known = pen.out.len().min(*ahead);
        *ahead -= known;
        pen.out.drain(..known);
        std::mem::take(&mut pen.out)
    }

    /// Bytes at which something may become certain, and whether all before them is certain as it comes. None where any
    /// byte may be one.
    pub(super) fn stops<'t>(&self, turns: &'t Turns) -> Option<(&'t ByteSet, bool)> {
        match &self.pen.flow {
            Flow::Flowing(_) => Some((&turns.markers, true)),
            Flow::Paused => Some((&turns.ends, false)),
            Flow::Held(_) if self.walk.is_enclosed() => Some((&turns.values, false)),
            _ => None,
        }
    }

    /// What is certain now of bytes that come next and are pushed later, and was not at the last call. None: they must
    /// be pushed to know.
    pub(super) fn foresee(&mut self, bytes: &[u8]) -> Option<String> {
        let Flow::Flowing(canonical) = &self.pen.flow else { return None };
        let delta = canonical.verbatim(bytes.get(self.ahead..)?)?;
        self.ahead += delta.len();
        Some(delta.to_owned())
    }

    /// What has not been sent of the final arguments; nothing if what was sent is no part of them, as happens where a
    /// deviation behind the arguments makes the tolerant reader see another object.
    pub(super) fn rest<'j>(&self, json: &'j str) -> Option<&'j str> {
        json.strip_prefix(self.pen.sent.as_str())
    }
}

impl Pen {
    fn pass(&mut self, passed: Walked, text: &str, tools: &ToolSet) {
        let flow = std::mem::replace(&mut self.flow, Flow::Paused);
        self.flow = match (flow, passed) {
            (Flow::Between, Walked::Key(key)) if self.keys.insert(key.clone()) => {
                self.key = key;
                Flow::Keyed
            }
            (Flow::Keyed, Walked::Value(piece)) => self.first(piece, text, tools),
            (Flow::Flowing(canonical), Walked::Value(piece)) => self.flow(canonical, &text.as_bytes()[piece]),
            (Flow::Flowing(canonical), Walked::ValueEnd) if canonical.is_done() => Flow::Between,
            (Flow::Held(held), Walked::Value(piece)) => Flow::Held(held.start..piece.end),
            (Flow::Held(held), Walked::ValueEnd) => self.complete(&text[held], tools),
            _ => Flow::Paused,
        };
    }

    fn view<'t>(&self, tools: &'t ToolSet) -> Option<View<'t>> {
        tools.parameter(&self.tool, &self.key)
    }

    /// The first byte of a value.
    fn first(&mut self, piece: Range<usize>, text: &str, tools: &ToolSet) -> Flow {
        let bytes = &text.as_bytes()[piece.clone()];
        match self.view(tools) {
            Some(view) if bytes.first() == Some(&b'"') && takes_any_string(view) => {
                self.key();
                self.flow(Box::new(Canonical::new()), bytes)
            }
            Some(_) => Flow::Held(piece),
            None => Flow::Paused,
        }
    }

    /// More of a string that is sent as it comes.
    fn flow(&mut self, mut canonical: Box<Canonical>, bytes: &[u8]) -> Flow {
        if !canonical.push(bytes, &mut self.out) {
            return Flow::Paused;
        }
        if canonical.is_done() {
            self.last.extend(self.out.pop());
        }
        Flow::Flowing(canonical)
    }

    /// A held value is complete.
    fn complete(&mut self, value: &str, tools: &ToolSet) -> Flow {
        let read = serde_json::from_str::<Value>(value);
        match (read, self.view(tools)) {
            (Ok(read), Some(view)) if is_settled(&read, view) && !Digits::may_differ(&read) => {
                self.key();
                self.last = read.to_string();
                Flow::Between
            }
            // Digits are kept by the whole call: two numbers of it may have the same nearest float.
            _ => Flow::Paused,
        }
    }

    fn key(&mut self) {
        self.out.push_str(&std::mem::take(&mut self.last));
        self.out.push(if self.keys.len() == 1 { '{' } else { ',' });
        self.out.push_str(&Value::String(self.key.clone()).to_string());
        self.out.push(':');
    }
}

/// Whether the schema takes any string as it is.
fn takes_any_string(view: View<'_>) -> bool {
    matches!(view.kind(), Kind::String(strings) if strings.formats.is_empty())
}

/// Whether the check has nothing to put right in this value.
fn is_settled(value: &Value, view: View<'_>) -> bool {
    match (view.kind(), value) {
        (Kind::Constants(members), value) => members.contains(value),
        (Kind::String(strings), Value::String(_)) => strings.formats.is_empty(),
        (Kind::Any, _) | (Kind::Boolean, Value::Bool(_)) => true,
        (Kind::Number(numbers), Value::Number(number)) => !numbers.integer || !number.is_f64(),
        (Kind::Array(arrays), Value::Array(items)) => items.iter().enumerate().all(|(index, item)| {
            let view = arrays.item(index).map(|node| view.beside(node));
            // Whole numbers in a list of numbers are written with a fraction.
            let floats = index >= arrays.first.len()
                && view.is_some_and(|view| matches!(view.kind(), Kind::Number(numbers) if !numbers.integer));
            !(floats && item.is_number() && !item.is_f64()) && view.is_some_and(|view| is_settled(item, view))
        }),
        (Kind::Object(objects), Value::Object(map)) => {
            let member = |key: &str| Some(view.beside(&objects.member(key)?.node));
            let listed = !objects.members.is_empty();
            let free = !listed && objects.patterns.is_empty() && objects.others == Others::Unsaid;
            free || listed && map.iter().all(|(key, item)| member(key).is_some_and(|view| is_settled(item, view)))
        }
        _ => false,
    }
}

/// Arguments as `serde_json` writes them, with room for some that were written in so many bytes: a long text that grows
/// piece by piece is copied again and again.
pub(super) fn compact(arguments: &Arguments, digits: &Digits, written: usize) -> String {
    let mut json = Vec::with_capacity(written);
    let done = serde_json::to_writer(&mut json, &digits.exact(arguments));
    done.ok().and_then(|()| String::from_utf8(json).ok()).unwrap_or_default()
}
