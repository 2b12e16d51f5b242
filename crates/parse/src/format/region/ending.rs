//! How a region ends: where the text is over, and what is told to be missing then.

use super::super::Format;
use super::super::envelope::RawCall;
use super::super::extent::{Starts, starts};
use super::super::item::{Item, Scene, fix};
use super::super::reader::Step;
use super::super::row::{ParallelKind, ShapeName};
use super::super::scan::lead;
use super::super::shapes::tagged_params::TaggedItem;
use super::super::shapes::torn::begins_torn;
use super::{Ended, Region};
use crate::chat::{Fault, FixKind};
use crate::value;

/// No name is longer.
const LONGEST_NAME: usize = 200;

impl Region {
    /// It is over here, with calls.
    pub(super) fn over(&self, at: usize) -> Ended {
        Ended::Here { at, pending_close: self.call_open || self.section || self.list > 0 || self.fence }
    }

    /// Where a marker stands and what nearly begins a tagged call, that is read to its end, and no call; another one in its
    /// values must not be taken for it. `Some(None)`: look again.
    #[expect(clippy::option_option, reason = "as `peek` answers, and whether it applies at all")]
    pub(super) fn torn(&mut self, scene: &Scene<'_>) -> Option<Option<Ended>> {
        if self.bare || !(self.section || self.call_open) {
            return None;
        }
        let rest = &scene.text[self.at..];
        if let Some(begun) = self.named_only(scene, rest) {
            return Some(begun);
        }
        let tagged = scene.format.bodies().iter().filter(|body| body.row.shape == ShapeName::TaggedParams);
        for (body, template) in tagged.flat_map(|body| body.templates().map(move |template| (body, template))) {
            let lead = lead(template.lead());
            if !scene.at_end && !lead.is_empty() && rest.len() < lead.len() + 8 {
                return Some(Some(Ended::Not));
            }
            if begins_torn(rest, lead) {
                self.item = Some(Item::Tagged(Box::new(TaggedItem::spoiled(self.at, self.at, body))));
                return Some(None);
            }
        }
        None
    }

    /// As [`Self::torn`], where all that is left of a header is the name of an offered tool.
    #[expect(clippy::option_option, reason = "as `peek` answers, and whether it applies at all")]
    fn named_only(&mut self, scene: &Scene<'_>, rest: &str) -> Option<Option<Ended>> {
        let mut tagged = scene.format.bodies().iter().filter(|body| body.row.shape == ShapeName::TaggedParams);
        let body = tagged.find(|body| !body.begins_with_name())?;
        let near = &rest[..rest.floor_char_boundary(LONGEST_NAME)];
        let name = value::name(near, 0)?;
        let next = near[name.end..].chars().next();
        if next.is_none() && !scene.at_end && near.len() == rest.len() {
            return Some(Some(Ended::Not));
        }
        if !matches!(next, Some('"' | '\'' | '>')) || !scene.offered.knows(&near[name]) {
            return None;
        }
        self.item = Some(Item::Tagged(Box::new(TaggedItem::spoiled(self.at, self.at, body))));
        Some(None)
    }

    /// Passes the tag that ends a call where it stands again, behind the call that it ended.
    pub(super) fn stray(&mut self, scene: &Scene<'_>, out: &mut Vec<Step>) -> Starts {
        if self.calls == 0 {
            return Starts::No;
        }
        let mut stray = Starts::No;
        let rest = &scene.text.as_bytes()[self.at..];
        for body in scene.format.bodies().iter().filter(|body| body.row.shape == ShapeName::TaggedParams) {
            match starts(rest, body.tail(), scene.at_end) {
                Starts::Yes if !body.tail().is_empty() => {
                    let end = self.at + body.tail().len();
                    self.push(Step::Fix(fix(FixKind::Surplus, self.at..end)), out);
                    self.framing(end, out);
                    return Starts::Yes;
                }
                Starts::Perhaps => stray = Starts::Perhaps,
                Starts::Yes | Starts::No => {}
            }
        }
        stray
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

/// Whether it is code that goes on behind a call, `print(result)`, and calls no tool.
pub(super) fn is_code(call: &RawCall, scene: &Scene<'_>) -> bool {
    let has = |kind: FixKind| call.fixes.iter().any(|fix| fix.kind == kind);
    has(FixKind::Unquoted) && has(FixKind::Positional) && !scene.offered.resolves(&call.name)
}

/// Whether a turn holds one call: what the model writes where it should have stopped is made up, calls too.
pub(in super::super) fn has_one_call(format: &Format) -> bool {
    format.row().parallel.kind == ParallelKind::Single
}
