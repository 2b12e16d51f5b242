//! Whether a marker inside a value begins a call of an offered tool.

use crate::format::Body;
use crate::format::item::Scene;
use crate::format::scan::Sighted;
use crate::value;

/// No name is longer.
const LONGEST_NAME: usize = 200;

/// Whether a call of an offered tool begins behind this marker; None while the text so far does not say.
pub(super) fn begins_offered(scene: &Scene<'_>, body: &Body, at: usize) -> Option<bool> {
    let Sighted::Marker { end, .. } = body.tags.value.here(scene.text, at, scene.at_end) else { return Some(false) };
    let next = scene.skip_blanks(end);
    let rest = &scene.text[next..];
    if rest.is_empty() {
        return scene.at_end.then_some(false);
    }
    let near = &rest[..rest.floor_char_boundary(LONGEST_NAME)];
    let name = value::name(near, 0).unwrap_or(0..0);
    if name.end == rest.len() && !scene.at_end {
        return None;
    }
    Some(rest.starts_with(['{', '<']) || scene.offered.resolves(&near[name]))
}
