//! What the parser does at the end of a text: it recovers calls, takes them out of the text, and ends loops.

use std::ops::Range;
use std::sync::Arc;

use super::deltas::compact;
use super::digits::Numbers;
use super::markup::framed;
use super::offer::OnOffer;
use super::parser::Parser;
use super::recovery::{Looking, Recovered, recover};
use crate::chat::{Event, Fault, Fix, FixKind, SegmentKind};

impl Parser {
    /// Recovery is for texts in which the format found nothing. A call that the format saw being cut off is one that it
    /// found: reading it once more with missing brackets forgiven would complete it (law 8).
    pub(super) fn may_recover(&self) -> bool {
        let cut_off = self.parsed.faults.iter().any(|fault| matches!(fault, Fault::Truncated { .. }));
        self.parsed.calls.is_empty() && !self.parsed.raw.is_empty() && !cut_off && !self.unfinished
    }

    /// Whether these bytes are reasoning, in which a call is only thought of.
    pub(super) fn is_thought(&self, span: &Range<usize>) -> bool {
        let segments = &self.parsed.segments;
        let first = segments.partition_point(|segment| segment.span.end <= span.start);
        let quoted = self.quoted.partition_point(|quoted| quoted.end <= span.start);
        if self.quoted.get(quoted).is_some_and(|quoted| quoted.start < span.end) {
            return true;
        }
        let mut within = segments[first..].iter().take_while(|segment| segment.span.start < span.end);
        within.any(|segment| segment.kind == SegmentKind::Reasoning)
    }

    /// The second step: calls anywhere in the text.
    pub(super) fn recover(&mut self, events: &mut Vec<Event>) {
        let (tools, raw) = (Arc::clone(&self.tools), std::mem::take(&mut self.parsed.raw));
        let offered = OnOffer { tools: &tools, level: self.level, unchecked: self.unchecked };
        let format = Arc::clone(&self.format);
        let (level, recovery) = (self.level, self.recovery);
        let looking = Looking { tools: &tools, level, recovery, offered: &offered, format: &format };
        let quoted = [self.reader.quoted(), &self.quoted].concat();
        let found = recover(&self.parsed.without(&quoted, &raw), looking);
        self.parsed.raw = raw;
        let leads: Vec<String> = format.leads().map(str::to_owned).collect();
        let (mut read, mut floor) = (Vec::new(), 0);
        for Recovered { raw, checked, .. } in found.calls {
            if self.is_thought(&raw.span) || self.reader.quotes(&raw.span) {
                continue;
            }
            let (attempt, index) = (self.attempt, self.parsed.calls.len());
            let repeated = raw.fixes.iter().filter(|fix| fix.kind == FixKind::Repeated).map(|fix| fix.span.clone());
            let repeated: Vec<Range<usize>> = repeated.collect();
            for (span, is_call) in std::iter::once((&raw.span, true)).chain(repeated.iter().map(|span| (span, false))) {
                read.push((framed(&self.parsed.raw, span, floor.min(span.start), &leads), span.clone(), index));
                floor = if is_call { read.last().map_or(floor, |(frame, ..)| frame.end) } else { floor };
            }
            events.push(Event::CallStarted { attempt, index, name: checked.name.clone() });
            let numbers = Numbers::read(&checked.arguments, &self.parsed.raw, &raw.span, index);
            let delta = compact(&checked.arguments, &numbers.digits, raw.span.len());
            events.push(Event::Arguments { attempt, index, delta });
            let recovered = Fix { kind: FixKind::Recovered, span: raw.span.clone(), call: None, note: None };
            self.keep(raw, checked, numbers, Some(recovered), events);
        }
        for Recovered { raw, checked, .. } in found.mentioned {
            if !self.is_thought(&raw.span) {
                let message = format!("call of `{}` in prose, not executed", checked.name);
                self.fault(Fault::InProse { span: raw.span, message }, events);
            }
        }
        if let Some((start, name)) = found.cut {
            let span = start..self.parsed.raw.len();
            if !self.is_thought(&span) {
                self.fault(Fault::Truncated { span, name: Some(name) }, events);
            }
        }
        self.take_out(read);
    }

    /// Takes calls out of the text, each with the frame around it.
    fn take_out(&mut self, mut read: Vec<(Range<usize>, Range<usize>, usize)>) {
        read.sort_by_key(|(_, call, _)| call.start);
        let (mut paints, mut end) = (Vec::with_capacity(read.len() * 3), 0);
        for (frame, call, index) in &read {
            // No words between two calls: nothing of it is text.
            let gap =
                self.parsed.raw.get(end..frame.start).filter(|gap| end > 0 && !gap.contains(char::is_alphanumeric));
            let from = gap.map_or(frame.start, |_| end);
            let pieces = [
                (from..call.start, SegmentKind::Framing),
                (call.clone(), SegmentKind::Call { index: *index }),
                (call.end..frame.end, SegmentKind::Framing),
            ];
            for (span, kind) in pieces {
                let span = span.start.max(end)..span.end.max(end);
                end = span.end;
                paints.push((span, kind));
            }
        }
        paints.retain(|(span, _)| !span.is_empty());
        self.parsed.repaint(&paints);
        // What the format could not read and recovery could is no fault. Calls stand in the text's order.
        let reads = |span: &Range<usize>| {
            let first = read.partition_point(|(_, call, _)| call.end <= span.start);
            read.get(first).is_some_and(|(_, call, _)| call.start < span.end)
        };
        self.parsed.faults.retain(|fault| !matches!(fault, Fault::Unreadable { span, .. } if reads(span)));
    }

    /// Keeps the calls of a loop once.
    pub(super) fn end_loops(&mut self, events: &mut Vec<Event>) {
        let cut = self.parsed.raw.len();
        let is_cut = |fault: &Fault| matches!(fault, Fault::Truncated { span, .. } if span.end == cut);
        let first = self.loops.repeats(self.parsed.faults.iter().any(is_cut));
        if first.iter().all(Option::is_none) {
            return;
        }
        let mut left = 0;
        let kept: Vec<Option<usize>> = first
            .iter()
            .map(|first| {
                left += usize::from(first.is_none());
                first.is_none().then(|| left - 1)
            })
            .collect();
        let place = |index: usize| kept.get(first.get(index).copied().flatten().unwrap_or(index)).copied().flatten();
        let is_kept = |call: Option<usize>| call.is_none_or(|index| kept.get(index).copied().flatten().is_some());
        let parsed = &mut self.parsed;
        for segment in &mut parsed.segments {
            if let SegmentKind::Call { index } = &mut segment.kind {
                *index = place(*index).unwrap_or(*index);
            }
        }
        parsed.fixes.retain(|fix| is_kept(fix.call));
        parsed.fixes.iter_mut().for_each(|fix| fix.call = fix.call.and_then(place));
        parsed.faults.retain(|fault| is_kept(fault.call()));
        for fault in &mut parsed.faults {
            if let Some(index) = fault.call().and_then(place) {
                *fault = fault.clone().of_call(index);
            }
        }
        let calls = std::mem::take(&mut parsed.calls);
        let mut repeated = Vec::new();
        for (index, call) in calls.into_iter().enumerate() {
            match (kept.get(index), call.span.clone()) {
                (Some(None), Some(span)) => {
                    repeated.push(Fix { kind: FixKind::Repeated, span, call: place(index), note: None });
                }
                _ => self.parsed.calls.push(call),
            }
        }
        for fix in repeated {
            self.fix(fix, events);
        }
    }
}
