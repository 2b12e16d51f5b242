//! The content of a message to a tool that is no JSON: `to=python code` and then code.
//!
//! It goes to the message's end. Code is the argument of a tool whose one parameter is named for code by the format's row;
//! to any other tool it is a mistake, and is told as one, as is a sentence.

use serde_json::Value;

use super::json_calls::Named;
use super::plain_args;
use crate::format::envelope::RawCall;
use crate::format::item::{Advance, Scene, Why, fix};
use crate::format::scan::Sighted;

/// A message's content that is being read.
#[derive(Debug)]
pub(crate) struct PlainItem {
    from: usize,
    searched: usize,
    named: Named,
}

impl PlainItem {
    /// The content of a message to this tool, from `from` on.
    pub(crate) fn new(from: usize, named: Named) -> Self {
        Self { from, searched: from, named }
    }

    pub(crate) fn start(&self) -> usize {
        self.from
    }

    pub(crate) fn advance(&mut self, scene: &Scene<'_>) -> Advance {
        match scene.format.markers().inside.find(scene.text, self.searched, scene.at_end) {
            Sighted::Marker { at, .. } => self.read(scene, at),
            Sighted::Perhaps { at } => {
                self.searched = at;
                Advance::More
            }
            Sighted::Nothing if scene.at_end => Advance::Truncated { name: Some(self.named.name.clone()) },
            Sighted::Nothing => {
                self.searched = scene.text.len();
                Advance::More
            }
        }
    }

    fn read(&self, scene: &Scene<'_>, end: usize) -> Advance {
        let Named { name, id, .. } = self.named.clone();
        let place = self.from..end;
        let code = scene.format.row().channels.as_ref().map_or(&[][..], |channels| &channels.code);
        match plain_args::whole(&scene.text[place.clone()], &name, code, scene.offered) {
            Some((arguments, kind)) => {
                let fixes = vec![fix(kind, place.clone())];
                let (arguments, sources) = (Value::Object(arguments), Vec::new());
                Advance::Done {
                    end,
                    calls: vec![RawCall { name, arguments, id, span: place, fixes, sources, object: None }],
                }
            }
            None => Advance::Unreadable { end, why: Why::Broken("expected the arguments as a JSON object") },
        }
    }
}
