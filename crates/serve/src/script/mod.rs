//! A model that is played from files: it writes, in a real format, the call that fits what a client offers and asks, and
//! then what the tools said. For tests of clients and for demos; everything behind it is the engine's own reading.
//!
//! A file of the folder is a JSON object. Each of its lists is a plan: calls of one turn, `{"tool", "arguments"}`. The plan
//! is played whose tools the request offers, with all their parameters, and each of whose calls names a word of the
//! question; of several, the one of most calls. In arguments `{project}` stands for the folder that the request names, and
//! `{text}` for the text that the question describes as `the word W on each of N lines`. Once a tool has answered, the
//! turn ends with what it said: in text, or by the file's `final` call, `{"tool", "arguments"}`, where that tool is offered.

mod plan;

use std::path::Path;
use std::sync::Arc;

use callwright::chat::Request;
use callwright::format::{Format, Formats};
use callwright::infer::{ModelInfo, Replay};
use callwright::{Engine, Error, ErrorKind, Events, Result};

use plan::{File, Said};

/// Answers from a folder.
#[derive(Debug)]
pub struct Script {
    files: Vec<File>,
    format: Arc<Format>,
    window: usize,
    /// Counts prompts; it answers none.
    counter: Engine,
}

impl Script {
    /// The name that it is asked for by.
    pub const NAME: &'static str = "replay";

    /// The answers of a folder, to be written in this format by a model of this window.
    pub async fn open(folder: &Path, format: &str, window: usize) -> Result<Self> {
        let format = Formats::builtin().get(format)?;
        let files = plan::read(folder)?;
        if files.is_empty() {
            let message = format!("no answers in {}", folder.display());
            return Err(Error::new(ErrorKind::Input, message)
                .hint("put JSON files there, such as {\"read\": [{\"tool\": \"read\", \"arguments\": {\"path\": \"note.txt\"}}]}"));
        }
        let counter = engine(Vec::new(), &format, window).await?;
        Ok(Self { files, format, window, counter })
    }

    pub(crate) fn info(&self) -> &ModelInfo {
        self.counter.model()
    }

    pub(crate) fn count(&self, request: &Request) -> Result<usize> {
        self.counter.count(request)
    }

    /// The answer that fits, as a model's turn.
    pub(crate) async fn stream(&self, request: Request) -> Result<Events> {
        let output = match plan::said(&self.files, &request) {
            Said::Text(text) => text,
            Said::Calls(calls) => self.format.write(&calls).map_err(|cause| {
                Error::new(ErrorKind::Input, "the answer cannot be written in this format").because(cause)
            })?,
        };
        Ok(engine(vec![output], &self.format, self.window).await?.stream(request))
    }
}

async fn engine(outputs: Vec<String>, format: &Format, window: usize) -> Result<Engine> {
    let replay = Replay::of_texts(outputs).context_length(window).named(Script::NAME);
    Engine::builder().generator(Box::new(replay)).format(format.name()).build().await
}
