//! Blocks between a format's markers that hold no call, though they name a tool or hold parameters.
//!
//! They are no text for the user, and no silence: each is a fault.

use std::ops::Range;

use super::anchors::anchors;
use super::parser::Parser;
use crate::chat::{Event, Fault, SegmentKind};
use crate::format::has_one_call;

/// Shorter openers are not looked for without their last letter: that could be many things.
const SHORTEST: usize = 8;

/// A call's name stands within this many bytes of its opener.
const NEAR: usize = 160;

/// No block is longer.
const LONGEST: usize = 20_000;

impl Parser {
    /// Tells the blocks that could not be read, and takes them out of the text.
    pub(super) fn tell_unread(&mut self, events: &mut Vec<Event>) {
        if self.parsed.segments.iter().all(|segment| segment.kind != SegmentKind::Text) {
            return;
        }
        let blocks = self.unread();
        let paints: Vec<_> = blocks.iter().map(|block| (block.clone(), SegmentKind::Malformed)).collect();
        self.parsed.repaint(&paints);
        for span in blocks {
            let message = "unreadable call: markers with no call between them".to_owned();
            self.fault(Fault::Unreadable { span, message }, events);
        }
    }

    fn unread(&self) -> Vec<Range<usize>> {
        let raw = &self.parsed.raw;
        let (mut blocks, mut free) = (Vec::new(), 0);
        // Openers that nothing closes cost a look at what follows (law 4).
        let mut patience = 64 + raw.len() / LONGEST * 8;
        let is_text = |kind: SegmentKind| matches!(kind, SegmentKind::Text | SegmentKind::Framing);
        let segments = &self.parsed.segments;
        let mut index = 0;
        while let Some(segment) = segments.get(index) {
            index += 1;
            if segment.kind != SegmentKind::Text || segment.span.end <= free || patience == 0 {
                continue;
            }
            // What follows without a call or a thought between.
            let run = segments[index - 1..].iter().take(64).take_while(|segment| is_text(segment.kind));
            let end = run.last().map_or(segment.span.end, |segment| segment.span.end);
            let from = segment.span.start.max(free);
            let found = self.format.blocks(raw, from..segment.span.end, end.min(segment.span.end + LONGEST));
            patience -= usize::from(found.is_empty());
            for block in found {
                let inner = &raw[block.clone()];
                let marks = raw[..block.start].ends_with(['`', '"', '\'']);
                let quoted = marks || self.reader.quotes(&block);
                if !quoted && (self.format.has_parameter(inner) || !anchors(inner, &self.tools).is_empty()) {
                    free = block.end;
                    blocks.push(block);
                }
            }
            if let Some(body) = self.nobodys(index - 1) {
                blocks.push(body);
            }
            let from = segments[index - 1].span.start.max(free);
            // In a format with one call a turn, the model invents whatever follows that call.
            let made_up = has_one_call(&self.format) && !self.parsed.calls.is_empty();
            let text = from..segments[index - 1].span.end;
            if let Some(torn) = if made_up { None } else { self.torn(text) } {
                free = torn.end;
                blocks.push(torn);
            }
        }
        blocks
    }

    /// A call whose opener is broken, up to the end of this text: a name of an offered tool behind an opener without its last
    /// letter, or before what stands behind a name in this format.
    fn torn(&self, text: Range<usize>) -> Option<Range<usize>> {
        let raw = self.parsed.raw.get(text.clone())?;
        let offered = || self.tools.tools().iter().map(|tool| tool.name.as_str());
        let begins = |rest: &str| rest.trim_start().starts_with(['"', '\'', '{', '(', '<', '[']);
        let behind_stem = self.format.openers().filter(|open| open.len() >= SHORTEST).find_map(|open| {
            let stem = &open[..open.floor_char_boundary(open.len() - 1)];
            let at = raw.match_indices(stem).map(|(at, _)| at).find(|at| !raw[*at..].starts_with(open))?;
            let rest = raw[at + stem.len()..].trim_start();
            let near = &rest[..rest.floor_char_boundary(NEAR)];
            let glued = offered().any(|name| rest.strip_prefix(name).is_some_and(begins));
            let named = || anchors(near, &self.tools).into_iter().any(|anchor| begins(&near[anchor.span.end..]));
            (glued || named()).then_some(at)
        });
        let before_joint = || {
            let joints = self.format.joints().filter(|joint| joint.len() >= 4);
            joints.flat_map(|joint| raw.match_indices(joint)).find_map(|(at, _)| {
                let before = raw[..at].trim_end();
                let name = offered().find(|name| before.ends_with(name))?;
                Some(before.len() - name.len())
            })
        };
        let span = text.start + behind_stem.or_else(before_joint)?..text.end;
        (!self.reader.quotes(&span)).then_some(span)
    }

    /// The arguments of a message that ends like a call and speaks to no tool.
    fn nobodys(&self, index: usize) -> Option<Range<usize>> {
        let (raw, row) = (&self.parsed.raw, self.format.row());
        let span = self.parsed.segments.get(index)?.span.clone();
        let text = raw[span.clone()].trim();
        let next = self.parsed.segments.get(index + 1)?;
        let stops = row.stop.iter().any(|stop| raw[next.span.clone()].trim_start().starts_with(stop.as_str()));
        (row.channels.is_some() && stops && text.starts_with('{') && text.ends_with('}')).then_some(span)
    }
}
