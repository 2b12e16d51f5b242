//! The conductor: prompt, infer, read, check, settle.
//!
//! An [`Engine`] is one model ready to answer. It owns no policy of its stages: how a prompt is written, how tokens
//! are chosen and how calls are read are told by the model's row, its template and its format. It must not know who
//! calls it (command line, server, test).

mod absent;
mod attempt;
mod backend;
mod builder;
mod events;
#[cfg(feature = "cloud")]
pub mod fallback;
#[cfg(not(feature = "cloud"))]
mod home;
mod local;
#[cfg(feature = "cloud")]
mod served;
mod turn;

use std::sync::Arc;
use std::time::Duration;

use crate::chat::{Message, Prompt, Request, Response, ToolChoice};
use crate::check::Level;
use crate::error::Result;
use crate::format::Format;
use crate::infer::{Generator, ModelInfo};
use crate::ledger::Ledger;
use crate::prompt::Prompter;
use crate::repair::Ladder;

pub use backend::BackendName;
pub use builder::{Builder, Enforce};
use events::Running;
pub use events::{Delivery, Events};
#[cfg(feature = "cloud")]
pub use served::Served;

/// A model that is loaded and ready to answer. Cloning it shares the model.
///
/// ```
/// use callwright::chat::{Request, Tool};
/// use callwright::engine::Engine;
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
    #[cfg(feature = "cloud")]
    fallback: Option<fallback::Fallback>,
    /// Who computes, where it is not this program.
    #[cfg(feature = "cloud")]
    host: Option<served::Host>,
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
        let turn = move |emitter| -> Running { Box::pin(async move { turn::turn(&stages, request, &emitter).await }) };
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
