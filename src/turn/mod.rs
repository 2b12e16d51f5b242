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

mod answer;
mod asked;
mod attempt;
mod chain;
mod host;

use std::sync::Arc;
use std::time::{Duration, Instant};

use super::Stages;
use super::events::Emitter;
use answer::AnswerCheck;
use attempt::{Answer, Ask, reask};
use callwright_parse::chat::{
    Attempt, Event, Money, Outcome, Reason, Request, Response, Timings, Usage, WithdrawReason,
};
use callwright_parse::check::{Level, ToolSet};
use callwright_parse::error::{Error, ErrorKind, FailureKind, Result, Wait};
use callwright_parse::repair::{self, Rung};
use callwright_providers::ledger;

pub(crate) use host::Host;

/// Makes the turn and emits what happens on the way; the last event is [`Event::Finished`].
pub(super) async fn turn(stages: &Stages, request: Request, events: &Emitter) -> Result<()> {
    let mut turn = Turn::begin(stages, request, events)?;
    for refused in turn.tools.refused() {
        let (name, reason) = (refused.tool.clone(), refused.error.to_string());
        events.emit(Event::ToolRefused { name, reason }).await;
    }
    let answer = match turn.elsewhere_at_once().await {
        Ok(Some(answer)) => Ok(answer),
        Ok(None) => turn.here().await,
        Err(error) => Err(error),
    };
    turn.settle(answer).await
}

impl Turn<'_> {
    /// Asks the local model, or the engine in its place, until its answer is good, or nothing more can be done about it.
    async fn here(&mut self) -> Result<Answer> {
        loop {
            let tried = self.ask().await; // prompt -> infer -> format -> check
            let rung = self.rung(&tried);
            if let Err(error) = &tried {
                self.failed_there(error, matches!(rung, Rung::FallBack(_))).await;
            }
            match rung {
                Rung::Accept | Rung::GiveUp => return tried,
                Rung::Reask => self.ask_again(tried?).await?,
                Rung::FallBack(reason) => {
                    if let Some(answer) = self.fall_back(reason, Some(tried)).await? {
                        return Ok(answer);
                    }
                    // The chain's attempts came before the next one.
                    self.ask.number = self.attempts.len();
                }
            }
        }
    }
}

/// What is known of a turn while it is not settled.
struct Turn<'a> {
    stages: &'a Stages,
    events: &'a Emitter,
    /// Names the turn in the ledger.
    id: String,
    /// What the caller asked for.
    request: Request,
    tools: Arc<ToolSet>,
    /// The JSON that the answer must be, where it is not any text.
    answer: Option<AnswerCheck>,
    /// What the model is asked now.
    ask: Ask,
    reasked: usize,
    /// What was tried and is no answer.
    attempts: Vec<Attempt>,
    /// Whether anything was sent to another machine.
    left_machine: bool,
    /// The most that the attempt at hand may cost.
    worst: Option<Money>,
    /// Whether no other provider may be asked any more.
    stays_home: bool,
    started: Instant,
}

impl<'a> Turn<'a> {
    fn begin(stages: &'a Stages, request: Request, events: &'a Emitter) -> Result<Self> {
        if let Some(flaw) = request.flaw() {
            return Err(Error::new(ErrorKind::Input, flaw));
        }
        let mut request = stages.may_see(request)?;
        let tools = match stages.level {
            Level::Strict => ToolSet::compile_strict(&request.tools)?,
            _ => ToolSet::compile(&request.tools)?,
        };
        let tools = Arc::new(tools);
        if !tools.refused().is_empty() {
            request.tools = tools.tools().to_vec();
        }
        let answer = AnswerCheck::compile(&request.answer)?;
        let ask = Ask { number: 0, request: request.clone(), enforced: stages.enforce.holds(0), unheld: Vec::new() };
        let mut turn = Self {
            stages,
            events,
            id: ledger::fresh_id(),
            request,
            tools,
            answer,
            ask,
            reasked: 0,
            attempts: Vec::new(),
            left_machine: false,
            worst: None,
            stays_home: false,
            started: Instant::now(),
        };
        turn.ask.request.limits.deadline = turn.time_here();
        Ok(turn)
    }

    /// What becomes of what the local model came to.
    fn rung(&self, tried: &Result<Answer>) -> Rung {
        let may = |reason: Reason| !self.stays_home && self.stages.ladder.fall_back.contains(&reason);
        match tried {
            Ok(answer) => {
                let rung = self.stages.ladder.decide(&answer.response, &self.request.tool_choice, self.reasked);
                let too_late = self.time_left().is_some_and(|left| left.is_zero());
                if matches!(rung, Rung::FallBack(_)) && (self.stays_home || too_late) { Rung::GiveUp } else { rung }
            }
            Err(error) => reason_of(error).filter(|reason| may(*reason)).map_or(Rung::GiveUp, Rung::FallBack),
        }
    }

    /// Whether a conversation that is too long is taken elsewhere whole, rather than shortened.
    fn leaves_on_overflow(&self) -> bool {
        !self.stays_home && self.stages.ladder.fall_back.contains(&Reason::ContextOverflow)
    }

    /// Gives an answer up and asks the model again: the same question where holding the call rules the faults out, else
    /// with the faults before it.
    async fn ask_again(&mut self, answer: Answer) -> Result<()> {
        let response = &answer.response;
        let offered = |name: &str| self.tools.schema(name).is_some();
        let choice = repair::forced(response, &self.request.tool_choice, offered);
        let enforced = self.stages.enforce.holds(self.reasked + 1);
        let mut request = self.request.clone();
        request.tool_choice = choice;
        let faults = reask(&self.tools, response, &request.tool_choice)?;
        let unheld = if enforced && repair::grammar_rules_out(response, answer.hold) {
            faults.into()
        } else {
            request.messages.extend(faults);
            Vec::new()
        };
        request.limits.deadline = self.time_here();
        self.attempts.push(self.given_up(&answer, WithdrawReason::Reask));
        let (attempt, reason) = (self.ask.number, WithdrawReason::Reask);
        self.events.emit(Event::AttemptWithdrawn { attempt, reason }).await;
        self.reasked += 1;
        self.ask = Ask { number: self.attempts.len(), request, enforced, unheld };
        Ok(())
    }

    /// The trace of an answer that is given up.
    fn given_up(&self, answer: &Answer, reason: WithdrawReason) -> Attempt {
        Attempt { raw: answer.response.raw.clone(), outcome: Outcome::Withdrawn(reason), ..self.trace(answer) }
    }

    /// What the trace says of an answer of the local model.
    fn trace(&self, answer: &Answer) -> Attempt {
        let Answer { response, total_ms, warnings, notes, .. } = answer;
        let mut attempt = Attempt { number: self.ask.number, total_ms: *total_ms, ..Attempt::default() };
        attempt.model.clone_from(&self.stages.name);
        attempt.faults.clone_from(&response.faults);
        attempt.usage = response.usage;
        attempt.warnings.clone_from(warnings);
        attempt.notes.clone_from(notes);
        self.stages.sign(&mut attempt);
        attempt
    }

    /// Hands out the calls that may be acted on, and the whole of what came of the turn.
    async fn settle(mut self, answer: Result<Answer>) -> Result<()> {
        let mut answer = match answer {
            Ok(answer) => answer,
            Err(error) => {
                self.keep();
                return Err(error);
            }
        };
        let local = answer.remote.is_none();
        let served = answer.remote.take().unwrap_or_else(|| self.trace(&answer));
        let mut response = answer.response;
        response.served_by.clone_from(&served.by);
        response.model.clone_from(&served.model);
        response.left_machine = self.left_machine;
        self.attempts.push(served);
        self.attempts.sort_by_key(|attempt| attempt.number);
        self.keep();
        response.usage = self.attempts.iter().fold(Usage::default(), |sum, attempt| sum.plus(attempt.usage));
        response.attempts = self.attempts;
        if local {
            self.stages.format.name().clone_into(&mut response.format);
        }
        let total_ms = self.started.elapsed().as_secs_f64() * 1000.0;
        response.timings = Timings { load_ms: self.stages.load_ms, total_ms, ..response.timings };
        hand_out(&response, self.events).await;
        self.events.emit(Event::Usage { usage: response.usage }).await;
        self.events.emit(Event::Finished { response: Box::new(response) }).await;
        Ok(())
    }

    /// Records what the turn used.
    fn keep(&self) {
        let spent = ledger::TurnSpent {
            at: ledger::now(),
            turn: self.id.clone(),
            session: self.stages.session.clone(),
            left_machine: self.left_machine,
            attempts: self.attempts.iter().map(ledger::Spent::from).collect(),
        };
        // An answer is not lost because its usage cannot be recorded. Its worst cost was recorded before it was sent.
        let _ = self.stages.ledger.spent(spent);
    }

    /// What is left of the time that the caller gave the turn.
    fn time_left(&self) -> Option<Duration> {
        self.request.limits.deadline.map(|all| all.saturating_sub(self.started.elapsed()))
    }

    /// The same for the local model, which may have less.
    fn time_here(&self) -> Option<Duration> {
        let here = self.stages.local_time.map(|all| all.saturating_sub(self.started.elapsed()));
        self.time_left().into_iter().chain(here).min()
    }
}

/// For which reason somebody else may be asked after this trouble.
fn reason_of(error: &Error) -> Option<Reason> {
    match error.failure().map(|failure| failure.kind) {
        _ if is_full(error) => Some(Reason::ContextOverflow),
        // A remote engine that does not answer counts as a missing model.
        Some(FailureKind::Network | FailureKind::Timeout(Wait::Connect)) => Some(Reason::ModelMissing),
        Some(FailureKind::Timeout(_)) => Some(Reason::Timeout),
        _ => (error.kind() == ErrorKind::ModelMissing).then_some(Reason::ModelMissing),
    }
}

/// Whether the conversation is too long. An engine elsewhere counts for itself, and says so when it is asked.
fn is_full(error: &Error) -> bool {
    let told = error.failure().is_some_and(|failure| failure.kind == FailureKind::ContextOverflow);
    told || error.kind() == ErrorKind::ContextFull
}

async fn hand_out(response: &Response, events: &Emitter) {
    let faulty = |index: usize| response.faults.iter().any(|fault| fault.call() == Some(index));
    for (index, call) in response.calls.iter().enumerate().filter(|(index, _)| !faulty(*index)) {
        events.emit(Event::CallFinished { index, call: call.clone() }).await;
    }
}
