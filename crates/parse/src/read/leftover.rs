//! The end of a call whose beginning is nowhere: a closing tag, alone or with the tail of a body before it.
//!
//! A model that was shown a result may write the second half of a call. That is no text for the user, and what it was
//! meant to be nobody can tell: a tail is a fault, a tag alone is left out and told.

use std::ops::Range;

use super::parser::Parser;
use crate::chat::{Event, Fault, Fix, FixKind, SegmentKind};

/// Shorter closers could be many things.
const SHORTEST: usize = 8;

/// What stands between the parts of a JSON body, and in prose never.
const JOINTS: [&str; 6] = ["\", \"", "\",\"", "\": ", "\":{", "\":\"", "{\""];

impl Parser {
    /// Takes the ends of calls that have no beginning out of the text, and tells them.
    pub(super) fn tell_leftovers(&mut self, events: &mut Vec<Event>) {
        let closers: Vec<String> =
            self.format.closers().filter(|close| close.len() >= SHORTEST).map(str::to_owned).collect();
        let mut found: Vec<(Range<usize>, bool)> = Vec::new();
        for text in self.texts() {
            let mut free = text.start;
            for close in self.ends(&closers, &text) {
                if close.start < free {
                    continue;
                }
                let before = &self.parsed.raw[free..close.start];
                // A call that is shown as an example has its beginning.
                if self.format.openers().any(|open| !open.is_empty() && before.contains(open)) {
                    free = close.end;
                    continue;
                }
                let paragraph = before.rfind("\n\n").map_or(0, |at| at + 2);
                let joint = JOINTS.iter().filter_map(|joint| before[paragraph..].find(joint)).min();
                let start = joint.map_or(close.start, |at| free + paragraph + at);
                free = close.end;
                found.push((start..close.end, joint.is_some()));
            }
        }
        let kind = |is_tail: bool| if is_tail { SegmentKind::Malformed } else { SegmentKind::Framing };
        let paints: Vec<_> = found.iter().map(|(span, is_tail)| (span.clone(), kind(*is_tail))).collect();
        self.parsed.repaint(&paints);
        for (span, is_tail) in found {
            if is_tail {
                let message = "unreadable call: its end stands in the text, its beginning nowhere".to_owned();
                self.fault(Fault::Unreadable { span, message }, events);
            } else {
                let note = Some("a closing tag without a call".to_owned());
                self.fix(Fix { kind: FixKind::Surplus, span, call: None, note }, events);
            }
        }
    }

    /// The text for the user, as far as it goes on without something else between.
    fn texts(&self) -> Vec<Range<usize>> {
        let mut texts: Vec<Range<usize>> = Vec::new();
        for segment in self.parsed.segments.iter().filter(|segment| segment.kind == SegmentKind::Text) {
            match texts.last_mut() {
                Some(last) if last.end == segment.span.start => last.end = segment.span.end,
                _ => texts.push(segment.span.clone()),
            }
        }
        texts
    }

    /// The closers at the ends of lines of this text, in order; those that are quoted are none.
    fn ends(&self, closers: &[String], text: &Range<usize>) -> Vec<Range<usize>> {
        let raw = &self.parsed.raw;
        let of = |close: &String| {
            let hits = raw[text.clone()].match_indices(close.as_str());
            hits.map(|(at, close)| text.start + at..text.start + at + close.len()).collect::<Vec<_>>()
        };
        let ends_line = |close: &Range<usize>| {
            let rest = raw[close.end..].trim_start_matches([' ', '\t', '\r']);
            rest.is_empty() || rest.starts_with(['\n', '<'])
        };
        let is_quoted =
            |close: &Range<usize>| raw[..close.start].ends_with(['`', '"', '\'']) || self.reader.quotes(close);
        let mut ends: Vec<_> =
            closers.iter().flat_map(of).filter(|close| ends_line(close) && !is_quoted(close)).collect();
        ends.sort_unstable_by_key(|close| close.start);
        ends
    }
}
