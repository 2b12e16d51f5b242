//! Cloud and self-hosted models behind one trait, and the one gate through which a conversation may leave.
//!
//! A provider is asked ([`Ask`]) and answers with pieces ([`Reply`]), of which the last is the whole reply or a typed
//! error. Vendors are rows of `providers.toml`; the wire dialects are one file each; what all of them must hold to is
//! written once. This crate does not decide whether a provider may be asked at all: the engine does, and the
//! gate is closed until a setting opens it.

mod address;
mod ask;
mod asking;
mod assembler;
mod audit;
mod breaker;
mod carried;
mod catalog;
mod check;
mod clocks;
mod dialect;
mod egress;
mod facts;
mod frames;
pub mod ledger;
mod limits;
mod names;
mod part;
mod pool;
pub mod price;
mod reading;
mod recorded;
mod pull;
mod raw;
mod redact;
mod registry;
mod remote;
mod replay;
mod reply;
mod reset;
mod retry;
mod row;
mod send;
mod tls;
mod told;
mod trouble;

use std::fmt::Debug;
use std::future::Future;
use std::pin::Pin;

use callwright_parse::error::{Error, ErrorKind, Failure, FailureKind, Result};

pub use ask::Ask;
pub use audit::{Audit, Became, Bodies, Line};
pub use callwright_parse::chat::Reason;
pub use catalog::Catalog;
pub use egress::{Gate, Rules};
pub use facts::{Ability, Capabilities, Check, Health, Info, Kind, Step};
pub use pool::Pool;
pub use pull::{Pull, Pulls};
pub use raw::{Raw, RawEngine, ServedTemplate};
pub use recorded::read_recorded;
pub use registry::{Constructor, Parts, Providers};
pub use replay::ReplayProvider;
pub use reply::{Replies, Reply, Tokens, Whole};
pub use row::{
    CallIdRule, EndMarker, Extra, KeyHeader, LimitsRow, MaxTokensField, NoText, OfferedModel, ProviderRow, Quirks,
    RawRow, RawTemplate, ReasoningField, RequiredWord,
};

/// A boxed future.
pub type Task<'a, T> = Pin<Box<dyn Future<Output = Result<T>> + Send + 'a>>;

/// A provider: a model that answers over the wire.
///
/// ```
/// use callwright_parse::chat::Request;
/// use callwright_providers::{Ask, Provider, Reason, ReplayProvider, whole};
/// # tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(async {
/// let provider = ReplayProvider::new("cloud").says("It is 40.");
/// let ask = Ask::new(Request::new("What is 17 + 23?"), "any", Reason::User);
/// let reply = whole(provider.stream(ask)).await?;
/// assert_eq!(reply.text, "It is 40.");
/// # Ok::<(), callwright_parse::Error>(())
/// # }).unwrap();
/// ```
pub trait Provider: Send + Sync + Debug {
    /// What is known of it.
    fn info(&self) -> &Info;

    /// What this model of it can do.
    fn capabilities(&self, model: &str) -> Capabilities;

    /// Makes one turn. Nothing is sent before the stream is read.
    fn stream(&self, ask: Ask) -> Replies;

    /// The models that it offers now.
    fn models(&self) -> Task<'_, Vec<String>>;

    /// Whether it can be reached, takes the key, and makes a tiny call.
    fn check(&self) -> Task<'_, Check>;

    /// Its health with this model.
    fn health(&self, model: &str) -> Health;

    /// Makes the server pull a model, where it supports that.
    fn pull(&self, _model: &str) -> Pulls {
        let failure = Failure::new(FailureKind::Unsupported, self.info().name.as_str());
        let error = Error::provider(failure, format!("`{}` does not pull models", self.info().name));
        Box::pin(futures_util::stream::iter([Err(error)]))
    }
}

/// Reads a reply to its end.
pub async fn whole(mut replies: Replies) -> Result<Whole> {
    while let Some(reply) = std::future::poll_fn(|context| replies.as_mut().poll_next(context)).await {
        if let Reply::End(whole) = reply? {
            return Ok(*whole);
        }
    }
    Err(Error::new(ErrorKind::Backend, "the provider's stream ended too early"))
}
