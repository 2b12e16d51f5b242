//! What a reader tells: text and reasoning without the blanks beside markers, framing, and how the text ends.

use std::ops::Range;

use super::{Next, Reader, State, Step};
use crate::format::item::Scene;

impl Reader {
    /// Tells text up to `end`, and keeps blanks at its end back: before a marker they are framing.
    pub(super) fn tell_text(&mut self, scene: &Scene<'_>, end: usize, out: &mut Vec<Step>) {
        let Some((first, upto)) = self.beside_blanks(scene, end) else { return };
        if !self.told_text && self.told > 0 {
            self.frame(first, out);
        }
        self.tell(upto, out, Step::Text);
        self.told_text = true;
        self.after_call = false;
    }

    pub(super) fn tell_reasoning(&mut self, scene: &Scene<'_>, end: usize, out: &mut Vec<Step>) {
        let Some((first, upto)) = self.beside_blanks(scene, end) else { return };
        if !self.told_reasoning {
            self.frame(first, out);
            self.told_reasoning = true;
        }
        self.tell(upto, out, Step::Reasoning);
    }

    /// Where the blanks at the beginning of what is not told end, and where those at its end begin.
    pub(super) fn beside_blanks(&mut self, scene: &Scene<'_>, end: usize) -> Option<(usize, usize)> {
        let from = self.blank_to.max(self.told).min(end);
        let rest = &scene.text[from..end];
        let trimmed = rest.trim_ascii_end().len();
        if trimmed == 0 {
            self.blank_to = end;
            return None;
        }
        Some((end - rest.trim_ascii_start().len(), from + trimmed))
    }

    pub(super) fn over(&mut self, scene: &Scene<'_>, out: &mut Vec<Step>) -> Next {
        let end = scene.text.len();
        if let Some(from) = self.said.take().filter(|from| *from < end) {
            out.push(Step::Quoted(from..end));
        }
        if self.after_call || !self.told_text && self.told > 0 {
            self.frame(end, out);
        } else {
            self.tell(end, out, Step::Text);
        }
        Next::Wait(State::Over)
    }

    pub(super) fn frame(&mut self, end: usize, out: &mut Vec<Step>) {
        self.tell(end, out, Step::Framing);
    }

    pub(super) fn tell(&mut self, end: usize, out: &mut Vec<Step>, step: fn(Range<usize>) -> Step) {
        if end > self.told {
            out.push(step(self.told..end));
            self.told = end;
        }
    }
}
