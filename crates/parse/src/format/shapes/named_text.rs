//! A name, then text that is the tool's only argument: a code block whose language is the tool's name.
//!
//! Only an offered tool with one parameter is called so; every other block is text. A block that nothing closes was cut
//! off: code is not run in halves.

use serde_json::{Map, Value};

use crate::format::envelope::RawCall;
use crate::format::item::{Advance, Scene};
use crate::format::template::Field;
use crate::value;

/// A block that is being read.
#[derive(Debug)]
pub(crate) struct TextItem {
    from: usize,
    body: usize,
    /// The name, its parameter and where the text begins, once the line is whole.
    head: Option<(String, String, usize)>,
    /// No closing line begins before this byte.
    searched: usize,
}

/// No name is longer.
const LONGEST: usize = 200;

impl TextItem {
    /// A block whose name stands at `from`, in this body of the format.
    pub(crate) fn new(from: usize, body: usize) -> Self {
        Self { from, body, head: None, searched: from }
    }

    pub(crate) fn start(&self) -> usize {
        self.from
    }

    pub(crate) fn advance(&mut self, scene: &Scene<'_>) -> Advance {
        let bytes = scene.text.as_bytes();
        if self.head.is_none() {
            // The name belongs to the fence; on a line of its own it is text after a block that ended.
            if self.from > 0 && bytes[self.from - 1].is_ascii_whitespace() {
                return Advance::Not;
            }
            let near = &bytes[self.from..bytes.len().min(self.from + LONGEST)];
            let Some(line) = memchr::memchr(b'\n', near) else {
                return if near.len() < LONGEST && !scene.at_end { Advance::More } else { Advance::Not };
            };
            let word = value::name(scene.text, self.from).unwrap_or_default();
            let name = &scene.text[word.clone()];
            let only = match scene.offered.parameters(name).as_slice() {
                [only] => (*only).to_owned(),
                _ => return Advance::Not,
            };
            if !scene.text[word.end.max(self.from)..self.from + line].trim().is_empty() {
                return Advance::Not;
            }
            self.searched = self.from + line;
            self.head = Some((name.to_owned(), only, self.from + line + 1));
        }
        let closer = scene.format.bodies()[self.body].item.closer(Field::Value);
        let Some((name, only, start)) = &self.head else { return Advance::Not };
        while let Some(at) = memchr::memmem::find(&bytes[self.searched..], closer.as_bytes()) {
            let at = self.searched + at;
            let end = at + closer.len();
            match bytes.get(end) {
                None if !scene.at_end => {
                    self.searched = at;
                    return Advance::More;
                }
                None | Some(b'\n' | b'\r' | b' ') => {
                    let text = scene.text.get(*start..at).unwrap_or_default();
                    let arguments = Map::from_iter([(only.clone(), Value::from(text))]);
                    return Advance::Done { end, calls: vec![self.call(name, arguments, end)] };
                }
                Some(_) => self.searched = at + 1,
            }
        }
        if scene.at_end {
            return Advance::Truncated { name: Some(name.clone()) };
        }
        self.searched = self.searched.max((bytes.len() + 1).saturating_sub(closer.len()));
        Advance::More
    }

    fn call(&self, name: &str, arguments: Map<String, Value>, end: usize) -> RawCall {
        RawCall {
            name: name.to_owned(),
            arguments: Value::Object(arguments),
            id: None,
            span: self.from..end,
            fixes: Vec::new(),
            sources: Vec::new(),
            object: None,
        }
    }
}
