//! `name(key=value)` as Python writes it, `call:name{key:value}` as Gemma does.

use serde_json::Value;

use super::json_text;
use crate::chat::{Arguments, Call, Digits, Fix, FixKind};
use crate::format::envelope::{RawCall, apart};
use crate::format::extent::{Extent, Reach};
use crate::format::item::{Advance, Scene, Why, fix};
use crate::format::row::{JsonStyle, Literals};
use crate::format::shapes::quotes::{Doubt, Phase, Resolved, UNMATCHED, ends_well, in_doubt};
use crate::format::{Body, Calm, Format, Offered};
use crate::value::settle::Holds;
use crate::value::{self, CallDialect, CallExpr, Unread};

/// A call expression that is being read.
#[derive(Debug)]
pub(crate) struct ExprItem {
    from: usize,
    /// Where the name stands; before it stands what its result is called: `result = `.
    name_at: usize,
    bracket: usize,
    extent: Extent,
    dialect: CallDialect,
    /// The word before the name is not as the format writes it.
    opener: Option<Fix>,
    phase: Phase,
}

impl ExprItem {
    /// A call that begins at `from`, whose name stands at `name_at` and whose bracket opens at `bracket`.
    pub(crate) fn new(from: usize, name_at: usize, bracket: usize, dialect: CallDialect) -> Self {
        Self { from, name_at, bracket, extent: Extent::new(bracket), dialect, opener: None, phase: Phase::Open }
    }

    /// The same call, with what was put right before its name.
    pub(crate) fn opened_by(mut self, opener: Option<Fix>) -> Self {
        self.opener = opener;
        self
    }

    /// Whether its strings stand between quote tokens.
    pub(crate) fn has_tokens(&self) -> bool {
        matches!(&self.dialect, CallDialect::Braces { quote: Some(_) })
    }

    pub(crate) fn cut_at(&self) -> Option<usize> {
        self.extent.marker_inside()
    }

    pub(crate) fn start(&self) -> usize {
        self.from
    }

    pub(crate) fn calm<'f>(&self, format: &'f Format, length: usize) -> Option<Calm<'f>> {
        (self.phase.is_open() && self.extent.has_read(length)).then_some(Calm::Silent(&format.markers().turns.ends))
    }

    pub(crate) fn advance(&mut self, scene: &Scene<'_>) -> Advance {
        match std::mem::take(&mut self.phase) {
            Phase::Open => {}
            Phase::Ended(end, read) => return self.ended(scene, read, end),
            Phase::Doubted(doubt, read) => return self.resolve(scene, doubt, read),
        }
        let token = match &self.dialect {
            CallDialect::Braces { quote } => quote.as_deref(),
            CallDialect::Parens => None,
        };
        match self.extent.advance(scene, token) {
            Reach::More => Advance::More,
            Reach::End(end) | Reach::Marker(end) => self.ended_at(scene, end),
            Reach::Cut { .. } => match self.extent.marker_inside() {
                Some(marker) => self.ended_at(scene, scene.cut(marker)),
                None => Advance::Truncated {
                    name: value::name(scene.text, self.name_at).map(|name| scene.text[name].to_owned()),
                },
            },
        }
    }

    fn ended_at(&mut self, scene: &Scene<'_>, end: usize) -> Advance {
        let read = self.read(scene, end);
        self.ended(scene, read, end)
    }

    /// What was read up to `end`, unless its quotes leave doubt about that end.
    fn ended(&mut self, scene: &Scene<'_>, read: Advance, end: usize) -> Advance {
        let hard = match &read {
            Advance::Done { calls, .. } => calls.iter().any(|call| in_doubt(&call.fixes, scene.text)),
            Advance::Unreadable { .. } => true,
            _ => false,
        };
        let quoted = || scene.text[self.bracket..end].contains(['"', '\'']);
        if self.dialect != CallDialect::Parens || self.tool(scene).is_none() || !quoted() {
            return read;
        }
        if !hard {
            match ends_well(scene, end, false) {
                Some(true) => return read,
                Some(false) => {}
                None => {
                    self.phase = Phase::Ended(end, read);
                    return Advance::More;
                }
            }
        }
        let doubt = Doubt::new(&read, (hard, end), self.extent.marker_inside());
        self.resolve(scene, doubt, read)
    }

    /// The offered tool whose call it is.
    fn tool<'s>(&self, scene: &Scene<'s>) -> Option<&'s str> {
        let name = scene.strip(&scene.text[value::name(scene.text, self.name_at)?]);
        scene.offered.resolves(name).then_some(name)
    }

    /// Goes on with a call whose quotes are in doubt.
    fn resolve(&mut self, scene: &Scene<'_>, mut doubt: Doubt, read: Advance) -> Advance {
        let (end, plain) = (doubt.end, doubt.unread.is_none());
        let Some(tool) = self.tool(scene) else { return read };
        match doubt.resolve(scene, (self.from, self.bracket), Holds::Arguments, tool, None) {
            Resolved::Wait => {
                self.phase = Phase::Doubted(doubt, read);
                Advance::More
            }
            Resolved::Once(_, other) if plain && other == end => read,
            Resolved::Once(quotes, end) => match value::call_expr_settled(&scene.text[..end], self.name_at, &quotes) {
                Ok(expr) if expr.end == end => self.called(scene, expr, end),
                _ => Advance::Unreadable { end, why: UNMATCHED },
            },
            Resolved::Not => read,
            Resolved::Unreadable { end, why } => Advance::Unreadable { end, why },
        }
    }

    fn read(&self, scene: &Scene<'_>, end: usize) -> Advance {
        match value::call_expr_closed(&scene.text[..end], self.name_at, &self.dialect) {
            Ok(expr) => self.called(scene, expr, end),
            Err(Unread::TooDeep { .. }) => Advance::Unreadable { end, why: Why::Broken("nested too deep") },
            Err(_) => Advance::Unreadable { end, why: Why::Broken("expected a call") },
        }
    }

    fn called(&self, scene: &Scene<'_>, expr: CallExpr, end: usize) -> Advance {
        if is_prose(&expr, scene.text) {
            return Advance::Not;
        }
        let braces = matches!(self.dialect, CallDialect::Braces { .. });
        if braces && !scene.text[expr.end..end].trim().is_empty() {
            return Advance::Unreadable { end, why: Why::Broken("expected the end of the call") };
        }
        let name = scene.strip(&expr.name);
        let known = |key: &String| scene.offered.parameter(name, key).is_some();
        if expr.doubtful && !expr.keyword.iter().all(|(key, _)| known(key)) {
            return Advance::Unreadable { end, why: Why::Doubtful("where its strings end cannot be told") };
        }
        let mut calls = match inner_calls(scene, &expr, 0) {
            inner if inner.is_empty() => own_calls(scene, expr),
            inner => inner,
        };
        for call in &mut calls {
            if let CallDialect::Braces { quote: Some(token) } = &self.dialect {
                // What stands between quote tokens is a value, its source is not.
                call.sources.retain(|(_, place)| !scene.text[place.clone()].contains(token.as_str()));
            }
            call.span = self.from..end;
        }
        if let Some(call) = calls.first_mut().filter(|_| self.name_at > self.from) {
            call.fixes.push(fix(FixKind::Shape, self.from..self.name_at));
        }
        if let Some(call) = calls.first_mut() {
            call.fixes.extend(self.opener.clone());
        }
        Advance::Done { end, calls }
    }
}

fn own_calls(scene: &Scene<'_>, expr: CallExpr) -> Vec<RawCall> {
    let mut calls = raw_calls(expr, scene.offered);
    for call in &mut calls {
        scene.strip(&call.name).to_owned().clone_into(&mut call.name);
    }
    calls
}

/// No code wraps a call deeper.
const DEEPEST: usize = 4;

/// The calls that stand as the arguments of a function that is no tool: `print(weather_now(..))`.
fn inner_calls(scene: &Scene<'_>, outer: &CallExpr, depth: usize) -> Vec<RawCall> {
    let is_tool = |expr: &CallExpr| scene.offered.resolves(scene.strip(&expr.name));
    if depth > DEEPEST || is_tool(outer) || !outer.keyword.is_empty() {
        return Vec::new();
    }
    let mut calls = Vec::new();
    for span in &outer.sources {
        let inner = value::call_expr(&scene.text[..span.end], span.start, &CallDialect::Parens);
        let Ok(inner) = inner.map_err(drop).and_then(|inner| if inner.end == span.end { Ok(inner) } else { Err(()) })
        else {
            return Vec::new();
        };
        if is_tool(&inner) {
            for mut call in own_calls(scene, inner) {
                call.fixes.push(fix(FixKind::Shape, outer.name_span.start..outer.end));
                calls.push(call);
            }
        } else {
            match inner_calls(scene, &inner, depth + 1) {
                deeper if deeper.is_empty() => return Vec::new(),
                deeper => calls.extend(deeper),
            }
        }
    }
    calls
}

/// Whether it is a word of prose with a remark in parentheses: `clock_set (an old one)`.
#[must_use]
pub(crate) fn is_prose(expr: &CallExpr, text: &str) -> bool {
    let apart = text[expr.name_span.end..].starts_with([' ', '\t']);
    let unquoted = |span: &std::ops::Range<usize>| {
        expr.fixes.iter().any(|fix| fix.kind == FixKind::Unquoted && fix.span.start == span.start)
    };
    apart && expr.sources.iter().take(expr.positional.len()).any(unquoted)
}

/// A call expression as calls: several dicts alone are the arguments of a call each.
#[must_use]
pub(crate) fn raw_calls(expr: CallExpr, offered: &dyn Offered) -> Vec<RawCall> {
    if !expr.keyword.is_empty() || expr.positional.len() < 2 {
        return vec![raw_call(expr, offered)];
    }
    let span = expr.name_span.start..expr.end;
    let (arguments, fixes) = (Value::Array(expr.positional.clone()), expr.fixes.clone());
    let sources = Vec::new();
    let listed = RawCall { name: expr.name.clone(), arguments, id: None, span, fixes, sources, object: None };
    match apart(listed, offered) {
        calls if calls.len() > 1 => calls,
        _ => vec![raw_call(expr, offered)],
    }
}

/// A call expression as a call: one dict alone is the arguments, values by position are named by the tool's schema.
#[must_use]
pub(crate) fn raw_call(expr: CallExpr, offered: &dyn Offered) -> RawCall {
    let CallExpr { name, name_span, mut positional, keyword, end, mut fixes, sources, .. } = expr;
    let mut spans = sources.into_iter();
    let mut sources = Vec::new();
    let mut object = None;
    let span = name_span.start..end;
    let mut arguments = Arguments::new();
    if keyword.is_empty() && positional.len() == 1 && positional[0].is_object() {
        fixes.push(fix(FixKind::Shape, span.clone()));
        object = spans.next().map(|span| span.start);
        if let Some(Value::Object(dict)) = positional.pop() {
            arguments = dict;
        }
    } else if !positional.is_empty() {
        fixes.push(fix(FixKind::Positional, span.clone()));
        let own: Vec<_> = spans.by_ref().take(positional.len()).collect();
        arguments = offered.positional(&name, positional);
        sources.extend(arguments.keys().cloned().zip(own));
    }
    for (key, value) in keyword {
        let place = spans.next().unwrap_or_else(|| span.clone());
        if arguments.contains_key(&key) {
            fixes.push(Fix { note: Some(key.clone()), ..fix(FixKind::Duplicate, place.clone()) });
            sources.retain(|(known, _)| *known != key);
        }
        sources.push((key.clone(), place));
        arguments.insert(key, value);
    }
    RawCall { name, arguments: Value::Object(arguments), id: None, span, fixes, sources, object }
}

/// Writes the arguments between the brackets.
pub(crate) fn write(body: &Body, call: &Call, text: &mut String) {
    let (equals, comma) = match body.dialect {
        CallDialect::Parens => ("=", ", "),
        CallDialect::Braces { .. } => (":", ","),
    };
    for (index, (key, value)) in call.arguments.iter().enumerate() {
        if index > 0 {
            text.push_str(comma);
        }
        text.push_str(key);
        text.push_str(equals);
        literal(body, value, &call.digits, text);
    }
}

/// Writes a value.
pub(crate) fn literal(body: &Body, value: &Value, digits: &Digits, text: &mut String) {
    let braces = matches!(body.dialect, CallDialect::Braces { .. });
    let words = match body.row.literals {
        Literals::Python => ["None", "True", "False"],
        Literals::Json => ["null", "true", "false"],
    };
    match (value, &body.row.quote) {
        (Value::Null, _) => text.push_str(words[0]),
        (Value::Bool(true), _) => text.push_str(words[1]),
        (Value::Bool(false), _) => text.push_str(words[2]),
        (Value::String(own), Some(quote)) => text.extend([quote, own.as_str(), quote]),
        (Value::Array(items), _) => {
            list(text, ["[", "]"], if braces { "," } else { ", " }, items, |item, text| {
                literal(body, item, digits, text);
            });
        }
        (Value::Object(map), _) => list(text, ["{", "}"], if braces { "," } else { ", " }, map, |(key, item), text| {
            if braces {
                text.extend([key.as_str(), ":"]);
            } else {
                text.push_str(&json_text::text(&Value::String(key.clone()), digits, JsonStyle::Spaced));
                text.push_str(": ");
            }
            literal(body, item, digits, text);
        }),
        (other, _) => text.push_str(&json_text::text(other, digits, JsonStyle::Spaced)),
    }
}

fn list<T>(
    text: &mut String,
    brackets: [&str; 2],
    comma: &str,
    items: impl IntoIterator<Item = T>,
    mut write: impl FnMut(T, &mut String),
) {
    text.push_str(brackets[0]);
    for (index, item) in items.into_iter().enumerate() {
        if index > 0 {
            text.push_str(comma);
        }
        write(item, text);
    }
    text.push_str(brackets[1]);
}
