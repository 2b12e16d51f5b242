//! Opening a model file: its header says how it is prompted and what it needs, its row what its calls look like.
//!
//! The header is read and checked here before an engine is handed the file. Which engine that is makes no difference
//! above this file.

use std::path::Path;

use super::backend::BackendName;
use super::builder::Builder;
use callwright_infer::{
    Backend, Beforehand, DraftModel, ENDING_KEYS, Generator, Local, Prefixes, Rates, Words, opening::CONTEXT,
};
use callwright_models::fit::{Needs, Run};
use callwright_models::gguf::{Header, Value, Vocab};
use callwright_models::{Located, memory};
use callwright_parse::error::{Error, Result};
use callwright_prompt::Prompter;

/// How a model is run, by whatever engine.
#[derive(Debug, Clone, Default)]
pub(super) struct Running {
    backend: Option<BackendName>,
    context_length: Option<usize>,
    threads: Option<usize>,
    gpu_layers: usize,
    prefixes: Option<Prefixes>,
    verbose: bool,
}

/// The draft model.
#[derive(Debug)]
pub(super) enum Draft {
    Name(String),
    Located(Box<Located>),
}

impl Builder {
    /// The engine to run the model with, instead of the first that is built in.
    pub fn backend(mut self, backend: BackendName) -> Self {
        self.running.backend = Some(backend);
        self
    }

    /// Context length, in tokens; by default the model's own, up to what fits.
    pub fn context_length(mut self, tokens: usize) -> Self {
        self.running.context_length = Some(tokens);
        self
    }

    /// Threads to compute with; where absent, the processor's cores, for large models those that are found free. candle has
    /// as many for all models, which the environment variable `CANDLE_NUM_THREADS` sets: it refuses another number.
    pub fn threads(mut self, threads: usize) -> Self {
        self.running.threads = Some(threads);
        self
    }

    /// Layers to put on the GPU; candle refuses to.
    pub fn gpu_layers(mut self, layers: usize) -> Self {
        self.running.gpu_layers = layers;
        self
    }

    /// The folder of the prefix cache, which keeps the state of prompt beginnings from run to run.
    pub fn prefixes(mut self, prefixes: Prefixes) -> Self {
        self.running.prefixes = Some(prefixes);
        self
    }

    /// The draft model: a smaller model of the same family, named as in [`Builder::model`]. The output stays the same, and
    /// comes sooner where the drafts are good; where they do not pay, drafting stops by itself. A model with another
    /// vocabulary is refused.
    ///
    /// ```no_run
    /// # async fn demo() -> callwright::Result<()> {
    /// let engine = callwright::Engine::builder().model("qwen2.5:7b").draft("qwen2.5:0.5b").build().await?;
    /// # Ok(())
    /// # }
    /// ```
    pub fn draft(mut self, name: impl Into<String>) -> Self {
        self.draft = Some(Draft::Name(name.into()));
        self
    }

    /// The same, with the model that a [`Store`](callwright_models::Store) found or fetched.
    pub fn located_draft(mut self, located: Located) -> Self {
        self.draft = Some(Draft::Located(Box::new(located)));
        self
    }

    /// Whether llama.cpp's own log goes to stderr.
    pub fn verbose(mut self, verbose: bool) -> Self {
        self.running.verbose = verbose;
        self
    }

    /// Measures how fast the engine computes this model behind a prompt of so many tokens, without starting it to answer.
    pub fn rates(&self, located: &Located, depth: usize) -> Result<Rates> {
        let header = callwright_models::runnable(&located.path)?;
        self.require_memory(&header, None)?;
        Rates::measure(&mut *self.running.open(&located.path)?, depth)
    }

    pub(super) fn open(&self, located: &Located) -> Result<(Box<dyn Generator>, Prompter)> {
        // Before anything else: a build without an engine has no use for a file.
        BackendName::choose(self.running.backend)?;
        let header = callwright_models::runnable(&located.path)?;
        let row = located.row().map(AsRef::as_ref);
        let prompter = Prompter::of_model(&header, row, self.formats_or_builtin(), self.format.as_deref())?;
        let draft = self.located_of_draft()?;
        let draft =
            draft.map(|draft| Ok::<_, Error>((callwright_models::runnable(&draft.path)?, draft.path))).transpose()?;
        self.require_memory(&header, draft.as_ref().map(|(header, _)| header))?;
        let (running, path, draft) = (self.running.clone(), located.path.clone(), draft.map(|(_, path)| path));
        let beforehand = Beforehand { prefixes: running.prefixes.clone(), words: words(&header) };
        let local = Local::open_with(beforehand, move || {
            let model = running.open(&path)?;
            let draft = draft.map(|draft| DraftModel::new(running.open(&draft)?, &*model)).transpose()?;
            Ok((model, draft))
        })?;
        Ok((Box::new(local), prompter))
    }

    /// Where the draft model is.
    fn located_of_draft(&self) -> Result<Option<Located>> {
        match &self.draft {
            None => Ok(None),
            Some(Draft::Located(located)) => Ok(Some((**located).clone())),
            Some(Draft::Name(name)) => self.locate(name).map(Some).map_err(|error| error.about(name.as_str())),
        }
    }

    /// Refuses models that would not fit, because an engine that runs out of memory takes the process with it.
    fn require_memory(&self, header: &Header, draft: Option<&Header>) -> Result<()> {
        // What layers on a GPU take there is the driver's to tell.
        let Some(available) = memory::available().filter(|_| self.running.gpu_layers == 0) else { return Ok(()) };
        let needs = |header: &Header| {
            let most = header.context_length.unwrap_or(u64::MAX);
            let context = self.running.context_length.unwrap_or(CONTEXT);
            Needs::of(header, Run::new(u64::try_from(context).unwrap_or(u64::MAX).min(most)))
        };
        let beside = draft.map_or(0, |draft| needs(draft).total());
        needs(header).require(available.saturating_sub(beside))
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

impl Running {
    /// Hands the file to the engine.
    #[cfg_attr(
        not(any(feature = "llama", feature = "candle")),
        expect(unused_variables, reason = "there is no engine")
    )]
    fn open(&self, path: &Path) -> Result<Box<dyn Backend>> {
        match BackendName::choose(self.backend)? {
            #[cfg(feature = "llama")]
            BackendName::Llama => {
                let mut settings = callwright_llama::LlamaSettings::default();
                (settings.context_length, settings.threads) = (self.context_length, self.threads);
                (settings.gpu_layers, settings.verbose) = (self.gpu_layers, self.verbose);
                callwright_llama::backend(path, &settings)
            }
            #[cfg(feature = "candle")]
            BackendName::Candle => {
                let mut settings = callwright_candle::CandleSettings::default();
                (settings.context_length, settings.threads) = (self.context_length, self.threads);
                settings.gpu_layers = self.gpu_layers;
                callwright_candle::backend(path, &settings)
            }
            #[cfg(not(all(feature = "llama", feature = "candle")))]
            other => Err(other.missing()),
        }
    }
}
