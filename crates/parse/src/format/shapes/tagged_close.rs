//! What stands behind a closing tag inside a value.
//!
//! A tagged value may hold anything, closing tags too. One counts where the closing tags that the format requires follow
//! it to their end, or the next parameter; where words break that row of tags, the value goes on.

use std::ops::Range;

use crate::format::item::Scene;
use crate::format::scan::{Literals, Role, Sighted};

/// The closing tags that follow one another, as far as they were looked at.
#[derive(Debug, Clone)]
pub(crate) struct Closers {
    /// Looked at up to here.
    pub(crate) at: usize,
    /// Where the value's last closing tag ends.
    pub(crate) value_end: usize,
    /// Where the call's end ends, if it was there.
    pub(crate) call_end: Option<usize>,
    /// A marker closed the calls.
    pub(crate) closed: bool,
    /// A tag that closed what was closed.
    pub(crate) stray: Option<Range<usize>>,
    /// No closing tag may stand there twice.
    pub(crate) once: bool,
    /// What follows the last of them is asked, too.
    pub(crate) to_the_end: bool,
}

/// What stands behind closing tags.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Behind {
    /// The text so far does not say.
    Wait,
    /// The end, or what ends the message.
    End,
    /// A parameter's opening tag.
    Param,
    /// Another call.
    Call,
    /// Anything else.
    Words,
}

impl Closers {
    /// Behind a closing tag of a value that ends at `end`.
    pub(crate) fn of_value(end: usize) -> Self {
        Self { at: end, value_end: end, call_end: None, closed: false, stray: None, once: false, to_the_end: false }
    }

    /// Behind what ends a call, or all of them, from `at` to `end`, with the value's own tag missing.
    pub(crate) fn of_call((at, end): (usize, usize), is_tail: bool) -> Self {
        let call_end = is_tail.then_some(end);
        Self { at: end, value_end: at, call_end, closed: !is_tail, stray: None, once: false, to_the_end: true }
    }

    /// Goes on over the tags.
    pub(crate) fn advance(&mut self, scene: &Scene<'_>, tags: &Literals) -> Behind {
        loop {
            self.at = scene.skip_blanks(self.at);
            if self.at == scene.text.len() {
                return if scene.at_end { Behind::End } else { Behind::Wait };
            }
            let inside = self.call_end.is_none() && !self.closed;
            match tags.here(scene.text, self.at, scene.at_end) {
                Sighted::Perhaps { .. } => return Behind::Wait,
                Sighted::Nothing => return Behind::Words,
                Sighted::Marker { end, role, .. } => match role {
                    Role::ValueClose if inside && !self.once => {
                        self.again(end);
                        self.value_end = end;
                    }
                    Role::Tail if self.call_end.is_some() && !self.closed && !self.once => self.at = end,
                    Role::Tail if inside => {
                        self.call_end = Some(end);
                        self.at = end;
                    }
                    Role::CallClose | Role::SectionClose => {
                        self.closed = true;
                        if !self.to_the_end {
                            return Behind::End;
                        }
                        self.at = end;
                    }
                    Role::ParamOpen(_) | Role::Inner if inside => return Behind::Param,
                    Role::CallOpen | Role::SectionOpen | Role::Bare(_) => return Behind::Call,
                    Role::ValueClose | Role::Tail | Role::ParamOpen(_) | Role::Inner => return Behind::Words,
                    _ => return Behind::End,
                },
            }
        }
    }

    fn again(&mut self, end: usize) {
        let from = self.stray.take().map_or(self.at, |stray| stray.start);
        self.stray = Some(from..end);
        self.at = end;
    }
}
