//! Reading a text of which nobody says what format it is in.
//!
//! The text decides, when it has ended. A format whose markers stand in it reads it, and its calls must convince: what
//! lacks required arguments, holds placeholders or follows a refusal is told and not called. Where no marker speaks for
//! a format (a bare list, a JSON object) its reading counts only if recovery, which goes by the tools' names, finds the
//! same calls; otherwise recovery's counts.

use std::sync::Arc;

use super::offer::OnOffer;
use super::parsed::Parsed;
use super::parser::Parser;
use crate::chat::Fault;
use crate::format::{Detected, Format, RECOGNISED, detect_after, has_tag};

/// Why no format was chosen.
const NONE_FITS: &str = "the text matches no tool-call format";

/// Why the format of [`broken`] was chosen.
const BROKEN: &str = "no call that can be read between the format's markers";

/// Why the format of [`says_nothing`] was chosen.
const SAYS_NONE: &str = "the text holds the format's word for no call";

/// Reads the parser's text by the format that fits it best.
pub(super) fn decide(parser: Parser) -> Parsed {
    let best = {
        let offered = OnOffer { tools: &parser.tools, level: parser.level, unchecked: parser.unchecked };
        detect_after(&parser.choice, &parser.tail, &parser.parsed.raw, &offered).into_iter().next()
    };
    let none = || Detected { format: String::new(), score: 0.0, marked: false, reason: NONE_FITS.to_owned() };
    let best = best.unwrap_or_else(none);
    // What means "no call" in some format is none where nobody lists the tools.
    let nothing = parser.unchecked.then(|| parser.choice.iter().find(|format| says_nothing(format, &parser))).flatten();
    if let Some(format) = nothing.cloned() {
        return detected(parser.by(format, true).end(), best, SAYS_NONE);
    }
    let chosen = parser.choice.iter().find(|format| best.score >= RECOGNISED && format.name() == best.format);
    let chosen = chosen.map(|format| (Arc::clone(format), best.marked));
    let parsed = match chosen {
        Some((format, true)) => parser.by(format, true).end(),
        Some((format, false)) => {
            let exact = parser.again().by(format, false).end();
            let recovered = parser.by(Format::plain(), false).end();
            if same_calls(&exact, &recovered) { exact } else { recovered }
        }
        None => {
            let recovered = parser.again().by(Format::plain(), false).end();
            let silent = recovered.calls.is_empty() && recovered.faults.is_empty();
            let marked = parser.choice.iter().find(|format| silent && best.marked && format.name() == best.format);
            // Markers around a tool that nobody offers: a fault, as in the format.
            let native = marked.map(|format| parser.again().by(Arc::clone(format), true).end());
            let told = native.filter(names_a_stranger).or_else(|| if silent { broken(&parser) } else { None });
            told.unwrap_or(recovered)
        }
    };
    detected(parsed, best, BROKEN)
}

/// What was read, with why by this format: it is the best one, or else its markers alone chose it, for this reason.
fn detected(mut parsed: Parsed, best: Detected, otherwise: &str) -> Parsed {
    let is_best = parsed.format.is_empty() || parsed.format == best.format;
    let format = parsed.format.clone();
    let marked = || Detected { format, score: 0.0, marked: true, reason: otherwise.to_owned() };
    parsed.detected = Some(if is_best { best } else { marked() });
    parsed
}

/// Whether the text holds the format's word for "no call".
fn says_nothing(format: &Format, parser: &Parser) -> bool {
    format.row().none.iter().any(|word| parser.parsed.raw.contains(word.as_str()))
}

/// What a format tells of its tags, where they stand around something that it cannot read.
fn broken(parser: &Parser) -> Option<Parsed> {
    let tagged = parser.choice.iter().filter(|format| !parser.unchecked && has_tag(format, &parser.parsed.raw));
    tagged
        .map(|format| parser.again().by(Arc::clone(format), true).end())
        .find(|parsed| parsed.calls.is_empty() && !parsed.faults.is_empty())
}

fn names_a_stranger(parsed: &Parsed) -> bool {
    parsed.faults.iter().any(|fault| matches!(fault, Fault::UnknownTool { .. }))
}

fn same_calls(one: &Parsed, other: &Parsed) -> bool {
    let calls = |parsed: &Parsed| {
        parsed.calls.iter().map(|call| (call.name.clone(), call.arguments.clone())).collect::<Vec<_>>()
    };
    calls(one) == calls(other)
}
