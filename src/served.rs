//! A model run by another engine, used through raw completion: everything but inference is done here.
//!
//! It takes the local model's place, so that prompt, grammar, reading and repair are the same for both. What is asked of
//! it leaves this program, though: the owner's rules of what may leave hold, and the turn says who served.

use std::path::Path;

use super::Engine;
use super::builder::Builder;
use super::fallback::Policy;
use super::names::Names;
use super::turn::Host;
use callwright_parse::chat::Specials;
use callwright_parse::error::{Error, ErrorKind, Result};
use callwright_prompt::{Prompter, Template, TemplateTokens};
use callwright_providers::price::Prices;
use callwright_providers::{Parts, Raw, RawRow, RawTemplate};

/// Which engine to ask, and what may leave for it.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct Served {
    /// The provider. Its row sets up raw completion, and says where its model's prompt format comes from.
    pub parts: Parts,
    /// What may leave, and at what cost. It is always asked.
    pub policy: Policy,
    /// What models cost.
    pub prices: Prices,
}

impl Served {
    /// This provider, under these rules.
    #[must_use]
    pub fn new(parts: Parts, policy: Policy) -> Self {
        Self { parts, policy, prices: Prices::builtin().clone() }
    }
}

impl Engine {
    /// An engine whose model runs elsewhere: llama-server, vLLM or SGLang, used through raw completion. The builder's other
    /// settings apply as for a local model.
    ///
    /// ```
    /// use std::sync::Arc;
    /// use callwright::{Engine, Served, fallback::Policy};
    /// use callwright::providers::{Catalog, Gate, Parts};
    /// # async fn demo() -> callwright::Result<()> {
    /// let rows = "[big]\nkind = \"local\"\nbase_url = \"http://127.0.0.1:8080\"\nraw = \"served\"";
    /// let catalog = Catalog::with_rows(rows.parse().unwrap(), "callwright.toml")?;
    /// let parts = Parts::new(Arc::clone(catalog.get("big")?), None, Arc::new(Gate::shut()));
    /// let engine = Engine::served(Served::new(parts, Policy::default()), Engine::builder()).await;
    /// assert!(engine.is_err()); // The door is shut: nothing was asked.
    /// # Ok(())
    /// # }
    /// # tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(demo()).unwrap();
    /// ```
    pub async fn served(served: Served, builder: Builder) -> Result<Self> {
        let Served { parts, policy, prices } = served;
        let provider = parts.row.name.clone();
        let kind = parts.row.kind;
        let row = parts.row.raw.clone().ok_or_else(|| {
            Error::new(ErrorKind::Config, format!("`{provider}` is a chat provider, not set up for raw completion"))
                .hint(format!("[providers.{provider}] raw = \"served\", or raw = {{ model = \"qwen2.5:7b\" }}"))
        })?;
        let raw = Raw::connect(parts).await?;
        let prompter = prompter(builder.names(), &row, &raw).await.map_err(|error| error.about(provider.as_str()))?;
        let raw = raw.preserving(prompter.markers(), prompter.known_specials().clone())?;
        let host = Host { provider, kind, leaves_machine: raw.leaves_machine(), policy, prices };
        builder.hosted(Box::new(raw), prompter, host).build().await
    }
}

/// How the model of a remote engine is prompted: by its row, or as the engine itself says.
async fn prompter(names: &Names, row: &RawRow, raw: &Raw) -> Result<Prompter> {
    match row {
        RawRow::Model(name) => {
            let located = names.locate(name).map_err(|error| {
                error.hint(
                    "its prompt format is read from the model file; use `raw = { template = {..} }` if there is none",
                )
            })?;
            names.prompter(&callwright_models::header(&located.path)?, located.row().map(AsRef::as_ref))
        }
        RawRow::Gguf(path) => names.prompter(&callwright_models::header(path)?, None),
        RawRow::Template(RawTemplate { file, format, bos, eos, control_tokens, .. }) => {
            let template = Template::compile(&text_of(file)?, TemplateTokens { bos: bos.clone(), eos: eos.clone() })?;
            Ok(names.prompter_of(template, format.as_deref())?.specials(controls(control_tokens.clone())))
        }
        _ => {
            let told = raw.template().ok_or_else(|| {
                let message = format!("{} does not provide its chat template", raw.engine());
                Error::new(ErrorKind::Config, message).hint("raw = { model = \"qwen2.5:7b\" }, or { template = {..} }")
            })?;
            let tokens = TemplateTokens { bos: told.bos.clone(), eos: told.eos.clone() };
            let template = Template::compile(&told.source, tokens)?;
            let control = raw.control_tokens(template.markup()).await?;
            Ok(names.prompter_of(template, None)?.specials(controls(control)))
        }
    }
}

fn text_of(file: &Path) -> Result<String> {
    std::fs::read_to_string(file).map_err(|cause| {
        Error::new(ErrorKind::Config, format!("cannot read the chat template `{}`", file.display())).because(cause)
    })
}

/// Special tokens that no plain text is read as.
fn controls(texts: Vec<String>) -> Specials {
    Specials::new(texts.into_iter().map(|text| (text, false)))
}
