//! One recording and what became of it.

use serde::{Deserialize, Serialize};

use super::matching;
use super::outcome::{CaseOutcome, Class, Mismatch};
use super::reading::ParsedText;
use callwright_parse::chat::{Call, Fault, FixKind};
use callwright_parse::read::Parsed;
use callwright_record::{Place, Recording, Sourced};

/// One recording and what became of it.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Case {
    /// Its id.
    pub id: String,
    /// The model that wrote it.
    #[serde(default)]
    pub model: String,
    /// The kind of question.
    #[serde(default)]
    pub category: String,
    /// The format that it was read by.
    pub format: String,
    /// The detected format, where none was named.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub detected: Option<String>,
    /// What became of it.
    pub outcome: CaseOutcome,
    /// Why it failed, where it did.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub class: Option<Class>,
    /// What differs, in words.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub message: Option<String>,
    /// Where in its text, in bytes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub at: Option<usize>,
    /// Expected calls, where the recording says so.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub due: Option<usize>,
    /// Calls to offered tools that were found.
    pub found: usize,
    /// What was fixed, each kind once.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub fixes: Vec<FixKind>,
    /// Time to read it.
    pub microseconds: f64,
    /// Its file and line.
    #[serde(flatten)]
    pub place: Place,
    /// The calls to offered tools that were found.
    #[serde(skip)]
    pub calls: Vec<Call>,
    /// Which of the recordings it is.
    #[serde(skip)]
    pub row: usize,
}

impl Case {
    pub(super) fn new(row: usize, sourced: &Sourced, reading: ParsedText) -> Self {
        let recording = &sourced.recording;
        let ParsedText { parsed, format, took, streams } = reading;
        let calls = offered(&parsed);
        let failure = failure(recording, &parsed, &calls, streams);
        let due = matching::due(recording);
        let outcome = match (&failure, due) {
            (_, None) => CaseOutcome::Unjudged,
            (None, _) if parsed.fixes.is_empty() => CaseOutcome::Strict,
            (None, _) => CaseOutcome::Repaired,
            (Some(mismatch), _) if matches!(mismatch.class, Class::StreamMismatch | Class::WrongSpan) => {
                CaseOutcome::Faulty
            }
            (_, Some(0)) => CaseOutcome::Phantom,
            _ if calls.is_empty() => CaseOutcome::Missed,
            _ if parsed.faults.iter().any(|fault| fault.call().is_some()) => CaseOutcome::Faulty,
            _ => CaseOutcome::Wrong,
        };
        let mut fixes: Vec<_> = parsed.fixes.iter().map(|fix| fix.kind).collect();
        fixes.sort_unstable();
        fixes.dedup();
        let at = failure.as_ref().map(|mismatch| byte(mismatch, recording, &parsed, &calls));
        let detected = parsed.detected.as_ref().map(|_| parsed.format.clone()).filter(|format| !format.is_empty());
        Self {
            detected,
            id: recording.id.clone(),
            model: recording.model.clone(),
            category: recording.category.clone().unwrap_or_default(),
            format,
            outcome,
            class: failure.as_ref().map(|mismatch| mismatch.class),
            message: failure.map(|mismatch| mismatch.message),
            at,
            due,
            found: calls.len(),
            fixes,
            microseconds: took.as_secs_f64() * 1e6,
            place: sourced.place.clone(),
            calls,
            row,
        }
    }
}

/// The calls to tools that were offered, whatever else is wrong with them.
fn offered(parsed: &Parsed) -> Vec<Call> {
    let unknown: Vec<_> = parsed
        .faults
        .iter()
        .filter_map(|fault| if let Fault::UnknownTool { call, .. } = fault { Some(*call) } else { None })
        .collect();
    let known = parsed.calls.iter().enumerate().filter(|(index, _)| !unknown.contains(index));
    known.map(|(_, call)| call.clone()).collect()
}

/// The first class of failure that applies, in the order in which they stand in [`Class`].
fn failure(recording: &Recording, parsed: &Parsed, calls: &[Call], streams: bool) -> Option<Mismatch> {
    if !streams {
        return Some(Mismatch::new(
            Class::StreamMismatch,
            "parsing it in pieces gives another result than parsing it whole",
        ));
    }
    if let Some(mismatch) = wrong_span(recording, parsed) {
        return Some(mismatch);
    }
    let judged = matching::judge(recording, calls);
    let mismatch = match judged {
        Some(Ok(())) => return None,
        Some(Err(mismatch)) => mismatch,
        // The expected calls are unknown; the model's faults are reported all the same.
        None => return parsed.faults.first().map(|fault| Mismatch::new(class(fault), fault.to_string())),
    };
    if mismatch.class == Class::NoCallMissed {
        let told = parsed.faults.iter().map(|fault| Mismatch::new(class(fault), fault.to_string()));
        return told.min_by_key(|mismatch| mismatch.class).or(Some(mismatch));
    }
    Some(mismatch)
}

fn wrong_span(recording: &Recording, parsed: &Parsed) -> Option<Mismatch> {
    let mut end = 0;
    let tiled =
        parsed.segments.iter().all(|segment| std::mem::replace(&mut end, segment.span.end) == segment.span.start);
    if !tiled || end != parsed.raw.len() {
        return Some(Mismatch::new(Class::WrongSpan, "the segments do not cover the text"));
    }
    let wanted = recording.expected_text.as_ref()?;
    if wanted.trim() == parsed.text.trim() {
        return None;
    }
    let message = format!("the remaining text is {:?}, expected {:?}", parsed.text.trim(), wanted.trim());
    Some(Mismatch::new(Class::WrongSpan, message))
}

fn class(fault: &Fault) -> Class {
    match fault {
        Fault::Truncated { .. } | Fault::ForcedClose { .. } => Class::Truncated,
        Fault::UnknownTool { .. } => Class::UnknownTool,
        Fault::MissingArgument { .. } => Class::MissingArgument,
        Fault::Invalid { .. } => Class::WrongType,
        Fault::NoCall => Class::NoCallMissed,
        _ => Class::BadSyntax,
    }
}

/// The byte of the text that a failure is about: the argument, the call, the place that could not be read, or where
/// the due tool is named.
fn byte(mismatch: &Mismatch, recording: &Recording, parsed: &Parsed, calls: &[Call]) -> usize {
    let fault = parsed.faults.iter().find(|fault| class(fault) == mismatch.class);
    if let Some(Fault::Unreadable { span, .. } | Fault::Truncated { span, .. }) = fault {
        return span.start;
    }
    let unknown = fault.and_then(Fault::call).and_then(|index| parsed.calls.get(index));
    let call = mismatch.call.and_then(|index| calls.get(index)).or(unknown).or(calls.first());
    if let Some(span) = call.and_then(|call| call.span.clone()) {
        let text = parsed.raw.get(span.clone()).unwrap_or_default();
        let named = mismatch.parameter.as_deref().and_then(|parameter| text.find(parameter));
        return span.start + named.unwrap_or(0);
    }
    let names = recording.tools.iter().map(|tool| tool.name.as_str());
    names.filter_map(|name| parsed.raw.find(name)).min().unwrap_or(0)
}
