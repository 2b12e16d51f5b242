//! How a region ends: where the text is over, and what is told to be missing then.

use std::ops::Range;

use super::super::envelope::RawCall;
use super::super::extent::{Starts, starts};
use super::super::item::{Advance, Item, Scene, Why, fix};
use super::super::reader::Step;
use super::super::row::{ParallelKind, ShapeName};
use super::super::scan::{Role, Sighted, lead};
use super::super::shapes::tagged_params::TaggedItem;
use super::super::shapes::torn::begins_torn;
use super::super::{Body, Format};
use super::{Ended, Region};
use crate::chat::{Fault, FixKind};
use crate::value;

/// No name is longer.
const LONGEST_NAME: usize = 200;

/// At most this many bytes stand before a call's first parameter.
const LONGEST_HEAD: usize = 600;

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

    /// Whether a broken call stands behind a marker: nothing that can be read begins there, but a call's tags follow before
    /// another call opens. It is then read to its end and reported. `None` while the text so far does not say.
    pub(super) fn broken(&mut self, scene: &Scene<'_>, from: usize) -> Option<bool> {
        let body = scene.format.written();
        if self.bare || !(self.section || self.call_open) || body.row.shape != ShapeName::TaggedParams {
            return Some(false);
        }
        let near = &scene.text[..scene.text.floor_char_boundary(from + LONGEST_HEAD)];
        let is_cut = near.len() == scene.text.len() && !scene.at_end;
        match body.tags.value.find(near, from, !is_cut) {
            Sighted::Marker { role: Role::ParamOpen(_) | Role::Inner | Role::ValueClose, .. } => {
                self.item = Some(Item::Tagged(Box::new(TaggedItem::spoiled(from, from, body))));
                Some(true)
            }
            Sighted::Nothing | Sighted::Perhaps { .. } if is_cut => None,
            _ => Some(false),
        }
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

    /// Whether the byte at hand is a closing bracket too many, behind a call that ended with one. Where no marker frames
    /// the calls, only such brackets may stand up to the end. Nothing where the text so far does not say.
    pub(super) fn surplus_bracket(&self, scene: &Scene<'_>, byte: u8) -> Option<bool> {
        let closes = |byte: u8| matches!(byte, b'}' | b']' | b')');
        if self.surplus == 0 || !closes(byte) || byte == b']' && self.list > 0 {
            return Some(false);
        }
        let rest = &scene.text.as_bytes()[self.at..];
        match self.tail.as_ref().map(|tail| starts(rest, tail, scene.at_end)) {
            Some(Starts::Yes) => return Some(false),
            Some(Starts::Perhaps) => return None,
            _ => {}
        }
        if !self.bare {
            return Some(true);
        }
        let near = &rest[..rest.len().min(4 * super::MOST_SURPLUS)];
        match near.iter().position(|byte| !closes(*byte) && !byte.is_ascii_whitespace()) {
            None if near.len() < rest.len() => Some(false),
            None => scene.at_end.then_some(true),
            Some(next) => match scene.format.markers().inside.here(scene.text, self.at + next, scene.at_end) {
                Sighted::Marker { .. } => Some(true),
                Sighted::Perhaps { .. } => None,
                Sighted::Nothing => Some(matches!(rest[next], b',' | b';')),
            },
        }
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

/// Turns a call that cannot be trusted into a fault: it opened inside the value of an unfinished call, or it had to be fixed
/// and contains the opening of another one, which may be an example in a value or a second call that it ran into.
pub(super) fn doubted(scene: &Scene<'_>, item: &Item, advance: Advance, in_value: bool) -> Advance {
    match advance {
        Advance::Done { end, .. } if in_value => {
            Advance::Unreadable { end, why: Why::Doubtful("it may be a part of the call before it") }
        }
        Advance::Done { end, calls }
            if matches!(item, Item::Json(_) | Item::Expr(_))
                && calls.iter().any(|call| call.fixes.iter().any(|fix| fix.kind != FixKind::KeyAlias))
                && holds_opener(scene, item.start()..end) =>
        {
            Advance::Unreadable { end, why: Why::Doubtful("what opens another call stands in it") }
        }
        other => other,
    }
}

/// Whether the opening of another call stands in this call's arguments.
fn holds_opener(scene: &Scene<'_>, span: Range<usize>) -> bool {
    let text = &scene.text[..span.end];
    let mut from = text[span.start..].find(['{', '[', '(']).map_or(text.len(), |at| span.start + at + 1);
    let leads = scene.format.bodies().iter().flat_map(Body::templates).map(|template| lead(template.lead()));
    if leads.filter(|lead| lead.len() > 3 && lead.starts_with(['<', '['])).any(|lead| text[from..].contains(lead)) {
        return true;
    }
    while let Sighted::Marker { end, role, .. } = scene.format.markers().inside.find(text, from, true) {
        if opens(role) {
            return true;
        }
        from = end;
    }
    false
}

/// Whether a call opens at this byte.
pub(super) fn opens_at(scene: &Scene<'_>, at: usize) -> bool {
    let here = scene.format.markers().inside.here(scene.text, at, scene.at_end);
    matches!(here, Sighted::Marker { role, .. } if opens(role))
}

fn opens(role: Role) -> bool {
    matches!(role, Role::SectionOpen | Role::CallOpen | Role::ChannelOpen | Role::Bare(_))
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
pub(crate) fn has_one_call(format: &Format) -> bool {
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
