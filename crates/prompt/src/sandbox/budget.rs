//! How much one render may do: bytes handled, time taken, and how much any one value may hold.
//!
//! What an instruction makes is charged here, so that memory and output stay in proportion to the input. No single
//! value may hold more than a sixteenth of that, so what one instruction does before it is charged is bounded as well.
//! The deadline is the second line of defence: what is charged is the same on every machine.

use std::sync::Arc;
use std::time::{Duration, Instant};

use minijinja::value::{DynObject, Enumerator, Object, ObjectRepr, Value, ValueKind};
use minijinja::{Error, ErrorKind, State};

use super::growing::Growing;

/// What a render may spend.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RenderLimits {
    /// Instructions, whatever the input.
    pub fuel: u64,
    /// Instructions more for each byte of the input.
    pub fuel_a_byte: u64,
    /// Bytes read, made and printed, whatever the input. A single value may hold a sixteenth.
    pub bytes: u64,
    /// Bytes more for each byte of the input.
    pub bytes_a_byte: u64,
    /// The longest that a render may take.
    pub deadline: Duration,
}

impl Default for RenderLimits {
    /// Five times and more what the hungriest of 70 published templates takes for a long conversation.
    fn default() -> Self {
        let deadline = Duration::from_secs(10);
        Self { fuel: 2_000_000, fuel_a_byte: 50, bytes: 32 << 20, bytes_a_byte: 64, deadline }
    }
}

/// What a value costs besides its text, in bytes.
const VALUE: usize = 32;

/// A macro keeps the variables that it closes over.
const MACRO: usize = 1024;

/// Values nest no deeper than this.
pub(super) const DEPTH: usize = 128;

/// What is left of a render's limits. It lives in the render's state.
#[derive(Debug)]
pub(in super::super) struct Budget {
    bytes: u64,
    /// The most that one value may hold.
    share: u64,
    until: Instant,
    charges: u64,
}

/// The cause of an error that a limit made.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(in super::super) enum Limit {
    #[error("it reads and writes more text than the conversation justifies")]
    Bytes,
    #[error("it takes too long")]
    Deadline,
    #[error("it nests values too deeply")]
    Depth,
}

impl From<Limit> for Error {
    fn from(limit: Limit) -> Self {
        Self::new(ErrorKind::InvalidOperation, limit.to_string()).with_source(limit)
    }
}

/// The limits of the render at hand, handed to it as a variable.
#[derive(Debug)]
pub(in super::super) struct Allowance {
    /// Bytes in all.
    pub(in super::super) bytes: u64,
    /// When it must be done.
    pub(in super::super) until: Instant,
}

impl Object for Allowance {
    fn repr(self: &Arc<Self>) -> ObjectRepr {
        ObjectRepr::Plain
    }
}

/// The name of the variable that holds the [`Allowance`].
pub(in super::super) const ALLOWANCE: &str = "__allowance";

impl Budget {
    /// The budget of the render that this state belongs to.
    pub(in super::super) fn of<'s>(state: &'s mut State<'_, '_>) -> &'s mut Self {
        let given = if state.get_extension::<Self>().is_none() { state.lookup(ALLOWANCE) } else { None };
        let given = given.as_ref().and_then(|value| value.downcast_object_ref::<Allowance>());
        let (bytes, until) = given.map_or((0, Instant::now()), |allowance| (allowance.bytes, allowance.until));
        state.get_or_insert_extension(Self { bytes, share: bytes / 16, until, charges: 0 })
    }

    /// Takes so many bytes.
    pub(in super::super) fn charge(&mut self, bytes: usize) -> Result<(), Limit> {
        self.bytes = self.bytes.checked_sub(bytes as u64).ok_or(Limit::Bytes)?;
        self.charges += 1;
        if self.charges.is_multiple_of(64) && Instant::now() > self.until { Err(Limit::Deadline) } else { Ok(()) }
    }

    /// Whether one value may hold so many bytes.
    pub(in super::super) fn fits(&self, bytes: usize) -> Result<usize, Limit> {
        if bytes as u64 > self.share { Err(Limit::Bytes) } else { Ok(bytes) }
    }

    /// Charges a value that came into being, each of its parts at any depth, and tells how many bytes it holds.
    ///
    /// A list inside another value stops growing, and a namespace stays outside, so that what was weighed stays true
    /// and nothing can hold itself.
    pub(super) fn weigh(&mut self, value: &Value, depth: usize) -> Result<usize, Error> {
        let namespace = is_namespace(value);
        if depth > DEPTH {
            return Err(Limit::Depth.into());
        }
        if namespace && depth > 0 {
            return Err(nested_namespace());
        }
        let mut held = 8;
        self.charge(if value.kind() == ValueKind::Plain { MACRO } else { VALUE })?;
        match value.kind() {
            ValueKind::String => {
                held += value.as_str().map_or(0, str::len);
                self.charge(if depth == 0 { held } else { 0 })?;
            }
            ValueKind::Seq | ValueKind::Iterable => {
                if let Some(list) = value.downcast_object_ref::<Growing>().filter(|_| depth > 0) {
                    list.seal();
                }
                for item in value.try_iter()?.checked() {
                    held += self.weigh(&item?, depth + 1)?;
                    self.fits(held)?;
                }
            }
            ValueKind::Map => {
                let pairs = value.as_object().and_then(DynObject::try_iter_pairs);
                for (key, item) in pairs.into_iter().flatten() {
                    let item = match item.downcast_object_ref::<Growing>().filter(|_| namespace) {
                        Some(list) => list.held(),
                        None => self.weigh(&item, depth + 1)?,
                    };
                    held += key.as_str().map_or(8, str::len) + item;
                    self.fits(held)?;
                }
            }
            _ => {}
        }
        Ok(self.fits(held)?)
    }
}

/// Of minijinja's maps only a namespace lists its keys at once.
pub(super) fn is_namespace(value: &Value) -> bool {
    value.kind() == ValueKind::Map
        && value.as_object().is_some_and(|object| matches!(object.enumerate(), Enumerator::Values(_)))
}

/// A namespace inside another value could make that value hold itself.
pub(super) fn nested_namespace() -> Error {
    Error::new(ErrorKind::InvalidOperation, "a namespace cannot be part of another value")
}

/// A value that came into being, charged; what is lazy is made real, so that it stays as it was charged.
pub(super) fn made(state: &mut State<'_, '_>, value: Value) -> Result<Value, Error> {
    Budget::of(state).weigh(&value, 0)?;
    if value.kind() == ValueKind::Iterable { Ok(value.try_iter()?.collect()) } else { Ok(value) }
}
