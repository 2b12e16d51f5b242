//! Calls that a model announces in prose: `I'll use the run_analysis tool with variables=['a', 'b']`.
//!
//! Prose that mentions a tool is no call. This is one only if the sentence says that the model does it now, names the tool
//! to the letter, and gives its parameters values that can be read and satisfy the schema. What is denied, conditional,
//! past or an example is none. The words are data, in `grammars/prose.toml`.

use serde_json::Value;

use super::anchors::{Anchor, anchors};
use super::prose;
use crate::chat::{Arguments, Fix, FixKind};
use crate::check::ToolSet;
use crate::format::RawCall;
use crate::value;

/// The parameters begin so near to the name, in bytes.
const NEAR: usize = 120;

/// No sentence is longer.
const LONGEST: usize = 600;

/// The calls that a text announces, up to the first one after a refusal.
pub(super) fn announced(text: &str, tools: &ToolSet) -> Vec<RawCall> {
    let mut calls: Vec<RawCall> = Vec::new();
    let mut heard = 0_usize;
    for anchor in anchors(text, tools) {
        let Some(call) = announced_at(text, &anchor, tools) else { continue };
        let from = text.floor_char_boundary(heard.saturating_sub(prose::LONGEST));
        if prose::refuses(&text[from.min(call.span.start)..call.span.start]) {
            break;
        }
        heard = call.span.end;
        if calls.last().is_none_or(|last| last.span.end <= call.span.start) {
            calls.push(call);
        }
    }
    calls
}

/// The call that the sentence around this name announces.
fn announced_at(text: &str, anchor: &Anchor, tools: &ToolSet) -> Option<RawCall> {
    let name = text.get(anchor.span.clone()).filter(|name| tools.schema(name).is_some())?;
    let sentence = sentence(text, anchor.span.start);
    // Looked for first, since it costs less than the words.
    let mut at = first_parameter(text, anchor.span.end, sentence.end, name, tools)?;
    let before = &text[sentence.start..anchor.span.start];
    if !prose::announces(before) || prose::doubts(&text[sentence.clone()]) {
        return None;
    }
    let mut arguments = Arguments::new();
    let mut end = at;
    while let Some((key, value_at)) = parameter(text, at, name, tools) {
        let (value, value_end) = read(text, value_at)?;
        if arguments.insert(key.to_owned(), value).is_some() {
            return None;
        }
        end = value_end;
        at = separated(text, end);
    }
    // Another assignment is of something that the tool does not take.
    let rest = text[end..sentence.end.max(end)].trim_start_matches(['`', ')', ']', '}']);
    if arguments.is_empty() || rest.contains('=') {
        return None;
    }
    let span = anchor.span.start..end;
    let fix = Fix { kind: FixKind::Announced, span: span.clone(), call: None, note: None };
    let arguments = Value::Object(arguments);
    Some(RawCall {
        name: name.to_owned(),
        arguments,
        id: None,
        span,
        fixes: vec![fix],
        sources: Vec::new(),
        object: None,
    })
}

/// The sentence around a byte.
fn sentence(text: &str, at: usize) -> std::ops::Range<usize> {
    let near = text.floor_char_boundary(at.saturating_sub(LONGEST));
    let ends = |(index, letter): (usize, char), text: &str| {
        letter == '\n' || matches!(letter, '.' | '!' | '?') && text[index + 1..].starts_with([' ', '\n'])
    };
    let before = &text[near..at];
    let start = before
        .char_indices()
        .rev()
        .find(|pair| ends(*pair, before))
        .map_or(near, |(index, letter)| near + index + letter.len_utf8());
    let far = text.floor_char_boundary(text.len().min(at + LONGEST));
    let after = &text[at..far];
    let end = after
        .char_indices()
        .find(|pair| ends(*pair, after))
        .map_or(far, |(index, letter)| at + index + letter.len_utf8());
    start..end
}

/// Where the first parameter of the tool stands after its name, in the same sentence.
fn first_parameter(text: &str, from: usize, to: usize, name: &str, tools: &ToolSet) -> Option<usize> {
    let to = text.floor_char_boundary(to.min(from + NEAR));
    let words = text.get(from..to)?.char_indices().filter(|(_, letter)| letter.is_alphabetic() || *letter == '_');
    let mut last = None;
    for (offset, letter) in words {
        let begins = last != Some(offset);
        last = Some(offset + letter.len_utf8());
        if begins && parameter(text, from + offset, name, tools).is_some() {
            return Some(from + offset);
        }
    }
    None
}

/// A parameter of the tool with its sign at this byte: its name, and where its value begins.
fn parameter<'t>(text: &'t str, at: usize, name: &str, tools: &ToolSet) -> Option<(&'t str, usize)> {
    let word = value::name(text, at)?;
    let key = text[word.clone()].trim_end_matches(':');
    tools.parameter(name, key)?;
    let rest = text[at + key.len()..].trim_start_matches(['`', '"', '\'', ' ']);
    let value = rest.strip_prefix(['=', ':']).filter(|value| !value.starts_with('='))?;
    Some((key, text.len() - value.trim_start_matches(' ').len()))
}

/// The value at this byte, and where it ends; a full stop ends the sentence, not the number.
fn read(text: &str, at: usize) -> Option<(Value, usize)> {
    let text = &text[..text.floor_char_boundary(at + LONGEST)];
    let quoted = text[at..].strip_prefix('`').map_or(0, |_| 1);
    let text = text.strip_suffix('.').unwrap_or(text);
    let reading = value::python(text, at + quoted).ok()?;
    let reading = match text[..reading.end].strip_suffix('.') {
        Some(shorter) if reading.value.is_number() => value::python(shorter, at + quoted).ok()?,
        _ => reading,
    };
    let unquoted = reading.fixes.iter().any(|fix| fix.kind == FixKind::Unquoted);
    (!unquoted).then_some((reading.value, reading.end + quoted.min(text[reading.end..].len())))
}

/// Behind what stands between two parameters.
fn separated(text: &str, at: usize) -> usize {
    let rest = text[at..].trim_start_matches([',', ';', ' ', '`']);
    let rest = rest.strip_prefix("and ").unwrap_or(rest).trim_start_matches([' ', '`']);
    text.len() - rest.len()
}
