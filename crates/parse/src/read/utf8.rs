//! Bytes to text, as they arrive: what is not UTF-8 becomes U+FFFD and is told.
//!
//! A sequence that a chunk cuts is held until it is whole, so the text is the same however the bytes are cut, and the same
//! as `String::from_utf8_lossy` makes of all of them.

use std::ops::Range;

use super::parser::Parser;
use crate::chat::{Event, Fault, Fix, FixKind};

impl Parser {
    /// Tells the bytes that are not UTF-8. A call that holds some is not what the model wrote, whatever was put in their place.
    pub(super) fn tell_bytes(&mut self, bad: Vec<Range<usize>>, events: &mut Vec<Event>) {
        let behind = |at: usize| bad.get(bad.partition_point(|bad| bad.end <= at));
        let holds = |call: &Range<usize>| behind(call.start).is_some_and(|bad| bad.start < call.end);
        let spans: Vec<_> = self.parsed.calls.iter().map(|call| call.span.clone().unwrap_or_default()).collect();
        for (call, _) in spans.iter().enumerate().filter(|(_, span)| holds(span)) {
            let arguments = &self.parsed.calls[call].arguments;
            let spoilt = arguments.iter().find(|(_, value)| value.to_string().contains(char::REPLACEMENT_CHARACTER));
            let path = spoilt.map_or_else(String::new, |(name, _)| format!("/{name}"));
            let message = "value holds bytes that are not UTF-8".to_owned();
            self.fault(Fault::Invalid { call, path, message }, events);
        }
        for span in bad {
            self.fix(Fix { kind: FixKind::InvalidUtf8, span, call: None, note: None }, events);
        }
    }
}

/// Holds the beginning of a sequence that is not whole.
#[derive(Debug, Default)]
pub(super) struct Decoder {
    held: Vec<u8>,
    /// Where bytes were no UTF-8, in the text.
    pub(super) bad: Vec<Range<usize>>,
}

impl Decoder {
    /// Appends these bytes to the text.
    pub(super) fn push(&mut self, mut bytes: &[u8], text: &mut String) {
        while !self.held.is_empty() {
            let Some((first, rest)) = bytes.split_first() else { return };
            let mut held = std::mem::take(&mut self.held);
            held.push(*first);
            let before = held.len();
            let left = self.take(&held, text);
            if left.len() == before {
                self.held = held;
                bytes = rest;
                continue;
            }
            // The sequence ended, or the new byte begins another one: it is at most what is left.
            if left.is_empty() {
                bytes = rest;
            } else {
                self.held.clear();
            }
        }
        let left = self.take(bytes, text).to_vec();
        self.held = left;
    }

    /// Whether no sequence is cut.
    pub(super) fn is_whole(&self) -> bool {
        self.held.is_empty()
    }

    /// Ends the text.
    pub(super) fn finish(&mut self, text: &mut String) {
        if !self.held.is_empty() {
            self.held.clear();
            self.replace(text);
        }
    }

    /// Appends what is whole and returns the beginning of a sequence at the end.
    fn take<'b>(&mut self, mut bytes: &'b [u8], text: &mut String) -> &'b [u8] {
        loop {
            match std::str::from_utf8(bytes) {
                Ok(whole) => {
                    text.push_str(whole);
                    return &[];
                }
                Err(error) => {
                    let (whole, rest) = bytes.split_at(error.valid_up_to());
                    text.push_str(std::str::from_utf8(whole).unwrap_or_default());
                    let Some(length) = error.error_len() else { return rest };
                    self.replace(text);
                    bytes = &rest[length..];
                }
            }
        }
    }

    fn replace(&mut self, text: &mut String) {
        let from = text.len();
        text.push(char::REPLACEMENT_CHARACTER);
        match self.bad.last_mut() {
            Some(last) if last.end == from => last.end = text.len(),
            _ => self.bad.push(from..text.len()),
        }
    }
}
