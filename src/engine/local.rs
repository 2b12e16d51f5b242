//! Opening a model file: its header says how it is prompted and what it needs, its row what its calls look like.
//!
//! The header is read and checked here, in Rust, before the file is handed to C++.

use super::builder::Builder;
use crate::error::Result;
use crate::infer::llama;
use crate::infer::{Generator, Prefixes, Rates};
use crate::models::fit::{Needs, Run};
use crate::models::gguf::Header;
use crate::models::{Located, memory};
use crate::prompt::Prompter;

impl Builder {
    /// Room for prompt and answer, in tokens; the model's own length where absent, up to what the engine thinks wise.
    pub fn context_length(mut self, tokens: usize) -> Self {
        self.settings.context_length = Some(tokens);
        self
    }

    /// Threads to compute with; the processor's cores where absent.
    pub fn threads(mut self, threads: usize) -> Self {
        self.settings.threads = Some(threads);
        self
    }

    /// Layers to put on the GPU.
    pub fn gpu_layers(mut self, layers: usize) -> Self {
        self.settings.gpu_layers = layers;
        self
    }

    /// Where what all prompts begin with is kept from run to run, so that it need not be read again.
    pub fn prefixes(mut self, prefixes: Prefixes) -> Self {
        self.settings.prefixes = Some(prefixes);
        self
    }

    /// Whether llama.cpp's own log goes to stderr.
    pub fn verbose(mut self, verbose: bool) -> Self {
        self.settings.verbose = verbose;
        self
    }

    /// Measures how fast the engine computes this model behind a prompt of so many tokens, without starting it to answer.
    pub fn rates(&self, located: &Located, depth: usize) -> Result<Rates> {
        let header = Header::read(&located.path)?;
        header.require_weights(&located.path)?;
        self.require_memory(&header)?;
        Rates::measure(&mut *llama::backend(&located.path, &self.settings)?, depth)
    }

    pub(super) fn open(&self, located: &Located) -> Result<(Box<dyn Generator>, Prompter)> {
        let header = Header::read(&located.path)?;
        header.require_weights(&located.path)?;
        let row = located.row().map(AsRef::as_ref);
        let prompter = Prompter::of_model(&header, row, self.formats_or_builtin(), self.format.as_deref())?;
        self.require_memory(&header)?;
        let generator = llama::open(&located.path, &self.settings)?;
        Ok((generator, prompter))
    }

    /// Refuses a model that would not fit, because an engine that runs out of memory takes the process with it.
    fn require_memory(&self, header: &Header) -> Result<()> {
        // What layers on a GPU take there is the driver's to tell.
        let Some(available) = memory::available().filter(|_| self.settings.gpu_layers == 0) else { return Ok(()) };
        let most = header.context_length.unwrap_or(u64::MAX);
        let context = self.settings.context_length.unwrap_or(llama::CONTEXT);
        let context = u64::try_from(context).unwrap_or(u64::MAX).min(most);
        Needs::of(header, Run::new(context)).require(available)
    }
}
