//! Opening a model file: its header says how it is prompted, its row what its calls look like.
//!
//! The header is read and checked here, in Rust, before the file is handed to C++.

use super::builder::Builder;
use crate::error::{Error, ErrorKind, Result};
use crate::infer::Generator;
use crate::infer::llama;
use crate::models::gguf::{Header, Special, SpecialKind};
use crate::models::{Located, PromptStyle};
use crate::prompt::{Prompter, Template, TemplateTokens};

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

    /// Whether llama.cpp's own log goes to stderr.
    pub fn verbose(mut self, verbose: bool) -> Self {
        self.settings.verbose = verbose;
        self
    }

    pub(super) fn open(&self, located: &Located) -> Result<(Box<dyn Generator>, Prompter)> {
        let header = Header::read(&located.path)?;
        header.require_weights(&located.path)?;
        let prompter = self.prompter(located, &header)?;
        let generator = llama::open(&located.path, &self.settings)?;
        Ok((generator, prompter))
    }

    fn prompter(&self, located: &Located, header: &Header) -> Result<Prompter> {
        let source = header.chat_template.as_deref().ok_or_else(|| {
            Error::new(ErrorKind::Template, "the model's file carries no chat template")
                .hint("use a file of an instruct or chat model")
        })?;
        let vocab = &header.vocab;
        let text = |special: &Option<Special>| special.as_ref().map(|special| special.text.clone()).unwrap_or_default();
        let tokens = TemplateTokens { bos: text(&vocab.bos), eos: text(&vocab.eos) };
        let template = Template::compile(source, tokens)?;
        let row = located.row();
        let style = row.map(|row| row.prompt.clone());
        let name = self.format.as_deref().or_else(|| row.map(|row| row.format.as_str()));
        let control = vocab.specials.iter().filter(|special| special.kind == SpecialKind::Control);
        let control: Vec<_> = control.map(|special| special.text.clone()).collect();
        match name {
            Some(name) => {
                let format = self.formats_or_builtin().get(name)?;
                Prompter::new(template, format, style.unwrap_or_default(), control)
            }
            None => {
                let format = self.formats_or_builtin().get("tool_use")?;
                Prompter::new(template, format, PromptStyle::Prompted("tool_use".to_owned()), control)
            }
        }
    }
}
