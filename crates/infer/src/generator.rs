//! What the engine sees of inference: a prompt goes in, chunks of text come out.
//!
//! The local token loop and recorded outputs stand behind the same trait, so that everything above can be tested
//! without a model. Chunks are bytes, because a token may end inside a character. It must not know formats, checks
//! or providers.

use std::collections::BTreeMap;
use std::fmt::Debug;
use std::pin::Pin;

use futures_core::Stream;

use super::backend::Token;
use callwright_constrain::Constraint;
use callwright_parse::chat::{FinishReason, Limits, Prompt, Sampling, Timings, Usage};
use callwright_parse::error::Result;

/// Something that continues a prompt.
pub trait Generator: Send + Sync + Debug {
    /// The model behind it.
    fn model(&self) -> &ModelInfo;

    /// The number of tokens in a prompt.
    fn count(&self, prompt: &Prompt) -> Result<usize>;

    /// Whether each token is held to a job's constraint as it is chosen.
    fn holds(&self) -> bool {
        false
    }

    /// Continues a prompt. A job that cannot be done is refused at once; dropping the chunks ends it between two tokens.
    fn generate(&self, job: Job) -> Result<Chunks>;
}

/// What comes out of a job; the last chunk is [`Chunk::End`] unless an error came first.
pub type Chunks = Pin<Box<dyn Stream<Item = Result<Chunk>> + Send>>;

/// One thing to generate.
#[derive(Debug, Clone, Default)]
pub struct Job {
    /// What to go on from.
    pub prompt: Prompt,
    /// How tokens are chosen.
    pub sampling: Sampling,
    /// Logit biases, by token.
    pub logit_bias: BTreeMap<Token, f32>,
    /// Limits on tokens and time.
    pub limits: Limits,
    /// Stop texts: they end the answer where they occur in free text, and are not part of it.
    pub stop: Vec<String>,
    /// What may come next.
    pub constraint: Option<Constraint>,
    /// Whether draft tokens are used.
    pub drafts: Drafts,
    /// Whether the loop or the model writes text that the grammar forces.
    pub forced: Forced,
}

/// Whether draft tokens are used, so that several tokens are computed at once. The output stays the same.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Drafts {
    /// As many as pay: n-gram drafts from prompt and output, or those of a [`DraftModel`](super::DraftModel).
    #[default]
    Auto,
    /// Always this many, where there is an n-gram match or a draft model; at most 8.
    Fixed(usize),
    /// None.
    Off,
}

/// Who writes text that the grammar forces.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Forced {
    /// The loop, at once, in the tokens that the model's tokenizer makes of it.
    #[default]
    Loop,
    /// The model, token by token, as it would tokenize it: to see what forcing changes.
    Model,
}

/// A piece of what is generated.
#[derive(Debug, Clone, PartialEq)]
pub enum Chunk {
    /// The prompt is being read.
    Prefill {
        /// Tokens read, those still in the cache included.
        done: usize,
        /// Tokens of the prompt.
        total: usize,
    },
    /// The next bytes of the output. Never cut inside a character that the model wrote whole.
    Text(Vec<u8>),
    /// The output is complete.
    End(End),
}

/// How an output ended.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct End {
    /// Why.
    pub reason: FinishReason,
    /// Tokens.
    pub usage: Usage,
    /// Time; what the generator cannot know (loading, the whole turn) is 0.
    pub timings: Timings,
    /// Byte offsets of the output at which only the token budget closed a call.
    pub forced: Vec<usize>,
    /// What was asked for and could not be done.
    pub warnings: Vec<String>,
    /// What failed without harm to the answer.
    pub asides: Vec<String>,
    /// What is of interest only to those who want to know more.
    pub notes: Vec<String>,
}

/// What is known about a model.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct ModelInfo {
    /// Its name, for people.
    pub name: String,
    /// Context length: tokens for prompt and answer together.
    pub context_length: usize,
    /// The context length that it was trained with.
    pub trained_context_length: usize,
    /// Its parameters.
    pub parameters: u64,
    /// Its architecture, such as `llama`.
    pub architecture: String,
    /// Bytes of its weights.
    pub bytes: u64,
}

impl ModelInfo {
    /// A model of this name; the rest is 0 or empty.
    #[must_use]
    pub fn named(name: impl Into<String>) -> Self {
        Self { name: name.into(), ..Self::default() }
    }
}
