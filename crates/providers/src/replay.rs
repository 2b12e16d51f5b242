//! A provider that plays scripted replies, so that code that asks providers is tested without a network.

use std::collections::VecDeque;
use std::sync::{Mutex, PoisonError};

use futures_util::stream;

use super::{Ability, Ask, Capabilities, Check, Health, Info, Kind, Provider, Replies, Reply, Task, Whole};
use callwright_parse::chat::Call;
use callwright_parse::error::{Error, ErrorKind, Failure, FailureKind, Result};

/// Plays replies and failures in the order in which they were given, and remembers what it was asked.
#[derive(Debug)]
pub struct ReplayProvider {
    info: Info,
    capabilities: Capabilities,
    turns: Mutex<VecDeque<Vec<Result<Reply>>>>,
    asked: Mutex<Vec<Ask>>,
}

impl ReplayProvider {
    /// A provider of this name that knows no answer yet.
    #[must_use]
    pub fn new(name: impl Into<String>) -> Self {
        let name = name.into();
        let info = Info {
            name,
            kind: Kind::Cloud,
            dialect: "replay".to_owned(),
            hosts: Vec::new(),
            has_key: true,
            model: Some("replay".to_owned()),
        };
        let abilities = [Ability::Tools, Ability::RequiredChoice, Ability::NamedChoice, Ability::ParallelCalls].into();
        let capabilities = Capabilities { abilities, ..Capabilities::default() };
        Self { info, capabilities, turns: Mutex::default(), asked: Mutex::default() }
    }

    /// The same with one more turn: these items.
    #[must_use]
    pub fn turn(self, items: Vec<Result<Reply>>) -> Self {
        self.turns.lock().unwrap_or_else(PoisonError::into_inner).push_back(items);
        self
    }

    /// The same with one more turn: this reply.
    #[must_use]
    pub fn replies(self, mut whole: Whole) -> Self {
        whole.served_by.clone_from(&self.info.name);
        whole.left_machine = true;
        let text = (!whole.text.is_empty()).then(|| Ok(Reply::Text(whole.text.clone())));
        let items = text.into_iter().chain([Ok(Reply::End(Box::new(whole)))]).collect();
        self.turn(items)
    }

    /// The same with one more turn: this text.
    #[must_use]
    pub fn says(self, text: impl Into<String>) -> Self {
        self.replies(Whole { text: text.into(), ..Whole::default() })
    }

    /// The same with one more turn: these calls.
    #[must_use]
    pub fn calls(self, calls: Vec<Call>) -> Self {
        let finish_reason = callwright_parse::chat::FinishReason::ToolCalls;
        self.replies(Whole { calls, finish_reason, ..Whole::default() })
    }

    /// The same with one more turn: this failure, before anything was delivered.
    #[must_use]
    pub fn fails(self, kind: FailureKind) -> Self {
        let error = Error::provider(Failure::new(kind, self.info.name.as_str()), kind.to_string());
        self.turn(vec![Err(error)])
    }

    /// What it was asked so far.
    #[must_use]
    pub fn asked(&self) -> Vec<Ask> {
        self.asked.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

impl Provider for ReplayProvider {
    fn info(&self) -> &Info {
        &self.info
    }

    fn capabilities(&self, _model: &str) -> Capabilities {
        self.capabilities.clone()
    }

    fn stream(&self, ask: Ask) -> Replies {
        self.asked.lock().unwrap_or_else(PoisonError::into_inner).push(ask);
        let next = self.turns.lock().unwrap_or_else(PoisonError::into_inner).pop_front();
        let items = next.unwrap_or_else(|| {
            vec![Err(Error::new(ErrorKind::Backend, "all recorded replies have been played").about(&self.info.name))]
        });
        Box::pin(stream::iter(items))
    }

    fn models(&self) -> Task<'_, Vec<String>> {
        Box::pin(async { Ok(self.info.model.clone().into_iter().collect()) })
    }

    fn check(&self) -> Task<'_, Check> {
        Box::pin(async { Ok(Check::default()) })
    }

    fn health(&self, _model: &str) -> Health {
        Health { well: true, ..Health::default() }
    }
}
