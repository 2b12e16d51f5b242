//! How recovery reads what is written like an expression: `name(a=1)`, in quotes, shortened, or as `[name, a=1]`.

use serde_json::Value;

use super::anchors::Anchor;
use super::recovery::Search;
use crate::chat::{Arguments, Fix, FixKind};
use crate::format::{RawCall, holds_arguments, is_prose, raw_call, raw_calls};
use crate::value::{self, CallDialect, CallExpr, Unread};

/// How far before a name a bracket is looked for.
const NEAR: usize = 64;

/// No list of a name and its arguments is longer.
const LONGEST_LIST: usize = 4096;

impl Search<'_> {
    /// The last part of a dotted name: a call only if it names its arguments and they are just what the tool takes.
    pub(super) fn shortened(&mut self, anchor: &Anchor) -> Option<RawCall> {
        let start = anchor.span.start;
        let glued = start > 0 && matches!(self.text.as_bytes()[start - 1], b'.' | b'_' | b'-' | b'/');
        if glued || self.text.as_bytes().get(anchor.span.end) != Some(&b'(') {
            return None;
        }
        let mut expr = self.call_expr(start)?;
        let own = |(key, _): &(String, Value)| self.tools.parameter(&anchor.name, key).is_some();
        if expr.keyword.is_empty() || !expr.positional.is_empty() || !expr.keyword.iter().all(own) {
            return None;
        }
        expr.name.clone_from(&anchor.name);
        let mut raw = raw_call(expr, self.offered);
        let fix = Fix { kind: FixKind::Name, span: anchor.span.clone(), call: None, note: Some(anchor.name.clone()) };
        raw.fixes.push(fix);
        Some(raw)
    }

    /// `name(..)`, also inside quotes whose text is escaped.
    pub(super) fn expression(&mut self, anchor: &Anchor, quoted: bool) -> Vec<RawCall> {
        let start = if quoted { anchor.span.start - 1 } else { anchor.span.start };
        let Some(mut call) = self.call_expr(start) else { return self.escaped(anchor).into_iter().collect() };
        if is_prose(&call, self.text) {
            self.pay(call.end - start);
            return Vec::new();
        }
        call.name.clone_from(&anchor.name);
        let mut calls = raw_calls(call, self.offered);
        for raw in &mut calls {
            self.unwrap(raw);
        }
        calls
    }

    fn call_expr(&mut self, at: usize) -> Option<CallExpr> {
        let read = value::call_expr(self.text, at, &CallDialect::Parens);
        let read = match read {
            // A quote that closes nothing, where the call should have been closed: `f(a=["b"]')]`.
            Err(Unread::Bad { at: stray, .. }) if self.is_stray_quote(stray) && self.pay(stray - at) => {
                value::call_expr_closed(&self.text[..stray], at, &CallDialect::Parens)
            }
            other => other,
        };
        self.paid(read, at)
    }

    /// A call inside a quoted string with escaped quotes of its own: `"f(a=\"b\")"`.
    fn escaped(&mut self, anchor: &Anchor) -> Option<RawCall> {
        let quote_at = anchor.span.start.checked_sub(1)?;
        if !matches!(self.text.as_bytes()[quote_at], b'"' | b'\'') {
            return None;
        }
        let (inner, end) = value::quoted(self.text, quote_at)?;
        if !self.pay(end - quote_at) {
            return None;
        }
        let expr = value::call_expr(&inner, 0, &CallDialect::Parens).ok()?;
        let mut raw = raw_call(expr, self.offered);
        let span = quote_at..end;
        raw.fixes.iter_mut().for_each(|fix| fix.span = span.clone());
        raw.span = span;
        // Its places are those of the text inside the quotes.
        (raw.sources, raw.object) = (Vec::new(), None);
        raw.name.clone_from(&anchor.name);
        self.unwrap(&mut raw);
        Some(raw)
    }

    /// `['name', 'arguments': {..}]`: the arguments under their key, as in an object, in another bracket.
    pub(super) fn labelled(&mut self, anchor: &Anchor, from: usize) -> Option<RawCall> {
        let near = &self.text[..self.text.floor_char_boundary(from + NEAR)];
        let (key, end) = value::quoted(near, from).filter(|(key, _)| holds_arguments(key))?;
        let sign = value::skip_blanks(self.text, end);
        let brace = value::skip_blanks(self.text, sign + 1);
        let bytes = self.text.as_bytes();
        let announced = anchor.brace.is_none()
            && bytes.get(sign) == Some(&b':')
            && bytes.get(brace) == Some(&b'{')
            && key != anchor.name;
        if announced { self.arguments_at(anchor, brace) } else { None }
    }

    /// `['name', 'a=1', 'b=2']`: each argument between quotes of its own, or all of them: `'(a=1, b=2)'`.
    fn quoted_list(&mut self, anchor: &Anchor, from: usize, rest: &str) -> Option<RawCall> {
        let (mut arguments, mut at, mut end) = (Arguments::new(), 0, 0);
        // Whether the list goes on with something that is no argument; else the text ended inside it.
        let mut whole = false;
        while let Some((said, after)) = value::quoted(rest, at) {
            let said = said.trim().trim_start_matches('(').trim_end_matches(')');
            if !said.contains('=') || !self.pay(after - at) {
                whole = true;
                break;
            }
            let expr = value::call_expr(&format!("f({said})"), 0, &CallDialect::Parens).ok()?;
            let own = |(key, _): &(String, Value)| self.tools.parameter(&anchor.name, key).is_some();
            if expr.keyword.is_empty() || !expr.positional.is_empty() || !expr.keyword.iter().all(own) {
                return None;
            }
            arguments.extend(expr.keyword);
            end = after;
            let next = value::skip_blanks(rest, after);
            at = next;
            if rest.as_bytes().get(next) != Some(&b',') {
                whole = matches!(rest.as_bytes().get(next), Some(b']' | b')'));
                break;
            }
            at = value::skip_blanks(rest, next + 1);
        }
        if arguments.is_empty() {
            self.pay(rest.len());
        }
        let open = rest[at..].is_empty() || rest[at..].starts_with(['"', '\'']);
        self.cut_off(!whole && open && rest.len() < LONGEST_LIST);
        (whole && !arguments.is_empty()).then(|| listed_call(anchor, arguments, from + end))
    }

    /// `[name, a=1, b=2]`: the arguments beside the name in a list.
    pub(super) fn listed(&mut self, anchor: &Anchor, from: usize) -> Option<RawCall> {
        let before =
            &self.text[self.text.floor_char_boundary(anchor.span.start.saturating_sub(NEAR))..anchor.span.start];
        let opened = before.trim_end_matches(['"', '\'', '`']).trim_end().ends_with(['[', '(', ',']);
        let rest = self.text.get(from..)?;
        let rest = &rest[..rest.floor_char_boundary(LONGEST_LIST)];
        if opened && rest.starts_with(['"', '\'']) {
            return self.quoted_list(anchor, from, rest);
        }
        let opened = opened && !before.trim_end_matches(['"', '\'', '`']).trim_end().ends_with(',');
        let word = value::name(rest, 0)?;
        let assigns = rest[word.end..].trim_start().starts_with('=');
        if !opened || !assigns || !self.pay(rest.len()) {
            return None;
        }
        let line = rest.find("\n\n").unwrap_or(rest.len());
        let end = rest[..line].rfind([']', ')'])?;
        let expr = value::call_expr(&format!("f({})", &rest[..end]), 0, &CallDialect::Parens).ok()?;
        if !expr.positional.is_empty() {
            return None;
        }
        Some(listed_call(anchor, expr.keyword.into_iter().collect(), from + end))
    }

    fn is_stray_quote(&self, at: usize) -> bool {
        let bytes = self.text.as_bytes();
        let closes = |byte: Option<&u8>| matches!(byte, Some(b')' | b']'));
        matches!(bytes.get(at), Some(b'"' | b'\'')) && closes(bytes.get(at + 1)) && at > 0 && closes(bytes.get(at - 1))
    }
}

/// A call whose arguments stand beside its name in a list that ends at `end`.
fn listed_call(anchor: &Anchor, arguments: Arguments, end: usize) -> RawCall {
    let span = anchor.span.start..end;
    let fix = Fix { kind: FixKind::Shape, span: span.clone(), call: None, note: None };
    let (name, arguments) = (anchor.name.clone(), Value::Object(arguments));
    RawCall { name, arguments, id: None, span, fixes: vec![fix], sources: Vec::new(), object: None }
}
