//! Fallback to providers: only for a reason the owner named, in the owner's order, within the owner's budget.
//!
//! Nothing here is reached unless a [`Fallback`] was given to the builder; there is no other way from a turn to a
//! provider. Who comes next in the chain is asked only while nothing of an answer has reached the caller. An answer from
//! elsewhere is checked like one of our own.

mod leaving;
mod policy;

use std::sync::Arc;

use callwright_providers::Providers;
use callwright_providers::price::Prices;

pub(super) use leaving::leaving;
pub use policy::{Complex, Policy, Share};

/// Which providers to ask, and what the owner allows.
///
/// ```
/// use std::sync::Arc;
/// use callwright::chat::{Arguments, Call, Reason, Request, Tool, ToolChoice};
/// use callwright::{Engine, fallback::{Fallback, Policy}};
/// use callwright::providers::{Providers, ReplayProvider};
/// # async fn demo() -> callwright::Result<()> {
/// let registry = Providers::default();
/// registry.put("cloud", Arc::new(ReplayProvider::new("cloud").calls(vec![Call::new("now", Arguments::new())])));
/// let fallback = Fallback::new(Arc::new(registry), ["cloud:large".parse().unwrap()], Policy::when([Reason::NoValidCall]));
/// let local = callwright::infer::Replay::of_texts(["I would rather not."]);
/// let engine = Engine::builder().generator(Box::new(local)).fallback(fallback).build().await?;
/// let now = Tool::new("now", "the time", serde_json::json!({"type": "object"}));
/// let request = Request::new("What time is it?").tool(now).tool_choice(ToolChoice::Required);
/// let response = engine.chat(request).await?;
/// assert_eq!((response.served_by.as_str(), response.left_machine), ("cloud", true));
/// # Ok(())
/// # }
/// # tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(demo()).unwrap();
/// ```
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct Fallback {
    /// The providers by name.
    pub registry: Arc<Providers>,
    /// The providers to ask, in order.
    pub chain: Vec<Link>,
    /// When, within what limits, and what may leave.
    pub policy: Policy,
    /// What models cost.
    pub prices: Prices,
}

/// One entry of a chain.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Link {
    /// The provider's name.
    pub provider: String,
    /// The model; the provider's own choice where absent.
    pub model: Option<String>,
}

impl std::str::FromStr for Link {
    type Err = std::convert::Infallible;

    /// `NAME` or `NAME:MODEL`; a model's name may have colons of its own.
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let (provider, model) = text.split_once(':').map_or((text, None), |(name, model)| (name, Some(model)));
        Ok(Self { provider: provider.to_owned(), model: model.map(str::to_owned) })
    }
}

impl Fallback {
    /// This chain of these providers, under this policy, with the prices of the binary.
    #[must_use]
    pub fn new(registry: Arc<Providers>, chain: impl IntoIterator<Item = Link>, policy: Policy) -> Self {
        Self { registry, chain: chain.into_iter().collect(), policy, prices: Prices::builtin().clone() }
    }

    /// The same with other prices.
    #[must_use]
    pub fn prices(mut self, prices: Prices) -> Self {
        self.prices = prices;
        self
    }
}
