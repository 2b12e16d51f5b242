//! Progress of a download or of a long count, drawn where somebody looks.

use std::fmt::Write;

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressState, ProgressStyle};

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
        Self::drawn(printer, "{wide_bar} {bytes} of {total_bytes}  {bytes_per_sec}  {eta} left")
    }

    /// For `len` items that are done one by one.
    pub(super) fn of_steps(printer: Printer, total: u64) -> Self {
        let bar = Self::drawn(printer, "{wide_bar} {pos} of {len}  {rate}  {eta} left");
        bar.bar.set_length(total);
        bar
    }

    fn drawn(printer: Printer, style: &str) -> Self {
        let target = if printer.draws_progress() { ProgressDrawTarget::stderr() } else { ProgressDrawTarget::hidden() };
        let bar = ProgressBar::with_draw_target(None, target);
        let style = ProgressStyle::with_template(style).unwrap_or_else(|_| ProgressStyle::default_bar());
        let rate = |state: &ProgressState, out: &mut dyn Write| {
            // A progress bar that cannot be written to has no reader.
            let _ = write!(out, "{}", per_second(state.per_sec()));
        };
        bar.set_style(style.with_key("rate", rate));
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

/// A rate as people say one: no digits that nobody reads.
fn per_second(rate: f64) -> String {
    if rate >= 10.0 { format!("{rate:.0}/s") } else { format!("{rate:.1}/s") }
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

#[cfg(test)]
mod tests {
    use super::per_second;

    #[test]
    fn a_rate_has_no_idle_digits() {
        assert_eq!([19.7622, 3.0764, 0.02].map(per_second), ["20/s", "3.1/s", "0.0/s"]);
    }
}
