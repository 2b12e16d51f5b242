//! How much one render may do: bytes handled, time taken, depth of values.
//!
//! A chat template comes with a downloaded file and is a program. Its instructions are minijinja's fuel; what an
//! instruction can multiply is charged here, so that memory and output stay in proportion to the input. The deadline
//! is the second line of defence: what is charged is the same on every machine.

use std::time::{Duration, Instant};

use minijinja::value::{DynObject, Object, ObjectRepr, Value, ValueKind};
use minijinja::{Error, ErrorKind, State};

/// What a render may spend.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RenderLimits {
    /// Instructions, whatever the input.
    pub fuel: u64,
    /// Instructions more for each byte of the input.
    pub fuel_a_byte: u64,
    /// Bytes read, made and printed, whatever the input.
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

/// Values nest no deeper than this.
pub(super) const DEPTH: usize = 128;

/// What is left of a render's limits. It lives in the render's state.
#[derive(Debug)]
pub(super) struct Budget {
    bytes: u64,
    until: Instant,
    charges: u64,
}

/// The cause of an error that a limit made.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Limit {
    /// Too many bytes were handled.
    Bytes,
    /// It took too long.
    Deadline,
    /// A value is nested too deeply, or holds itself.
    Depth,
}

impl std::fmt::Display for Limit {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Bytes => "it reads and writes more text than the conversation justifies",
            Self::Deadline => "it takes too long",
            Self::Depth => "it nests values too deeply",
        })
    }
}

impl std::error::Error for Limit {}

impl From<Limit> for Error {
    fn from(limit: Limit) -> Self {
        Self::new(ErrorKind::InvalidOperation, limit.to_string()).with_source(limit)
    }
}

/// The limits of the render at hand, handed to it as a variable.
#[derive(Debug)]
pub(super) struct Allowance {
    /// Bytes in all.
    pub(super) bytes: u64,
    /// When it must be done.
    pub(super) until: Instant,
}

impl Object for Allowance {
    fn repr(self: &std::sync::Arc<Self>) -> ObjectRepr {
        ObjectRepr::Plain
    }
}

/// The name of the variable that holds the [`Allowance`].
pub(super) const ALLOWANCE: &str = "__allowance";

impl Budget {
    /// The budget of the render that this state belongs to.
    pub(super) fn of<'s>(state: &'s mut State<'_, '_>) -> &'s mut Self {
        if state.get_extension::<Self>().is_none() {
            let given = state.lookup(ALLOWANCE);
            let given = given.as_ref().and_then(|value| value.downcast_object_ref::<Allowance>());
            let (bytes, until) = given.map_or((0, Instant::now()), |allowance| (allowance.bytes, allowance.until));
            return state.get_or_insert_extension(Self { bytes, until, charges: 0 });
        }
        state.get_or_insert_extension(Self { bytes: 0, until: Instant::now(), charges: 0 })
    }

    /// Takes so many bytes.
    pub(super) fn charge(&mut self, bytes: usize) -> Result<(), Limit> {
        self.bytes = self.bytes.checked_sub(bytes as u64).ok_or(Limit::Bytes)?;
        self.charges += 1;
        if self.charges.is_multiple_of(256) && Instant::now() > self.until {
            return Err(Limit::Deadline);
        }
        Ok(())
    }

    /// Charges a value that came into being: each of its parts, at any depth.
    pub(super) fn charge_parts(&mut self, value: &Value, depth: usize) -> Result<(), Limit> {
        if depth > DEPTH {
            return Err(Limit::Depth);
        }
        match value.kind() {
            ValueKind::String if depth == 0 => self.charge(value.as_str().map_or(0, str::len)),
            ValueKind::Seq => {
                self.charge(VALUE)?;
                let items = value.try_iter().into_iter().flatten();
                items.into_iter().try_for_each(|item| self.charge_parts(&item, depth + 1))
            }
            ValueKind::Map => {
                self.charge(VALUE)?;
                let pairs = value.as_object().and_then(DynObject::try_iter_pairs);
                pairs.into_iter().flatten().try_for_each(|(_, item)| self.charge_parts(&item, depth + 1))
            }
            _ => self.charge(VALUE),
        }
    }
}

/// The same value, with what is lazy made real, so that its size is known and it cannot grow behind our back.
pub(super) fn settled(state: &mut State<'_, '_>, value: Value) -> Result<Value, Error> {
    if value.kind() != ValueKind::Iterable {
        return Ok(value);
    }
    let budget = Budget::of(state);
    let known = value.len();
    if let Some(length) = known {
        budget.charge(length.saturating_mul(VALUE))?;
    }
    let mut items = Vec::new();
    for item in value.try_iter()?.checked() {
        items.push(item?);
        budget.charge(if known.is_some() { 0 } else { VALUE })?;
    }
    Ok(Value::from(items))
}
