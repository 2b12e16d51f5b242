//! What a parser hands over at the end: the text, what each byte of it is, and the calls.
//!
//! Apart from the parser, since everyone holds one and few make one. It knows no format and no tool.

use std::borrow::Cow;
use std::ops::Range;

use crate::chat::{Call, Event, Fault, Fix, Segment, SegmentKind};
use crate::format::Detected;

/// All that was read.
#[derive(Debug, Clone, PartialEq, Default)]
#[non_exhaustive]
pub struct Parsed {
    /// The format that it was read by, `""` where none was recognised.
    pub format: String,
    /// Where the format was chosen by the text ([`Parser::auto`](crate::read::Parser::auto)): which one fits best, how
    /// well, and why.
    pub detected: Option<Detected>,
    /// What the model wrote; bytes that are not UTF-8 as U+FFFD.
    pub raw: String,
    /// What each byte of it is; they lie end to end.
    pub segments: Vec<Segment>,
    /// The calls, checked.
    pub calls: Vec<Call>,
    /// Text for the user.
    pub text: String,
    /// Reasoning, without tags.
    pub reasoning: String,
    /// What was tolerated.
    pub fixes: Vec<Fix>,
    /// What the model did wrong.
    pub faults: Vec<Fault>,
    /// The events that came with the end.
    pub events: Vec<Event>,
}

impl Parsed {
    /// The text with blanks for its reasoning and for what is quoted, so that all places stay the same.
    pub(super) fn without_reasoning<'t>(&self, raw: &'t str, quoted: &[Range<usize>]) -> Cow<'t, str> {
        let thoughts = self.segments.iter().filter(|segment| segment.kind == SegmentKind::Reasoning);
        let mut spans = thoughts.map(|segment| &segment.span).chain(quoted).peekable();
        if spans.peek().is_none() {
            return Cow::Borrowed(raw);
        }
        let mut bytes = raw.as_bytes().to_vec();
        spans.for_each(|span| bytes[span.clone()].fill(b' '));
        String::from_utf8(bytes).map_or(Cow::Borrowed(raw), Cow::Owned)
    }

    /// Says that what was text up to here was reasoning.
    pub(super) fn rethink(&mut self, end: usize) {
        let texts = self.segments.iter_mut().filter(|segment| segment.kind == SegmentKind::Text);
        texts.filter(|segment| segment.span.end <= end).for_each(|segment| segment.kind = SegmentKind::Reasoning);
    }

    /// Says what the bytes up to `end` are, from where the last segment ended.
    pub(super) fn cover(&mut self, kind: SegmentKind, end: usize) {
        let from = self.segments.last().map_or(0, |segment| segment.span.end);
        match self.segments.last_mut() {
            Some(last) if last.kind == kind && end > from => last.span.end = end,
            _ if end > from => self.segments.push(Segment { kind, span: from..end }),
            _ => {}
        }
    }
}
