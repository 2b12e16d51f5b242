//! What follows the end of a tagged call: another call, what closes all calls, or text.
//!
//! A tagged call's end counts inside a value only by what follows it, and where a closing tag is missing, the next call's
//! beginning says so.

use crate::format::Format;
use crate::format::extent::{Starts, starts};
use crate::format::item::Scene;
use crate::format::row::ShapeName;
use crate::format::scan::{Role, Sighted, lead};

/// What follows the end of a call that stands in an open value.
pub(crate) enum Follows {
    /// The text so far does not say.
    Wait,
    /// Another call.
    Call,
    /// What closes the calls.
    Close,
    /// Nothing that has to do with calls.
    Text,
}

/// What follows at `next`, behind a call's end in an open value.
pub(crate) fn follows(scene: &Scene<'_>, next: usize) -> Follows {
    match begins_call(scene, next) {
        Starts::Yes => return Follows::Call,
        Starts::Perhaps => return Follows::Wait,
        Starts::No => {}
    }
    match scene.format.markers().inside.here(scene.text, next, scene.at_end) {
        Sighted::Perhaps { .. } => Follows::Wait,
        Sighted::Marker { role: Role::CallOpen | Role::SectionOpen, .. } => Follows::Call,
        Sighted::Marker { .. } => Follows::Close,
        Sighted::Nothing => Follows::Text,
    }
}

/// What tagged calls of this format begin with, and of which body.
pub(crate) fn tagged_leads(format: &Format) -> impl Iterator<Item = (&str, usize)> {
    let tagged = format.bodies().iter().filter(|body| body.row.shape == ShapeName::TaggedParams);
    let leads = tagged.flat_map(|body| body.templates().map(|template| (lead(template.lead()), body.index)));
    leads.filter(|(lead, _)| !lead.is_empty())
}

/// Whether a tagged call begins here.
pub(crate) fn begins_call(scene: &Scene<'_>, at: usize) -> Starts {
    let rest = &scene.text.as_bytes()[at.min(scene.text.len())..];
    let mut begins = Starts::No;
    for (lead, _) in tagged_leads(scene.format) {
        match starts(rest, lead, scene.at_end) {
            Starts::Yes => return Starts::Yes,
            Starts::Perhaps => begins = Starts::Perhaps,
            Starts::No => {}
        }
    }
    begins
}

/// Whether nothing but blanks stands before on the line.
pub(crate) fn begins_line(text: &str, at: usize) -> bool {
    text[..at].trim_end_matches([' ', '\t']).ends_with('\n')
}
