//! Closing tags that came too late.
//!
//! A value whose closing tag is missing ends where its call does. If that tag comes after all, the value may have gone on
//! to there, with what looked like the call's end and like further calls in it. Which of both the model meant nobody can
//! tell, so none of these calls is to be trusted.

use std::collections::BTreeSet;

use super::parser::Parser;
use crate::chat::{Event, Fault, Fix, FixKind};

impl Parser {
    /// Makes calls faults that a late closing tag puts in doubt.
    pub(super) fn doubt_unclosed(&mut self, events: &mut Vec<Event>) {
        let closes = self.format.endings().closes;
        let parsed = &self.parsed;
        let is_late = |fix: &&Fix| {
            let tag = parsed.raw.get(fix.span.clone()).map_or("", str::trim);
            fix.kind == FixKind::Surplus && closes.iter().any(|close| close == tag)
        };
        let lates: Vec<usize> = parsed.fixes.iter().filter(is_late).map(|fix| fix.span.start).collect();
        if lates.is_empty() {
            return;
        }
        let unclosed = parsed.fixes.iter().filter(|fix| fix.kind == FixKind::MissingClose);
        let unclosed: BTreeSet<usize> = unclosed.filter_map(|fix| fix.call).collect();
        let starts: Vec<usize> =
            parsed.calls.iter().map(|call| call.span.as_ref().map_or(0, |span| span.start)).collect();
        let (mut doubted, mut looked) = (vec![false; starts.len()], 0);
        for late in lates {
            let before = starts.partition_point(|start| *start < late);
            if let Some(first) = unclosed.range(..before).next_back() {
                doubted[before.min(looked.max(*first))..before].fill(true);
                looked = before;
            }
        }
        for call in (0..doubted.len()).filter(|call| doubted[*call]) {
            let message = "a closing tag behind it may belong to one of its arguments".to_owned();
            self.fault(Fault::Invalid { call, path: String::new(), message }, events);
        }
    }
}
