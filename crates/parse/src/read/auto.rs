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
use crate::format::{Detected, Format, RECOGNISED, detect};

/// Why no format was chosen.
const NONE_FITS: &str = "the text matches no tool-call format";

/// Reads the parser's text by the format that fits it best.
pub(super) fn decide(parser: Parser) -> Parsed {
    let best = {
        let offered = OnOffer { tools: &parser.tools, level: parser.level };
        detect(&parser.choice, &parser.parsed.raw, &offered).into_iter().next()
    };
    let none = || Detected { format: String::new(), score: 0.0, marked: false, reason: NONE_FITS.to_owned() };
    let best = best.unwrap_or_else(none);
    let chosen = parser.choice.iter().find(|format| best.score >= RECOGNISED && format.name() == best.format);
    let chosen = chosen.map(|format| (Arc::clone(format), best.marked));
    let mut parsed = match chosen {
        Some((format, true)) => parser.by(format, true).end(),
        Some((format, false)) => {
            let exact = parser.again().by(format, false).end();
            let recovered = parser.by(Arc::new(Format::plain()), false).end();
            if same_calls(&exact, &recovered) { exact } else { recovered }
        }
        None => parser.by(Arc::new(Format::plain()), false).end(),
    };
    parsed.detected = Some(best);
    parsed
}

fn same_calls(one: &Parsed, other: &Parsed) -> bool {
    let calls = |parsed: &Parsed| {
        parsed.calls.iter().map(|call| (call.name.clone(), call.arguments.clone())).collect::<Vec<_>>()
    };
    calls(one) == calls(other)
}
