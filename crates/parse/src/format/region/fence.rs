//! Fences of Markdown around calls.

use super::super::item::{Scene, fix};
use super::super::reader::Step;
use super::{Ended, Region};
use crate::chat::FixKind;

/// No fence has more ticks, and no language a longer name.
const LONGEST_LANGUAGE: usize = 40;

impl Region {
    /// A fence opens or closes.
    pub(super) fn fence(&mut self, scene: &Scene<'_>, out: &mut Vec<Step>) -> Option<Ended> {
        let rest = &scene.text[self.at..];
        let ticks = rest.bytes().take(LONGEST_LANGUAGE).take_while(|byte| *byte == b'`').count();
        if ticks == rest.len() && !scene.at_end {
            return Some(Ended::Not);
        }
        if self.fence {
            self.fence = false;
            self.framing(self.at + ticks, out);
            return None;
        }
        let line = rest.bytes().take(ticks + LONGEST_LANGUAGE).position(|byte| byte == b'\n');
        if line.is_none() && !scene.at_end && rest.len() < ticks + LONGEST_LANGUAGE {
            return Some(Ended::Not);
        }
        let line = line.unwrap_or_else(|| rest.floor_char_boundary(ticks + LONGEST_LANGUAGE));
        let word = rest[ticks.min(line)..line].trim();
        if word.contains(|letter: char| !letter.is_ascii_alphanumeric() && letter != '_') {
            return Some(if self.committed { self.over(self.at) } else { Ended::Text });
        }
        self.fence = true;
        let row = scene.format.row();
        if ![&row.parallel.open, &row.section.open, &row.call.open].iter().any(|open| open.contains("```")) {
            self.push(Step::Fix(fix(FixKind::Fence, self.at..self.at + line)), out);
        }
        self.framing(self.at + line, out);
        None
    }
}
