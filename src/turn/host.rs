//! A turn whose model another engine runs: what is asked of it leaves this program.
//!
//! The owner's rules of what may leave hold as for a provider, and the trace says who computed.

use super::Turn;
use super::asked::unpriced;
use super::chain::Sent;
use crate::Stages;
use crate::fallback::{Policy, leaving};
use callwright_parse::chat::{Attempt, Cost, Event, LOCAL, Money, Reason, Request, WithdrawReason};
use callwright_parse::error::{Error, Failure, FailureKind, Result};
use callwright_providers::Kind;
use callwright_providers::price::Prices;

/// Who computes, where it is not this program.
#[derive(Debug)]
pub(crate) struct Host {
    pub(crate) provider: String,
    pub(crate) kind: Kind,
    pub(crate) leaves_machine: bool,
    pub(crate) policy: Policy,
    pub(crate) prices: Prices,
}

impl Stages {
    /// The part of a request that the remote engine may see.
    pub(super) fn may_see(&self, request: Request) -> Result<Request> {
        match &self.host {
            Some(host) => leaving(&request, &host.policy).map_err(|why| host.refuses(&why)),
            None => Ok(request),
        }
    }

    /// Whether what the model is asked leaves this machine.
    pub(super) fn leaves_machine(&self) -> bool {
        self.host.as_ref().is_some_and(|host| host.leaves_machine)
    }

    /// Says in a trace who computed, and what it cost.
    pub(super) fn sign(&self, attempt: &mut Attempt) {
        let Some(host) = &self.host else { return LOCAL.clone_into(&mut attempt.by) };
        attempt.by.clone_from(&host.provider);
        attempt.reason = Some(Reason::User);
        attempt.cost = match host.prices.of(&host.provider, &attempt.model) {
            Some(price) => Cost::Counted(price.cost(attempt.usage, 0)),
            None => unpriced(host.kind),
        };
    }
}

impl Host {
    fn refuses(&self, why: &str) -> Error {
        Error::provider(Failure::new(FailureKind::EgressDenied, self.provider.as_str()), why)
    }
}

impl Turn<'_> {
    /// Records the most that an attempt of the host may cost, and returns it, unless that exceeds the budget.
    pub(super) fn reserve_there(&self, tokens: usize) -> Result<Option<Money>> {
        let Some(host) = &self.stages.host else { return Ok(None) };
        let model = self.stages.name.as_str();
        let price = host.prices.of(&host.provider, model);
        let worst = price.map(|price| price.worst(tokens, self.ask.request.limits.max_tokens));
        let sent = Sent { provider: &host.provider, kind: host.kind, model, reason: Reason::User };
        self.reserve(&sent, worst, host.policy.budget)?.map_err(|why| host.refuses(&why))
    }

    /// Keeps the trace of an attempt of the host's that failed, and takes back what was told of it where somebody else is
    /// asked now.
    pub(super) async fn failed_there(&mut self, error: &Error, withdrawn: bool) {
        if self.stages.host.is_none() {
            return;
        }
        self.left_machine |= self.stages.leaves_machine() && error.failure().is_some_and(Failure::left);
        let mut attempt = Attempt { number: self.ask.number, ..Attempt::default() };
        attempt.model.clone_from(&self.stages.name);
        self.stages.sign(&mut attempt);
        self.failed(attempt, error, self.worst);
        if withdrawn {
            let (attempt, reason) = (self.ask.number, WithdrawReason::Fallback);
            self.events.emit(Event::AttemptWithdrawn { attempt, reason }).await;
        }
    }
}
