//! What watches free text for the beginning of a call, from which on the grammar holds.

use callwright_parse::format::{Format, Scout, Sight};

/// Watches an output; made by [`Constraint::watch`](super::Constraint::watch).
#[derive(Debug)]
pub struct Watch {
    scout: Box<Scout>,
    /// Where in the output the scout began.
    from: usize,
}

/// What the output holds so far, as offsets into it in bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Sighting {
    /// From here on the text may belong to a call; all before it is free text or reasoning.
    pub held_from: Option<usize>,
    /// A call begins here.
    pub call_from: Option<usize>,
}

impl Watch {
    pub(super) fn new(format: &Format, prompt_tail: &str, from: usize) -> Self {
        Self { scout: Box::new(Scout::new(format, prompt_tail)), from }
    }

    /// Looks at what the output goes on with.
    pub fn push(&mut self, bytes: &[u8]) -> Sighting {
        match self.scout.push(bytes) {
            Sight::Nothing => Sighting::default(),
            Sight::Perhaps { from } => Sighting { held_from: Some(self.from + from), call_from: None },
            Sight::Call { from } => {
                let at = Some(self.from + from);
                Sighting { held_from: at, call_from: at }
            }
        }
    }
}
