//! What names mean: of models, of formats, and where models lie.

use callwright_models::gguf::Header;
use callwright_models::{Located, ModelName, ModelRow, Places, PromptStyle, Registry, Store};
use callwright_parse::chat::Specials;
use callwright_parse::error::Result;
use callwright_parse::format::Formats;
use callwright_prompt::{PLAIN, Prompter, Template, TemplateTokens};

/// What was chosen of each; the built-in ones where nothing was.
#[derive(Debug, Default)]
pub(super) struct Names {
    /// The format that is used instead of the model's own.
    pub(super) format: Option<String>,
    pub(super) formats: Option<Formats>,
    pub(super) registry: Option<Registry>,
    pub(super) places: Option<Places>,
}

impl Names {
    /// Where the model of this name lies.
    pub(super) fn locate(&self, name: &str) -> Result<Located> {
        let registry = self.registry.as_ref().unwrap_or_else(|| Registry::builtin());
        self.store().locate(&ModelName::parse(name, registry)?)
    }

    pub(super) fn store(&self) -> Store {
        Store::new(self.places.clone().unwrap_or_else(Places::at_home))
    }

    pub(super) fn formats(&self) -> &Formats {
        self.formats.as_ref().unwrap_or_else(|| Formats::builtin())
    }

    /// How a model with this header is prompted.
    pub(super) fn prompter(&self, header: &Header, row: Option<&ModelRow>) -> Result<Prompter> {
        Prompter::of_model(header, row, self.formats(), self.format.as_deref())
    }

    /// How a model with this chat template is prompted, whose format this is where no other was chosen.
    pub(super) fn prompter_of(&self, template: Template, format: Option<&str>) -> Result<Prompter> {
        Prompter::of_template(template, self.formats(), self.format.as_deref().or(format))
    }

    /// How a model without a template of its own is prompted.
    pub(super) fn plain_prompter(&self) -> Result<Prompter> {
        let name = self.format.as_deref().unwrap_or("tool_use");
        let format = self.formats().get(name)?;
        let template = Template::compile(PLAIN, TemplateTokens::default())?;
        Prompter::new(template, format, PromptStyle::Prompted("tool_use".to_owned()), Specials::default())
    }
}
