//! Events of a turn to [`Part`]s: in the order in which every dialect can write them, and only what is certain.
//!
//! A call's arguments go out as they are generated where the grammar holds them, since nothing can take them back then.
//! Otherwise a call goes out whole, once the engine hands it out. A held call's last character waits for that, too: what
//! the token limit cut off is then no whole JSON, and no client acts on it. It must not know dialects.

use std::collections::VecDeque;

use callwright::chat::{Call, Event, FinishReason, Response};

use crate::ids;
use crate::surface::{Finish, Part};

/// The parts of one turn, as they become certain.
#[derive(Debug, Default)]
pub(crate) struct Parts {
    /// Whether calls are held to the grammar as they are generated.
    held: bool,
    open: Option<Open>,
    /// What came while a call was open.
    later: VecDeque<Part>,
    /// Calls that have begun or gone out.
    begun: usize,
    /// Whether text or a whole call has gone out.
    answered: bool,
    calls: usize,
}

/// The call whose arguments are going out.
#[derive(Debug)]
struct Open {
    /// Among the calls of the answer.
    call: usize,
    /// Among the parts.
    index: usize,
    /// Bytes of its arguments that went out.
    sent: usize,
    /// What waits for the call's end.
    kept: String,
}

impl Parts {
    /// What an event makes certain.
    pub(crate) fn take(&mut self, event: Event) -> Vec<Part> {
        match event {
            Event::Held { .. } => self.held = true,
            Event::Reasoning { delta, .. } => return self.aside(Part::Reasoning(delta)),
            Event::Text { delta, .. } => return self.aside(Part::Text(delta)),
            Event::CallStarted { index, name, .. } if self.held && self.open.is_none() && self.later.is_empty() => {
                return vec![self.begin(index, name)];
            }
            Event::Arguments { index, delta, .. } => return self.arguments(index, &delta),
            Event::CallFinished { index, call } => return self.finished(index, &call),
            _ => {}
        }
        Vec::new()
    }

    /// Why the answer ended, by what went out.
    pub(crate) fn finish(&self, response: &Response) -> Finish {
        match response.finish_reason {
            FinishReason::Length | FinishReason::Cancelled => Finish::Length,
            _ if self.calls > 0 => Finish::Calls,
            _ => Finish::Stop,
        }
    }

    fn aside(&mut self, part: Part) -> Vec<Part> {
        if self.open.is_some() {
            self.later.push_back(part);
            return Vec::new();
        }
        self.out(part)
    }

    fn out(&mut self, part: Part) -> Vec<Part> {
        if let Part::Text(text) = &part {
            self.answered |= !text.trim().is_empty();
        }
        vec![part]
    }

    fn begin(&mut self, call: usize, name: String) -> Part {
        let index = self.begun;
        self.begun += 1;
        self.open = Some(Open { call, index, sent: 0, kept: String::new() });
        Part::Call { index, id: ids::fresh(), name }
    }

    fn arguments(&mut self, call: usize, delta: &str) -> Vec<Part> {
        let Some(open) = self.open.as_mut().filter(|open| open.call == call) else { return Vec::new() };
        open.kept.push_str(delta);
        let Some((last, _)) = open.kept.char_indices().last() else { return Vec::new() };
        if last == 0 {
            return Vec::new();
        }
        let rest = open.kept.split_off(last);
        let delta = std::mem::replace(&mut open.kept, rest);
        open.sent += delta.len();
        vec![Part::Arguments { index: open.index, delta }]
    }

    fn finished(&mut self, call: usize, done: &Call) -> Vec<Part> {
        let mut parts = Vec::new();
        if self.open.as_ref().is_none_or(|open| open.call != call) {
            // Its turn comes behind the open one, which did not end well.
            parts.extend(self.close(false));
            parts.push(self.begin(call, done.name.clone()));
        }
        let all = done.arguments_json();
        if let Some(open) = &self.open
            && let Some(rest) = all.get(open.sent..).filter(|rest| !rest.is_empty())
        {
            parts.push(Part::Arguments { index: open.index, delta: rest.to_owned() });
        }
        self.calls += 1;
        self.answered = true;
        parts.extend(self.close(true));
        parts
    }

    /// Ends the open call, and lets out what waited for that.
    fn close(&mut self, whole: bool) -> Vec<Part> {
        let Some(open) = self.open.take() else { return Vec::new() };
        let mut parts = vec![Part::CallEnd { index: open.index, whole }];
        while let Some(part) = self.later.pop_front() {
            parts.extend(self.out(part));
        }
        parts
    }

    /// What is still to be told once the turn is over.
    pub(crate) fn ended(&mut self, response: &Response) -> Vec<Part> {
        let mut parts = self.close(false);
        if !self.answered {
            // A call that could not be read is shown as it was written: an empty answer helps nobody.
            let raw = response.raw.trim();
            let text = if raw.is_empty() { "(The model ended without an answer.)" } else { raw };
            parts.push(Part::Text(text.to_owned()));
        }
        parts
    }
}
