//! Reasoning as it is read: where it ends, and what a call in it is.

use super::super::item::Scene;
use super::super::mention::is_mentioned;
use super::super::scan::{Role, Sighted};
use super::{Next, Reader, State, Step, messages};

impl Reader {
    pub(super) fn reasoning(
        &mut self,
        scene: &Scene<'_>,
        tag: usize,
        call: Option<usize>,
        out: &mut Vec<Step>,
    ) -> Next {
        let Some(markers) = scene.format.markers().reasoning.get(tag) else { return Next::Go(State::Text) };
        self.fresh = false;
        let mut sighted = markers.find(scene.text, self.at, scene.at_end);
        if let Sighted::Marker { at, end, .. } = sighted {
            match is_mentioned(scene, at..end) {
                Some(false) => {}
                Some(true) => {
                    self.at = end;
                    return Next::Go(State::Reasoning { tag, call });
                }
                None => sighted = Sighted::Perhaps { at },
            }
        }
        let (upto, next) = match sighted {
            Sighted::Nothing => (scene.text.len(), scene.text.len()),
            Sighted::Perhaps { at } => (at, at),
            Sighted::Marker { at, end, .. } => (at, end),
        };
        self.at = next;
        let closed = matches!(sighted, Sighted::Marker { role: Role::ReasoningClose(_), .. });
        let opened = matches!(sighted, Sighted::Marker { role: Role::ChannelOpen, .. });
        if closed || opened || call.is_none() {
            self.tell_reasoning(scene, upto, out);
        }
        match sighted {
            Sighted::Marker { end, .. } if closed => {
                self.frame(end, out);
                self.started = false;
                Next::Go(State::Text)
            }
            Sighted::Marker { at, end, role: Role::ChannelOpen } => Next::Go(messages::message(scene, &(at..end))),
            Sighted::Marker { at, .. } if self.unclosed & bit(tag) != 0 => self.promoted(tag, at),
            Sighted::Marker { at, .. } => Next::Go(State::Reasoning { tag, call: call.or(Some(at)) }),
            _ if !scene.at_end => Next::Wait(State::Reasoning { tag, call }),
            // The text ended inside reasoning: a call in it is the model's call after all.
            _ => {
                self.unclosed |= bit(tag);
                if let Some(at) = call {
                    return self.promoted(tag, at);
                }
                self.frame(scene.text.len(), out);
                Next::Wait(State::Over)
            }
        }
    }

    /// A call begins in reasoning that nothing ends: the text goes on there.
    pub(super) fn promoted(&mut self, tag: usize, at: usize) -> Next {
        self.at = at;
        self.unended = Some(tag);
        self.started = true;
        Next::Go(State::Text)
    }
}

/// The bit of a reasoning tag; those beyond the last bit are never known to be unclosed.
fn bit(tag: usize) -> u64 {
    u32::try_from(tag).ok().and_then(|tag| 1_u64.checked_shl(tag)).unwrap_or(0)
}
