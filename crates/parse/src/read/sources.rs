//! Where each argument of a call stands in the text: the schema may want it to the letter (`1.10`, `02134`, `foo()`).
//!
//! Looked up only if an argument is of another type than the schema wants, which is rare.

use std::cell::OnceCell;
use std::ops::Range;

use crate::format::{RawCall, holds_arguments};
use crate::value;

/// The source texts of one call's arguments.
#[derive(Debug)]
pub(super) struct Sources<'t> {
    text: &'t str,
    expression: &'t [(String, Range<usize>)],
    object: Option<usize>,
    found: OnceCell<Vec<(String, Range<usize>)>>,
}

impl<'t> Sources<'t> {
    pub(super) fn new(text: &'t str, raw: &'t RawCall) -> Self {
        Self { text, expression: &raw.sources, object: raw.object, found: OnceCell::new() }
    }

    /// The text of this argument.
    pub(super) fn of(&self, name: &str) -> Option<&'t str> {
        let known =
            if self.expression.is_empty() { self.found.get_or_init(|| self.in_object()) } else { self.expression };
        let (_, span) = known.iter().find(|(key, _)| key == name)?;
        self.text.get(span.clone()).map(str::trim)
    }

    fn in_object(&self) -> Vec<(String, Range<usize>)> {
        let Some(object) = self.object else { return Vec::new() };
        let own = value::sources(self.text, object);
        match own.iter().find(|(key, span)| holds_arguments(key) && self.text[span.clone()].starts_with('{')) {
            Some((_, span)) => value::sources(self.text, span.start),
            None => own,
        }
    }
}
