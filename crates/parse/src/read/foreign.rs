//! Another family's markup in a text whose own format found nothing.
//!
//! The text is read by the format that fits it, as where nobody names one. Its calls count only if all of them are of
//! offered tools and faultless; what the text was cut off in, or what cannot be read, is told.

use std::ops::Range;
use std::sync::Arc;

use super::anchors::anchors;
use super::deltas::compact;
use super::offer::OnOffer;
use super::parsed::Parsed;
use super::parser::Parser;
use super::recovery::Recovery;
use crate::chat::{Event, Fault, Fix, FixKind, SegmentKind};
use crate::format::{Format, Formats, RECOGNISED, detect_after, has_opening};

impl Parser {
    /// Reads the text by another format, if one fits it by its markers; whether it held calls.
    pub(super) fn read_foreign(&mut self, events: &mut Vec<Event>) -> bool {
        if !self.own || self.recovery == Recovery::Off || self.unchecked {
            return false;
        }
        let quoted = [self.reader.quoted(), &self.quoted].concat();
        let text = self.parsed.without(&quoted, &self.parsed.raw).into_owned();
        if !text.contains(['<', '[', '{']) || anchors(&text, &self.tools).is_empty() {
            return false;
        }
        let Some(format) = self.foreign_format(&text) else { return false };
        let mut other = Self::new(format, Arc::clone(&self.tools)).level(self.level).recovery(Recovery::Off);
        (other.guarded, other.own) = (true, false);
        other.parsed.raw = text;
        let read = other.end();
        let faulty = read.faults.iter().any(|fault| fault.call().is_some());
        // A value must not go through what was blanked.
        let mut spans = read.calls.iter().filter_map(|call| call.span.as_ref());
        let hidden = spans.any(|span| self.is_thought(span) || self.reader.quotes(span));
        if !read.calls.is_empty() && !faulty && !hidden {
            self.adopt(read, events);
            return true;
        }
        for fault in read.faults {
            let cut = matches!(&fault, Fault::Truncated { name: Some(name), .. } if self.tools.schema(name).is_some());
            if cut {
                self.fault(fault, events);
                return true;
            }
        }
        false
    }

    /// The other format that fits the text by its markers, or the format's own with other words in its tags.
    fn foreign_format(&self, text: &str) -> Option<Arc<Format>> {
        if let Some(respelled) = self.format.respelled(text) {
            return Some(Arc::new(respelled));
        }
        let formats = Formats::builtin();
        let own = self.format.name();
        let others: Vec<&Arc<Format>> =
            formats.iter().filter(|format| format.name() != own && has_opening(format, text)).collect();
        let offered = OnOffer { tools: &self.tools, level: self.level, unchecked: false };
        let fits = detect_after(others, "", text, &offered);
        let best = fits.into_iter().next().filter(|fit| fit.score >= RECOGNISED)?;
        formats.get(&best.format).ok()
    }

    /// Takes over what another format read.
    fn adopt(&mut self, read: Parsed, events: &mut Vec<Event>) {
        let paints: Vec<(Range<usize>, SegmentKind)> = read
            .segments
            .iter()
            .filter(|segment| !matches!(segment.kind, SegmentKind::Text | SegmentKind::Reasoning))
            .map(|segment| (segment.span.clone(), segment.kind))
            .collect();
        self.parsed.repaint(&paints);
        let attempt = self.attempt;
        for (index, mut call) in read.calls.into_iter().enumerate() {
            let span = call.span.clone().unwrap_or_default();
            events.push(Event::CallStarted { attempt, index, name: call.name.clone() });
            events.push(Event::Arguments { attempt, index, delta: compact(&call.arguments, &call.digits, span.len()) });
            self.fix(Fix { kind: FixKind::Recovered, span, call: Some(index), note: None }, events);
            for fix in read.fixes.iter().filter(|fix| fix.call == Some(index)) {
                self.fix(fix.clone(), events);
            }
            call.recovered = true;
            self.loops.say(&call);
            self.parsed.calls.push(call);
        }
        self.parsed.faults.retain(|fault| !matches!(fault, Fault::Unreadable { .. }));
        read.faults.into_iter().for_each(|fault| self.fault(fault, events));
    }
}
