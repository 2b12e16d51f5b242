//! The one place that prints: data on stdout, all else on stderr.
//!
//! Nearly every text here was written by somebody else: a model, a provider, whoever named a file. So none may speak to
//! the terminal: what is given to the [`Printer`] is shown with its control characters escaped (`shown.rs`), and only
//! the printer's own colours are not. To a file or a pipe the bytes go as they are. A closed pipe is no error
//! (`callwright list | head -1`), so writing to stdout returns it as one that [`Printer::failed`] swallows. Colour only
//! ever underlines what the words already say.

use std::borrow::Cow;
use std::error::Error as _;
use std::io::{self, IsTerminal as _, Write};

use anstream::{AutoStream, ColorChoice};
use serde::Serialize;

use super::shown::shown;
use super::{Color, Exit, Global, wrap};
use callwright_parse::error::{Error, ErrorKind, Result};

/// A colour of our own: what it begins with, and what ends it.
#[derive(Debug, Clone, Copy)]
struct Style(&'static str);

const RED: Style = Style("\x1b[1;31m");
const YELLOW: Style = Style("\x1b[1;33m");
const CYAN: Style = Style("\x1b[36m");
const DIM: Style = Style("\x1b[2m");
const PLAIN: Style = Style("");
const END: &str = "\x1b[0m";

/// Prints for people at the terminal, and for scripts.
#[derive(Debug, Clone, Copy)]
#[expect(clippy::struct_excessive_bools, reason = "each is one flag of the command line, and none depends on another")]
pub struct Printer {
    json: bool,
    quiet: bool,
    verbose: bool,
    progress: bool,
    raw: bool,
    color: ColorChoice,
}

impl Printer {
    pub(super) fn new(global: &Global) -> Self {
        let Global { json, quiet, verbose, no_progress, raw, color, .. } = *global;
        let color = match color {
            Color::Auto => ColorChoice::Auto,
            Color::Always => ColorChoice::Always,
            Color::Never => ColorChoice::Never,
        };
        // A bar between lines of a log is no bar.
        let progress = !no_progress && !quiet && !verbose && io::stderr().is_terminal();
        Self { json, quiet, verbose, progress, raw, color }
    }

    /// For a command line that could not be read.
    pub(super) fn plain() -> Self {
        Self { json: false, quiet: false, verbose: false, progress: false, raw: false, color: ColorChoice::Never }
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

    /// A text for whoever draws on the terminal of stdout itself: the editor of a line.
    #[must_use]
    pub fn shown<'t>(&self, text: &'t str) -> Cow<'t, str> {
        if self.raw || !io::stdout().is_terminal() { text.into() } else { shown(text) }
    }

    /// Writes to stdout and flushes, so that a stream of text is seen as it comes.
    pub fn write(&self, text: &str) -> Result<()> {
        let mut out = io::stdout().lock();
        let is_terminal = out.is_terminal();
        let text = self.text(is_terminal, ColorChoice::Never, &[(PLAIN, text)]);
        let written = if is_terminal { put(&mut AutoStream::always(out), &text) } else { put(&mut out, &text) };
        written.map_err(stdout_failed)
    }

    /// Writes a line to stdout.
    pub fn line(&self, text: &str) -> Result<()> {
        self.write(&format!("{text}\n"))
    }

    /// Writes lines to stdout, broken between words where a terminal is narrower; what follows is indented by so much.
    pub fn hanging(&self, indent: usize, text: &str) -> Result<()> {
        match wrap::columns(&comfy_table::Table::new()) {
            Some(columns) => self.line(&wrap::hanging(text, indent, columns)),
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
        self.say(&[(PLAIN, text)]);
    }

    /// Prints a dimmed note on stderr: good to know, never needed.
    pub fn aside(&self, text: &str) {
        self.say(&[(DIM, text)]);
    }

    /// Warns on stderr.
    pub fn warn(&self, text: &str) {
        self.say(&[(YELLOW, "warning:"), (PLAIN, " "), (PLAIN, text)]);
    }

    /// Names the next step on stderr.
    pub fn hint(&self, text: &str) {
        self.say(&[(CYAN, "hint:"), (PLAIN, " "), (PLAIN, text)]);
    }

    /// Writes to stderr without a newline: the trace of a stream.
    pub fn trace(&self, text: &str) {
        self.tell(&[(PLAIN, text)]);
    }

    /// Prints an error with its causes and hint, and returns how the command ends.
    #[must_use]
    pub fn failed(&self, error: &Error) -> Exit {
        if is_closed_pipe(error) {
            return Exit::Done;
        }
        self.tell_lines(&[(RED, "error:"), (PLAIN, " "), (PLAIN, &error.to_string())]);
        let mut source = error.source();
        while let Some(cause) = source {
            self.tell_lines(&[(PLAIN, "  because: "), (PLAIN, &cause.to_string())]);
            source = cause.source();
        }
        if let Some(hint) = error.hint_text() {
            self.tell_lines(&[(CYAN, "hint:"), (PLAIN, " "), (PLAIN, hint)]);
        }
        Exit::Failed
    }

    /// Prints lines on stderr, unless asked to be quiet.
    fn say(self, parts: &[(Style, &str)]) {
        if !self.quiet {
            self.tell_lines(parts);
        }
    }

    /// Writes lines to stderr, broken between words where a terminal is narrower.
    fn tell_lines(self, parts: &[(Style, &str)]) {
        let columns = wrap::columns(comfy_table::Table::new().use_stderr());
        self.put_on_stderr(parts, |text| match columns {
            Some(columns) => wrap::hanging(&text, 2, columns) + "\n",
            None => text + "\n",
        });
    }

    fn tell(self, parts: &[(Style, &str)]) {
        self.put_on_stderr(parts, |text| text);
    }

    fn put_on_stderr(self, parts: &[(Style, &str)], laid_out: impl FnOnce(String) -> String) {
        let mut out = io::stderr().lock();
        let is_terminal = out.is_terminal();
        let text = laid_out(self.text(is_terminal, AutoStream::choice(&out), parts));
        // If stderr is gone, nobody is left to tell.
        let _ = if is_terminal { put(&mut AutoStream::always(out), &text) } else { put(&mut out, &text) };
    }

    /// Texts, each in a colour of ours, as they go to a terminal or to something else.
    fn text(self, is_terminal: bool, automatic: ColorChoice, parts: &[(Style, &str)]) -> String {
        let color = if self.color == ColorChoice::Auto { automatic } else { self.color };
        let mut text = String::new();
        for (Style(begins), part) in parts {
            let begins = if color == ColorChoice::Never { "" } else { begins };
            let part = if is_terminal && !self.raw { shown(part) } else { Cow::from(*part) };
            let end = if begins.is_empty() { "" } else { END };
            text.extend([begins, &part, end]);
        }
        text
    }
}

/// Writes all of it at once. A terminal that does not understand our colours has them translated.
fn put(out: &mut impl Write, text: &str) -> io::Result<()> {
    out.write_all(text.as_bytes()).and_then(|()| out.flush())
}

fn stdout_failed(cause: io::Error) -> Error {
    Error::new(ErrorKind::Io, "cannot write to stdout").because(cause)
}

fn is_closed_pipe(error: &Error) -> bool {
    let cause = error.source().and_then(|source| source.downcast_ref::<io::Error>());
    cause.is_some_and(|cause| cause.kind() == io::ErrorKind::BrokenPipe)
}
