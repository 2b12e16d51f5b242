//! Raw completion on a remote engine, as a [`Generator`]: our templates, grammar and parsing, its inference.
//!
//! Chat endpoints of such servers drop tools where the model's template knows none, and ignore that a call must be made.
//! So the prompt is written here and sent as it is: as token ids where the engine turns text into them on request, so that
//! what people said is never read as markup. What begins every text stands in the prompt already: ids have it once, vLLM is
//! told to add none, and SGLang cannot be told. It must not know formats or checks.

mod chat;
mod generation;
mod engine;
mod reading;
mod written;

use std::sync::Arc;

use serde_json::{Value, json};
use tokio::time::Instant;

pub(super) use self::chat::RawOnly;
pub use self::engine::RawEngine;
use self::engine::{Completion, PROBES};
use self::reading::Output;
use self::written::Written;
use super::breaker::Breakers;
use super::clocks::Clocks;
use super::limits::RateLimits;
use super::redact::Said;
use super::registry::Parts;
use super::retry::Budget;
use super::send::{Sender, answer_or_trouble, json};
use super::told;
use super::trouble::Trouble;
use super::{Reason, frames};
use callwright_constrain::{Constraint, Mode};
use callwright_infer::{Chunks, Generator, Job, ModelInfo};
use callwright_models::address::is_loopback;
use callwright_parse::chat::{BYTES_A_TOKEN, Prompt, Specials};
use callwright_parse::error::{Error, ErrorKind, FailureKind, Result};

/// How many tokens an engine may add to a text.
const ENGINES_OWN: usize = 4096;

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
    template: Option<ServedTemplate>,
    special: Vec<String>,
    /// The special tokens that only templates may write.
    marks: Specials,
    clocks: Clocks,
    limits: Arc<RateLimits>,
    breakers: Arc<Breakers>,
    budget: Budget,
}

/// What an engine reports about how its model is prompted.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
#[non_exhaustive]
pub struct ServedTemplate {
    /// The chat template.
    pub source: String,
    /// The token that every text begins with (BOS).
    pub bos: String,
    /// The token that ends a text (EOS).
    pub eos: String,
}

impl Raw {
    /// Finds out which engine is at the row's address, and what it runs. Nothing of a conversation is sent.
    pub async fn connect(parts: Parts) -> Result<Self> {
        let Some(address) = parts.row.addresses().into_iter().next() else {
            return Err(Error::new(ErrorKind::Config, format!("the provider `{}` has no address", parts.row.name)));
        };
        let sender = Sender::new(&parts, root(&address))?;
        let clocks = Clocks::from(&parts.row.limits);
        let until = || Instant::now() + clocks.first_byte;
        let fail = |trouble| told::error(trouble, &parts.row, sender.redactor(), None);
        let mut told = None;
        for (engine, path, key) in PROBES {
            let response = sender.get(path, until()).await?;
            // An engine that is another one does not know the path, or answers with something else. One that loads its
            // model, or refuses the key, does so everywhere.
            let answer = match json(response, until()).await {
                Err(trouble) if is_strange(&trouble) => Value::Null,
                answer => answer.map_err(fail)?,
            };
            if answer.get(key).is_some() {
                told = Some((engine, answer));
                break;
            }
        }
        let Some((engine, told)) = told else {
            return Err(Error::new(ErrorKind::Backend, format!("`{address}` does not offer raw completion"))
                .about(parts.row.name.as_str())
                .hint("llama-server, vLLM and SGLang do; use others through their chat endpoint"));
        };
        let response = sender.get("/v1/models", until()).await?;
        let models = json(response, until()).await.map_err(fail)?;
        let name = parts.row.model.clone().or_else(|| models["data"][0]["id"].as_str().map(str::to_owned));
        let mut info = ModelInfo::named(name.unwrap_or_default());
        let context = engine.context(&told, &models).or(parts.row.context_length);
        info.context_length = context.and_then(|length| usize::try_from(length).ok()).unwrap_or(usize::MAX);
        let wire = Wire {
            limits: Arc::new(RateLimits::new(&parts.row.limits)),
            breakers: Arc::default(),
            budget: Budget::default(),
            template: engine.template(&told),
            special: Vec::new(),
            marks: Specials::default(),
            sender,
            parts,
            engine,
            info,
            clocks,
        };
        Ok(Self { wire: Arc::new(wire) })
    }

    /// The same for a model with these special tokens, of which the named ones come out as text: those that a format's
    /// markers are made of.
    pub fn preserving(self, special: Vec<String>, marks: Specials) -> Result<Self> {
        let mut wire = Arc::try_unwrap(self.wire).map_err(|_| {
            Error::new(ErrorKind::Backend, "the engine is already in use: its tokens can no longer change")
        })?;
        (wire.special, wire.marks) = (special, marks);
        Ok(Self { wire: Arc::new(wire) })
    }

    /// The engine that was found.
    #[must_use]
    pub fn engine(&self) -> RawEngine {
        self.wire.engine
    }

    /// How the engine says that its model is prompted, where it does.
    #[must_use]
    pub fn template(&self) -> Option<&ServedTemplate> {
        self.wire.template.as_ref()
    }

    /// Whether what it is asked is sent to another machine.
    #[must_use]
    pub fn leaves_machine(&self) -> bool {
        !is_loopback(self.wire.sender.host_name())
    }

    /// Whether the engine can be held to this: from the first byte, or from where a call begins. Where it cannot, calls
    /// are read and checked, and not enforced.
    #[must_use]
    pub fn enforces(&self, constraint: &Constraint) -> bool {
        constraint.gbnf().is_some()
    }

    /// Of these texts, those that are one token of the model which plain text is never read as. Only llama-server tells.
    pub async fn control_tokens(&self, texts: Vec<String>) -> Result<Vec<String>> {
        if self.wire.engine != RawEngine::LlamaServer {
            return Ok(Vec::new());
        }
        let all = texts.join("\n");
        let until = Instant::now() + self.wire.clocks.first_byte;
        let markup = self.wire.tokens(&all, true, None, until).await?;
        let plain = self.wire.tokens(&all, false, None, until).await?;
        let among = |tokens: &[Value], text: &String| tokens.iter().any(|token| token["piece"] == text.as_str());
        Ok(texts.into_iter().filter(|text| among(&markup, text) && !among(&plain, text)).collect())
    }
}

impl Generator for Raw {
    fn model(&self) -> &ModelInfo {
        &self.wire.info
    }

    /// An estimate: the engine itself refuses what does not fit.
    fn count(&self, prompt: &Prompt) -> Result<usize> {
        Ok(prompt.text().len().div_ceil(BYTES_A_TOKEN))
    }

    fn generate(&self, job: Job) -> Result<Chunks> {
        Ok(generation::chunks(Arc::clone(&self.wire), job))
    }
}

/// One completion, as an output wants it.
#[derive(Debug)]
struct Wanted<'a> {
    job: &'a Job,
    prompt: &'a Value,
    grammar: Option<&'a str>,
    max_tokens: usize,
    stops: bool,
    deadline: Instant,
}

impl Wire {
    /// The error for a failure, without words of this prompt.
    fn fail(&self, trouble: Trouble, prompt: Option<&Prompt>) -> Error {
        let said = prompt.map(Said::from).unwrap_or_default();
        told::error_without(trouble, &self.parts.row, self.sender.redactor(), &said)
    }

    /// Sends one request, and returns what is to be read.
    async fn exchange(&self, wanted: &Wanted<'_>) -> Result<Output> {
        let first_byte = wanted.deadline.min(Instant::now() + self.clocks.first_byte);
        let asked = Completion {
            model: &self.info.name,
            prompt: wanted.prompt,
            job: wanted.job,
            max_tokens: wanted.max_tokens,
            stops: wanted.stops,
            grammar: wanted.grammar,
            special: &self.special,
        };
        let (body, path) = (self.engine.body(&asked), self.engine.path());
        let response = self.sender.complete(&self.info.name, path, &body, Reason::User, first_byte).await?;
        let framing = frames::Framing::Events;
        let fail = |trouble| self.fail(trouble, Some(&wanted.job.prompt));
        let (response, _) = answer_or_trouble(response, framing, first_byte).await.map_err(fail)?;
        let chunks = self.clocks.watch(response.bytes_stream(), first_byte);
        let frames = frames::frames(framing, chunks, frames::ByteCaps::default());
        // A token is a byte at the least; the engine may add a few.
        let most = wanted.prompt.to_string().len().saturating_add(wanted.max_tokens).saturating_add(ENGINES_OWN);
        Ok(Output::new(frames, self.clocks.progress, wanted.deadline, most))
    }

    /// The prompt as the engine takes it: ids of tokens, or text.
    async fn prompt(&self, prompt: &Prompt, until: Instant) -> Result<Value> {
        if self.engine != RawEngine::LlamaServer {
            if prompt.runs(&self.marks).iter().any(|run| !run.special) {
                return Err(self.cannot_say("a message contains"));
            }
            return Ok(json!(prompt.text()));
        }
        self.all_tokens(Vec::new(), prompt, prompt, until).await
    }

    /// The prompt, as the engine takes it, followed by a text of the model.
    async fn prompt_and(&self, said: &Prompt, prompt: &Value, written: &Written, until: Instant) -> Result<Value> {
        let pieces = Prompt { pieces: written.pieces(), shared: 0 };
        if let Value::Array(tokens) = prompt {
            return self.all_tokens(tokens.clone(), &pieces, said, until).await;
        }
        if pieces.runs(&self.marks).iter().any(|run| !run.special) {
            return Err(self.cannot_say("the model spelled out"));
        }
        let written = String::from_utf8_lossy(written.text());
        Ok(json!(format!("{}{written}", prompt.as_str().unwrap_or_default())))
    }

    fn cannot_say(&self, who: &str) -> Error {
        let why = format!("{who} a control token of the model, which this engine cannot take as plain text");
        self.fail(Trouble::new(FailureKind::Unsupported, why), None)
    }

    async fn all_tokens(&self, mut tokens: Vec<Value>, text: &Prompt, said: &Prompt, until: Instant) -> Result<Value> {
        for run in text.runs(&self.marks) {
            tokens.extend(self.tokens(&run.text, run.special, Some(said), until).await?);
        }
        Ok(Value::Array(tokens))
    }

    /// The tokens of a text of this prompt; of a text of none, each with its letters.
    async fn tokens(&self, text: &str, special: bool, prompt: Option<&Prompt>, until: Instant) -> Result<Vec<Value>> {
        let mut body = json!({"content": text, "add_special": false, "parse_special": special});
        let reason = if prompt.is_some() { Reason::User } else { Reason::Check };
        if prompt.is_none() {
            body["with_pieces"] = json!(true);
        }
        let fail = |trouble| self.fail(trouble, prompt);
        let response = self.sender.complete(&self.info.name, "/tokenize", &body, reason, until).await?;
        match json(response, until).await.map_err(fail)?["tokens"].take() {
            Value::Array(tokens) => Ok(tokens),
            _ => Err(fail(Trouble::malformed("the engine returned no tokens"))),
        }
    }
}

/// The address of the engine itself, where its endpoint for chats is named.
fn root(address: &str) -> &str {
    let address = address.trim_end_matches('/');
    address.strip_suffix("/v1").unwrap_or(address)
}

/// Whether a server that answers so does not know what it was asked. Some say that with status 200.
fn is_strange(trouble: &Trouble) -> bool {
    match trouble.kind {
        FailureKind::NotFound | FailureKind::InvalidRequest | FailureKind::Unsupported | FailureKind::Malformed => true,
        FailureKind::Overloaded => trouble.status.is_none(),
        _ => false,
    }
}

/// What ends the reasoning that the prompt opens, where a required call follows. None where no reasoning is open, and where
/// calls are the model's own choice.
fn opened(constraint: &Constraint) -> Option<&str> {
    match constraint.mode() {
        Mode::FromStart(thinking) => {
            thinking.iter().find(|thinking| thinking.opened).map(|thinking| thinking.close.as_str())
        }
        Mode::Watch => None,
    }
}
