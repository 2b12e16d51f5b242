//! Progress of a download or of a long count, drawn where somebody looks.

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

use callwright_models::Progress;

use super::Printer;

/// A progress bar on stderr, or plain lines where no bar may be drawn.
#[derive(Debug)]
pub(super) struct Bar {
    bar: ProgressBar,
    printer: Printer,
}

impl Bar {
    /// For a download, in bytes.
    pub(super) fn new(printer: Printer) -> Self {
        Self::drawn(printer, "{bar:30} {bytes} of {total_bytes}  {bytes_per_sec}  {eta} left")
    }

    /// For `len` items that are done one by one.
    pub(super) fn of_steps(printer: Printer, total: u64) -> Self {
        let bar = Self::drawn(printer, "{bar:30} {pos} of {len}  {per_sec}  {eta} left");
        bar.bar.set_length(total);
        bar
    }

    fn drawn(printer: Printer, style: &str) -> Self {
        let target = if printer.draws_progress() { ProgressDrawTarget::stderr() } else { ProgressDrawTarget::hidden() };
        let bar = ProgressBar::with_draw_target(None, target);
        bar.set_style(ProgressStyle::with_template(style).unwrap_or_else(|_| ProgressStyle::default_bar()));
        Self { bar, printer }
    }

    /// Counts one more item; may be called from any thread.
    pub(super) fn step(&self) {
        self.bar.inc(1);
    }

    /// Prints something above the bar.
    pub(super) fn aside(&self, text: &str) {
        self.bar.suspend(|| self.printer.note(text));
    }

    /// Takes the bar away.
    pub(super) fn clear(&self) {
        self.bar.finish_and_clear();
    }
}

impl Progress for Bar {
    fn start(&mut self, total: u64, already: u64) {
        self.bar.reset();
        self.bar.set_length(total);
        self.bar.set_position(already);
    }

    fn advance(&mut self, bytes: u64) {
        self.bar.inc(bytes);
    }

    fn finish(&mut self) {
        self.bar.finish_and_clear();
    }

    fn note(&mut self, text: &str) {
        self.bar.suspend(|| self.printer.note(text));
    }
}
