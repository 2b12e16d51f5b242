//! Words behind a closing tag in a value: if they look like a broken tag, the value may have ended there.

use super::super::param_tag::ends_key;
use super::super::torn::begins_torn;
use crate::format::Body;
use crate::format::item::Scene;
use crate::format::scan::{Literals, Role, Sighted};

/// Whether something that is nearly a tag, or the name of a parameter or tool followed by the rest of one, stands at any of
/// these places before the value's end.
pub(super) fn follow_torn(
    scene: &Scene<'_>,
    body: &Body,
    tags: &Literals,
    tool: &str,
    places: &[usize],
    end: usize,
) -> bool {
    places.iter().filter(|at| **at < end).any(|at| {
        let after = &scene.text[*at..end];
        let name = after.find(|letter: char| !letter.is_alphanumeric() && letter != '_').unwrap_or(after.len());
        let next = scene.skip_blanks(at + name);
        let is_tag = match tags.here(scene.text, next, true) {
            Sighted::Marker { role, .. } => role != Role::ValueClose,
            _ => scene.text[next..].starts_with(['=', '>', '"']) || ends_key(body, &scene.text[next..]),
        };
        let name = &after[..name];
        let known = scene.offered.parameters(tool).contains(&name) || scene.offered.knows(name);
        // A tag has its `=` or `>` on the line, before another tag.
        let is_end = |letter| letter == '\n' || letter == '<' && !after.starts_with('<');
        let line = after.find(is_end).unwrap_or(after.len());
        known && is_tag
            || after[..line].contains(['=', '>']) && tags.words(Role::Inner).any(|tag| begins_torn(after, tag))
    })
}
