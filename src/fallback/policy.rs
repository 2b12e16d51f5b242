//! What the owner allows: when a provider is asked, at most what, and what may leave. Plain values, no decisions of ours.

use std::collections::BTreeSet;
use std::time::Duration;

use regex::Regex;

use callwright_parse::chat::{Message, Reason, Request, Role};
use callwright_parse::error::{Error, ErrorKind, Result};
use callwright_providers::ledger::Budget;

/// When a provider is asked, within what limits, and what may leave.
#[derive(Debug, Clone, Default)]
pub struct Policy {
    /// For which reasons. [`Reason::User`] means always: the local model is not asked at all.
    pub when: BTreeSet<Reason>,
    /// What of the conversation may leave.
    pub share: Share,
    /// Matches of these are replaced before anything leaves, whatever `send` allows.
    pub redact: Vec<Regex>,
    /// Tools that are never sent, nor their calls, nor their results.
    pub keep_tools: BTreeSet<String>,
    /// The budget.
    pub budget: Budget,
    /// The time limit for the local model, where [`Reason::Timeout`] is among the reasons.
    pub local_time: Option<Duration>,
    /// What counts as complex.
    pub complex: Complex,
}

/// What of the conversation may leave.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Share {
    /// All of it.
    #[default]
    All,
    /// The system prompt, and everything since the last question.
    LastTurn,
}

/// What counts as complex: exceeding any of these limits.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
pub struct Complex {
    /// Tools on offer.
    pub tools: Option<usize>,
    /// Nesting depth of a tool's schema.
    pub schema_depth: Option<usize>,
    /// Questions in the conversation.
    pub turns: Option<usize>,
    /// Calls that the model made in one turn of the conversation.
    pub parallel_calls: Option<usize>,
}

impl Policy {
    /// A policy that asks for these reasons.
    #[must_use]
    pub fn when(reasons: impl IntoIterator<Item = Reason>) -> Self {
        Self { when: reasons.into_iter().collect(), ..Self::default() }
    }

    /// Adds a pattern for text that never leaves.
    pub fn redacting(mut self, pattern: &str) -> Result<Self> {
        let pattern = Regex::new(pattern).map_err(|cause| {
            Error::new(ErrorKind::Config, format!("`{pattern}` is not a valid regular expression")).because(cause)
        })?;
        self.redact.push(pattern);
        Ok(self)
    }

    /// Why a request is not for the local model, if it is not.
    pub(crate) fn beyond_local(&self, request: &Request) -> Option<Reason> {
        let applies = [
            (Reason::User, true),
            (Reason::Accuracy, request.accuracy),
            (Reason::Complex, self.complex.covers(request)),
        ];
        applies.into_iter().find(|(reason, applies)| *applies && self.when.contains(reason)).map(|(reason, _)| reason)
    }
}

impl Complex {
    /// Whether a request is complex.
    ///
    /// ```
    /// use callwright::chat::{Message, Request};
    /// use callwright::fallback::Complex;
    /// let mut complex = Complex::default();
    /// complex.turns = Some(1);
    /// let request = Request::new("one");
    /// assert!(!complex.covers(&request));
    /// assert!(complex.covers(&request.message(Message::user("two"))));
    /// ```
    #[must_use]
    pub fn covers(&self, request: &Request) -> bool {
        let over = |most: Option<usize>, count: &dyn Fn() -> usize| most.is_some_and(|most| count() > most);
        let depth = || request.tools.iter().map(|tool| depth(&tool.parameters)).max().unwrap_or(0);
        let turns = || request.messages.iter().filter(|message| message.role == Role::User).count();
        let calls = |message: &Message| message.calls.len();
        let parallel = || request.messages.iter().map(calls).max().unwrap_or(0);
        over(self.tools, &|| request.tools.len())
            || over(self.schema_depth, &depth)
            || over(self.turns, &turns)
            || over(self.parallel_calls, &parallel)
    }
}

/// How deep a schema's values may be nested: 1 for an object of plain values. References are not followed.
fn depth(schema: &serde_json::Value) -> usize {
    let below = |key: &str| schema[key].as_object().into_iter().flat_map(serde_json::Map::values).map(depth).max();
    let listed = |key: &str| schema[key].as_array().into_iter().flatten().map(depth).max();
    let inside =
        [below("properties"), Some(depth_of(&schema["items"])), Some(depth_of(&schema["additionalProperties"]))];
    let same = ["anyOf", "oneOf", "allOf"].into_iter().filter_map(listed).max().unwrap_or(0);
    let nests = ["properties", "items", "additionalProperties"].iter().any(|key| schema[*key].is_object());
    same.max(usize::from(nests) + inside.into_iter().flatten().max().unwrap_or(0))
}

fn depth_of(schema: &serde_json::Value) -> usize {
    if schema.is_object() { depth(schema) } else { 0 }
}
