//! The end of a call whose beginning is nowhere: the tail of a body, and a closing tag behind it.
//!
//! A model that was shown a result may write the second half of a call. The reader leaves the tag out; the tail before it
//! is no text for the user either, and what it was meant to be nobody can tell, so it is a fault.

use std::ops::Range;

use super::parser::Parser;
use crate::chat::{Event, Fault, Fix, FixKind, SegmentKind};

/// What stands between the parts of a JSON body, and in prose never.
const JOINTS: [&str; 6] = ["\", \"", "\",\"", "\": ", "\":{", "\":\"", "{\""];

impl Parser {
    /// Takes the tails of calls that have no beginning out of the text, and tells them.
    pub(super) fn tell_leftovers(&mut self, events: &mut Vec<Event>) {
        let raw = &self.parsed.raw;
        let closes: Vec<&str> = self.format.closers().filter(|close| !close.is_empty()).collect();
        let is_close = |fix: &&Fix| {
            let tag = raw.get(fix.span.clone()).map_or("", str::trim);
            fix.kind == FixKind::Surplus && fix.call.is_none() && closes.contains(&tag)
        };
        let mut ends: Vec<Range<usize>> =
            self.parsed.fixes.iter().filter(is_close).map(|fix| fix.span.clone()).collect();
        if ends.is_empty() {
            return;
        }
        ends.sort_unstable_by_key(|end| end.start);
        let texts = self.texts();
        let tail = |close: &Range<usize>| {
            let before = texts[..texts.partition_point(|text| text.end <= close.start)].last()?;
            let text = raw[before.end..close.start].trim().is_empty().then(|| &raw[before.clone()])?;
            let paragraph = text.rfind("\n\n").map_or(0, |at| at + 2);
            let joint = JOINTS.iter().filter_map(|joint| text[paragraph..].find(joint)).min()?;
            Some((before.start + paragraph + joint..before.end, close.end))
        };
        let tails: Vec<_> = ends.iter().filter_map(tail).collect();
        let paints: Vec<_> = tails.iter().map(|(tail, _)| (tail.clone(), SegmentKind::Malformed)).collect();
        self.parsed.repaint(&paints);
        for (tail, end) in tails {
            let message = "unreadable call: its end stands in the text, its beginning nowhere".to_owned();
            self.fault(Fault::Unreadable { span: tail.start..end, message }, events);
        }
    }

    /// The text for the user, as far as it goes on with nothing but blanks between.
    fn texts(&self) -> Vec<Range<usize>> {
        let mut texts: Vec<Range<usize>> = Vec::new();
        for segment in self.parsed.segments.iter().filter(|segment| segment.kind == SegmentKind::Text) {
            match texts.last_mut() {
                Some(last) if self.parsed.raw[last.end..segment.span.start].trim().is_empty() => {
                    last.end = segment.span.end;
                }
                _ => texts.push(segment.span.clone()),
            }
        }
        texts
    }
}
