//! Blocks between a format's markers that hold no call, though they name a tool or hold parameters.
//!
//! They are no text for the user, and no silence: each is a fault.

use std::ops::Range;

use super::anchors::anchors;
use super::parser::Parser;
use crate::chat::{Event, Fault, SegmentKind};

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
        }
        blocks
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
