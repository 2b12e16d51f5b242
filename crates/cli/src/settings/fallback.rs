//! What the settings say about fallback: which providers, when, within what limits, and what may leave.
//!
//! Without `[fallback]` that is switched on, or a provider that someone named on purpose, nothing here makes anything;
//! and nothing is what an engine then has to ask.

use std::sync::Arc;
use std::time::Duration;

use super::{FallbackTable, SendName, Settings};
use callwright::Served;
use callwright::fallback::{Fallback, Link, Policy, Share};
use callwright_parse::chat::Reason;
use callwright_parse::error::{Error, ErrorKind, Result};
use callwright_providers::ledger::Budget;
use callwright_providers::{Parts, ProviderRow};

impl Settings {
    /// Which providers to ask and when, where `[fallback]` is switched on and the network is not off.
    pub fn fallback(&self) -> Result<Option<Fallback>> {
        let table = &self.file.fallback;
        if !table.enabled || self.offline {
            return Ok(None);
        }
        if table.chain.is_empty() {
            return Err(Error::new(ErrorKind::Config, "fallback is on, but its chain is empty")
                .hint("[fallback] chain = [\"anthropic:claude-opus-5-5\"]; `callwright providers` lists names"));
        }
        self.asking(&table.chain, policy(table)?).map(Some)
    }

    /// Asks this provider (`NAME` or `NAME:MODEL`) instead of the local model. `[fallback]` says what may leave, and at what
    /// cost.
    pub fn only(&self, provider: &str) -> Result<Fallback> {
        let policy = Policy { when: [Reason::User].into(), ..policy(&self.file.fallback)? };
        self.asking(&[provider.to_owned()], policy)
    }

    /// Whether this provider (`NAME` or `NAME:MODEL`) is used for raw completion, not for chat.
    pub fn asks_raw(&self, provider: &str) -> Result<bool> {
        let Ok(Link { provider, .. }) = provider.parse();
        Ok(self.catalog()?.get(&provider)?.raw.is_some())
    }

    /// The raw completion engine of this name (`NAME` or `NAME:MODEL`), which takes the local model's place; none where the
    /// provider is a chat provider. `[fallback]` says what may leave.
    pub fn served(&self, provider: &str) -> Result<Option<Served>> {
        let catalog = self.catalog()?;
        let Ok(Link { provider, model }) = provider.parse();
        let row = catalog.get(&provider)?;
        let Some(raw) = &row.raw else { return Ok(None) };
        let mut row = ProviderRow::clone(row);
        row.raw = Some(raw.clone().below(&self.config));
        row.model = model.or(row.model);
        let key = self.key(&row)?;
        let parts = Parts::new(Arc::new(row), key, Arc::new(self.gate()));
        let mut served = Served::new(parts, policy(&self.file.fallback)?);
        served.prices = self.prices()?;
        Ok(Some(served))
    }

    fn asking(&self, chain: &[String], policy: Policy) -> Result<Fallback> {
        let catalog = self.catalog()?;
        let chain: Vec<Link> = chain.iter().filter_map(|entry| entry.parse().ok()).collect();
        for link in &chain {
            if catalog.get(&link.provider)?.raw.is_some() {
                let name = &link.provider;
                let message = format!(
                    "`{name}` is set up for raw completion: it replaces the local model and cannot be in a chain"
                );
                return Err(Error::new(ErrorKind::Config, message).hint(format!("provider = \"{name}\"")));
            }
        }
        let providers = self.providers(&Arc::new(self.gate()))?;
        Ok(Fallback::new(Arc::new(providers), chain, policy).prices(self.prices()?))
    }
}

fn policy(table: &FallbackTable) -> Result<Policy> {
    let wrong = |message: &str| Error::new(ErrorKind::Config, message);
    if let Some(reason) = table.when.iter().find(|reason| matches!(reason, Reason::User | Reason::Check)) {
        return Err(wrong(&format!("fallback.when: `{}` is not a reason for fallback", reason.as_str()))
            .hint("use `--provider NAME` to ask only a provider"));
    }
    if table.send == SendName::Redacted && table.redact.is_empty() {
        return Err(wrong("fallback.send is `redacted`, but fallback.redact has no pattern"));
    }
    let mut policy = Policy::when(table.when.iter().copied());
    policy.share = if table.send == SendName::LastTurn { Share::LastTurn } else { Share::All };
    for pattern in &table.redact {
        policy = policy.redacting(pattern)?;
    }
    policy.keep_tools = table.keep_tools.iter().cloned().collect();
    policy.budget = Budget {
        a_request: table.usd_a_request.map(|usd| usd.0),
        a_day: table.usd_a_day.map(|usd| usd.0),
        calls_an_hour: table.calls_an_hour,
    };
    policy.local_time = table.local_seconds.map(Duration::from_secs);
    policy.complex.tools = table.complex.tools;
    policy.complex.schema_depth = table.complex.schema_depth;
    policy.complex.turns = table.complex.turns;
    policy.complex.parallel_calls = table.complex.parallel_calls;
    Ok(policy)
}
