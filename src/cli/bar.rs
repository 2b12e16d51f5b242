//! Progress of a download, drawn where somebody looks.

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

use crate::models::Progress;

use super::Printer;

/// A bar on stderr, or lines of notes where no bar may be drawn.
#[derive(Debug)]
pub(super) struct Bar {
    bar: ProgressBar,
    printer: Printer,
}

impl Bar {
    pub(super) fn new(printer: Printer) -> Self {
        let target = if printer.draws_progress() { ProgressDrawTarget::stderr() } else { ProgressDrawTarget::hidden() };
        let bar = ProgressBar::with_draw_target(None, target);
        let style = "{bar:30} {bytes} of {total_bytes}  {bytes_per_sec}  {eta} left";
        bar.set_style(ProgressStyle::with_template(style).unwrap_or_else(|_| ProgressStyle::default_bar()));
        Self { bar, printer }
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
