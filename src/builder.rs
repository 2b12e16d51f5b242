//! From a model's name to an engine: where its file is, how it is prompted, what its calls look like.
//!
//! Loading takes seconds, so it runs on a thread of its own and `build` waits for it without holding up an executor.
//! Nothing here reads the environment or opens a socket: a model that is not on this machine is an error that names
//! the command to pull it.

use std::sync::Arc;
use std::time::Instant;

use super::absent::Absent;
use super::backend::BackendName;
use super::fallback::Fallback;
use super::local::{Draft, Running};
use super::names::Names;
use super::trial::Trial;
use super::turn::Host;
use super::{Engine, Stages};
use callwright_infer::{Generator, Prefixes, Rates};
use callwright_models::{Located, ModelName, Places, Registry};
use callwright_parse::chat::Reason;
use callwright_parse::check::Level;
use callwright_parse::error::{Error, ErrorKind, Result};
use callwright_parse::format::Formats;
use callwright_parse::repair::Ladder;
use callwright_prompt::Prompter;
use callwright_providers::ledger::{self, Ledger};

/// Whether the decoding grammar holds the model's output to the tools' schemas.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Enforce {
    /// It does, once a call begins or from the start where one is required.
    #[default]
    On,
    /// Only when the model is asked again; its first answer is free.
    Reask,
    /// Never: calls are parsed and checked all the same.
    Off,
}

impl Enforce {
    /// Whether the grammar holds in the attempt of this number.
    pub(super) fn holds(self, attempt: usize) -> bool {
        match self {
            Self::On => true,
            Self::Reask => attempt > 0,
            Self::Off => false,
        }
    }
}

/// Configures and builds an engine.
#[derive(Debug, Default)]
#[must_use = "nothing happens before `build`"]
pub struct Builder {
    source: Source,
    names: Names,
    running: Running,
    draft: Option<Draft>,
    level: Level,
    enforce: Enforce,
    ladder: Ladder,
    ledger: Option<Ledger>,
    session: Option<String>,
    fallback: Option<Fallback>,
    host: Option<Host>,
}

#[derive(Debug, Default)]
enum Source {
    #[default]
    Embedded,
    Name(String),
    Located(Box<Located>),
    Generator(Box<dyn Generator>),
    Seated(Box<dyn Generator>, Box<Prompter>),
    Absent(Error),
}

impl Builder {
    /// The model of this name: a row of `models.toml`, `user/repo[:quant][@revision]`, or the path of a GGUF file.
    /// Without a name the small model inside the crate answers.
    pub fn model(mut self, name: impl Into<String>) -> Self {
        self.source = Source::Name(name.into());
        self
    }

    /// The model that a [`Store`](callwright_models::Store) found or fetched.
    pub fn located(mut self, located: Located) -> Self {
        self.source = Source::Located(Box::new(located));
        self
    }

    /// A generator of your own, or recorded outputs; prompted by a plain chat template.
    pub fn generator(mut self, generator: Box<dyn Generator>) -> Self {
        self.source = Source::Generator(generator);
        self
    }

    /// No model, for this reason: the fallback is asked instead where there is one; otherwise each turn fails with it.
    pub fn absent(mut self, error: Error) -> Self {
        self.source = Source::Absent(error);
        self
    }

    /// The tool-call format, instead of the model's own.
    pub fn format(mut self, name: impl Into<String>) -> Self {
        self.names.format = Some(name.into());
        self
    }

    /// The formats to choose from, instead of the built-in ones.
    pub fn formats(mut self, formats: Formats) -> Self {
        self.names.formats = Some(formats);
        self
    }

    /// The models that names may mean, instead of the built-in ones.
    pub fn registry(mut self, registry: Registry) -> Self {
        self.names.registry = Some(registry);
        self
    }

    /// Where models lie, instead of the folders in the home directory.
    pub fn places(mut self, places: Places) -> Self {
        self.names.places = Some(places);
        self
    }

    /// How many deviations from the format are tolerated.
    pub fn level(mut self, level: Level) -> Self {
        self.level = level;
        self
    }

    /// Whether the model's output is held to the tools' schemas.
    pub fn enforce(mut self, enforce: Enforce) -> Self {
        self.enforce = enforce;
        self
    }

    /// How many times the model is asked again after an answer with faults: with the faults and the tools' schemas, and its
    /// call held to the grammar.
    ///
    /// Off by default: an answer that may be withdrawn cannot be shown while it is generated, and with the grammar on there
    /// is hardly anything left for a second try to fix.
    pub fn reasks(mut self, times: usize) -> Self {
        self.ladder.reasks = times;
        self
    }

    /// The ledger to record usage in; by default only in memory, and only what costs money.
    pub fn ledger(mut self, ledger: Ledger) -> Self {
        self.ledger = Some(ledger);
        self
    }

    /// The name under which the ledger keeps this engine's turns, and that providers know a conversation by: one of its
    /// own where none is given.
    pub fn session(mut self, name: impl Into<String>) -> Self {
        self.session = Some(name.into());
        self
    }

    /// Which providers to ask, and when, where the local model fails. Without this call no provider is ever asked.
    pub fn fallback(mut self, fallback: Fallback) -> Self {
        use callwright_parse::chat::Reason::{
            ContextOverflow, ModelMissing, NoValidCall, Timeout, Truncated, UnknownTool,
        };
        let late = [NoValidCall, UnknownTool, Truncated, ContextOverflow, Timeout, ModelMissing];
        self.ladder.fall_back = late.into_iter().filter(|reason| fallback.policy.when.contains(reason)).collect();
        self.fallback = Some(fallback);
        self
    }

    /// The engine to run the model with, instead of the first that is built in.
    pub fn backend(mut self, backend: BackendName) -> Self {
        self.running.backend = Some(backend);
        self
    }

    /// Context length, in tokens; by default, and with 0, the model's own, up to what fits.
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

    /// Where model files are tried before they are opened here: some end the process over which llama.cpp stumbles. Without
    /// this call no program is started, and such a file ends this one.
    pub fn trial(mut self, trial: Trial) -> Self {
        self.running.trial = Some(trial);
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

    /// Whether llama.cpp's own log goes to `tracing`, whose subscriber is the caller's; the first engine of a process decides.
    pub fn verbose(mut self, verbose: bool) -> Self {
        self.running.verbose = verbose;
        self
    }

    /// Measures how fast the engine computes this model behind a prompt of so many tokens, without starting it to answer.
    pub fn rates(&self, located: &Located, depth: usize) -> Result<Rates> {
        self.running.rates(located, depth)
    }

    pub(super) fn names(&self) -> &Names {
        &self.names
    }

    /// What computes elsewhere, how it is prompted, and where that is.
    pub(super) fn hosted(mut self, generator: Box<dyn Generator>, prompter: Prompter, host: Host) -> Self {
        self.source = Source::Seated(generator, Box::new(prompter));
        self.host = Some(host);
        self
    }

    /// Loads the model.
    pub async fn build(self) -> Result<Engine> {
        let (answer, loaded) = tokio::sync::oneshot::channel();
        std::thread::Builder::new()
            .name("callwright-load".to_owned())
            .spawn(move || answer.send(self.load()).is_ok())
            .map_err(|cause| {
                Error::new(ErrorKind::Backend, "cannot start a thread to load the model").because(cause)
            })?;
        let stages = loaded.await.map_err(|cause| {
            Error::new(ErrorKind::Backend, "the thread that loads the model panicked").because(cause)
        })??;
        Ok(Engine { stages: Arc::new(stages) })
    }

    fn load(mut self) -> Result<Stages> {
        let started = Instant::now();
        let (name, generator, prompter) = match std::mem::take(&mut self.source) {
            Source::Absent(error) => self.absent_model(&error)?,
            Source::Generator(generator) => (generator.model().name.clone(), generator, self.names.plain_prompter()?),
            Source::Seated(generator, prompter) => (generator.model().name.clone(), generator, *prompter),
            Source::Located(located) => self.open_named(&located)?,
            Source::Embedded => self.open_named(&self.names.store().locate(&ModelName::Embedded)?)?,
            Source::Name(name) => match self.names.locate(&name) {
                Err(error) if self.does_without(&error) => self.absent_model(&error.about(name))?,
                located => self.open_named(&located?)?,
            },
        };
        let format = Arc::clone(prompter.format());
        let load_ms = started.elapsed().as_secs_f64() * 1000.0;
        let local_time = self.fallback.as_ref().and_then(|fallback| fallback.policy.local_time);
        Ok(Stages {
            name,
            prompter,
            format,
            generator,
            level: self.level,
            enforce: self.enforce,
            local_time: local_time.filter(|_| self.ladder.fall_back.contains(&Reason::Timeout)),
            ladder: self.ladder,
            fallback: self.fallback,
            host: self.host,
            ledger: self.ledger.unwrap_or_else(Ledger::in_memory),
            session: self.session.unwrap_or_else(ledger::fresh_id),
            load_ms,
        })
    }

    /// Whether someone else may be asked where the model is missing.
    fn does_without(&self, error: &Error) -> bool {
        let always = self.fallback.as_ref().is_some_and(|fallback| fallback.policy.when.contains(&Reason::User));
        error.kind() == ErrorKind::ModelMissing && (always || self.ladder.fall_back.contains(&Reason::ModelMissing))
    }

    fn absent_model(&self, error: &Error) -> Result<(String, Box<dyn Generator>, Prompter)> {
        let absent = Absent::new(error);
        Ok((absent.model().name.clone(), Box::new(absent), self.names.plain_prompter()?))
    }

    fn open_named(&self, located: &Located) -> Result<(String, Box<dyn Generator>, Prompter)> {
        let name = located.name.to_string();
        let (generator, prompter) = self.open(located).map_err(|error| error.about(name.as_str()))?;
        Ok((name, generator, prompter))
    }

    fn open(&self, located: &Located) -> Result<(Box<dyn Generator>, Prompter)> {
        let header = self.running.header(located)?;
        let prompter = self.names.prompter(&header, located.row().map(AsRef::as_ref))?;
        let draft = match &self.draft {
            None => None,
            Some(Draft::Located(located)) => Some((**located).clone()),
            Some(Draft::Name(name)) => Some(self.names.locate(name).map_err(|error| error.about(name.as_str()))?),
        };
        Ok((self.running.start(&located.path, &header, draft.as_ref())?, prompter))
    }
}
