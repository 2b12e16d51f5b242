//! What begins a tagged call or a line.

use crate::format::Format;
use crate::format::extent::{Starts, starts};
use crate::format::item::Scene;
use crate::format::row::ShapeName;
use crate::format::scan::lead;

/// What tagged calls of this format begin with.
pub(crate) fn tagged_leads(format: &Format) -> impl Iterator<Item = &str> {
    let tagged = format.bodies().iter().filter(|body| body.row.shape == ShapeName::TaggedParams);
    let leads = tagged.flat_map(|body| body.templates().map(|template| lead(template.lead())));
    leads.filter(|lead| !lead.is_empty())
}

/// Whether a tagged call begins here.
pub(crate) fn begins_call(scene: &Scene<'_>, at: usize) -> Starts {
    let rest = &scene.text.as_bytes()[at.min(scene.text.len())..];
    let mut begins = Starts::No;
    for lead in tagged_leads(scene.format) {
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
