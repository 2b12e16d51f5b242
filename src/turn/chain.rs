//! Asking the chain: who comes next is asked only while nothing of an answer has reached the caller.
//!
//! It must not know how a provider is spoken to. What may leave and what it may cost is settled before anything is sent.

use std::future::poll_fn;
use std::time::Instant;

use super::Turn;
use super::asked::{Asked, bytes, may_have_cost, may_have_left};
use super::attempt::{Answer, late_faults};
use crate::fallback::{Fallback, Link, leaving};
use callwright_parse::chat::{
    Attempt, BYTES_A_TOKEN, Call, Event, Message, Money, Outcome, Reason, Response, WithdrawReason,
};
use callwright_parse::check::{Level, ToolSet};
use callwright_parse::error::{Error, ErrorKind, Result};
use callwright_parse::repair::Hold;
use callwright_prompt::window;
use callwright_providers::ledger::{Budget, Reserved, now};
use callwright_providers::{Ask, Kind, Reply, Whole};

/// What is about to be sent where, and why.
pub(super) struct Sent<'a> {
    pub(super) provider: &'a str,
    pub(super) kind: Kind,
    pub(super) model: &'a str,
    pub(super) reason: Reason,
}

impl Turn<'_> {
    /// Asks the chain at once, where the request is not for the local model.
    pub(super) async fn elsewhere_at_once(&mut self) -> Result<Option<Answer>> {
        let policy = self.stages.fallback.as_ref().map(|fallback| &fallback.policy);
        match policy.and_then(|policy| policy.beyond_local(&self.request)) {
            Some(reason) => self.fall_back(reason, None).await,
            None => Ok(None),
        }
    }

    /// Asks the chain. The local answer stays if no provider did better; none means that the local model may try anyway.
    pub(super) async fn fall_back(&mut self, reason: Reason, tried: Option<Result<Answer>>) -> Result<Option<Answer>> {
        let stages = self.stages;
        let Some(fallback) = &stages.fallback else { return tried.transpose() };
        let home = tried.as_ref().and_then(|tried| tried.as_ref().ok());
        let mut failed = None;
        for link in &fallback.chain {
            let number = self.attempts.len() + usize::from(home.is_some());
            let mut attempt = Attempt { number, reason: Some(reason), ..Attempt::default() };
            attempt.by.clone_from(&link.provider);
            let asked = match self.prepare(fallback, link, reason) {
                Ok(asked) => asked,
                Err(why) => {
                    attempt.outcome = Outcome::Refused(why);
                    self.attempts.push(attempt);
                    continue;
                }
            };
            attempt.model.clone_from(&asked.model);
            let (started, mut first) = (Instant::now(), None);
            let replied = self.reply(&asked, number, home.is_some(), &mut first).await;
            attempt.total_ms = started.elapsed().as_secs_f64() * 1000.0;
            let error = match replied {
                Ok(whole) => {
                    self.attempts.extend(home.map(|answer| self.given_up(answer, WithdrawReason::Fallback)));
                    let mut answer = self.taken(attempt, &asked, whole).await?;
                    answer.response.timings.first_token_ms =
                        first.map_or(0.0, |first| first.duration_since(started).as_secs_f64() * 1000.0);
                    return Ok(Some(answer));
                }
                Err(error) => error,
            };
            self.left_machine |= may_have_left(&error, asked.provider.as_ref());
            self.failed(attempt, &error, asked.worst);
            if first.is_some() {
                self.attempts.extend(home.map(|answer| self.given_up(answer, WithdrawReason::Fallback)));
                return Err(error);
            }
            // Nothing has reached the caller, so that another may be asked; unless the request itself is at fault.
            let another = error.failure().is_none_or(|failure| failure.failover_ok);
            failed = Some(error);
            if !another {
                break;
            }
        }
        self.stays_home = true;
        match tried {
            Some(Ok(answer)) => Ok(Some(answer)),
            // A provider that was unreachable or timed out will not be reachable now.
            Some(Err(error)) if reason != Reason::ContextOverflow => Err(self.explained(error)),
            None if reason == Reason::User => Err(failed
                .unwrap_or_else(|| self.explained(Error::new(ErrorKind::Config, "cannot ask the named provider")))),
            Some(Err(_)) | None => Ok(None),
        }
    }

    /// What this provider would be asked, or why it is not.
    fn prepare(&self, fallback: &Fallback, link: &Link, reason: Reason) -> std::result::Result<Asked, String> {
        let said = |error: Error| error.to_string();
        let provider = fallback.registry.get(&link.provider).map_err(said)?;
        let info = provider.info();
        let model = link.model.clone().or_else(|| info.model.clone());
        let unnamed =
            || format!("no model is set: name it as in `{0}:MODEL`, or set `model` in [providers.{0}]", info.name);
        let model = model.ok_or_else(unnamed)?;
        let mut request = leaving(&self.request, &fallback.policy)?;
        request.limits.deadline = self.time_left();
        let able = provider.capabilities(&model);
        let most = able.max_output.and_then(|most| usize::try_from(most).ok());
        request.limits.max_tokens = request.limits.max_tokens.min(most.unwrap_or(usize::MAX));
        if let Some(length) = able.context_length.and_then(|length| usize::try_from(length).ok()) {
            let room = length.saturating_sub(window::wanted(request.limits.max_tokens, length));
            let count = &mut |messages: &[Message]| Ok(bytes(messages, &request).div_ceil(BYTES_A_TOKEN));
            let fitted = window::trim(&request.messages, room, count).map_err(said)?;
            window::fits(fitted.after, length).map_err(said)?;
            request.messages = fitted.messages;
        }
        // A token is a byte at the least.
        let prompt_tokens = bytes(&request.messages, &request);
        let price = fallback.prices.of(&link.provider, &model).cloned();
        let worst = price.as_ref().map(|price| price.worst(prompt_tokens, request.limits.max_tokens));
        let who = Sent { provider: &link.provider, kind: info.kind, model: &model, reason };
        let worst = self.reserve(&who, worst, fallback.policy.budget).map_err(said)??;
        Ok(Asked { provider, model, request, reason, price, worst })
    }

    /// Records the most that an attempt may cost, and returns it, or the refusal where that exceeds the budget.
    pub(super) fn reserve(
        &self,
        sent: &Sent<'_>,
        worst: Option<Money>,
        budget: Budget,
    ) -> Result<std::result::Result<Option<Money>, String>> {
        // What runs on one's own machine costs nothing.
        let worst = worst.or((sent.kind == Kind::Local).then(Money::default));
        let reserved = Reserved {
            at: now(),
            turn: self.id.clone(),
            provider: sent.provider.to_owned(),
            model: sent.model.to_owned(),
            reason: sent.reason,
            picodollars: worst,
        };
        Ok(self.stages.ledger.reserve(&reserved, budget)?.map(|()| worst))
    }

    /// Keeps the trace of an attempt that failed.
    pub(super) fn failed(&mut self, mut attempt: Attempt, error: &Error, worst: Option<Money>) {
        attempt.cost = may_have_cost(error, worst);
        attempt.failure = error.failure().map(|failure| failure.kind.to_string());
        attempt.outcome = Outcome::Failed(error.to_string());
        self.attempts.push(attempt);
    }

    /// Reads a provider's reply and tells it as it comes, and when it began. The local answer is taken back with its first
    /// piece.
    async fn reply(
        &self,
        asked: &Asked,
        attempt: usize,
        withdraws: bool,
        first: &mut Option<Instant>,
    ) -> Result<Whole> {
        let session = self.stages.session.as_str();
        let ask = Ask::new(asked.request.clone(), asked.model.clone(), asked.reason).in_conversation(session);
        let mut replies = asked.provider.stream(ask);
        loop {
            let next = poll_fn(|context| replies.as_mut().poll_next(context)).await;
            let cut = || Error::new(ErrorKind::Backend, "the provider's stream ended too early");
            let reply = next.ok_or_else(cut)??;
            if withdraws && first.is_none() {
                let (attempt, reason) = (self.ask.number, WithdrawReason::Fallback);
                self.events.emit(Event::AttemptWithdrawn { attempt, reason }).await;
            }
            first.get_or_insert_with(Instant::now);
            self.events
                .emit(match reply {
                    Reply::Text(delta) => Event::Text { attempt, delta },
                    Reply::Reasoning(delta) => Event::Reasoning { attempt, delta },
                    Reply::CallStarted { index, name } => Event::CallStarted { attempt, index, name },
                    Reply::Arguments { index, delta } => Event::Arguments { attempt, index, delta },
                    Reply::End(whole) => return Ok(*whole),
                })
                .await;
        }
    }

    /// Checks what a provider said as if we had read it.
    async fn taken(&mut self, mut attempt: Attempt, asked: &Asked, whole: Whole) -> Result<Answer> {
        self.left_machine |= whole.left_machine;
        let tools = ToolSet::compile(&asked.request.tools)?;
        let mut response = Response { text: whole.text, reasoning: whole.reasoning, ..Response::default() };
        response.raw.clone_from(&response.text);
        response.finish_reason = whole.finish_reason;
        response.faults = whole.faults;
        for (index, call) in whole.calls.into_iter().enumerate() {
            let checked = tools.check(&call.name, call.arguments.into(), Level::Standard, 0..0, index);
            response.fixes.extend(checked.fixes);
            response.faults.extend(checked.faults);
            response.calls.push(Call::new(checked.name, checked.arguments).with_id(call.id).with_digits(call.digits));
        }
        response.faults.extend(late_faults(&self.request, &response.calls, |_| false, whole.finish_reason));
        for fix in &response.fixes {
            self.events.emit(Event::Fixed { attempt: attempt.number, fix: fix.clone() }).await;
        }
        for fault in &response.faults {
            self.events.emit(Event::Faulty { attempt: attempt.number, fault: fault.clone() }).await;
        }
        attempt.cost = asked.cost(whole.tokens, &response);
        attempt.usage = whole.tokens.map_or_else(|| asked.estimated(&response), Into::into);
        attempt.warnings = whole.warnings;
        if !whole.model.is_empty() {
            attempt.model = whole.model;
        }
        attempt.faults.clone_from(&response.faults);
        response.usage = attempt.usage;
        asked.provider.info().dialect.clone_into(&mut response.format);
        Ok(Answer {
            response,
            total_ms: attempt.total_ms,
            hold: Hold::Free,
            warnings: Vec::new(),
            notes: Vec::new(),
            remote: Some(attempt),
        })
    }

    /// The error, with why the fallback did not help either.
    fn explained(&self, error: Error) -> Error {
        let why = |attempt: &Attempt| match &attempt.outcome {
            Outcome::Refused(why) | Outcome::Failed(why) => Some(format!("{}: {why}", attempt.by)),
            Outcome::Served | Outcome::Withdrawn(_) => None,
        };
        let told: Vec<_> = self.attempts.iter().filter_map(why).collect();
        if told.is_empty() { error } else { error.hint(format!("the fallback did not help ({})", told.join("; "))) }
    }
}
