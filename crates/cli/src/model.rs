//! Which model a command means, and the options of running it.
//!
//! No name means the most recently pulled model, or else the small one in the binary, and the user is told which.

use std::time::Duration;

use callwright::{BackendName, Builder, Enforce, Engine};
use callwright_infer::Rates;
use callwright_models::{Located, ModelName};
use callwright_parse::chat::Reason;
use callwright_parse::check::Level;
use callwright_parse::error::{Error, ErrorKind, FailureKind, Result};

use super::verdict::seconds;
use super::{World, engine_log};

/// Options of running a model.
#[derive(Debug, Clone, clap::Args)]
#[command(next_help_heading = "Model")]
pub(super) struct ModelArgs {
    /// The model, if it is not the first argument
    #[arg(short = 'm', long = "model", value_name = "MODEL")]
    named: Option<String>,
    /// Ask this provider instead of a local model; the conversation leaves this program
    #[arg(long, value_name = "NAME[:MODEL]")]
    provider: Option<String>,
    /// Tool-call format, instead of the model's own
    #[arg(long, value_name = "NAME")]
    format: Option<String>,
    /// Do not hold the model's calls to the tools' schemas; only check them
    #[arg(long)]
    no_enforce: bool,
    /// Ask the model again after an answer with faults, at most N times; off by default
    #[arg(long, value_name = "N")]
    reasks: Option<usize>,
    /// How many deviations to tolerate in calls: strict, standard, lenient
    #[arg(long, value_name = "LEVEL", value_parser = super::level())]
    level: Option<Level>,
    /// The engine to run the model with
    #[arg(long, value_name = "ENGINE")]
    backend: Option<BackendName>,
    /// Context length: tokens for prompt and answer
    #[arg(short = 'c', long, visible_alias = "ctx-size", value_name = "N")]
    context_length: Option<usize>,
    /// Threads to compute with, instead of one per free processor core
    #[arg(short, long, value_name = "N")]
    threads: Option<usize>,
    /// Do not keep the state of the prompt's beginning in the cache folder
    #[arg(long)]
    no_prefix_cache: bool,
    /// Draft model: a smaller model with the same vocabulary, as in `-m qwen2.5:7b --draft qwen2.5:0.5b`. The answer stays
    /// the same and may come sooner
    #[arg(long, value_name = "MODEL", conflicts_with = "provider")]
    draft: Option<String>,
    /// Layers to put on the GPU
    #[arg(long, visible_alias = "n-gpu-layers", visible_short_alias = 'g', value_name = "N")]
    gpu_layers: Option<usize>,
    #[arg(skip)]
    measured: bool,
}

impl ModelArgs {
    /// The same for a measurement: no fallback, no re-asks, and nothing is kept of it, unless the command line says so.
    pub(super) fn measured(mut self) -> Self {
        self.measured = true;
        self
    }

    /// The same, with the model writing freely.
    pub(super) fn free(mut self) -> Self {
        self.no_enforce = true;
        self
    }

    /// Whether a model or a provider was named by a flag.
    pub(super) fn is_named(&self) -> bool {
        self.named.is_some() || self.provider.is_some()
    }

    /// The provider that was named by a flag.
    pub(super) fn provider_named(&self) -> Option<&str> {
        self.provider.as_deref()
    }

    /// The format and the window of a model that is played.
    pub(super) fn played(&self) -> (Option<&str>, Option<usize>) {
        (self.format.as_deref(), self.context_length)
    }

    /// A name that finds this engine's model again, from any folder; none where a provider answered.
    pub(super) fn lasting_name(&self, name: Option<&str>, engine: &Engine, world: &World) -> Option<String> {
        let name = self.provider(name, world).is_none().then(|| engine.name())?;
        let file = std::path::Path::new(name).canonicalize().ok().and_then(|file| file.to_str().map(str::to_owned));
        Some(file.unwrap_or_else(|| name.to_owned()))
    }

    /// Loads the model, pulling it first where it was named and is missing.
    pub(super) async fn engine(&self, name: Option<&str>, world: &World) -> Result<Engine> {
        self.engine_within(None, name, world).await
    }

    /// The same, for a caller who waits so long for the model to load.
    pub(super) async fn engine_within(
        &self,
        time: Option<Duration>,
        name: Option<&str>,
        world: &World,
    ) -> Result<Engine> {
        let builder = self.builder(name, world)?;
        let provider = self.provider(name, world);
        if let Some(served) = provider.map(|provider| world.settings.served(provider)).transpose()?.flatten() {
            return match within(time, Engine::served(served, builder)).await {
                Err(missing) if does_without(&missing, world) => {
                    world.printer.warn(&format!("{missing}; asking the fallback instead"));
                    within(time, self.builder(name, world)?.absent(missing).build()).await
                }
                engine => engine,
            };
        }
        if provider.is_some() {
            let nobody = Error::new(ErrorKind::ModelMissing, "the local model is not used");
            return within(time, builder.absent(nobody).build()).await;
        }
        let builder = match self.located(name, world) {
            Err(missing) if does_without(&missing, world) => {
                world.printer.warn(&format!("{missing}; asking the fallback instead"));
                builder.absent(missing)
            }
            located => self.drafted(builder.located(located?), name, world)?,
        };
        within(time, builder.build()).await
    }

    /// With the draft model: named on the command line, or in the settings beside the model that answers.
    fn drafted(&self, builder: Builder, name: Option<&str>, world: &World) -> Result<Builder> {
        let set = || world.settings.file.draft.as_deref().filter(|_| name.or(self.named.as_deref()).is_none());
        let project = world.settings.project_of("draft").filter(|_| self.draft.is_none());
        match (self.draft.as_deref().or_else(set), project) {
            (Some(draft), Some(project)) => Ok(builder.located_draft(world.here(draft, project)?)),
            (Some(draft), None) => Ok(builder.located_draft(world.pull(&world.settings.model(draft)?)?)),
            (None, _) => Ok(builder),
        }
    }

    /// The model to run, pulled where it is missing, unless only a project's file names it.
    fn located(&self, name: Option<&str>, world: &World) -> Result<Located> {
        let settings = &world.settings;
        match (name.or(self.named.as_deref()), settings.file.model.as_deref(), settings.project_of("model")) {
            (None, Some(model), Some(project)) => world.here(model, project),
            _ => world.pull(&self.name(name, world)?),
        }
    }

    /// The provider that is to answer: named on the command line, or in the settings where no model is.
    fn provider<'a>(&'a self, name: Option<&str>, world: &'a World) -> Option<&'a str> {
        let local = name.is_some() || self.named.is_some() || self.measured;
        let set = || world.settings.file.provider.as_deref().filter(|_| !local);
        self.provider.as_deref().or_else(set)
    }

    /// How fast the engine computes the model behind so many tokens, before it answers anyone.
    pub(super) fn rates(&self, name: Option<&str>, world: &World, depth: usize) -> Result<(String, Rates)> {
        let located = self.located(name, world)?;
        let quant = callwright_models::header(&located.path)?.quant;
        Ok((quant, self.builder(name, world)?.rates(&located, depth)?))
    }

    /// The model to run.
    pub(super) fn name(&self, name: Option<&str>, world: &World) -> Result<ModelName> {
        if let Some(name) = name.or(self.named.as_deref()).or(world.settings.file.model.as_deref()) {
            return world.settings.model(name);
        }
        let here = world.settings.store().list(&world.settings.registry()?);
        let pulled = here.into_iter().filter(|entry| !entry.located.source.is_embedded());
        if let Some(newest) = pulled.max_by_key(|entry| entry.modified) {
            world.printer.aside(&format!("using {}, the most recently pulled model", newest.located.name));
            return Ok(newest.located.name);
        }
        world.printer.note(
            "using the small model built into callwright: it can make tool calls and little else\n\
             (`callwright run smollm2:135m PROMPT` pulls and runs a real one; `callwright list --all` lists more)",
        );
        Ok(ModelName::Embedded)
    }

    fn builder(&self, name: Option<&str>, world: &World) -> Result<Builder> {
        let settings = &world.settings;
        let engine = &settings.file.engine;
        let level = self.level.unwrap_or_else(|| engine.level.into());
        let enforce = if self.no_enforce { Enforce::Off } else { engine.enforce.into() };
        let reasks = self.reasks.unwrap_or_else(|| if self.measured { 0 } else { settings.file.reasks() });
        let mut builder = Engine::builder().formats(settings.formats()?).level(level).enforce(enforce).reasks(reasks);
        builder = self.elsewhere(builder, name, world)?;
        builder = self.kept(builder, name, world)?;
        if let Some(format) = self.format.as_ref().or(engine.format.as_ref()) {
            builder = builder.format(format);
        }
        if let Some(backend) = self.backend {
            builder = builder.backend(backend);
        }
        Ok(self.tuned(builder, world))
    }

    /// Where usage is kept.
    fn kept(&self, builder: Builder, name: Option<&str>, world: &World) -> Result<Builder> {
        let file = &world.settings.file;
        let paid = self.provider(name, world).is_some() || (file.fallback.enabled && !self.measured);
        if !paid && (self.measured || !file.usage.keep) {
            return Ok(builder);
        }
        match world.settings.ledger() {
            Ok(ledger) => Ok(builder.ledger(ledger)),
            // What costs money must be recorded; local work need not be.
            Err(error) if paid => Err(error),
            Err(error) => {
                world.printer.aside(&error.to_string());
                Ok(builder)
            }
        }
    }

    /// Which providers the engine may ask.
    fn elsewhere(&self, builder: Builder, name: Option<&str>, world: &World) -> Result<Builder> {
        let fallback = match self.provider(name, world) {
            Some(provider) if !world.settings.asks_raw(provider)? => Some(world.settings.only(provider)?),
            _ if self.measured => None,
            _ => world.settings.fallback()?,
        };
        Ok(match fallback {
            Some(fallback) => builder.fallback(fallback),
            None => builder,
        })
    }

    /// How the engine is to run the model.
    fn tuned(&self, mut builder: Builder, world: &World) -> Builder {
        let engine = &world.settings.file.engine;
        if let Some(tokens) = self.context_length.or(engine.context_length) {
            builder = builder.context_length(tokens);
        }
        if let Some(threads) = self.threads.or(engine.threads) {
            builder = builder.threads(threads);
        }
        if let Some(layers) = self.layers(world) {
            builder = builder.gpu_layers(layers);
        }
        if !self.no_prefix_cache {
            builder = builder.prefixes(world.settings.prefixes());
        }
        if let Some(trial) = world.settings.trial() {
            builder = builder.trial(trial);
        }
        if world.printer.is_verbose() {
            engine_log::show(world.printer);
        }
        builder.verbose(world.printer.is_verbose())
    }

    /// Layers that go on a GPU.
    fn layers(&self, world: &World) -> Option<usize> {
        self.gpu_layers.or(world.settings.file.engine.gpu_layers)
    }

    /// Drops an engine at the end of the program. The system reclaims memory faster than an engine frees it; GPU memory the
    /// engine has to free itself.
    pub(super) fn leave(&self, engine: Engine, world: &World) {
        if self.layers(world).is_none_or(|layers| layers == 0) {
            std::mem::forget(engine);
        }
    }
}

/// The engine, if it is ready in time.
async fn within(time: Option<Duration>, engine: impl Future<Output = Result<Engine>>) -> Result<Engine> {
    let Some(time) = time else { return engine.await };
    tokio::time::timeout(time, engine).await.unwrap_or_else(|_| {
        Err(Error::new(ErrorKind::Cancelled, format!("the model was not loaded within {} (--timeout)", seconds(time))))
    })
}

/// Whether someone else may be asked where this is why there is no local model.
fn does_without(missing: &Error, world: &World) -> bool {
    let fallback = &world.settings.file.fallback;
    let allowed = fallback.enabled && !world.settings.offline && fallback.when.contains(&Reason::ModelMissing);
    // A remote engine counts as missing if it does not answer.
    let silent = |kind| matches!(kind, FailureKind::Network | FailureKind::Timeout(_));
    let silent = missing.failure().is_some_and(|failure| silent(failure.kind));
    allowed && (silent || matches!(missing.kind(), ErrorKind::ModelMissing | ErrorKind::Network))
}
