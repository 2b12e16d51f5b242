//! Fallback to providers: only for a reason the owner named, in the owner's order, within the owner's budget.
//!
//! Nothing here is reached unless a [`Fallback`] was given to the builder; there is no other way from a turn to a
//! provider. Who comes next in the chain is asked only while nothing of an answer has reached the caller. An answer from
//! elsewhere is checked like one of our own.

mod leaving;
mod policy;

use std::future::poll_fn;
use std::sync::Arc;
use std::time::Instant;

use serde_json::json;

use super::attempt::{Answer, late_faults};
use super::turn::Turn;
use callwright_parse::chat::{
    Attempt, BYTES_A_TOKEN, Call, Cost, Event, IMAGE_TOKENS, Message, Money, Outcome, Reason, Request, Response, Usage,
    WithdrawReason,
};
use callwright_parse::check::{Level, ToolSet};
use callwright_parse::error::{Error, ErrorKind, FailureKind, Result, Wait};
use callwright_parse::repair::Hold;
use callwright_prompt::window;
use callwright_providers::ledger::{Budget, Reserved, now};
use callwright_providers::price::{Price, Prices};
use callwright_providers::{Ask, Kind, Provider, Registry, Reply, Tokens, Whole};

pub(super) use leaving::leaving;
pub use policy::{Complex, Policy, Share};

/// Which providers to ask, and what the owner allows.
///
/// ```
/// use std::sync::Arc;
/// use callwright::chat::{Arguments, Call, Reason, Request, Tool, ToolChoice};
/// use callwright::{Engine, fallback::{Fallback, Policy}};
/// use callwright::providers::{Registry, Replay};
/// # async fn demo() -> callwright::Result<()> {
/// let registry = Registry::default();
/// registry.put("cloud", Arc::new(Replay::new("cloud").calls(vec![Call::new("now", Arguments::new())])));
/// let fallback = Fallback::new(Arc::new(registry), ["cloud:large".parse().unwrap()], Policy::when([Reason::NoValidCall]));
/// let local = callwright::infer::Replay::of_texts(["I would rather not."]);
/// let engine = Engine::builder().generator(Box::new(local)).fallback(fallback).build().await?;
/// let now = Tool::new("now", "the time", serde_json::json!({"type": "object"}));
/// let request = Request::new("What time is it?").tool(now).tool_choice(ToolChoice::Required);
/// let response = engine.chat(request).await?;
/// assert_eq!((response.served_by.as_str(), response.left_machine), ("cloud", true));
/// # Ok(())
/// # }
/// # tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(demo()).unwrap();
/// ```
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct Fallback {
    /// The providers by name.
    pub registry: Arc<Registry>,
    /// The providers to ask, in order.
    pub chain: Vec<Link>,
    /// When, within what limits, and what may leave.
    pub policy: Policy,
    /// What models cost.
    pub prices: Prices,
}

/// One entry of a chain.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Link {
    /// The provider's name.
    pub provider: String,
    /// The model; the provider's own choice where absent.
    pub model: Option<String>,
}

impl std::str::FromStr for Link {
    type Err = std::convert::Infallible;

    /// `NAME` or `NAME:MODEL`; a model's name may have colons of its own.
    fn from_str(text: &str) -> std::result::Result<Self, Self::Err> {
        let (provider, model) = text.split_once(':').map_or((text, None), |(name, model)| (name, Some(model)));
        Ok(Self { provider: provider.to_owned(), model: model.map(str::to_owned) })
    }
}

impl Fallback {
    /// This chain of these providers, under this policy, with the prices of the binary.
    #[must_use]
    pub fn new(registry: Arc<Registry>, chain: impl IntoIterator<Item = Link>, policy: Policy) -> Self {
        Self { registry, chain: chain.into_iter().collect(), policy, prices: Prices::builtin().clone() }
    }

    /// The same with other prices.
    #[must_use]
    pub fn prices(mut self, prices: Prices) -> Self {
        self.prices = prices;
        self
    }
}

/// What is about to be sent where, and why.
pub(super) struct Sent<'a> {
    pub(super) provider: &'a str,
    pub(super) kind: Kind,
    pub(super) model: &'a str,
    pub(super) reason: Reason,
}

/// One provider, about to be asked.
struct Asked {
    provider: Arc<dyn Provider>,
    model: String,
    request: Request,
    reason: Reason,
    price: Option<Price>,
    /// The most that it may cost.
    worst: Option<Money>,
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
            response.calls.push(Call::new(checked.name, checked.arguments).with_id(call.id));
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

impl Asked {
    /// What an answer costs.
    fn cost(&self, counted: Option<Tokens>, response: &Response) -> Cost {
        let Some(price) = &self.price else {
            return unpriced(self.provider.info().kind);
        };
        match counted {
            Some(tokens) => {
                let written = usize::try_from(tokens.cache_written).unwrap_or(usize::MAX);
                Cost::Counted(price.cost(tokens.into(), written))
            }
            None => Cost::Estimated(price.cost(self.estimated(response), 0)),
        }
    }

    /// Tokens, where the provider counted none.
    fn estimated(&self, response: &Response) -> Usage {
        let calls: usize = response.calls.iter().map(|call| json!(call).to_string().len()).sum();
        Usage {
            prompt_tokens: bytes(&self.request.messages, &self.request).div_ceil(BYTES_A_TOKEN),
            completion_tokens: (calls + response.text.len() + response.reasoning.len()).div_ceil(BYTES_A_TOKEN),
            ..Usage::default()
        }
    }
}

/// The cost of a provider whose price is unknown.
pub(super) fn unpriced(kind: Kind) -> Cost {
    if kind == Kind::Local { Cost::Nothing } else { Cost::Unknown }
}

/// Bytes of what is sent, as JSON. A picture counts as the text that would come to as many tokens.
fn bytes(messages: &[Message], request: &Request) -> usize {
    let length = |text: serde_json::Result<String>| text.map_or(0, |text| text.len());
    let letters: usize = messages.iter().flat_map(Message::images).map(|image| image.url().len()).sum();
    let pictures = messages.iter().flat_map(Message::images).count() * IMAGE_TOKENS * BYTES_A_TOKEN;
    let said = length(serde_json::to_string(messages)).saturating_sub(letters);
    said + pictures + length(serde_json::to_string(&request.tools))
}

/// Whether a failed request may have been seen by another machine.
fn may_have_left(error: &Error, provider: &dyn Provider) -> bool {
    let kept = |kind: FailureKind| {
        matches!(kind, FailureKind::EgressDenied | FailureKind::Unsupported | FailureKind::Timeout(Wait::Queue))
    };
    provider.info().kind != Kind::Local && !error.failure().is_some_and(|failure| kept(failure.kind))
}

/// What a failed request may have cost: nothing where it was refused, the worst where it may have been answered.
fn may_have_cost(error: &Error, worst: Option<Money>) -> Cost {
    let answered = |kind: FailureKind| {
        matches!(
            kind,
            FailureKind::Truncated
                | FailureKind::Malformed
                | FailureKind::TooLarge
                | FailureKind::Timeout(Wait::FirstByte | Wait::Idle | Wait::Progress | Wait::Total)
        )
    };
    match error.failure() {
        Some(failure) if !failure.delivered && !answered(failure.kind) => Cost::Nothing,
        _ => worst.map_or(Cost::Unknown, Cost::Estimated),
    }
}
