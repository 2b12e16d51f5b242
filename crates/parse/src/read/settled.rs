//! A call whose quotes are in doubt, where nothing says what holds it: its line, its fence, or all of the text.

use super::recovery::Search;
use crate::format::{Offers, RawCall, calls_in, raw_call};
use crate::value::settle::{Holds, Quotes, Settled, settle};
use crate::value::{self, Reading};

impl Search<'_> {
    /// The call as it reads on the first of these that it reads on at all.
    pub(super) fn settled(&mut self, raw: &RawCall) -> Option<RawCall> {
        let rest = &self.text[raw.span.end..];
        let line = rest.find('\n').map(|at| raw.span.end + at);
        let fence = rest.find("```").map(|at| raw.span.end + at);
        let whole = Some(self.text.trim_end().len().max(raw.span.end));
        let mut ends: Vec<usize> = [line, fence, whole].into_iter().flatten().collect();
        ends.dedup();
        for end in ends {
            if !self.pay(end - raw.span.start) {
                return None;
            }
            if let Some(call) = self.settled_to(raw, end) {
                return Some(call);
            }
        }
        None
    }

    fn settled_to(&self, raw: &RawCall, end: usize) -> Option<RawCall> {
        let start = raw.span.start;
        let text = &self.text[..end];
        let before = text[..start].trim_end();
        let strip = |name: &str| name.to_owned();
        let listed = before.ends_with(['[', ',']);
        let offers = Offers { offered: self.offered, strip: &strip, tool: &raw.name, listed };
        let quotes = |bracket: usize, holds: Holds| -> Option<(Quotes, usize)> {
            match settle(text, bracket, holds, &offers) {
                Settled::Once(quotes, end) => Some((quotes, end)),
                Settled::Ambiguous | Settled::Never => None,
            }
        };
        let Some(brace) = raw.object else {
            let name = value::name(text, start)?;
            let (quotes, end) = quotes(value::skip_blanks(text, name.end), Holds::Arguments)?;
            let mut expr =
                value::call_expr_settled(&text[..end], start, &quotes).ok().filter(|expr| expr.end == end)?;
            expr.name.clone_from(&raw.name);
            return Some(raw_call(expr, self.offered));
        };
        let says_all = brace == start;
        let (quotes, end) = quotes(brace, if says_all { Holds::Call } else { Holds::Arguments })?;
        let read = value::settled(&text[..end], brace, false, &quotes).ok().filter(|read| read.end == end)?;
        let Reading { value, fixes, .. } = read;
        let mut call = if says_all {
            let mut calls = calls_in(value, &(brace..end), self.offered);
            (calls.len() == 1).then(|| calls.pop())??
        } else {
            RawCall { arguments: value, span: start..end, object: None, ..raw.clone() }
        };
        call.fixes.retain(|fix| fix.span.end <= brace);
        call.fixes.splice(0..0, fixes);
        Some(call)
    }
}
