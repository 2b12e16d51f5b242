//! Which format is a bare text written in? For recordings and outputs of which nobody says whose they are.
//!
//! Every format whose opening stands in the text reads all of it, and what it finds is scored: calls of offered tools
//! speak for it; deviations, faults and names that nobody offered against it; and where no marker opened the calls,
//! also text that it leaves over. Of those that explain it equally well, the one that would write these calls so comes
//! first. It knows no model.

use std::sync::Arc;

use super::opened::opens_call;
use super::reader::{Reader, Step, Text};
use super::row::Place;
use super::scan::{Role, Sighted};
use super::{Format, Offered};
use crate::chat::{Call, CallId, Fault, counted};
use crate::schema::View;

/// How well a format fits a text.
#[derive(Debug, Clone, PartialEq)]
pub struct Detected {
    /// The format's name, `""` if none fits.
    pub format: String,
    /// From 0, no call speaks for it, to 1, all of the text is as the format writes it.
    pub score: f64,
    /// Whether its markers stand in the text; else only the shape of the calls speaks for it.
    pub marked: bool,
    /// Why, in one sentence.
    pub reason: String,
}

/// A format with less has not been recognised.
pub const RECOGNISED: f64 = 0.5;

/// All formats that something speaks for, the best one first.
///
/// ```
/// use callwright_parse::format::{Formats, Unknown, detect};
/// let found = detect(Formats::builtin().iter(), "<tool_call>{\"name\": \"add\", \"arguments\": {}}</tool_call>", &Unknown);
/// assert_eq!((found[0].format.as_str(), found[0].score), ("hermes", 1.0));
/// ```
pub fn detect<'f>(
    formats: impl IntoIterator<Item = &'f Arc<Format>>,
    text: &str,
    offered: &dyn Offered,
) -> Vec<Detected> {
    detect_after(formats, "", text, offered)
}

/// As [`detect`], where the prompt ended so.
pub(crate) fn detect_after<'f>(
    formats: impl IntoIterator<Item = &'f Arc<Format>>,
    tail: &str,
    text: &str,
    offered: &dyn Offered,
) -> Vec<Detected> {
    let mut fits: Vec<Fit<'_>> = formats.into_iter().filter_map(|format| fit(format, tail, text, offered)).collect();
    let best = fits.iter().map(|fit| fit.detected.score).fold(0.0, f64::max);
    let tied = fits.iter().filter(|fit| fit.detected.score >= best).count();
    if tied > 1 && text.len() <= LONGEST_COMPARED {
        let squeezed = squeeze(text);
        fits.iter_mut().filter(|fit| fit.detected.score >= best).for_each(|fit| fit.see_if_own(&squeezed));
    }
    fits.sort_by(|one, other| {
        let by_score = other.detected.score.total_cmp(&one.detected.score);
        by_score.then(other.own.cmp(&one.own)).then_with(|| one.detected.format.cmp(&other.detected.format))
    });
    fits.into_iter().map(|fit| fit.detected).collect()
}

/// Longer texts are not written anew to see whose they are.
const LONGEST_COMPARED: usize = 20_000;

/// A format and how well it fits.
struct Fit<'f> {
    format: &'f Format,
    detected: Detected,
    calls: Vec<Call>,
    /// How much of the text it would write just so.
    own: usize,
}

impl Fit<'_> {
    /// The calls were read from this text, so that what is written needs no proof of its own.
    fn see_if_own(&mut self, squeezed: &str) {
        let written = squeeze(&self.format.unproven(&self.calls).unwrap_or_default());
        self.own = if squeezed.contains(&written) { written.len() } else { 0 };
    }
}

fn squeeze(text: &str) -> String {
    text.split_ascii_whitespace().collect()
}

/// Tools that nobody listed: every name may be one.
#[derive(Debug, Clone, Copy, Default)]
pub struct Unknown;

impl Offered for Unknown {
    fn knows(&self, _name: &str) -> bool {
        true
    }

    fn parameter(&self, _name: &str, _parameter: &str) -> Option<View<'_>> {
        None
    }

    fn positional(&self, _name: &str, values: Vec<serde_json::Value>) -> crate::chat::Arguments {
        values.into_iter().enumerate().map(|(index, value)| (index.to_string(), value)).collect()
    }
}

/// What a format found in a text.
#[derive(Debug, Default)]
struct Tally {
    /// Calls of offered tools, and of others.
    calls: usize,
    strangers: usize,
    deviations: usize,
    faults: usize,
    /// A call of an offered tool was cut off.
    cut: bool,
    /// Bytes that are no blanks: text, and what it explains.
    text: usize,
    explained: usize,
}

/// The format's fit, or nothing if nothing speaks for it.
fn fit<'f>(format: &'f Format, tail: &str, text: &str, offered: &dyn Offered) -> Option<Fit<'f>> {
    let marked = has_opening(format, text) || !tail.is_empty() && opens_call(format, tail.trim_end());
    if !marked && !format.bodies().iter().any(|body| body.row.bare == Place::Start) {
        return None;
    }
    let (tally, calls) = tally(format, tail, text, offered);
    let (score, reason) = (tally.score(marked), tally.reason(marked));
    let detected = Detected { format: format.name().to_owned(), score, marked, reason };
    (score > 0.0).then_some(Fit { format, detected, calls, own: 0 })
}

/// Whether something that opens a call stands in the text.
pub(crate) fn has_opening(format: &Format, text: &str) -> bool {
    openings(format, text)
        .any(|(_, role)| matches!(role, Role::SectionOpen | Role::CallOpen | Role::ChannelOpen | Role::Bare(_)))
}

/// Whether a tag stands in the text that opens a call and could hardly be anything else.
pub(crate) fn has_tag(format: &Format, text: &str) -> bool {
    /// Shorter markers are also written for other reasons.
    const SHORTEST: usize = 8;
    openings(format, text)
        .any(|(span, role)| span.len() >= SHORTEST && matches!(role, Role::SectionOpen | Role::CallOpen))
}

/// The format's markers in a text.
fn openings<'t>(format: &'t Format, text: &'t str) -> impl Iterator<Item = (std::ops::Range<usize>, Role)> + 't {
    let mut from = 0;
    std::iter::from_fn(move || match format.markers().text.find(text, from, true) {
        Sighted::Marker { at, end, role } => {
            from = end;
            Some((at..end, role))
        }
        _ => None,
    })
}

fn tally(format: &Format, tail: &str, text: &str, offered: &dyn Offered) -> (Tally, Vec<Call>) {
    let mut steps = Vec::new();
    Reader::new(format, tail).read(format, Text { so_far: text, at_end: true }, offered, &mut steps);
    let (mut tally, mut calls) = (Tally::default(), Vec::new());
    let solid = |span: std::ops::Range<usize>| text[span].bytes().filter(|byte| !byte.is_ascii_whitespace()).count();
    for step in steps {
        match step {
            Step::Text(span) => {
                tally.deviations += usize::from(is_tag(&text[span.clone()]));
                tally.text += solid(span);
            }
            Step::Framing(span) | Step::Reasoning(span) => tally.explained += solid(span),
            Step::Call(call) => {
                let known = offered.resolves(&call.name);
                tally.calls += usize::from(known);
                tally.strangers += usize::from(!known);
                tally.deviations += call.fixes.len();
                tally.explained += solid(call.span);
                let id = call.id.map(CallId::new);
                let call = Call::new(call.name, call.arguments.as_object().cloned().unwrap_or_default());
                calls.push(match id {
                    Some(id) => call.with_id(id),
                    None => call,
                });
            }
            Step::Fix(_) => tally.deviations += 1,
            Step::Fault(fault) => {
                tally.faults += 1;
                let named = matches!(&fault, Fault::Truncated { name: Some(name), .. } if offered.resolves(name));
                tally.cut |= named;
            }
            Step::Thought(_) => tally.explained += std::mem::take(&mut tally.text),
            Step::Malformed(_) | Step::Quoted(_) | Step::Unfinished | Step::Begin { .. } | Step::Arguments(_) => {}
        }
    }
    (tally, calls)
}

/// Whether a text is nothing but a tag, which this format does not know.
fn is_tag(text: &str) -> bool {
    let inner = text.trim().strip_prefix('<').and_then(|text| text.strip_suffix('>'));
    inner.is_some_and(|inner| !inner.is_empty() && !inner.contains(['<', '>', ' ', '\n']))
}

#[expect(clippy::cast_precision_loss, reason = "counts are compared, not kept")]
impl Tally {
    fn score(&self, marked: bool) -> f64 {
        let named = match (self.calls, self.strangers) {
            (0, 0) if self.cut => 0.8,
            (0, 0) => return 0.0,
            (0, _) => 0.3,
            (calls, strangers) => calls as f64 / (calls + strangers) as f64,
        };
        // Prose around a marked call is normal; a call that nothing marks should be all there is.
        let share = self.explained as f64 / (self.explained + self.text).max(1) as f64;
        let placed = if marked { 1.0 } else { share * share };
        let exact = 0.98_f64.powf(self.deviations.min(20) as f64 / (self.calls + self.strangers).max(1) as f64);
        named * placed * exact * 0.8_f64.powf(self.faults.min(10) as f64)
    }

    fn reason(&self, marked: bool) -> String {
        let place = if marked { "between the format's markers" } else { "as the whole message" };
        let mut reason = match (self.calls, self.strangers) {
            (0, 0) => "a call that was cut off".to_owned(),
            (0, strangers) => format!("{} of unknown tools", counted(strangers, "call")),
            (calls, 0) => format!("{} of offered tools", counted(calls, "call")),
            (calls, strangers) => format!("{} of offered tools, {strangers} of unknown tools", counted(calls, "call")),
        };
        reason.extend([" ", place]);
        for (count, what) in [(self.deviations, "deviation"), (self.faults, "fault")] {
            if count > 0 {
                reason.extend([", ", &counted(count, what)]);
            }
        }
        reason
    }
}
