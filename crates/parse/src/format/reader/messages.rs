//! Messages with headers: whom each speaks to, and what that makes of its content.
//!
//! A message to a tool is a call, one to the model itself is reasoning, and in one to the user a call is only quoted. A
//! message that looks like a call and names no tool is a mistake, and told as one.

use std::ops::Range;

use super::{Next, Reader, State, Step};
use crate::chat::Fault;
use crate::format::item::Scene;
use crate::format::region::Region;
use crate::format::row::{Channels, ShapeName};
use crate::format::scan::Sighted;
use crate::format::shapes::channels::{HeaderEnd, LONGEST_HEADER, Route, header_end, route};
use crate::format::shapes::json_calls::Named;

impl Reader {
    pub(super) fn header(&mut self, scene: &Scene<'_>, from: usize, out: &mut Vec<Step>) -> Next {
        let Some(channels) = &scene.format.row().channels else { return Next::Go(State::Text) };
        let weak = weak_open(channels, &scene.text[from..]);
        match header_end(channels, scene.text.as_bytes(), from) {
            Some(HeaderEnd::Message { end, content }) => {
                let route = route(channels, &scene.text[from..end], &scene.text[end..content]);
                self.routed(scene, route, content, out)
            }
            // Prose that begins like a header.
            Some(HeaderEnd::Broken { .. }) if weak.is_some() => {
                self.at = from + weak.unwrap_or_default();
                Next::Go(State::Text)
            }
            Some(HeaderEnd::Broken { at }) => {
                let header = &scene.text[from..at];
                if matches!(route(channels, header, ""), Route::Tool(_)) {
                    self.refuse(from..at, "a message to a tool that holds no arguments", out);
                } else {
                    self.frame(at, out);
                }
                self.at = at;
                Next::Go(State::Text)
            }
            None => {
                let long = scene.text.len() > from + LONGEST_HEADER;
                if !long && !scene.at_end {
                    return Next::Wait(State::Header { from });
                }
                self.at = from + weak.unwrap_or_default();
                if !long {
                    let span = self.told..scene.text.len();
                    self.frame(scene.text.len(), out);
                    out.push(Step::Fault(Fault::Truncated { span, name: None }));
                    self.at = scene.text.len();
                }
                Next::Go(State::Text)
            }
        }
    }

    fn routed(&mut self, scene: &Scene<'_>, route: Route, content: usize, out: &mut Vec<Step>) -> Next {
        self.at = content;
        self.fresh = false;
        match route {
            Route::Tool(name) => {
                let name = scene.strip(&name).to_owned();
                let apart = scene.format.written().row.shape == ShapeName::NamedJson;
                let named = apart.then(|| Named { name: name.clone(), ..Named::default() });
                let region = Region::addressed(self.told, content, named, name);
                Next::Go(State::Region(Box::new(region.in_value(std::mem::take(&mut self.in_value)))))
            }
            Route::Reasoning => {
                self.frame(content, out);
                self.told_reasoning = false;
                Next::Go(State::Reasoning { tag: scene.format.row().reasoning.len(), call: None })
            }
            Route::Nobody { arguments } => {
                self.frame(content, out);
                Next::Go(State::Nobody { from: content, arguments })
            }
            Route::Said => {
                self.frame(content, out);
                self.said = Some(content);
                Next::Go(State::Text)
            }
            Route::Text => {
                self.frame(content, out);
                Next::Go(State::Text)
            }
        }
    }

    /// The content of a message in a channel of calls that names no tool: arguments of nobody, or words for the user.
    pub(super) fn nobody(&mut self, scene: &Scene<'_>, (from, arguments): (usize, bool), out: &mut Vec<Step>) -> Next {
        let first = scene.skip_blanks(from);
        let wait = Next::Wait(State::Nobody { from, arguments });
        match scene.text.as_bytes().get(first) {
            None if !scene.at_end => return wait,
            Some(b'{') => {}
            Some(_) if arguments => {}
            _ => return Next::Go(State::Text),
        }
        let (end, stopped) = match scene.format.markers().said.find(scene.text, self.at.max(first), scene.at_end) {
            Sighted::Perhaps { at } => {
                self.at = at;
                return wait;
            }
            Sighted::Nothing if !scene.at_end => {
                self.at = scene.text.len();
                return wait;
            }
            Sighted::Nothing => (scene.text.len(), false),
            Sighted::Marker { at, end, .. } => {
                (at, scene.format.stop().iter().any(|stop| *stop == scene.text[at..end]))
            }
        };
        self.at = end;
        if arguments || stopped {
            self.frame(first, out);
            self.refuse(first..end, "a call that names no tool", out);
        } else {
            self.tell_text(scene, end, out);
        }
        Next::Go(State::Text)
    }

    /// Tells that this is no call, though it was meant as one.
    fn refuse(&mut self, span: Range<usize>, message: &str, out: &mut Vec<Step>) {
        out.push(Step::Malformed(self.told..span.end));
        self.told = span.end;
        out.push(Step::Quoted(span.clone()));
        out.push(Step::Fault(Fault::Unreadable { span, message: message.to_owned() }));
    }
}

/// The header that this marker begins. One that only counts at the beginning of a line is a part of its header.
pub(super) fn message(scene: &Scene<'_>, marker: &Range<usize>) -> State {
    let channels = scene.format.row().channels.as_ref();
    let weak = channels.is_some_and(|channels| weak_open(channels, &scene.text[marker.clone()]).is_some());
    State::Header { from: if weak { marker.start } else { marker.end } }
}

/// The length of the opening at the text's beginning that only counts at the beginning of a line.
fn weak_open(channels: &Channels, text: &str) -> Option<usize> {
    channels.line_open.iter().find(|word| text.starts_with(word.as_str())).map(String::len)
}
