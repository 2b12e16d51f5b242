//! What llama.cpp itself says, for `--verbose`.
//!
//! Its lines quote names and texts from model files that somebody else made, so they go through the printer like all
//! else. It must not know what they say.

use std::io::{self, Write};

use super::Printer;

/// Shows the engine's own log on stderr from now on.
pub(super) fn show(printer: Printer) {
    let subscriber = tracing_subscriber::fmt()
        .with_writer(move || Lines(printer))
        .with_max_level(tracing_subscriber::filter::LevelFilter::DEBUG)
        .with_ansi(false)
        .with_level(false)
        .with_target(false)
        .without_time();
    // Whoever has called `run` in this process before has set it already.
    let _ = subscriber.try_init();
}

/// Lines for the printer.
struct Lines(Printer);

impl Write for Lines {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.trace(&String::from_utf8_lossy(bytes));
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
