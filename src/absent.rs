//! A missing local model, so that a provider may be asked instead.

use callwright_infer::{Chunks, Generator, Job, ModelInfo};
use callwright_parse::chat::Prompt;
use callwright_parse::error::{Error, ErrorKind, Result};

/// Generates nothing and says why.
#[derive(Debug)]
pub(super) struct Absent {
    model: ModelInfo,
    why: String,
    hint: Option<String>,
}

impl Absent {
    pub(super) fn new(error: &Error) -> Self {
        let model = ModelInfo { context_length: usize::MAX, ..ModelInfo::named(error.subject().unwrap_or("none")) };
        Self { model, why: error.to_string(), hint: error.hint_text().map(str::to_owned) }
    }

    fn error(&self) -> Error {
        let error = Error::new(ErrorKind::ModelMissing, self.why.as_str());
        match &self.hint {
            Some(hint) => error.hint(hint),
            None => error,
        }
    }
}

impl Generator for Absent {
    fn model(&self) -> &ModelInfo {
        &self.model
    }

    fn count(&self, _prompt: &Prompt) -> Result<usize> {
        Err(self.error())
    }

    fn generate(&self, _job: Job) -> Result<Chunks> {
        Err(self.error())
    }
}
