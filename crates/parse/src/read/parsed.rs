//! What a parser hands over at the end: the text, what each byte of it is, and the calls.
//!
//! Apart from the parser, since everyone holds one and few make one. It knows no format and no tool.

use std::borrow::Cow;
use std::ops::Range;

use super::paint::painted;
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
    /// The text with blanks for its reasoning and for these bytes, so that all places stay the same.
    pub(super) fn without<'t>(&self, quoted: &[Range<usize>], raw: &'t str) -> Cow<'t, str> {
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

    /// Says that these bytes (in order, apart) are of another kind than was told. Blanks that are left alone frame.
    pub(super) fn repaint(&mut self, paints: &[(Range<usize>, SegmentKind)]) {
        if paints.is_empty() {
            return;
        }
        self.segments = painted(&self.segments, paints);
        for segment in self.segments.iter_mut().filter(|segment| segment.kind == SegmentKind::Text) {
            if self.raw[segment.span.clone()].trim().is_empty() {
                segment.kind = SegmentKind::Framing;
            }
        }
        self.segments.dedup_by(|next, last| {
            let one = next.kind == last.kind && !matches!(last.kind, SegmentKind::Call { .. });
            if one {
                last.span.end = next.span.end;
            }
            one
        });
    }

    /// All text or all reasoning. Where something was taken out between two words, a blank of the raw text keeps them apart.
    pub(super) fn joined(&self, kind: SegmentKind) -> String {
        let (mut joined, mut last): (String, Option<usize>) = (String::new(), None);
        for segment in self.segments.iter().filter(|segment| segment.kind == kind) {
            joined.push_str(seam(&self.raw, last, segment.span.start));
            joined.push_str(&self.raw[segment.span.clone()]);
            last = Some(segment.span.end);
        }
        joined
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

/// What keeps two pieces of text apart, one that ends at `last` and one that begins at `next`, with something between them
/// that is no text: nothing where a blank does already, else the blanks behind the first piece, or one.
pub(super) fn seam(raw: &str, last: Option<usize>, next: usize) -> &str {
    let Some(last) = last.filter(|last| *last > 0 && *last < next) else { return "" };
    let bytes = raw.as_bytes();
    if bytes[last - 1].is_ascii_whitespace() || bytes.get(next).is_none_or(u8::is_ascii_whitespace) {
        return "";
    }
    let gap = &raw[last..next];
    let blanks = gap.len() - gap.trim_ascii_start().len();
    if blanks == 0 { " " } else { &gap[..blanks] }
}
