//! One recording read: by the very parser that the engine runs, whole for the result, in pieces for law 2.
//!
//! A format that was asked for goes before the one that the recording names; where neither is, the text is read as
//! that of a model nobody knows. The time is that of the whole text, from making the parser to its end; compiling the
//! tools is not in it, for a program does that once.

use std::sync::Arc;
use std::time::{Duration, Instant};

use callwright_parse::check::{Level, ToolSet};
use callwright_parse::error::Result;
use callwright_parse::format::Formats;
use callwright_parse::read::{Parsed, Parser};
use callwright_record::Recording;

/// How texts are read.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct How {
    /// The formats there are.
    pub formats: Formats,
    /// The format that all texts are read by; none to take each recording's own, and where it names none, any.
    pub format: Option<String>,
    /// How much is tolerated.
    pub level: Level,
}

/// What reading came to.
#[derive(Debug)]
pub(super) struct ParsedText {
    pub(super) parsed: Parsed,
    /// The format's name, or `auto`.
    pub(super) format: String,
    pub(super) took: Duration,
    /// Whether the text in pieces came to the same.
    pub(super) streams: bool,
}

/// How a text without a named format is parsed.
pub(super) const AUTO: &str = "auto";

impl How {
    /// Reads by the built-in formats, each recording by its own, at the standard level.
    #[must_use]
    pub fn new(formats: Formats) -> Self {
        Self { formats, format: None, level: Level::default() }
    }

    /// Reads all texts by this format, or with `auto` by none in particular.
    pub fn by_format(mut self, name: &str) -> Result<Self> {
        self.format = if name == AUTO { None } else { Some(self.formats.get(name)?.name().to_owned()) };
        Ok(self)
    }

    /// Tolerates this much.
    #[must_use]
    pub fn level(mut self, level: Level) -> Self {
        self.level = level;
        self
    }

    fn parser(&self, format: Option<&str>, tools: &Arc<ToolSet>) -> Result<Parser> {
        let parser = match format {
            Some(name) => Parser::new(self.formats.get(name)?, Arc::clone(tools)),
            None => Parser::auto(&self.formats, Arc::clone(tools)),
        };
        Ok(parser.level(self.level))
    }

    pub(super) fn read(&self, recording: &Recording, tools: &Arc<ToolSet>) -> Result<ParsedText> {
        let format = self.format.as_deref().or(recording.format.as_deref()).filter(|name| *name != AUTO);
        let started = Instant::now();
        let mut parser = self.parser(format, tools)?.after_prompt(&recording.prompt_tail);
        parser.push(recording.output.as_bytes());
        let mut parsed = parser.finish();
        let took = started.elapsed();
        parsed.events.clear();

        let mut parser = self.parser(format, tools)?.after_prompt(&recording.prompt_tail);
        for piece in pieces(recording) {
            parser.push(piece);
        }
        let mut streamed = parser.finish();
        streamed.events.clear();
        let streams = streamed == parsed;
        Ok(ParsedText { parsed, format: format.unwrap_or(AUTO).to_owned(), took, streams })
    }
}

/// The pieces in which the text came, or pieces the size of tokens where they were not recorded.
fn pieces(recording: &Recording) -> Vec<&[u8]> {
    let recorded: usize = recording.chunks.iter().map(String::len).sum();
    if recorded == recording.output.len() && recording.chunks.concat() == recording.output {
        return recording.chunks.iter().map(String::as_bytes).collect();
    }
    let mut rest = recording.output.as_bytes();
    let mut pieces = Vec::with_capacity(rest.len() / 4 + 1);
    for length in [4, 1, 7, 2, 5, 3].into_iter().cycle() {
        if rest.is_empty() {
            break;
        }
        let (piece, behind) = rest.split_at(length.min(rest.len()));
        pieces.push(piece);
        rest = behind;
    }
    pieces
}
