//! The stream of a completion endpoint, as chunks of text.
//!
//! As with replies, an output is complete only when the engine says why it stopped; one that was cut is an error.

use std::collections::VecDeque;
use std::time::Duration;

use futures_util::StreamExt as _;
use serde_json::Value;
use tokio::time::{Instant, timeout_at};

use super::super::frames::{Broken, Frames};
use super::super::trouble::Trouble;
use callwright_infer::{Chunk, End};
use callwright_parse::chat::FinishReason;
use callwright_parse::error::{FailureKind, Result, Wait};

/// An output that has begun.
pub(super) struct Output {
    frames: Frames,
    progress: Duration,
    deadline: Instant,
    ready: VecDeque<Chunk>,
    end: End,
    /// Pieces of text so far: one for each token, nearly.
    pieces: usize,
    /// The most tokens that the prompt and the answer can have come to.
    most: usize,
    counted: bool,
    finished: bool,
}

impl Output {
    pub(super) fn new(frames: Frames, progress: Duration, deadline: Instant, most: usize) -> Self {
        let (ready, end) = (VecDeque::new(), End::default());
        Self { frames, progress, deadline, ready, end, pieces: 0, most, counted: false, finished: false }
    }

    /// What was computed of an output that is not read to its end, as far as the engine told.
    pub(super) fn stopped(mut self) -> End {
        self.counted_end()
    }

    /// The end. An engine that does not count has computed what it sent.
    fn counted_end(&mut self) -> End {
        if !self.counted {
            self.end.usage.completion_tokens = self.pieces;
        }
        std::mem::take(&mut self.end)
    }

    /// The next piece; the last one says how it ended.
    pub(super) async fn next(&mut self) -> Result<Chunk, Trouble> {
        loop {
            if let Some(chunk) = self.ready.pop_front() {
                return Ok(chunk);
            }
            let progress = Instant::now() + self.progress;
            let (until, wait) =
                if progress < self.deadline { (progress, Wait::Progress) } else { (self.deadline, Wait::Total) };
            let frame = match timeout_at(until, self.frames.next()).await {
                Ok(Some(Ok(frame))) if frame.data.trim() != "[DONE]" => frame,
                Ok(Some(Err(broken))) if !self.finished => return Err(trouble(&broken)),
                Err(_) if !self.finished => return Err(trouble(&Broken::Late(wait))),
                _ if self.finished => return Ok(Chunk::End(self.counted_end())),
                _ => return Err(Trouble::truncated("the output ended before the engine marked it complete")),
            };
            let value: Value = serde_json::from_str(&frame.data)
                .map_err(|_| Trouble::malformed("a chunk of the output is not JSON"))?;
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
            self.pieces += 1;
            self.ready.push_back(Chunk::Text(text.as_bytes().to_vec()));
        }
        // More than can be is no count.
        let most = self.most as u64;
        let count =
            |value: &Value| value.as_u64().filter(|count| *count <= most).and_then(|count| usize::try_from(count).ok());
        if let (Some(prompt), Some(completion)) = (
            count(&value["tokens_evaluated"]).or(count(&value["usage"]["prompt_tokens"])),
            count(&value["tokens_predicted"]).or(count(&value["usage"]["completion_tokens"])),
        ) {
            self.counted = true;
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
            Some("abort") => return Err(Trouble::new(FailureKind::Overloaded, "the engine aborted the output")),
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
