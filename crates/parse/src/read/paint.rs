//! What bytes turn out to be at the end, when recovery has read them.

use std::ops::Range;

use crate::chat::{Segment, SegmentKind};

/// The segments, where these bytes (in order, apart) are of another kind than was told. Only text changes.
pub(super) fn painted(segments: &[Segment], paints: &[(Range<usize>, SegmentKind)]) -> Vec<Segment> {
    let mut painted: Vec<Segment> = Vec::with_capacity(segments.len() + paints.len() * 2);
    let mut paints = paints.iter().peekable();
    for segment in segments {
        let mut at = segment.span.start;
        while at < segment.span.end {
            while paints.next_if(|(span, _)| span.end <= at).is_some() {}
            let (end, kind) = match paints.peek() {
                Some((span, kind)) if span.start <= at => (span.end.min(segment.span.end), Some(*kind)),
                Some((span, _)) => (span.start.min(segment.span.end), None),
                None => (segment.span.end, None),
            };
            let text = matches!(segment.kind, SegmentKind::Text | SegmentKind::Framing | SegmentKind::Malformed);
            let kind = kind.filter(|_| text).unwrap_or(segment.kind);
            match painted.last_mut() {
                Some(last) if last.kind == kind && last.span.end == at => last.span.end = end,
                _ => painted.push(Segment { kind, span: at..end }),
            }
            at = end;
        }
    }
    painted
}
