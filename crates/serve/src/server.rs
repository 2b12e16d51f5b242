//! What all requests share: the model, the settings, the seats and what is remembered.

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, OnceLock};
use std::time::{SystemTime, UNIX_EPOCH};

use tokio::sync::Semaphore;

use crate::ids;
use crate::metrics::Metrics;
use crate::model::Model;
use crate::news::News;
use crate::settings::Settings;
use crate::surface::{Asked, Refusal, Turn, Why, responses};
use crate::trace::Traces;

/// The state of a server.
#[derive(Debug)]
pub(crate) struct Server {
    pub(crate) settings: Settings,
    /// Set once it is loaded.
    model: OnceLock<Model>,
    /// Who computes has one.
    pub(crate) seats: Arc<Semaphore>,
    /// How many requests wait for a seat.
    pub(crate) waiting: AtomicUsize,
    /// Whether no new request is taken any more.
    ending: AtomicBool,
    pub(crate) traces: Traces,
    pub(crate) responses: responses::Store,
    pub(crate) metrics: Metrics,
    pub(crate) news: News,
    /// When it began, in seconds since 1970.
    pub(crate) since: u64,
}

impl Server {
    pub(crate) fn new(settings: Settings) -> Self {
        Self {
            model: OnceLock::new(),
            seats: Arc::new(Semaphore::new(settings.parallel.max(1))),
            waiting: AtomicUsize::new(0),
            ending: AtomicBool::new(false),
            traces: Traces::new(settings.traces),
            responses: responses::Store::new(settings.stored),
            metrics: Metrics::default(),
            news: News::default(),
            since: now(),
            settings,
        }
    }

    /// Puts the loaded model in its place. The first one stays.
    pub(crate) fn open(&self, model: Model) {
        // A second one would take over from turns that run.
        drop(self.model.set(model));
    }

    /// Takes no new request.
    pub(crate) fn end(&self) {
        self.ending.store(true, Ordering::Relaxed);
    }

    /// The model, once it is loaded.
    pub(crate) fn model(&self) -> Result<&Model, Refusal> {
        if self.ending.load(Ordering::Relaxed) {
            return Err(Refusal::new(Why::Unavailable, "the server is shutting down"));
        }
        self.model
            .get()
            .ok_or_else(|| Refusal::new(Why::Unavailable, "the model is still loading; try again in a moment"))
    }

    /// The model, if this is one of its names; the empty name is anyone's.
    pub(crate) fn named(&self, name: &str) -> Result<&Model, Refusal> {
        let model = self.model()?;
        if name.is_empty() || self.names(model).any(|known| same(known, name)) {
            return Ok(model);
        }
        let message = format!("no model is called `{name}` here; this server serves `{}`", model.name());
        Err(Refusal::new(Why::NoModel, message))
    }

    /// All names of the model, its own first.
    pub(crate) fn names<'a>(&'a self, model: &'a Model) -> impl Iterator<Item = &'a str> {
        [model.name()].into_iter().chain(self.settings.aliases.iter().map(String::as_str))
    }

    /// A turn for a request, if it may be asked.
    pub(crate) fn turn(&self, asked: &Asked) -> Result<Turn, Refusal> {
        let model = self.named(&asked.model)?;
        let limits = [
            ("messages", asked.request.messages.len(), self.settings.max_messages),
            ("tools", asked.request.tools.len(), self.settings.max_tools),
        ];
        if let Some((what, given, most)) = limits.into_iter().find(|(_, given, most)| given > most) {
            return Err(Refusal::invalid(format!("the request has {given} {what}, and at most {most} are allowed")));
        }
        if asked.request.messages.is_empty() {
            return Err(Refusal::invalid("the request has no messages"));
        }
        let name = if asked.model.is_empty() { model.name() } else { &asked.model };
        Ok(Turn { id: ids::fresh(), created: now(), model: name.to_owned() })
    }
}

/// Whether two names are one. Ollama's clients add the tag `latest`.
fn same(known: &str, name: &str) -> bool {
    let plain = |name: &str| name.strip_suffix(":latest").unwrap_or(name).to_lowercase();
    plain(known) == plain(name)
}

/// Seconds since 1970.
pub(crate) fn now() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs())
}
