//! One turn, as the picture in the crate's front page draws it.
//!
//! ```text
//! request -> prompt -> infer -> format -> check -> response
//! ```

use std::future::poll_fn;
use std::sync::Arc;
use std::time::Instant;

use super::events::Emitter;
use super::{Enforce, Stages};
use crate::chat::{Event, Fault, FinishReason, Prompt, Request, Response, ToolChoice};
use crate::check::ToolSet;
use crate::constrain::Constraint;
use crate::error::{Error, ErrorKind, Result};
use crate::infer::{Chunk, Chunks, Drafts, End, Job};
use crate::prompt::window;
use crate::read::{Parsed, Parser};

/// Makes the turn and emits what happens on the way; the last event is [`Event::Finished`].
pub(super) async fn turn(stages: &Stages, request: Request, events: &Emitter) -> Result<()> {
    let started = Instant::now();
    let tools = Arc::new(ToolSet::compile(&request.tools)?);
    let prompt = stages.prompt(&request)?;
    stages.fits(&prompt)?;
    let constraint = stages.constraint(&request, &tools, &prompt)?;

    let mut parser = Parser::new(Arc::clone(&stages.format), tools).level(stages.level).after_prompt(&prompt.text());
    let mut chunks = stages.generator.generate(stages.job(&request, prompt, constraint))?;
    let mut lengths = Vec::new();
    let end = loop {
        match next(&mut chunks).await? {
            Chunk::Prefill { done, total } => events.emit(Event::Prefill { done, total }).await,
            Chunk::Text(bytes) => {
                lengths.push(bytes.len());
                for event in parser.push(&bytes) {
                    events.emit(event).await;
                }
            }
            Chunk::End(end) => break end,
        }
    };
    let mut parsed = parser.finish();
    for event in std::mem::take(&mut parsed.events) {
        events.emit(event).await;
    }

    let mut response = settle(&request, parsed, end, events).await;
    response.model.clone_from(&stages.name);
    stages.format.name().clone_into(&mut response.format);
    response.chunks = lengths;
    response.timings.load_ms = stages.load_ms;
    response.timings.total_ms = started.elapsed().as_secs_f64() * 1000.0;
    events.emit(Event::Finished { response: Box::new(response) }).await;
    Ok(())
}

impl Stages {
    fn fits(&self, prompt: &Prompt) -> Result<()> {
        let tokens = self.generator.count(prompt)?;
        let model = self.generator.model();
        window::fits(tokens, model.context_length).map_err(|error| error.about(&model.name))
    }

    fn constraint(&self, request: &Request, tools: &ToolSet, prompt: &Prompt) -> Result<Option<Constraint>> {
        if self.enforce == Enforce::Off {
            return Ok(None);
        }
        Constraint::compile(&self.format, tools, &request.tool_choice, request.parallel(), &prompt.text())
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
        }
    }
}

async fn next(chunks: &mut Chunks) -> Result<Chunk> {
    let next = poll_fn(|context| chunks.as_mut().poll_next(context)).await;
    next.unwrap_or_else(|| Err(Error::new(ErrorKind::Backend, "the engine stopped before it was done")))
}

/// Adds what only the end of a turn can tell, and hands out the calls that may be acted on.
async fn settle(request: &Request, parsed: Parsed, end: End, events: &Emitter) -> Response {
    let late = late_faults(request, &parsed, &end);
    for fault in &late {
        events.emit(Event::Faulty { attempt: 0, fault: fault.clone() }).await;
    }
    let mut response = Response::from(parsed);
    if end.reason != FinishReason::Stop {
        response.finish_reason = end.reason;
    }
    response.faults.extend(late);
    response.usage = end.usage;
    response.timings = end.timings;
    let faulty = |index: usize| response.faults.iter().any(|fault| fault.call() == Some(index));
    for (index, call) in response.calls.iter().enumerate().filter(|(index, _)| !faulty(*index)) {
        events.emit(Event::CallFinished { index, call: call.clone() }).await;
    }
    events.emit(Event::Usage { usage: end.usage }).await;
    response
}

/// Faults that no parser can see: a close that only the budget made, a call too few, a call that was not allowed.
fn late_faults(request: &Request, parsed: &Parsed, end: &End) -> Vec<Fault> {
    let mut faults = Vec::new();
    for (index, call) in parsed.calls.iter().enumerate() {
        // The offset lies in the call or just behind it, where the closing bytes are framing.
        let forced = |at: &usize| call.span.as_ref().is_some_and(|span| span.contains(at) || span.end == *at);
        if end.forced.iter().any(forced) {
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
    if wanted && parsed.calls.is_empty() && end.reason != FinishReason::Cancelled {
        faults.push(Fault::NoCall);
    }
    faults
}
