//! Closers in free text that close nothing.
//!
//! Alone on a line, at the end of the text, behind a call or before another marker they are left over from a call and no
//! text. In the middle of a sentence somebody mentions them, and they stay.

use std::ops::Range;

use super::super::item::Scene;
use super::super::scan::{Role, Sighted};
use super::Reader;

/// What a marker in free text is.
pub(super) enum Stands {
    /// What it looks like.
    Marker,
    /// The text so far does not say.
    Perhaps,
    /// Text, up to here.
    Text { to: usize },
    /// A closer that closes nothing, and no text.
    Stray,
    /// The beginning of a call that is only quoted.
    Quoted,
}

impl Reader {
    /// What a marker in free text is.
    pub(super) fn stands(&mut self, scene: &Scene<'_>, marker: Range<usize>, role: Role) -> Stands {
        match role {
            Role::CallClose | Role::SectionClose if self.pending_close => Stands::Marker,
            // A fence may belong to another block.
            _ if scene.text.as_bytes()[marker.start] == b'`' && !matches!(role, Role::CallOpen | Role::SectionOpen) => {
                Stands::Marker
            }
            Role::CallClose | Role::SectionClose | Role::Stray => self.closer(scene, &marker),
            Role::CallOpen | Role::SectionOpen | Role::Bare(_) => self.opener(scene, &marker),
            _ => Stands::Marker,
        }
    }

    /// What a closer that closes nothing is.
    fn closer(&mut self, scene: &Scene<'_>, marker: &Range<usize>) -> Stands {
        let next = scene.skip_blanks(self.looked.max(marker.end));
        self.looked = next;
        let before = &scene.text[self.told.min(marker.start)..marker.start];
        let nothing = before.trim().is_empty();
        // Text that was told ends before the blanks.
        let alone = !self.told_text || self.after_call && nothing || nothing && before.contains('\n');
        if next >= scene.text.len() {
            return if scene.at_end { Stands::Stray } else { Stands::Perhaps };
        }
        match scene.format.markers().text.here(scene.text, next, scene.at_end) {
            Sighted::Perhaps { .. } => Stands::Perhaps,
            Sighted::Marker { .. } => Stands::Stray,
            Sighted::Nothing if !self.told_text && nothing => Stands::Stray,
            Sighted::Nothing if alone && scene.text[marker.end..next].contains('\n') => Stands::Stray,
            Sighted::Nothing if self.after_call && nothing => Stands::Stray,
            Sighted::Nothing => Stands::Text { to: marker.end },
        }
    }
}
