//! Running a model file: which engine, with what, beside which draft model.
//!
//! What the model needs is checked against its header before an engine is handed the file. Which engine that is makes no
//! difference above this file.

use std::path::Path;

use super::backend::BackendName;
use super::trial::Trial;
use callwright_infer::opening::{self, CONTEXT};
use callwright_infer::{Backend, Beforehand, DraftModel, ENDING_KEYS, Generator, Local, Prefixes, Rates, Words};
use callwright_models::fit::{Needs, Run};
use callwright_models::gguf::{Header, Value, Vocab};
use callwright_models::{Located, memory};
use callwright_parse::error::Result;

/// How a model is run, by whatever engine.
#[derive(Debug, Clone, Default)]
pub(super) struct Running {
    pub(super) backend: Option<BackendName>,
    pub(super) context_length: Option<usize>,
    pub(super) threads: Option<usize>,
    pub(super) gpu_layers: usize,
    pub(super) prefixes: Option<Prefixes>,
    pub(super) trial: Option<Trial>,
    pub(super) verbose: bool,
}

/// The draft model.
#[derive(Debug)]
pub(super) enum Draft {
    Name(String),
    Located(Box<Located>),
}

impl Running {
    /// How fast this model is computed behind a prompt of so many tokens.
    pub(super) fn rates(&self, located: &Located, depth: usize) -> Result<Rates> {
        let header = self.header(located)?;
        self.require_memory(&header, None)?;
        Rates::measure(&mut *self.open(&located.path)?, depth)
    }

    /// The header of a model that this can run.
    pub(super) fn header(&self, located: &Located) -> Result<Header> {
        let backend = BackendName::choose(self.backend)?;
        opening::context_length(self.context_length)?;
        opening::require_threads(self.threads)?;
        let header = callwright_models::runnable(&located.path)?;
        let own = located.source.is_embedded();
        if let (Some(trial), Some(engine), false) = (&self.trial, backend.that_may_end(), own) {
            trial.require(backend, engine, &located.path)?;
        }
        Ok(header)
    }

    /// Starts the model to answer, and the draft model with it.
    pub(super) fn start(&self, path: &Path, header: &Header, draft: Option<&Located>) -> Result<Box<dyn Generator>> {
        let beside = draft.map(|draft| self.header(draft)).transpose()?;
        let draft = draft.map(|draft| draft.path.clone());
        self.require_memory(header, beside.as_ref())?;
        let (running, path) = (self.clone(), path.to_owned());
        let beforehand = Beforehand { prefixes: self.prefixes.clone(), words: words(header) };
        let local = Local::open_with(beforehand, move || {
            let model = running.open(&path)?;
            let draft = draft.map(|draft| DraftModel::new(running.open(&draft)?, &*model)).transpose()?;
            Ok((model, draft))
        })?;
        Ok(Box::new(local))
    }

    /// Refuses models that would not fit, because an engine that runs out of memory takes the process with it.
    fn require_memory(&self, header: &Header, draft: Option<&Header>) -> Result<()> {
        // What layers on a GPU take there is the driver's to tell.
        let Some(available) = memory::available().filter(|_| self.gpu_layers == 0) else { return Ok(()) };
        let context = opening::context_length(self.context_length)?.unwrap_or(CONTEXT);
        let needs = |header: &Header| {
            let most = header.context_length.unwrap_or(u64::MAX);
            Needs::of(header, Run::new(u64::try_from(context).unwrap_or(u64::MAX).min(most)))
        };
        let beside = draft.map_or(0, |draft| needs(draft).total());
        needs(header).require(available.saturating_sub(beside))
    }

    /// Hands the file to the engine.
    #[cfg_attr(
        not(any(feature = "llama", feature = "candle")),
        expect(unused_variables, reason = "there is no engine")
    )]
    fn open(&self, path: &Path) -> Result<Box<dyn Backend>> {
        let context_length = opening::context_length(self.context_length)?;
        match BackendName::choose(self.backend)? {
            #[cfg(feature = "llama")]
            BackendName::Llama => {
                let mut settings = callwright_llama::LlamaSettings::default();
                (settings.context_length, settings.threads) = (context_length, self.threads);
                (settings.gpu_layers, settings.verbose) = (self.gpu_layers, self.verbose);
                callwright_llama::backend(path, &settings)
            }
            #[cfg(feature = "candle")]
            BackendName::Candle => {
                let mut settings = callwright_candle::CandleSettings::default();
                (settings.context_length, settings.threads) = (context_length, self.threads);
                settings.gpu_layers = self.gpu_layers;
                callwright_candle::backend(path, &settings)
            }
            #[cfg(not(all(feature = "llama", feature = "candle")))]
            other => Err(other.missing()),
        }
    }
}

/// The words of a model, as far as its file spells them in a way that is known here.
fn words(header: &Header) -> Option<Words> {
    let Vocab { model, texts, kinds, .. } = &header.vocab;
    let named = |key: &&str| match header.metadata.get(&format!("tokenizer.ggml.{key}_token_id")) {
        Some(Value::Integer(id)) => u32::try_from(*id).ok(),
        _ => None,
    };
    Words::of(model.as_deref()?, texts.iter(), kinds, ENDING_KEYS.iter().filter_map(named))
}
