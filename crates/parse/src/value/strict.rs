//! The strict path: `serde_json` itself, so that valid JSON comes out as it says, to the last digit.

use serde_json::Value;

use super::machine::{Machine, plain};
use super::reader::Home;

/// The strict JSON value at `at`, and its end. Where Python may be meant only lists and objects are taken this way: a
/// number or string may go on behind what is a whole value in JSON.
pub(super) fn read(text: &str, at: usize, home: Home) -> Option<(Value, usize)> {
    let rest = text.get(at..)?;
    if home != Home::Json && !rest.trim_start_matches([' ', '\n', '\r', '\t']).starts_with(['{', '[']) {
        return None;
    }
    let mut values = serde_json::Deserializer::from_str(rest).into_iter::<Value>();
    let value = values.next()?.ok()?;
    Some((value, at + values.byte_offset()))
}

/// A resumable look for where a strict list or object ends, byte by byte, each once.
#[derive(Debug, Clone)]
pub(crate) struct StrictEnd {
    machine: Machine,
    at: usize,
}

/// How far a strict value goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum StrictReach {
    /// Further than the text so far.
    More,
    /// To this byte.
    End(usize),
    /// It is not strict JSON.
    Off,
}

impl StrictEnd {
    /// A look from the opening bracket at `at`.
    pub(crate) fn new(at: usize) -> Self {
        Self { machine: Machine::default(), at }
    }

    /// The bytes looked at so far end here.
    pub(crate) fn at(&self) -> usize {
        self.at
    }

    /// Goes on over the text so far.
    pub(crate) fn advance(&mut self, text: &[u8]) -> StrictReach {
        while !self.machine.is_done() {
            if self.machine.in_string() {
                self.at += plain(&text[self.at..]);
            }
            let Some(&byte) = text.get(self.at) else { return StrictReach::More };
            self.machine.step(byte);
            self.at += 1;
            if self.machine.is_off() {
                return StrictReach::Off;
            }
        }
        StrictReach::End(self.at)
    }
}
