//! Which model a command means, and the options of running it.
//!
//! No name means the newest model that was pulled, else the small one inside the binary, and the user is told which.

use crate::check::Level;
use crate::engine::{BackendName, Builder, Enforce, Engine};
use crate::error::Result;
use crate::infer::{Prefixes, Rates};
use crate::models::{ModelName, Source};

use super::World;

/// Options of running a model.
#[derive(Debug, Clone, clap::Args)]
#[command(next_help_heading = "Model")]
pub(super) struct ModelArgs {
    /// The model, where it is not named first
    #[arg(short = 'm', long = "model", value_name = "MODEL")]
    named: Option<String>,
    /// The format that calls are written and read in, instead of the model's own
    #[arg(long, value_name = "NAME")]
    format: Option<String>,
    /// Let the model write freely instead of holding its calls to the tools' schemas
    #[arg(long)]
    no_enforce: bool,
    /// How much is tolerated in reading calls
    #[arg(long, value_name = "LEVEL", default_value = "standard", value_parser = super::level())]
    level: Level,
    /// The engine that runs the model, of those that are built in
    #[arg(long, value_name = "ENGINE")]
    backend: Option<BackendName>,
    /// Room for prompt and answer, in tokens
    #[arg(short = 'c', long, visible_alias = "ctx-size", value_name = "N")]
    context_length: Option<usize>,
    /// Threads to compute with
    #[arg(short, long, value_name = "N")]
    threads: Option<usize>,
    /// Read the whole prompt each time instead of keeping its beginning in the cache folder
    #[arg(long)]
    no_prefix_cache: bool,
    /// Layers to put on the GPU
    #[arg(long, visible_alias = "n-gpu-layers", visible_short_alias = 'g', value_name = "N")]
    gpu_layers: Option<usize>,
}

impl ModelArgs {
    /// The same, with the model writing as it likes.
    pub(super) fn free(mut self) -> Self {
        self.no_enforce = true;
        self
    }

    /// Loads the model, pulling it first where it was named and is not there.
    pub(super) async fn engine(&self, name: Option<&str>, world: &World) -> Result<Engine> {
        let name = self.name(name, world)?;
        let located = world.pull(&name)?;
        self.builder(world)?.located(located).build().await
    }

    /// How fast the engine computes the model behind so many tokens, before it answers anyone.
    pub(super) fn rates(&self, name: Option<&str>, world: &World, depth: usize) -> Result<Rates> {
        let located = world.pull(&self.name(name, world)?)?;
        self.builder(world)?.rates(&located, depth)
    }

    /// The model that is meant.
    pub(super) fn name(&self, name: Option<&str>, world: &World) -> Result<ModelName> {
        if let Some(name) = name.or(self.named.as_deref()) {
            return world.settings.model(name);
        }
        let here = world.settings.store().list(&world.settings.registry()?);
        let pulled = here.into_iter().filter(|entry| entry.located.source != Source::Embedded);
        if let Some(newest) = pulled.max_by_key(|entry| entry.modified) {
            world.printer.aside(&format!("using {}, the newest model that was pulled", newest.located.name));
            return Ok(newest.located.name);
        }
        world.printer.note(
            "using the small model inside callwright: it knows tool calls and little else\n\
             (`callwright run smollm2:135m PROMPT` pulls and runs a real one; `callwright list --all` names more)",
        );
        Ok(ModelName::Embedded)
    }

    fn builder(&self, world: &World) -> Result<Builder> {
        let mut builder = Engine::builder().formats(world.settings.formats()?).level(self.level);
        if let Some(format) = &self.format {
            builder = builder.format(format);
        }
        if self.no_enforce {
            builder = builder.enforce(Enforce::Off);
        }
        if let Some(backend) = self.backend {
            builder = builder.backend(backend);
        }
        if let Some(tokens) = self.context_length {
            builder = builder.context_length(tokens);
        }
        if let Some(threads) = self.threads {
            builder = builder.threads(threads);
        }
        if let Some(layers) = self.gpu_layers {
            builder = builder.gpu_layers(layers);
        }
        if !self.no_prefix_cache {
            builder = builder.prefixes(Prefixes::new(world.settings.places.cache.join("prefixes")));
        }
        Ok(builder.verbose(world.printer.is_verbose()))
    }
}
