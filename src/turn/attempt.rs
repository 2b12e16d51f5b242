//! One attempt of the local model: prompt, infer, format, check.
//!
//! Its events are provisional, and its answer may still be given up; so nothing is handed out here.

use std::future::poll_fn;
use std::ops::Range;
use std::sync::Arc;
use std::time::Instant;

use super::Turn;
use super::answer::AnswerCheck;
use crate::Stages;
use callwright_constrain::Constraint;
use callwright_infer::{Chunk, Chunks, Drafts, End, Forced, Job};
use callwright_parse::chat::{
    Attempt, Call, Event, Fault, FinishReason, Message, Overflow, Prompt, Request, Response, ToolChoice, Usage,
};
use callwright_parse::check::ToolSet;
use callwright_parse::error::{Error, ErrorKind, Result};
use callwright_parse::read::{Parser, Recovery};
use callwright_parse::repair::{self, Hold};
use callwright_parse::schema::Schema;
use callwright_prompt::Reask;
use callwright_prompt::window::{self, Fitted};

/// What the model is asked in one attempt.
pub(super) struct Ask {
    /// Counted from 0.
    pub(super) number: usize,
    /// The caller's request, or what it became.
    pub(super) request: Request,
    /// Whether the grammar holds.
    pub(super) enforced: bool,
    /// What is said besides where no grammar can hold the call.
    pub(super) unheld: Vec<Message>,
}

/// What came of an attempt.
pub(super) struct Answer {
    pub(super) response: Response,
    pub(super) total_ms: f64,
    /// How its calls were held.
    pub(super) hold: Hold,
    /// What the engine could not do.
    pub(super) warnings: Vec<String>,
    pub(super) notes: Vec<String>,
    /// The trace of an answer that is not the local model's.
    pub(super) remote: Option<Attempt>,
}

impl Turn<'_> {
    /// Asks the model and parses its output.
    pub(super) async fn ask(&mut self) -> Result<Answer> {
        let (started, stages) = (Instant::now(), self.stages);
        let (prompt, constraint) = self.question().await?;

        let parser = Parser::new(Arc::clone(&stages.format), Arc::clone(&self.tools)).attempt(self.ask.number);
        let mut parser = parser.level(stages.level).after_prompt(&prompt.text());
        self.worst = self.reserve_there(prompt.text().len())?;
        let job = stages.job(&self.ask.request, prompt.clone(), constraint.clone());
        let mut chunks = stages.generator.generate(job)?;
        let holds = constraint.is_some() && stages.generator.holds();
        if holds && self.answer.is_some() {
            // What is held to be an answer in JSON is no call, whatever it names.
            parser = parser.recovery(Recovery::Off);
        }
        if holds {
            self.events.emit(Event::Held { attempt: self.ask.number }).await;
        }
        let mut lengths = Vec::new();
        let end = loop {
            let chunk = next(&mut chunks).await?;
            // Who answers was asked. Whether a question that failed had been sent, its error says.
            self.left_machine |= stages.leaves_machine();
            match chunk {
                Chunk::Prefill { done, total } => self.events.emit(Event::Prefill { done, total }).await,
                Chunk::Text(bytes) => {
                    lengths.push(bytes.len());
                    self.tell(parser.push(&bytes)).await;
                    if parser.is_looping() {
                        let prompt_tokens = stages.generator.count(&prompt)?;
                        let usage = Usage { prompt_tokens, completion_tokens: lengths.len(), ..Usage::default() };
                        let asides = vec!["the model repeated the same calls and was stopped".to_owned()];
                        break End { usage, asides, ..End::default() };
                    }
                }
                Chunk::End(end) => break end,
            }
        };
        // Who is not listened to any more stops.
        drop(chunks);
        let mut parsed = parser.finish();
        self.tell(std::mem::take(&mut parsed.events)).await;

        // The offset lies in the call or just behind it, where the closing bytes are framing.
        let within = |span: &Range<usize>| end.forced.iter().any(|at| span.contains(at) || span.end == *at);
        let forced = |call: &Call| call.span.as_ref().is_some_and(within);
        let mut late = late_faults(&self.request, &parsed.calls, forced, end.reason);
        let answer = self.answer.as_ref().filter(|_| parsed.calls.is_empty() && late.is_empty());
        late.extend(answer.and_then(|answer| answer.fault(&parsed.text)));
        for fault in &late {
            self.events.emit(Event::Faulty { attempt: self.ask.number, fault: fault.clone() }).await;
        }
        let mut response = Response { chunks: lengths, ..Response::from(parsed) };
        response.faults.extend(late);
        if end.reason != FinishReason::Stop {
            response.finish_reason = end.reason;
        }
        response.usage = end.usage;
        response.timings = end.timings;
        let total_ms = started.elapsed().as_secs_f64() * 1000.0;
        // Only now is it known what the grammar did not hold to.
        let hold = match &constraint {
            Some(constraint) if end.warnings.is_empty() => {
                Hold::of(&self.ask.request.tool_choice, constraint.relaxed().is_empty())
            }
            _ => Hold::Free,
        };
        let warnings = [end.warnings, end.asides].concat();
        Ok(Answer { response, total_ms, hold, warnings, notes: end.notes, remote: None })
    }

    /// The question as the model is asked it, and the grammar that holds its answer.
    async fn question(&mut self) -> Result<(Prompt, Option<Constraint>)> {
        let prompt = self.fitted().await?;
        let answer = self.answer.as_ref().map(AnswerCheck::schema);
        let held = self.ask.enforced.then(|| self.stages.constraint(&self.ask.request, &self.tools, &prompt, answer));
        let constraint = held.transpose()?.flatten();
        if constraint.is_some() || self.ask.unheld.is_empty() {
            return Ok((prompt, constraint));
        }
        self.ask.request.messages.append(&mut self.ask.unheld);
        Ok((self.fitted().await?, None))
    }

    /// The prompt, of a shortened conversation where the whole does not fit.
    async fn fitted(&self) -> Result<Prompt> {
        let (stages, model, request) = (self.stages, self.stages.generator.model(), &self.ask.request);
        let length = model.context_length;
        let prompt = stages.prompt(request)?;
        let tokens = stages.generator.count(&prompt)?;
        let room = window::wanted(request.limits.max_tokens, length);
        let is_whole = request.overflow == Overflow::Refuse || self.leaves_on_overflow();
        if window::room(tokens, length) >= room || is_whole {
            return window::fits(tokens, length).map(|()| prompt).map_err(|error| error.about(&model.name));
        }
        let mut request = request.clone();
        let count = &mut |messages: &[Message]| stages.generator.count(&stages.prompt_of(messages, &request)?);
        let fitted = window::trim(&request.messages, length.saturating_sub(room), count)?;
        window::fits(fitted.after, length).map_err(|error| error.about(&model.name))?;
        let Fitted { messages, shortened: results, dropped, before, after } = fitted;
        if dropped + results > 0 {
            let attempt = self.ask.number;
            self.events.emit(Event::Shortened { attempt, results, messages: dropped, before, after }).await;
        }
        request.messages = messages;
        stages.prompt(&request)
    }

    async fn tell(&self, events: Vec<Event>) {
        for event in events {
            self.events.emit(event).await;
        }
    }
}

impl Stages {
    fn constraint(
        &self,
        request: &Request,
        tools: &ToolSet,
        prompt: &Prompt,
        answer: Option<&Arc<Schema>>,
    ) -> Result<Option<Constraint>> {
        let (choice, parallel) = (&request.tool_choice, request.parallel());
        Constraint::compile_with(&self.format, tools, choice, parallel, &prompt.text(), answer)
    }

    fn job(&self, request: &Request, prompt: Prompt, constraint: Option<Constraint>) -> Job {
        let stop = request.stop.iter().chain(self.format.stop()).cloned().collect();
        Job {
            prompt,
            sampling: request.sampling,
            logit_bias: request.logit_bias.clone(),
            limits: request.limits,
            stop,
            constraint,
            drafts: Drafts::Auto,
            forced: Forced::Loop,
        }
    }
}

/// What the model is sent after an answer that could not be used.
pub(super) fn reask(tools: &ToolSet, answer: &Response, choice: &ToolChoice) -> Result<[Message; 2]> {
    let about = |name: &str| answer.calls.iter().any(|call| call.name == name);
    let named = |name: &str| matches!(choice, ToolChoice::Named(wanted) if wanted == name);
    let concerned = |name: &str| named(name) || about(name);
    let tools: Vec<_> = tools.tools().iter().filter(|tool| concerned(&tool.name)).cloned().collect();
    Reask { answer: &answer.raw, faults: &repair::told(answer), tools: &tools, choice }.messages()
}

async fn next(chunks: &mut Chunks) -> Result<Chunk> {
    let next = poll_fn(|context| chunks.as_mut().poll_next(context)).await;
    next.unwrap_or_else(|| Err(Error::new(ErrorKind::Backend, "the engine stopped too early")))
}

/// Faults that no parser can see: a call closed by the token limit, a missing call, a call that was not allowed.
pub(super) fn late_faults(
    request: &Request,
    calls: &[Call],
    forced: impl Fn(&Call) -> bool,
    end: FinishReason,
) -> Vec<Fault> {
    let mut faults = Vec::new();
    for (index, call) in calls.iter().enumerate() {
        if forced(call) {
            faults.push(Fault::ForcedClose { call: index });
        }
        let allowed = match &request.tool_choice {
            ToolChoice::None => false,
            ToolChoice::Named(name) => call.name == *name,
            ToolChoice::Auto | ToolChoice::Required => true,
        };
        if !allowed || (index > 0 && !request.parallel()) {
            faults.push(Fault::NotAllowed { call: index });
        }
    }
    let wanted = matches!(request.tool_choice, ToolChoice::Required | ToolChoice::Named(_));
    if wanted && calls.is_empty() && end != FinishReason::Cancelled {
        faults.push(Fault::NoCall);
    }
    faults
}
