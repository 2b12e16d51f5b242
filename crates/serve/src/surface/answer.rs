//! A whole answer, collected from the parts that a stream is told: so both agree.

use callwright::chat::{Timings, Usage};

use super::part::{Finish, Part};

/// All of an answer.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Answer {
    /// What it consists of, in order.
    pub(crate) blocks: Vec<Block>,
    /// Why it ended.
    pub(crate) finish: Finish,
    /// Tokens.
    pub(crate) usage: Usage,
    /// Where the time went.
    pub(crate) timings: Timings,
}

/// One stretch of an answer.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Block {
    /// Reasoning.
    Reasoning(String),
    /// Text.
    Text(String),
    /// A call.
    Call {
        /// As in [`Part::Call`].
        id: String,
        /// The tool.
        name: String,
        /// Its arguments as JSON text.
        arguments: String,
        /// Whether it may be acted on; otherwise it was cut off, and is only told of in a stream.
        whole: bool,
    },
}

impl Answer {
    /// One without anything yet.
    pub(crate) fn new() -> Self {
        Self { blocks: Vec::new(), finish: Finish::Stop, usage: Usage::default(), timings: Timings::default() }
    }

    /// Adds a part.
    pub(crate) fn take(&mut self, part: &Part) {
        match (part, self.blocks.last_mut()) {
            (Part::Reasoning(delta), Some(Block::Reasoning(text))) | (Part::Text(delta), Some(Block::Text(text))) => {
                text.push_str(delta);
            }
            (Part::Reasoning(delta), _) => self.blocks.push(Block::Reasoning(delta.clone())),
            (Part::Text(delta), _) => self.blocks.push(Block::Text(delta.clone())),
            (Part::Call { id, name, .. }, _) => self.blocks.push(Block::Call {
                id: id.clone(),
                name: name.clone(),
                arguments: String::new(),
                whole: false,
            }),
            (Part::Arguments { delta, .. }, Some(Block::Call { arguments, .. })) => arguments.push_str(delta),
            (Part::CallEnd { whole: ended, .. }, Some(Block::Call { whole, .. })) => *whole = *ended,
            // Parts come in order, so that there is no other case.
            (Part::Arguments { .. } | Part::CallEnd { .. }, _) => {}
        }
    }

    /// All text.
    pub(crate) fn text(&self) -> String {
        self.blocks
            .iter()
            .filter_map(|block| if let Block::Text(text) = block { Some(text.as_str()) } else { None })
            .collect()
    }

    /// All reasoning.
    pub(crate) fn reasoning(&self) -> String {
        let reasoning = |block: &Block| if let Block::Reasoning(text) = block { Some(text.clone()) } else { None };
        self.blocks.iter().filter_map(reasoning).collect()
    }

    /// The calls that may be acted on: id, name and arguments.
    pub(crate) fn calls(&self) -> impl Iterator<Item = (&str, &str, &str)> {
        self.blocks.iter().filter_map(|block| match block {
            Block::Call { id, name, arguments, whole: true } => Some((id.as_str(), name.as_str(), arguments.as_str())),
            _ => None,
        })
    }
}
