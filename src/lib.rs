//! callwright makes any local language model a dependable tool caller.
//!
//! ```text
//! Request ──► prompt ──► infer ──► format ──► check ──► Response
//! messages    template    tokens    events     schema
//! tools          ▲          ▲          │          │ faults
//!                │          │constrain │          ▼
//!                │          └──────────┘       repair ── asks again, at most n times
//!                └────────────────────────────────┘
//!                                                 └──► fallback: a chain of providers, only if allowed
//! ```
//!
//! This crate is the engine, and what a program needs to embed it. An [`Engine`] is one model ready to answer. It owns no
//! policy of its stages: the model's row, its template and its format say how a prompt is written, how tokens are
//! chosen and how calls are parsed; each stage is a crate of its own. It must not know who calls it (command line,
//! server, test), and reads no environment.
//!
//! # Features
//!
//! | feature | for | default |
//! |---|---|---|
//! | `llama` | llama.cpp in process; needs cmake, a C++ compiler and libclang to build | yes |
//! | `candle` | candle in process, in Rust alone: Llama, Mistral, Qwen2, Qwen3 | no |
//! | `hub` | downloading models from a hub or a package mirror | yes |
//! | `tls` | providers over https | yes |
//! | `cuda`, `metal`, `vulkan` | llama.cpp on a GPU | no |
//!
//! A program that only reads tool calls takes `callwright-parse` instead: no tokio, no C++, fit for wasm32.

mod absent;
mod backend;
mod builder;
mod events;
pub mod fallback;
mod local;
mod names;
mod served;
mod trial;
mod turn;

use std::sync::Arc;
use std::time::Duration;

use callwright_infer::{Generator, ModelInfo};
use callwright_parse::chat::{Message, Prompt, Request, Response, ToolChoice};
use callwright_parse::check::Level;
use callwright_parse::format::Format;
use callwright_parse::repair::Ladder;
use callwright_prompt::Prompter;
use callwright_providers::ledger::Ledger;

pub use backend::BackendName;
pub use builder::{Builder, Enforce};
use events::TurnFuture;
pub use events::{Delivery, Events};
pub use served::Served;
pub use trial::Trial;

pub use callwright_infer as infer;
pub use callwright_models as models;
pub use callwright_parse::{Error, ErrorKind, Result, chat, check, error, format, read, schema};
pub use callwright_providers as providers;

// What a turn is made of inside: for our own tests and tools, and free to change.
#[doc(hidden)]
pub use callwright_constrain as constrain;
#[doc(hidden)]
pub use callwright_parse::{repair, value};
#[doc(hidden)]
pub use callwright_prompt as prompt;

/// A model that is loaded and ready to answer. Cloning it shares the model.
///
/// ```
/// use callwright::Engine;
/// use callwright::chat::{Request, Tool};
/// use callwright::infer::Replay;
///
/// # async fn demo() -> callwright::Result<()> {
/// let recorded = "<tool_call>\n{\"name\": \"add\", \"arguments\": {\"a\": 1}}\n</tool_call>";
/// let engine = Engine::builder().generator(Box::new(Replay::of_texts([recorded]))).format("hermes").build().await?;
/// let add = Tool::new("add", "", serde_json::json!({"properties": {"a": {"type": "integer"}}}));
/// let response = engine.chat(Request::new("What is 1?").tool(add)).await?;
/// assert_eq!(response.calls[0].arguments["a"], 1);
/// # Ok(())
/// # }
/// # tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(demo()).unwrap();
/// ```
#[derive(Debug, Clone)]
pub struct Engine {
    stages: Arc<Stages>,
}

/// One of each stage, as this model needs it.
#[derive(Debug)]
struct Stages {
    name: String,
    prompter: Prompter,
    format: Arc<Format>,
    generator: Box<dyn Generator>,
    level: Level,
    enforce: Enforce,
    ladder: Ladder,
    fallback: Option<fallback::Fallback>,
    /// Who computes, where it is not this program.
    host: Option<turn::Host>,
    ledger: Ledger,
    /// Names this engine's turns in the ledger.
    session: String,
    /// How long the local model has.
    local_time: Option<Duration>,
    load_ms: f64,
}

impl Engine {
    /// The way to an engine.
    pub fn builder() -> Builder {
        Builder::default()
    }

    /// Makes one turn, told as it happens. Dropping the stream stops the model between two tokens.
    ///
    /// Where an answer may be taken back (a re-ask or a fallback is allowed) its parts are held back until it is settled;
    /// [`Events::delivery`] changes that.
    pub fn stream(&self, request: Request) -> Events {
        let stages = Arc::clone(&self.stages);
        let delivery = if stages.ladder.may_withdraw() { Delivery::Settled } else { Delivery::Live };
        let turn =
            move |emitter| -> TurnFuture { Box::pin(async move { turn::turn(&stages, request, &emitter).await }) };
        Events::of(turn).delivery(delivery)
    }

    /// Makes one turn and waits for its end.
    pub async fn chat(&self, request: Request) -> Result<Response> {
        self.stream(request).settled().await
    }

    /// The prompt that a request would be put to the model as.
    pub fn prompt(&self, request: &Request) -> Result<Prompt> {
        self.stages.prompt(request)
    }

    /// How many tokens the prompt of a request has, by the model's own vocabulary.
    pub fn count(&self, request: &Request) -> Result<usize> {
        self.stages.generator.count(&self.stages.prompt(request)?)
    }

    /// The name that the model was asked for by.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.stages.name
    }

    /// The model that answers.
    #[must_use]
    pub fn model(&self) -> &ModelInfo {
        self.stages.generator.model()
    }

    /// The format that calls are written and read in.
    #[must_use]
    pub fn format(&self) -> &Format {
        &self.stages.format
    }

    /// How long loading the model took, in milliseconds.
    #[must_use]
    pub fn load_ms(&self) -> f64 {
        self.stages.load_ms
    }
}

impl Stages {
    fn prompt(&self, request: &Request) -> Result<Prompt> {
        self.prompt_of(&request.messages, request)
    }

    /// The prompt that other messages would make of the same request.
    fn prompt_of(&self, messages: &[Message], request: &Request) -> Result<Prompt> {
        // Tools that may not be called are not shown either.
        let tools = if request.tool_choice == ToolChoice::None { &[] } else { request.tools.as_slice() };
        self.prompter.prompt(messages, tools, &request.tool_choice)
    }
}

/// The README, so that its examples are compiled.
#[cfg(all(doctest, feature = "llama"))]
#[doc = include_str!("../README.md")]
struct Readme;
