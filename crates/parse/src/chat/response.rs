//! What a turn ends with.

use serde::{Deserialize, Serialize};

use super::{Attempt, Call, Fault, Fix};

/// The end of one turn, with all that was read, tolerated and found wrong.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct Response {
    /// The calls, checked; a call that carries a fault is not fit to be executed.
    pub calls: Vec<Call>,
    /// Text for the user.
    pub text: String,
    /// What the model thought, without tags.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub reasoning: String,
    /// What was tolerated.
    pub fixes: Vec<Fix>,
    /// What the model did wrong.
    pub faults: Vec<Fault>,
    /// Why the model stopped.
    pub finish_reason: FinishReason,
    /// The model that answered.
    pub model: String,
    /// Who answered: [`LOCAL`](super::LOCAL) or a provider's name; empty where a text was only read.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub served_by: String,
    /// Whether anything of the conversation was sent to another machine, by whichever attempt.
    #[serde(default)]
    pub left_machine: bool,
    /// What was tried until the turn settled, in order; the last one served.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub attempts: Vec<Attempt>,
    /// The format that the calls were read in.
    pub format: String,
    /// What the model wrote, to the letter (bytes that are not UTF-8 as U+FFFD).
    pub raw: String,
    /// Where the raw text was cut as it came: the length of each piece in bytes. Not part of the JSON.
    #[serde(skip)]
    pub chunks: Vec<usize>,
    /// Tokens of all attempts.
    pub usage: Usage,
    /// Time.
    pub timings: Timings,
}

impl Response {
    /// The calls that carry no fault: the ones that may be executed.
    pub fn valid_calls(&self) -> impl Iterator<Item = &Call> {
        let faulty = |index: usize| self.faults.iter().any(|fault| fault.call() == Some(index));
        self.calls.iter().enumerate().filter(move |(index, _)| !faulty(*index)).map(|(_, call)| call)
    }
}

impl Usage {
    /// Both together.
    #[must_use]
    pub fn plus(self, other: Self) -> Self {
        Self {
            prompt_tokens: self.prompt_tokens + other.prompt_tokens,
            cached_tokens: self.cached_tokens + other.cached_tokens,
            completion_tokens: self.completion_tokens + other.completion_tokens,
            forced_tokens: self.forced_tokens + other.forced_tokens,
            accepted_tokens: self.accepted_tokens + other.accepted_tokens,
        }
    }
}

/// Why a model stopped.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum FinishReason {
    /// It was done, or met a stop text.
    #[default]
    Stop,
    /// It made calls and waits for their results.
    ToolCalls,
    /// The token limit, or the end of the context.
    Length,
    /// The caller went away or the deadline passed.
    Cancelled,
}

/// Bytes of a token, where no tokenizer counts them: four are common, three the cautious guess for JSON.
pub const BYTES_A_TOKEN: usize = 3;

/// Tokens of one turn.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Usage {
    /// Tokens of the prompt.
    pub prompt_tokens: usize,
    /// Of these, tokens that were still in the cache and were not computed again.
    pub cached_tokens: usize,
    /// Tokens generated, forced ones included.
    pub completion_tokens: usize,
    /// Of these, tokens that the grammar forced, so that the model was not asked.
    pub forced_tokens: usize,
    /// Of these, tokens that were guessed right, so that the model was asked about several at once.
    pub accepted_tokens: usize,
}

/// Time of one turn, in milliseconds.
#[derive(Debug, Clone, Copy, PartialEq, Default, Serialize, Deserialize)]
pub struct Timings {
    /// Loading the model, where this turn had to.
    pub load_ms: f64,
    /// Reading the prompt.
    pub prefill_ms: f64,
    /// From the request to the first token that the model chose; what a grammar forces before it comes earlier.
    pub first_token_ms: f64,
    /// Generating.
    pub decode_ms: f64,
    /// Of that, working out which tokens the tools' schemas allow next.
    pub mask_ms: f64,
    /// From the request to the settled response.
    pub total_ms: f64,
}
