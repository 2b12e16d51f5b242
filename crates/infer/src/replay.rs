//! Plays recorded outputs with their chunk boundaries, so that everything above inference is tested without a model.
//!
//! Outputs come in the order in which they were recorded, one for each job. It knows no backend and ignores what it
//! is asked: only the order counts.

use std::pin::Pin;
use std::sync::Mutex;
use std::task::{Context, Poll};

use futures_core::Stream;

use super::generator::{Chunk, Chunks, End, Generator, Job, ModelInfo};
use callwright_parse::chat::{FinishReason, Prompt};
use callwright_parse::error::{Error, ErrorKind, Result};

/// A generator that plays recorded outputs.
#[derive(Debug)]
pub struct Replay {
    model: ModelInfo,
    outputs: Mutex<std::collections::VecDeque<Played>>,
}

/// One recorded output.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
#[non_exhaustive]
pub struct Played {
    /// The raw text, or what of it came before a cut.
    pub output: Vec<u8>,
    /// Lengths of the chunks in bytes; one chunk where there are none. What they do not cover comes as one more.
    pub chunks: Vec<usize>,
    /// Why it ended.
    pub reason: FinishReason,
    /// Byte offsets at which only the budget closed a call.
    pub forced: Vec<usize>,
}

impl Played {
    /// An output that ended by itself.
    #[must_use]
    pub fn new(output: impl Into<Vec<u8>>, chunks: &[usize]) -> Self {
        Self { output: output.into(), chunks: chunks.to_vec(), ..Self::default() }
    }

    /// The same output with another end.
    #[must_use]
    pub fn ended(mut self, reason: FinishReason) -> Self {
        self.reason = reason;
        self
    }

    /// The same output, with calls that only the budget closed at these bytes.
    #[must_use]
    pub fn forced(mut self, offsets: &[usize]) -> Self {
        self.forced = offsets.to_vec();
        self
    }

    fn play(self) -> Vec<Result<Chunk>> {
        let mut rest = self.output.as_slice();
        let mut played = Vec::new();
        for length in self.chunks.iter().chain([&usize::MAX]) {
            let (chunk, behind) = rest.split_at((*length).min(rest.len()));
            rest = behind;
            if !chunk.is_empty() {
                played.push(Ok(Chunk::Text(chunk.to_vec())));
            }
        }
        let mut end = End { reason: self.reason, forced: self.forced, ..End::default() };
        end.usage.completion_tokens = played.len();
        played.push(Ok(Chunk::End(end)));
        played
    }
}

impl Replay {
    /// Plays these outputs, one for each job, in order.
    ///
    /// ```
    /// use callwright_infer::{Generator, Job, Played, Replay};
    /// let replay = Replay::new([Played::new("Hello, world", &[5, 2])]);
    /// assert!(replay.generate(Job::default()).is_ok());
    /// assert!(replay.generate(Job::default()).is_err(), "there is no second output");
    /// ```
    #[must_use]
    pub fn new(outputs: impl IntoIterator<Item = Played>) -> Self {
        let model = ModelInfo { context_length: usize::MAX, ..ModelInfo::named("replay") };
        Self { model, outputs: Mutex::new(outputs.into_iter().collect()) }
    }

    /// Plays these texts, each as one chunk.
    #[must_use]
    pub fn of_texts<T: Into<Vec<u8>>>(texts: impl IntoIterator<Item = T>) -> Self {
        Self::new(texts.into_iter().map(|text| Played::new(text, &[])))
    }

    /// The same outputs of a model with this context length.
    #[must_use]
    pub fn context_length(mut self, tokens: usize) -> Self {
        self.model.context_length = tokens;
        self
    }

    /// The same outputs under this model's name.
    #[must_use]
    pub fn named(mut self, model: impl Into<String>) -> Self {
        self.model.name = model.into();
        self
    }
}

impl Generator for Replay {
    fn model(&self) -> &ModelInfo {
        &self.model
    }

    /// A quarter of the bytes: about what tokenizers make of English.
    fn count(&self, prompt: &Prompt) -> Result<usize> {
        Ok(prompt.text().len().div_ceil(4))
    }

    fn generate(&self, _job: Job) -> Result<Chunks> {
        // A thread that panicked while it held the lock has taken its output or has not: both are whole.
        let mut outputs = self.outputs.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        let Some(next) = outputs.pop_front() else {
            return Err(Error::new(ErrorKind::Backend, "all recorded outputs have been played").about(&self.model.name));
        };
        Ok(Box::pin(Playing(next.play().into_iter())))
    }
}

struct Playing(std::vec::IntoIter<Result<Chunk>>);

impl Stream for Playing {
    type Item = Result<Chunk>;

    fn poll_next(mut self: Pin<&mut Self>, _context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        Poll::Ready(self.0.next())
    }
}
