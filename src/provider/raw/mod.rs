//! Plain completion on a remote engine, as a [`Generator`]: our templates, our grammar, our reading, its computing.
//!
//! Chat endpoints of such servers drop tools where the model's template knows none, and ignore that a call must be made.
//! So the prompt is written here and sent as it is: as token ids where the engine turns text into them on request, so that
//! what people said is never read as markup and the text is not begun twice. It must not know formats or checks.

mod engine;
mod gbnf;
mod reading;
mod schema;

use std::sync::Arc;

use serde_json::{Value, json};
use tokio::time::{Instant, sleep};

pub use self::engine::RawEngine;
use self::engine::{Completion, PROBES};
use super::clocks::Clocks;
use super::registry::Parts;
use super::send::{Sender, answer_or_trouble, json};
use super::told;
use super::trouble::Trouble;
use super::{Reason, frames, retry};
use crate::chat::{Piece, Prompt};
use crate::constrain::{Constraint, Mode};
use crate::error::{Error, ErrorKind, FailureKind, Result};
use crate::infer::{Chunks, Generator, Job, ModelInfo};

/// A remote engine that completes texts.
#[derive(Debug, Clone)]
pub struct Raw {
    wire: Arc<Wire>,
}

#[derive(Debug)]
struct Wire {
    sender: Sender,
    parts: Parts,
    engine: RawEngine,
    info: ModelInfo,
    special: Vec<String>,
    clocks: Clocks,
}

impl Raw {
    /// Finds out which engine is at the row's address, and what it runs. `special` are the control tokens that a format's
    /// markers are made of: they must come out as text.
    pub async fn connect(parts: Parts, special: Vec<String>) -> Result<Self> {
        let Some(address) = parts.row.addresses().into_iter().next() else {
            return Err(Error::new(ErrorKind::Config, format!("the provider `{}` has no address", parts.row.name)));
        };
        let sender = Sender::new(&parts, address.strip_suffix("/v1").unwrap_or(&address))?;
        let clocks = Clocks::from(&parts.row.limits);
        let mut told = None;
        for (engine, path, key) in PROBES {
            let response = sender.get(path, Reason::Check).await?;
            // An engine that is another one does not know the path, or answers with something else.
            let answer = json(response, Instant::now() + clocks.first_byte).await.unwrap_or(Value::Null);
            if answer.get(key).is_some() {
                told = Some((engine, answer));
                break;
            }
        }
        let Some((engine, told)) = told else {
            return Err(Error::new(ErrorKind::Backend, format!("`{address}` is no engine that completes texts"))
                .about(parts.row.name.as_str())
                .hint("llama-server, vLLM and SGLang are; ask others through their chat endpoint"));
        };
        let fail = |trouble| told::error(trouble, &parts.row, sender.redactor(), None);
        let response = sender.get("/v1/models", Reason::Check).await?;
        let models = json(response, Instant::now() + clocks.first_byte).await.map_err(fail)?;
        let name = parts.row.model.clone().or_else(|| models["data"][0]["id"].as_str().map(str::to_owned));
        let mut info = ModelInfo::named(name.unwrap_or_default());
        let context = engine.context(&told, &models).or(parts.row.context_length);
        info.context_length = context.and_then(|length| usize::try_from(length).ok()).unwrap_or(usize::MAX);
        Ok(Self { wire: Arc::new(Wire { sender, parts, engine, info, special, clocks }) })
    }

    /// The engine that was found.
    #[must_use]
    pub fn engine(&self) -> RawEngine {
        self.wire.engine
    }

    /// Whether the engine can be held to this. Only what holds from the first byte can: a call that the model makes by
    /// itself is read and checked, and not enforced.
    #[must_use]
    pub fn enforces(&self, constraint: &Constraint) -> bool {
        grammar(constraint).is_some()
    }
}

fn grammar(constraint: &Constraint) -> Option<String> {
    match constraint.mode() {
        Mode::FromStart(thinking) if !thinking.iter().any(|thinking| thinking.opened) => {
            gbnf::gbnf(constraint.grammar())
        }
        _ => None,
    }
}

impl Generator for Raw {
    fn model(&self) -> &ModelInfo {
        &self.wire.info
    }

    /// An estimate: the engine itself refuses what does not fit.
    fn count(&self, prompt: &Prompt) -> Result<usize> {
        Ok(prompt.text().len().div_ceil(4))
    }

    fn generate(&self, job: Job) -> Result<Chunks> {
        let wire = Arc::clone(&self.wire);
        Ok(reading::chunks(async move { wire.begin(job).await }))
    }
}

impl Wire {
    /// Asks until an output begins. Servers close connections that are kept for the next request whenever they like.
    async fn begin(&self, job: Job) -> Result<reading::Begun> {
        let mut waits = retry::waits(self.parts.row.limits.retries);
        loop {
            match self.exchange(&job).await {
                Err(error) if error.is_retryable() => match waits.next() {
                    Some(wait) => sleep(wait).await,
                    None => return Err(error),
                },
                begun => return begun,
            }
        }
    }

    /// Asks once, and gives what is to be read.
    async fn exchange(&self, job: &Job) -> Result<reading::Begun> {
        let fail = |trouble| told::error(trouble, &self.parts.row, self.sender.redactor(), None);
        let deadline = self.clocks.deadline(job.limits);
        let first_byte = deadline.min(Instant::now() + self.clocks.first_byte);
        let asked = Completion {
            model: &self.info.name,
            prompt: self.prompt(&job.prompt, first_byte).await?,
            job,
            grammar: job.constraint.as_ref().and_then(grammar),
            special: &self.special,
        };
        let body = self.engine.body(&asked).to_string().into_bytes();
        let response = self.sender.complete(&self.info.name, self.engine.path(), body).await?;
        let framing = frames::Framing::Events;
        let (response, _) = answer_or_trouble(response, framing, first_byte).await.map_err(fail)?;
        let chunks = self.clocks.watch(response.bytes_stream(), first_byte);
        Ok(reading::Begun {
            frames: frames::frames(framing, chunks, frames::ByteCaps::default()),
            progress: self.clocks.progress,
            deadline,
            row: Arc::clone(&self.parts.row),
        })
    }

    /// The prompt as the engine takes it.
    async fn prompt(&self, prompt: &Prompt, until: Instant) -> Result<Value> {
        let fail = |trouble| told::error(trouble, &self.parts.row, self.sender.redactor(), None);
        if self.engine != RawEngine::LlamaServer {
            if prompt.pieces.iter().any(|piece| matches!(piece, Piece::Verbatim(_))) {
                let why = "someone said the model's markup, which this engine cannot take as plain text";
                return Err(fail(Trouble::new(FailureKind::Unsupported, why)));
            }
            return Ok(json!(prompt.text()));
        }
        let mut tokens = Vec::new();
        for piece in &prompt.pieces {
            let is_markup = matches!(piece, Piece::Markup(_));
            let body = json!({"content": piece.as_str(), "add_special": false, "parse_special": is_markup});
            let response = self.sender.complete(&self.info.name, "/tokenize", body.to_string().into_bytes()).await?;
            let answer = json(response, until).await.map_err(fail)?;
            let ids = answer["tokens"].as_array();
            tokens.extend(ids.ok_or_else(|| fail(Trouble::malformed("the engine gave no tokens")))?.iter().cloned());
        }
        Ok(Value::Array(tokens))
    }
}
