//! What a completion endpoint sends, as chunks of text.
//!
//! As with replies, an output is complete only when the engine says why it stopped; one that was cut is an error.

use std::collections::VecDeque;
use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use futures_util::{StreamExt as _, stream};
use serde_json::Value;
use tokio::time::{Instant, timeout_at};

use super::super::frames::{Broken, Frames};
use super::super::redact::Redactor;
use super::super::row::Row;
use super::super::told;
use super::super::trouble::Trouble;
use crate::chat::FinishReason;
use crate::error::{FailureKind, Result, Wait};
use crate::infer::{Chunk, Chunks, End};

/// An output that is about to be read.
pub(super) struct Begun {
    pub(super) frames: Frames,
    pub(super) progress: Duration,
    pub(super) deadline: Instant,
    pub(super) row: Arc<Row>,
}

struct Output {
    begun: Begun,
    ready: VecDeque<Chunk>,
    end: End,
    finished: bool,
}

enum State<F> {
    Asked(F),
    Reading(Box<Output>),
    Over,
}

/// The chunks of an output, once it has begun.
pub(super) fn chunks(begin: impl Future<Output = Result<Begun>> + Send + 'static) -> Chunks {
    Box::pin(stream::unfold(State::Asked(Box::pin(begin)), |state| async move {
        let mut output = match state {
            State::Over => return None,
            State::Reading(output) => output,
            State::Asked(begin) => match begin.await {
                Ok(ready) => {
                    Box::new(Output { begun: ready, ready: VecDeque::new(), end: End::default(), finished: false })
                }
                Err(error) => return Some((Err(error), State::Over)),
            },
        };
        match output.next().await {
            Ok(Chunk::End(end)) => Some((Ok(Chunk::End(end)), State::Over)),
            Ok(chunk) => Some((Ok(chunk), State::Reading(output))),
            Err(trouble) => {
                let error = told::error(trouble, &output.begun.row, &Redactor::default(), None);
                Some((Err(error), State::Over))
            }
        }
    }))
}

impl Output {
    async fn next(&mut self) -> Result<Chunk, Trouble> {
        loop {
            if let Some(chunk) = self.ready.pop_front() {
                return Ok(chunk);
            }
            let progress = Instant::now() + self.begun.progress;
            let (until, wait) = if progress < self.begun.deadline {
                (progress, Wait::Progress)
            } else {
                (self.begun.deadline, Wait::Total)
            };
            let frame = match timeout_at(until, self.begun.frames.next()).await {
                Ok(Some(Ok(frame))) if frame.data.trim() != "[DONE]" => frame,
                Ok(Some(Err(broken))) if !self.finished => return Err(trouble(&broken)),
                Err(_) if !self.finished => return Err(trouble(&Broken::Late(wait))),
                _ if self.finished => return Ok(Chunk::End(std::mem::take(&mut self.end))),
                _ => return Err(Trouble::truncated("the output ended before the engine said that it was complete")),
            };
            let value: Value = serde_json::from_str(&frame.data)
                .map_err(|_| Trouble::malformed("a piece of the output is no JSON"))?;
            if let Some(trouble) = Trouble::in_frame(frame.event.as_deref(), &value) {
                return Err(trouble);
            }
            self.take(&value)?;
        }
    }

    fn take(&mut self, value: &Value) -> Result<(), Trouble> {
        let choice = &value["choices"][0];
        // llama-server's own words, then those of OpenAI's old completions.
        let text = value["content"].as_str().or(choice["text"].as_str()).unwrap_or_default();
        if !text.is_empty() {
            self.ready.push_back(Chunk::Text(text.as_bytes().to_vec()));
        }
        let count = |value: &Value| value.as_u64().and_then(|count| usize::try_from(count).ok());
        if let (Some(prompt), Some(completion)) = (
            count(&value["tokens_evaluated"]).or(count(&value["usage"]["prompt_tokens"])),
            count(&value["tokens_predicted"]).or(count(&value["usage"]["completion_tokens"])),
        ) {
            self.end.usage.prompt_tokens = prompt;
            self.end.usage.completion_tokens = completion;
            self.end.usage.cached_tokens = count(&value["timings"]["cache_n"]).unwrap_or(0);
            self.end.timings.prefill_ms = value["timings"]["prompt_ms"].as_f64().unwrap_or(0.0);
            self.end.timings.decode_ms = value["timings"]["predicted_ms"].as_f64().unwrap_or(0.0);
        }
        let stopped = if value["stop"] == Value::Bool(true) {
            Some(value["stop_type"].as_str().unwrap_or("eos"))
        } else {
            choice["finish_reason"].as_str()
        };
        match stopped {
            None | Some("") => return Ok(()),
            Some("abort") => return Err(Trouble::new(FailureKind::Overloaded, "the engine gave the output up")),
            Some("limit" | "length") => self.end.reason = FinishReason::Length,
            Some(_) => self.end.reason = FinishReason::Stop,
        }
        self.finished = true;
        Ok(())
    }
}

fn trouble(broken: &Broken) -> Trouble {
    Trouble::new(broken.kind(), broken.to_string())
}
