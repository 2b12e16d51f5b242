//! The stream contract, in one place: pieces come in whatever order a server sends them; a whole reply or a typed failure
//! comes out.
//!
//! Dialects say what a frame means; here it is decided which call a fragment belongs to, what is too much, and whether
//! what came is complete. Nothing is ever completed or guessed: arguments that cannot be read make the reply a failure,
//! and calls of a reply that a length limit cut off are reported, not handed out.

use std::collections::VecDeque;

use serde_json::Value;

use super::names::Names;
use super::part::{Arguing, StreamPart};
use super::reply::{Reply, Tokens, Whole};
use super::trouble::Trouble;
use callwright_parse::chat::{Call, CallId, Fault, FinishReason};
use callwright_parse::error::FailureKind;

/// The most calls of one reply.
const CALLS: usize = 128;
/// The most bytes of text and reasoning of one reply.
const TEXT: usize = 16 << 20;

/// Puts a reply together.
#[derive(Debug, Default)]
pub(super) struct Assembler {
    names: Names,
    parts: Vec<StreamPart>,
    ready: VecDeque<Reply>,
    whole: Whole,
    finish: Option<Finish>,
    /// Whether the provider has said that nothing more comes.
    done: bool,
    /// What the provider wants back with the whole turn.
    carried: Vec<Value>,
}

/// Why a model stopped.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Finish {
    Stop,
    Calls,
    Length,
    /// The provider says that the reply is a failure of this kind.
    Failed(FailureKind),
    /// An unknown reason: kept, and not a failure.
    Unknown,
}

/// A piece of a call.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Fragment<'a> {
    /// The number that the server gives the call.
    pub(super) slot: Option<u64>,
    pub(super) id: Option<&'a str>,
    pub(super) name: Option<&'a str>,
    pub(super) arguments: Arguing<'a>,
}

/// A reply, and what its provider wants back with its calls.
#[derive(Debug)]
pub(super) struct Assembled {
    pub(super) whole: Whole,
    /// For each call.
    pub(super) carried: Vec<Option<Value>>,
}

impl Assembler {
    pub(super) fn new(names: Names, warnings: Vec<String>) -> Self {
        Self { names, whole: Whole { warnings, ..Whole::default() }, ..Self::default() }
    }

    /// The next piece ready for the caller.
    pub(super) fn next(&mut self) -> Option<Reply> {
        self.ready.pop_front()
    }

    pub(super) fn text(&mut self, delta: &str) -> Result<(), Trouble> {
        if !delta.is_empty() {
            self.room(delta)?;
            self.whole.text.push_str(delta);
            self.ready.push_back(Reply::Text(delta.to_owned()));
        }
        Ok(())
    }

    pub(super) fn reasoning(&mut self, delta: &str) -> Result<(), Trouble> {
        if !delta.is_empty() {
            self.room(delta)?;
            self.whole.reasoning.push_str(delta);
            self.ready.push_back(Reply::Reasoning(delta.to_owned()));
        }
        Ok(())
    }

    fn room(&self, delta: &str) -> Result<(), Trouble> {
        let length = self.whole.text.len() + self.whole.reasoning.len() + delta.len();
        if length > TEXT { Err(too_large("the text exceeds the size limit")) } else { Ok(()) }
    }

    /// Takes a piece of a call, whichever it belongs to.
    pub(super) fn call(&mut self, fragment: Fragment<'_>) -> Result<usize, Trouble> {
        let id = fragment.id.filter(|id| is_id(id));
        let name = fragment.name.filter(|name| !name.is_empty());
        let at = match self.find(fragment.slot, id, name, &fragment.arguments)? {
            Some(at) => at,
            None => self.open(fragment.slot)?,
        };
        let part = &mut self.parts[at];
        if part.id.is_none() {
            part.id = id.map(str::to_owned);
        }
        if let Some(name) = name {
            part.take_name(name, &self.names);
        }
        part.take(fragment.arguments)?;
        self.tell(at);
        Ok(at)
    }

    /// A call that came whole.
    pub(super) fn whole_call(
        &mut self,
        id: Option<&str>,
        name: &str,
        arguments: Arguing<'_>,
        carried: Option<Value>,
    ) -> Result<(), Trouble> {
        let at = self.open(None)?;
        let part = &mut self.parts[at];
        part.id = id.filter(|id| is_id(id)).map(str::to_owned);
        name.clone_into(&mut part.name);
        part.carried = carried;
        part.take(arguments)?;
        part.closed = true;
        self.tell(at);
        Ok(())
    }

    /// The arguments of a call, told once more and whole: they count, whatever came before.
    pub(super) fn settle_arguments(&mut self, at: usize, arguments: &str) -> Result<(), Trouble> {
        let part = &mut self.parts[at];
        part.replace(arguments)?;
        part.closed = true;
        self.tell(at);
        Ok(())
    }

    /// Which call a fragment belongs to. `None` is a new one.
    fn find(
        &self,
        slot: Option<u64>,
        id: Option<&str>,
        name: Option<&str>,
        arguments: &Arguing<'_>,
    ) -> Result<Option<usize>, Trouble> {
        let last = |is: &dyn Fn(&StreamPart) -> bool| self.parts.iter().rposition(is);
        let candidate = match slot {
            Some(slot) => last(&|part| part.slot == Some(slot)),
            // Without a number, what follows belongs to the call that was spoken of last.
            None => last(&|part| id.is_some() && part.id.as_deref() == id).or(self.parts.len().checked_sub(1)),
        };
        let Some(at) = candidate else {
            let nameless = slot.is_none() && id.is_none() && name.is_none();
            return if nameless { Err(Trouble::malformed("arguments arrived before any call")) } else { Ok(None) };
        };
        let part = &self.parts[at];
        if id.is_some() && part.id.as_deref() == id {
            return Ok(Some(at));
        }
        // Servers that number every call 0, or none at all, begin the next one with its own id or name. An id that
        // changes while the name is not said again is one of a server that makes a new one for each piece.
        let other_id = id.is_some() && part.id.is_some() && (name.is_some() || slot.is_none());
        let other_tool = name.is_some_and(|name| {
            let joined = format!("{}{name}", part.name);
            !part.name.is_empty() && part.name != name && self.names.knows(name) && !self.names.begins(&joined)
        });
        let again = name.is_some() && part.is_whole() && (slot.is_none() || !arguments.is_nothing());
        Ok((!(other_id || other_tool || again)).then_some(at))
    }

    fn open(&mut self, slot: Option<u64>) -> Result<usize, Trouble> {
        if self.parts.len() >= CALLS {
            return Err(too_large("too many calls"));
        }
        self.parts.push(StreamPart::new(slot));
        Ok(self.parts.len() - 1)
    }

    /// Makes ready what can be told of a call.
    fn tell(&mut self, at: usize) {
        let part = &mut self.parts[at];
        if !part.told && part.may_be_told() {
            part.told = true;
            self.ready.push_back(Reply::CallStarted { index: at, name: self.names.ours(&part.name) });
        }
        if part.told
            && let Some(delta) = part.untold()
        {
            self.ready.push_back(Reply::Arguments { index: at, delta });
        }
    }

    /// Keeps what was thought, for a provider that wants it back with the calls that it led to.
    pub(super) fn carry_thoughts(&mut self) {
        if !self.whole.reasoning.is_empty() {
            self.carry(Value::from(self.whole.reasoning.as_str()));
        }
    }

    /// Adds something that the provider wants back with this turn.
    pub(super) fn carry(&mut self, value: Value) {
        if self.carried.len() < CALLS {
            self.carried.push(value);
        }
    }

    pub(super) fn tokens(&mut self, change: impl FnOnce(&mut Tokens)) {
        change(self.whole.tokens.get_or_insert_default());
    }

    pub(super) fn model(&mut self, model: &str) {
        model.clone_into(&mut self.whole.model);
    }

    pub(super) fn request_id(&mut self, id: &str) {
        self.whole.request_id.get_or_insert_with(|| id.to_owned());
    }

    pub(super) fn warn(&mut self, warning: impl Into<String>) {
        if self.whole.warnings.len() < 64 {
            self.whole.warnings.push(warning.into());
        }
    }

    /// The provider said why the model stopped: the reply is complete, but for what it counts.
    pub(super) fn finish(&mut self, finish: Finish, word: &str) {
        if self.finish.is_none() {
            self.finish = Some(finish);
            word.clone_into(&mut self.whole.finish);
        }
    }

    /// The provider said that nothing more comes.
    pub(super) fn done(&mut self) {
        self.done = true;
    }

    pub(super) fn is_done(&self) -> bool {
        self.done
    }

    pub(super) fn is_complete(&self) -> bool {
        self.finish.is_some()
    }

    pub(super) fn calls(&self) -> usize {
        self.parts.len()
    }

    /// Whether a call of this id has come.
    pub(super) fn has_call(&self, id: &str) -> bool {
        self.parts.iter().any(|part| part.id.as_deref() == Some(id))
    }

    /// The reply, if it is complete and every call of it can be read.
    pub(super) fn settle(mut self) -> Result<Assembled, Trouble> {
        let Some(finish) = self.finish else {
            return Err(Trouble::truncated("the answer ended before the provider marked it complete"));
        };
        if let Finish::Failed(kind) = finish {
            return Err(Trouble::new(kind, format!("the provider ended the answer with `{}`", self.whole.finish)));
        }
        if finish == Finish::Unknown {
            self.warn(format!("unknown finish reason: `{}`", self.whole.finish));
        }
        if finish == Finish::Calls && self.parts.is_empty() {
            return Err(Trouble::malformed("the provider reports tool calls, but sent none"));
        }
        let mut carried = Vec::new();
        let parts = std::mem::take(&mut self.parts);
        self.whole.finish_reason = match finish {
            Finish::Length => FinishReason::Length,
            _ if parts.is_empty() => FinishReason::Stop,
            _ => FinishReason::ToolCalls,
        };
        for part in parts {
            let name = self.names.ours(&part.name);
            if finish == Finish::Length {
                // What the limit cut may be one call or the plan of several: none of them may be acted on.
                let at = self.whole.text.len();
                let name = (!name.is_empty()).then_some(name);
                self.whole.faults.push(Fault::Truncated { span: at..at, name });
                continue;
            }
            let (arguments, digits, warning) = part.arguments()?;
            if let Some(warning) = warning {
                self.warn(format!("the call of `{name}`: {warning}"));
            }
            let id = self.fresh_id(part.id);
            self.whole.calls.push(Call::new(name, arguments).with_id(id).with_digits(digits));
            carried.push(part.carried);
        }
        if let (false, Some(first)) = (self.carried.is_empty(), carried.first_mut()) {
            *first = Some(Value::Array(self.carried));
        }
        Ok(Assembled { whole: self.whole, carried })
    }

    /// The provider's own id, or one of ours where it gave none or gave it twice.
    fn fresh_id(&mut self, id: Option<String>) -> CallId {
        let taken = |whole: &Whole, id: &CallId| whole.calls.iter().any(|call| call.id == *id);
        if let Some(id) = id.map(CallId::new) {
            if !taken(&self.whole, &id) {
                return id;
            }
            self.warn(format!("two calls have the id `{id}`: the second was given a new one"));
        }
        let mut index = self.whole.calls.len();
        while taken(&self.whole, &CallId::of_index(index)) {
            index += 1;
        }
        CallId::of_index(index)
    }
}

/// Servers without an id send nothing, blanks, or the word `null`.
fn is_id(id: &str) -> bool {
    !id.trim().is_empty() && id != "null"
}

pub(super) fn too_large(what: &str) -> Trouble {
    Trouble::new(FailureKind::TooLarge, what)
}
