//! How a region ends: where the text is over, and what is told to be missing then.

use super::super::Format;
use super::super::envelope::RawCall;
use super::super::item::{Scene, fix};
use super::super::reader::Step;
use super::super::row::{ParallelKind, ShapeName};
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

/// Tells of a call that stands in a message to somebody else: it is not executed.
pub(super) fn misaddressed(call: RawCall, recipient: &str, out: &mut Vec<Step>) {
    let message = format!("a call of `{}` in a message to `{recipient}`", call.name);
    out.extend([
        Step::Malformed(call.span.clone()),
        Step::Quoted(call.span.clone()),
        Step::Fault(Fault::Unreadable { span: call.span, message }),
    ]);
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

/// Whether two names mean the same tool: a name space in front, or case and joints, aside.
pub(super) fn is_same_tool(one: &str, other: &str) -> bool {
    let plain = |name: &str| {
        let last = name.rsplit(['.', ':', '/']).next().unwrap_or(name);
        last.chars().filter(|letter| letter.is_alphanumeric()).flat_map(char::to_lowercase).collect::<String>()
    };
    plain(one) == plain(other)
}
