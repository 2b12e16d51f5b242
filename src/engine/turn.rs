//! One turn, as the picture in the crate's front page draws it.
//!
//! ```text
//! request -> prompt -> infer -> format -> check -> response
//!              ^                            |
//!              +--------- repair <----------+-> fall back
//! ```
//!
//! It decides nothing: `repair` says what becomes of an answer. Calls are handed out here and nowhere else, once
//! nothing can take them back any more.

use std::sync::Arc;
use std::time::{Duration, Instant};

use super::Stages;
use super::attempt::{Answer, Ask, reask};
use super::events::Emitter;
use crate::chat::{Attempt, Event, LOCAL, Outcome, Reason, Request, Response, Timings, Usage, WithdrawReason};
use crate::check::ToolSet;
use crate::error::Result;
use crate::repair::{self, Rung};

/// Makes the turn and emits what happens on the way; the last event is [`Event::Finished`].
pub(super) async fn turn(stages: &Stages, request: Request, events: &Emitter) -> Result<()> {
    let mut turn = Turn::begin(stages, request, events)?;
    let answer = loop {
        let answer = turn.ask().await?; // prompt -> infer -> format -> check
        match turn.rung(&answer) {
            Rung::Accept | Rung::GiveUp | Rung::FallBack(_) => break answer,
            Rung::Reask => turn.ask_again(answer).await?,
        }
    };
    turn.settle(answer).await
}

/// What is known of a turn while it is not settled.
pub(super) struct Turn<'a> {
    pub(super) stages: &'a Stages,
    pub(super) events: &'a Emitter,
    /// What the caller asked for.
    pub(super) request: Request,
    pub(super) tools: Arc<ToolSet>,
    /// What the model is asked now.
    pub(super) ask: Ask,
    attempts: Vec<Attempt>,
    started: Instant,
}

impl<'a> Turn<'a> {
    fn begin(stages: &'a Stages, request: Request, events: &'a Emitter) -> Result<Self> {
        let tools = Arc::new(ToolSet::compile(&request.tools)?);
        let ask = Ask { number: 0, request: request.clone(), enforced: stages.enforce.holds(0) };
        Ok(Self { stages, events, request, tools, ask, attempts: Vec::new(), started: Instant::now() })
    }

    fn rung(&self, answer: &Answer) -> Rung {
        self.stages.ladder.decide(&answer.response, &self.request.tool_choice, self.ask.number)
    }

    /// Whether a conversation that is too long is taken elsewhere whole, rather than shortened.
    pub(super) fn leaves_on_overflow(&self) -> bool {
        self.stages.ladder.fall_back.contains(&Reason::ContextOverflow)
    }

    /// Gives an answer up and puts its faults to the model.
    async fn ask_again(&mut self, answer: Answer) -> Result<()> {
        let response = &answer.response;
        let offered = |name: &str| self.tools.schema(name).is_some();
        let choice = repair::forced(response, &self.request.tool_choice, offered);
        let messages = reask(&self.tools, response, &choice)?;
        let mut request = self.request.clone();
        request.messages.extend(messages);
        request.tool_choice = choice;
        request.limits.deadline = self.time_left();
        self.withdraw(answer, WithdrawReason::Reask).await;
        let number = self.ask.number + 1;
        self.ask = Ask { number, request, enforced: self.stages.enforce.holds(number) };
        Ok(())
    }

    async fn withdraw(&mut self, answer: Answer, reason: WithdrawReason) {
        let attempt = self.ask.number;
        let raw = answer.response.raw.clone();
        let given_up = self.attempt(&answer, Outcome::Withdrawn(reason));
        self.attempts.push(Attempt { raw, ..given_up });
        self.events.emit(Event::AttemptWithdrawn { attempt, reason }).await;
    }

    /// What the trace says of an answer.
    fn attempt(&self, answer: &Answer, outcome: Outcome) -> Attempt {
        let Answer { response, total_ms } = answer;
        let mut attempt = Attempt { number: self.ask.number, outcome, total_ms: *total_ms, ..Attempt::default() };
        LOCAL.clone_into(&mut attempt.by);
        attempt.model.clone_from(&self.stages.name);
        attempt.faults.clone_from(&response.faults);
        attempt.usage = response.usage;
        attempt
    }

    /// Hands out the calls that may be acted on, and the whole of what came of the turn.
    async fn settle(mut self, answer: Answer) -> Result<()> {
        let served = self.attempt(&answer, Outcome::Served);
        let mut response = answer.response;
        response.served_by.clone_from(&served.by);
        response.model.clone_from(&served.model);
        self.attempts.push(served);
        response.usage = self.attempts.iter().fold(Usage::default(), |sum, attempt| sum.plus(attempt.usage));
        response.attempts = self.attempts;
        self.stages.format.name().clone_into(&mut response.format);
        let total_ms = self.started.elapsed().as_secs_f64() * 1000.0;
        response.timings = Timings { load_ms: self.stages.load_ms, total_ms, ..response.timings };
        hand_out(&response, self.events).await;
        self.events.emit(Event::Usage { usage: response.usage }).await;
        self.events.emit(Event::Finished { response: Box::new(response) }).await;
        Ok(())
    }

    /// What is left of the time that the caller gave the turn.
    fn time_left(&self) -> Option<Duration> {
        self.request.limits.deadline.map(|all| all.saturating_sub(self.started.elapsed()))
    }
}

async fn hand_out(response: &Response, events: &Emitter) {
    let faulty = |index: usize| response.faults.iter().any(|fault| fault.call() == Some(index));
    for (index, call) in response.calls.iter().enumerate().filter(|(index, _)| !faulty(*index)) {
        events.emit(Event::CallFinished { index, call: call.clone() }).await;
    }
}
