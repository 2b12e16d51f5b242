//! A model run by another engine, used through raw completion: everything but inference is done here.
//!
//! It takes the local model's place, so that prompt, grammar, reading and repair are the same for both. What is asked of
//! it leaves this program, though: the owner's rules of what may leave hold, and the turn says who served.

use std::path::Path;

use super::builder::Builder;
use super::fallback::{Policy, Sent, leaving, unpriced};
use super::turn::Turn;
use super::{Engine, Stages};
use callwright_models::{ModelName, Registry};
use callwright_parse::chat::{Attempt, Cost, Event, LOCAL, Money, Reason, Request, WithdrawReason};
use callwright_parse::error::{Error, ErrorKind, Failure, FailureKind, Result};
use callwright_prompt::{Prompter, Template, TemplateTokens};
use callwright_providers::price::Prices;
use callwright_providers::{Kind, Parts, Raw, RawRow, RawTemplate};

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

/// Who computes, where it is not this program.
#[derive(Debug)]
pub(super) struct Host {
    provider: String,
    kind: Kind,
    leaves_machine: bool,
    policy: Policy,
    prices: Prices,
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
        let prompter = builder.prompter_of(&row, &raw).await.map_err(|error| error.about(provider.as_str()))?;
        let raw = raw.preserving(prompter.markers())?;
        let host = Host { provider, kind, leaves_machine: raw.leaves_machine(), policy, prices };
        builder.hosted(Box::new(raw), prompter, host).build().await
    }
}

impl Builder {
    async fn prompter_of(&self, row: &RawRow, raw: &Raw) -> Result<Prompter> {
        let (formats, named) = (self.formats_or_builtin(), self.format.as_deref());
        match row {
            RawRow::Model(name) => {
                let registry = self.registry.as_ref().unwrap_or_else(|| Registry::builtin());
                let located = self.store().locate(&ModelName::parse(name, registry)?).map_err(|error| {
                    error
                        .hint("its prompt format is read from the model file; use `raw = { template = {..} }` if there is none")
                })?;
                let header = callwright_models::header(&located.path)?;
                Prompter::of_model(&header, located.row().map(AsRef::as_ref), formats, named)
            }
            RawRow::Gguf(path) => Prompter::of_model(&callwright_models::header(path)?, None, formats, named),
            RawRow::Template(RawTemplate { file, format, bos, eos, control_tokens, .. }) => {
                let tokens = TemplateTokens { bos: bos.clone(), eos: eos.clone() };
                let template = Template::compile(&text_of(file)?, tokens)?;
                let prompter = Prompter::of_template(template, formats, named.or(format.as_deref()))?;
                Ok(prompter.control_tokens(control_tokens.clone()))
            }
            _ => {
                let told = raw.template().ok_or_else(|| {
                    let message = format!("{} does not provide its chat template", raw.engine());
                    Error::new(ErrorKind::Config, message)
                        .hint("raw = { model = \"qwen2.5:7b\" }, or { template = {..} }")
                })?;
                let template =
                    Template::compile(&told.source, TemplateTokens { bos: told.bos.clone(), eos: told.eos.clone() })?;
                let control = raw.control_tokens(template.markup()).await?;
                Ok(Prompter::of_template(template, formats, named)?.control_tokens(control))
            }
        }
    }
}

fn text_of(file: &Path) -> Result<String> {
    std::fs::read_to_string(file).map_err(|cause| {
        Error::new(ErrorKind::Config, format!("cannot read the chat template `{}`", file.display())).because(cause)
    })
}

impl Stages {
    /// The part of a request that the remote engine may see.
    pub(super) fn may_see(&self, request: Request) -> Result<Request> {
        match &self.host {
            Some(host) => leaving(&request, &host.policy).map_err(|why| host.refuses(&why)),
            None => Ok(request),
        }
    }

    /// Whether what the model is asked leaves this machine.
    pub(super) fn leaves_machine(&self) -> bool {
        self.host.as_ref().is_some_and(|host| host.leaves_machine)
    }

    /// Says in a trace who computed, and what it cost.
    pub(super) fn sign(&self, attempt: &mut Attempt) {
        let Some(host) = &self.host else { return LOCAL.clone_into(&mut attempt.by) };
        attempt.by.clone_from(&host.provider);
        attempt.reason = Some(Reason::User);
        attempt.cost = match host.prices.of(&host.provider, &attempt.model) {
            Some(price) => Cost::Counted(price.cost(attempt.usage, 0)),
            None => unpriced(host.kind),
        };
    }
}

impl Host {
    fn refuses(&self, why: &str) -> Error {
        Error::provider(Failure::new(FailureKind::EgressDenied, self.provider.as_str()), why)
    }
}

impl Turn<'_> {
    /// Records the most that an attempt of the host may cost, and returns it, unless that exceeds the budget.
    pub(super) fn reserve_there(&self, tokens: usize) -> Result<Option<Money>> {
        let Some(host) = &self.stages.host else { return Ok(None) };
        let model = self.stages.name.as_str();
        let price = host.prices.of(&host.provider, model);
        let worst = price.map(|price| price.worst(tokens, self.ask.request.limits.max_tokens));
        let sent = Sent { provider: &host.provider, kind: host.kind, model, reason: Reason::User };
        self.reserve(&sent, worst, host.policy.budget)?.map_err(|why| host.refuses(&why))
    }

    /// Keeps the trace of an attempt of the host's that failed, and takes back what was told of it where somebody else is
    /// asked now.
    pub(super) async fn failed_there(&mut self, error: &Error, withdrawn: bool) {
        if self.stages.host.is_none() {
            return;
        }
        let mut attempt = Attempt { number: self.ask.number, ..Attempt::default() };
        attempt.model.clone_from(&self.stages.name);
        self.stages.sign(&mut attempt);
        self.failed(attempt, error, self.worst);
        if withdrawn {
            let (attempt, reason) = (self.ask.number, WithdrawReason::Fallback);
            self.events.emit(Event::AttemptWithdrawn { attempt, reason }).await;
        }
    }
}
