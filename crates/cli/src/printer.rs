//! The one place that prints: data on stdout, all else on stderr.
//!
//! A closed pipe is no error (`callwright list | head -1`), so writing to stdout returns it as one that
//! [`Printer::failed`] swallows. Colour only ever underlines what the words already say.

use std::error::Error as _;
use std::io::{self, IsTerminal as _, Write as _};

use anstream::{AutoStream, ColorChoice};
use serde::Serialize;

use super::{Color, Exit, Global, wrap};
use callwright_parse::error::{Error, ErrorKind, Result};

const RED: &str = "\x1b[1;31m";
const YELLOW: &str = "\x1b[1;33m";
const CYAN: &str = "\x1b[36m";
const DIM: &str = "\x1b[2m";
const PLAIN: &str = "\x1b[0m";

/// Prints for people at the terminal, and for scripts.
#[derive(Debug, Clone, Copy)]
#[expect(clippy::struct_excessive_bools, reason = "each is one flag of the command line, and none depends on another")]
pub struct Printer {
    json: bool,
    quiet: bool,
    verbose: bool,
    progress: bool,
    color: ColorChoice,
}

impl Printer {
    pub(super) fn new(global: &Global) -> Self {
        let Global { json, quiet, verbose, no_progress, color, .. } = *global;
        let color = match color {
            Color::Auto => ColorChoice::Auto,
            Color::Always => ColorChoice::Always,
            Color::Never => ColorChoice::Never,
        };
        // A bar between lines of a log is no bar.
        let progress = !no_progress && !quiet && !verbose && io::stderr().is_terminal();
        Self { json, quiet, verbose, progress, color }
    }

    /// Whether the caller asked for JSON.
    #[must_use]
    pub fn wants_json(&self) -> bool {
        self.json
    }

    /// Whether the caller asked for more detail.
    #[must_use]
    pub fn is_verbose(&self) -> bool {
        self.verbose
    }

    /// Whether a progress bar may be drawn on stderr.
    #[must_use]
    pub fn draws_progress(&self) -> bool {
        self.progress
    }

    /// Writes to stdout as it is and flushes, so that a stream of text is seen as it comes.
    pub fn write(&self, text: &str) -> Result<()> {
        let mut out = AutoStream::new(io::stdout().lock(), self.color);
        out.write_all(text.as_bytes()).and_then(|()| out.flush()).map_err(stdout_failed)
    }

    /// Writes a line to stdout.
    pub fn line(&self, text: &str) -> Result<()> {
        self.write(&format!("{text}\n"))
    }

    /// Writes lines to stdout, broken between words where a terminal is narrower; what follows is indented by so much.
    pub fn hanging(&self, indent: usize, text: &str) -> Result<()> {
        match comfy_table::Table::new().width() {
            Some(columns) => self.line(&wrap::hanging(text, indent, columns.into())),
            None => self.line(text),
        }
    }

    /// Writes a value to stdout as indented JSON.
    pub fn json<T: Serialize>(&self, value: &T) -> Result<()> {
        let text = serde_json::to_string_pretty(value)
            .map_err(|cause| Error::new(ErrorKind::Io, "cannot write the result as JSON").because(cause))?;
        self.line(&text)
    }

    /// Prints a note on stderr, unless asked to be quiet.
    pub fn note(&self, text: &str) {
        if !self.quiet {
            self.tell(text);
        }
    }

    /// Prints a dimmed note on stderr: good to know, never needed.
    pub fn aside(&self, text: &str) {
        self.note(&format!("{DIM}{text}{PLAIN}"));
    }

    /// Warns on stderr.
    pub fn warn(&self, text: &str) {
        self.note(&format!("{YELLOW}warning:{PLAIN} {text}"));
    }

    /// Names the next step on stderr.
    pub fn hint(&self, text: &str) {
        self.note(&format!("{CYAN}hint:{PLAIN} {text}"));
    }

    /// Writes to stderr as it is, without a newline: the trace of a stream.
    pub fn trace(&self, text: &str) {
        let mut out = AutoStream::new(io::stderr().lock(), self.color);
        // If stderr is gone, nobody is left to tell.
        let _ = out.write_all(text.as_bytes()).and_then(|()| out.flush());
    }

    /// Prints an error with its causes and hint, and returns how the command ends.
    #[must_use]
    pub fn failed(&self, error: &Error) -> Exit {
        if is_closed_pipe(error) {
            return Exit::Done;
        }
        self.tell(&format!("{RED}error:{PLAIN} {error}"));
        let mut source = error.source();
        while let Some(cause) = source {
            self.tell(&format!("  because: {cause}"));
            source = cause.source();
        }
        if let Some(hint) = error.hint_text() {
            self.tell(&format!("{CYAN}hint:{PLAIN} {hint}"));
        }
        Exit::Failed
    }

    fn tell(self, text: &str) {
        match comfy_table::Table::new().use_stderr().width() {
            Some(columns) => self.trace(&format!("{}\n", wrap::hanging(text, 2, columns.into()))),
            None => self.trace(&format!("{text}\n")),
        }
    }
}

fn stdout_failed(cause: io::Error) -> Error {
    Error::new(ErrorKind::Io, "cannot write to stdout").because(cause)
}

fn is_closed_pipe(error: &Error) -> bool {
    let cause = error.source().and_then(|source| source.downcast_ref::<io::Error>());
    cause.is_some_and(|cause| cause.kind() == io::ErrorKind::BrokenPipe)
}
