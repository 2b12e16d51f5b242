//! How a region ends: where the text is over, and what is told to be missing then.

use super::super::Format;
use super::super::envelope::RawCall;
use super::super::extent::Starts;
use super::super::item::{Scene, fix};
use super::super::reader::Step;
use super::super::row::{ParallelKind, ShapeName};
use super::super::scan::Sighted;
use super::{Ended, Region};
use crate::chat::{Fault, FixKind};

impl Region {
    /// It is over here, with calls.
    pub(super) fn over(&self, at: usize) -> Ended {
        Ended::Here { at, pending_close: self.call_open || self.section || self.list > 0 || self.fence }
    }

    pub(super) fn at_end(&mut self, scene: &Scene<'_>, out: &mut Vec<Step>) -> Ended {
        if self.calls == 0 {
            if self.none && self.list == 0 && !self.bare {
                self.framing(self.at, out);
                self.commit(out);
                return self.over(self.at);
            }
            // A fence at the end closes some other block.
            if self.bare || self.list > 0 || scene.format.written().row.shape == ShapeName::NamedText {
                return Ended::Text;
            }
            self.commit(out);
            let span = self.told..scene.text.len();
            out.push(Step::Framing(span.clone()));
            out.push(Step::Fault(Fault::Truncated { span, name: None }));
            self.told = scene.text.len();
            return self.over(scene.text.len());
        }
        self.tell_open(scene, out);
        self.framing(self.at, out);
        self.over(self.at)
    }

    /// Tells that the calls end though something that they stand in is open.
    pub(super) fn tell_open(&mut self, scene: &Scene<'_>, out: &mut Vec<Step>) {
        let row = scene.format.row();
        // What stops the model is no part of what it writes.
        let closes = |close: &str| !close.is_empty() && row.stop.iter().all(|stop| stop != close.trim());
        let open = self.list > 0
            || self.tail.take().is_some_and(|tail| closes(&tail))
            || (self.call_open && closes(&row.call.close))
            || (self.section && closes(&row.section.close));
        if open {
            self.push(Step::Fix(fix(FixKind::MissingClose, self.at..self.at)), out);
        }
    }
}

/// No more brackets close too much.
const MOST_BRACKETS: usize = 64;

/// How many closing brackets stand here.
fn brackets(bytes: &[u8]) -> usize {
    bytes.iter().take(MOST_BRACKETS).take_while(|byte| matches!(byte, b'}' | b']' | b')')).count()
}

/// Whether a bracket stands here, behind a call that ended at `call`, that closes nothing: right behind the call, or before a
/// marker, a new line or the end of the text.
pub(super) fn stray_brackets(scene: &Scene<'_>, at: usize, call: usize) -> Starts {
    let bytes = scene.text.as_bytes();
    let end = at + brackets(&bytes[at..]);
    if end == at || end - at == MOST_BRACKETS {
        return Starts::No;
    }
    if at == call && bytes[at] != b')' {
        return Starts::Yes;
    }
    let next = end + bytes[end..].iter().take(MOST_BRACKETS).take_while(|byte| matches!(byte, b' ' | b'\t')).count();
    match bytes.get(next) {
        None => {
            if scene.at_end {
                Starts::Yes
            } else {
                Starts::Perhaps
            }
        }
        Some(b'\n' | b'\r') => Starts::Yes,
        Some(_) => match scene.format.markers().inside.here(scene.text, next, scene.at_end) {
            Sighted::Marker { .. } => Starts::Yes,
            Sighted::Perhaps { .. } => Starts::Perhaps,
            Sighted::Nothing => Starts::No,
        },
    }
}

/// Whether it is code that goes on behind a call, `print(result)`, and calls no tool.
pub(super) fn is_code(call: &RawCall, scene: &Scene<'_>) -> bool {
    let has = |kind: FixKind| call.fixes.iter().any(|fix| fix.kind == kind);
    has(FixKind::Unquoted) && has(FixKind::Positional) && !scene.offered.resolves(&call.name)
}

/// Whether a turn holds one call: what the model writes where it should have stopped is made up, calls too.
pub(in super::super) fn has_one_call(format: &Format) -> bool {
    format.row().parallel.kind == ParallelKind::Single
}
