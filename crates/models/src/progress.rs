//! Progress of long operations.
//!
//! A trait, so that the command line can draw a bar, a server can send events and a library stays silent.

/// Is told about bytes that are downloaded or checked.
pub trait Progress {
    /// A piece of work begins: `total` bytes, of which `already` are there from an earlier attempt.
    fn start(&mut self, total: u64, already: u64);
    /// This many more bytes.
    fn advance(&mut self, bytes: u64);
    /// The piece of work is done.
    fn finish(&mut self);
    /// A note: one sentence for a person.
    fn note(&mut self, text: &str);
}

/// Reports nothing.
#[derive(Debug, Clone, Copy, Default)]
pub struct Silent;

impl Progress for Silent {
    fn start(&mut self, _total: u64, _already: u64) {}
    fn advance(&mut self, _bytes: u64) {}
    fn finish(&mut self) {}
    fn note(&mut self, _text: &str) {}
}
