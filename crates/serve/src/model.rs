//! Who answers: an engine, or a script for the tests of clients.

use callwright::chat::{Request, ToolChoice};
use callwright::infer::ModelInfo;
use callwright::{Engine, Events, Result};

use crate::script::Script;

/// The model that a server serves.
#[derive(Debug)]
pub(crate) enum Model {
    /// A real one.
    Engine(Engine),
    /// Answers from files, chosen by what a request offers.
    Script(Script),
}

impl Model {
    /// The name that it was loaded by.
    pub(crate) fn name(&self) -> &str {
        match self {
            Self::Engine(engine) => engine.name(),
            Self::Script(_) => Script::NAME,
        }
    }

    /// What is known of it.
    pub(crate) fn info(&self) -> &ModelInfo {
        match self {
            Self::Engine(engine) => engine.model(),
            Self::Script(script) => script.info(),
        }
    }

    /// How many tokens its window holds, with the answer.
    pub(crate) fn window(&self) -> usize {
        self.info().context_length
    }

    /// The tokens of a request's prompt.
    pub(crate) fn count(&self, request: &Request) -> Result<usize> {
        match self {
            Self::Engine(engine) => engine.count(request),
            Self::Script(script) => script.count(request),
        }
    }

    /// Begins a turn.
    pub(crate) async fn stream(&self, mut request: Request) -> Result<Events> {
        request.limits.max_tokens = request.limits.max_tokens.min(self.window());
        // Clients send the choice without tools, too.
        if request.tools.is_empty() {
            request.tool_choice = ToolChoice::Auto;
        }
        match self {
            Self::Engine(engine) => Ok(engine.stream(request)),
            Self::Script(script) => script.stream(request).await,
        }
    }
}
