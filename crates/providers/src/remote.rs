//! A provider over the wire: one row, one address, one key.
//!
//! A turn: write the request, wait for the rate limit, send through the gate, read until the first piece. Until then a
//! failure may be retried; from then on the reply is the caller's, and a failure ends it.

use std::sync::Arc;

use futures_util::stream;
use tokio::time::{Instant, timeout_at};

use super::asking::Asking;
use super::assembler::{Assembled, Assembler};
use super::breaker::{Breakers, Probe};
use super::carried::Carried;
use super::clocks::Clocks;
use super::dialect::{self, Dialect};
use super::frames::{ByteCaps, frames};
use super::limits::{Admission, RateLimits};
use super::names::Names;
use super::reading::{Reading, Step};
use super::redact::Redactor;
use super::registry::Parts;
use super::retry::{Budget, Tries};
use super::send::{Sender, answer_or_trouble, fresh_id, json};
use super::trouble::Trouble;
use super::{Ask, Capabilities, Check, Health, Info, Kind, Provider, ProviderRow, Pulls, Replies, Reply, Task};
use callwright_models::address::is_loopback;
use callwright_parse::chat::{BYTES_A_TOKEN, IMAGE_TOKENS, Image, Message};
use callwright_parse::error::{Error, ErrorKind, Failure, FailureKind, Reached, Result, Wait};

/// How many tokens a provider may add to a request, and to each image in it.
const PROVIDERS_OWN: u64 = 20_000;

/// A provider over the wire.
#[derive(Debug, Clone)]
pub(super) struct Remote {
    pub(super) wire: Arc<Wire>,
}

/// What all turns of a provider share.
#[derive(Debug)]
pub(super) struct Wire {
    pub(super) info: Info,
    pub(super) row: Arc<ProviderRow>,
    pub(super) sender: Sender,
    pub(super) clocks: Clocks,
    limits: Arc<RateLimits>,
    breakers: Arc<Breakers>,
    budget: Budget,
    carried: Carried,
}

/// A request, written.
struct Sheet {
    dialect: &'static dyn Dialect,
    body: Vec<u8>,
    names: Names,
    warnings: Vec<String>,
    /// Names the request, however often it is sent.
    id: String,
    /// How many tokens it is likely to come to, answer included.
    tokens: u64,
    /// How many tokens it can come to at the most: one for each byte, and what the provider adds.
    most_tokens: u64,
}

/// A reply that has begun.
struct Running {
    reading: Reading,
    first: Option<Step>,
    turn: Admission,
    ask: Ask,
    request_id: Option<String>,
    retried: Vec<Failure>,
    delivered: bool,
    most_tokens: u64,
    /// Dropped with the reply, whichever way that ends.
    _probe: Probe,
}

/// What one attempt comes to: a reply that has begun, and its first piece.
struct Begun {
    reading: Reading,
    first: Step,
    turn: Admission,
    request_id: Option<String>,
    probe: Probe,
}

enum State {
    Asked(Ask),
    Running(Box<Running>),
    Over,
}

impl Remote {
    /// The provider of a row at this address.
    pub(super) fn new(parts: &Parts, address: &str) -> Result<Self> {
        let row = Arc::clone(&parts.row);
        let sender = Sender::new(parts, address)?;
        for name in
            [row.dialect.as_str()].into_iter().chain(row.models.values().filter_map(|row| row.dialect.as_deref()))
        {
            known_dialect(name, &row)?;
        }
        let info = Info {
            name: row.name.clone(),
            kind: row.kind,
            dialect: row.dialect.clone(),
            hosts: vec![sender.host()],
            has_key: parts.key.is_some(),
            model: row.model.clone(),
        };
        let wire = Wire {
            info,
            clocks: Clocks::from(&row.limits),
            limits: Arc::new(RateLimits::new(&row.limits)),
            breakers: Arc::default(),
            budget: Budget::default(),
            carried: Carried::default(),
            sender,
            row,
        };
        Ok(Self { wire: Arc::new(wire) })
    }
}

impl Provider for Remote {
    fn info(&self) -> &Info {
        &self.wire.info
    }

    fn capabilities(&self, model: &str) -> Capabilities {
        self.wire.row.capabilities(model)
    }

    fn stream(&self, ask: Ask) -> Replies {
        let wire = Arc::clone(&self.wire);
        Box::pin(stream::unfold(State::Asked(ask), move |state| {
            let wire = Arc::clone(&wire);
            async move { wire.step(state).await }
        }))
    }

    fn models(&self) -> Task<'_, Vec<String>> {
        Box::pin(self.wire.list())
    }

    fn check(&self) -> Task<'_, Check> {
        Box::pin(super::check::check(self))
    }

    fn pull(&self, model: &str) -> Pulls {
        super::pull::pull(Arc::clone(&self.wire), model)
    }

    fn health(&self, model: &str) -> Health {
        let Wire { limits, breakers, .. } = &*self.wire;
        Health { well: breakers.is_well(model), in_flight: limits.in_flight(), waiting: limits.waiting() }
    }
}

fn known_dialect(name: &str, row: &ProviderRow) -> Result<&'static dyn Dialect> {
    dialect::named(name).ok_or_else(|| {
        let known: Vec<_> = dialect::names().collect();
        Error::new(ErrorKind::Config, format!("the provider `{}` has the unknown dialect `{name}`", row.name))
            .hint(format!("known dialects: {}", known.join(", ")))
    })
}

impl Wire {
    async fn step(self: Arc<Self>, state: State) -> Option<(Result<Reply>, State)> {
        let mut running = match state {
            State::Over => return None,
            State::Running(running) => running,
            State::Asked(ask) => match self.begin(ask).await {
                Ok(running) => Box::new(running),
                Err(error) => return Some((Err(error), State::Over)),
            },
        };
        let step = match running.first.take() {
            Some(step) => Ok(step),
            None => running.reading.next().await,
        };
        Some(match step {
            Ok(Step::Piece(piece)) => {
                running.delivered = true;
                (Ok(piece), State::Running(running))
            }
            Ok(Step::End(assembled)) => (Ok(self.end(*running, *assembled)), State::Over),
            Err(trouble) => {
                self.breakers.told(&running.ask.model, trouble.kind);
                let (ask, attempts) = (running.ask, running.retried.len());
                let error = self.fail(trouble, &ask, attempts + 1);
                let delivered = running.delivered;
                (Err(error.with_failure(|failure| no_way_back(failure, delivered))), State::Over)
            }
        })
    }

    fn end(&self, mut running: Running, assembled: Assembled) -> Reply {
        let Assembled { mut whole, carried } = assembled;
        let model = &running.ask.model;
        self.breakers.record(model, true);
        for (call, value) in whole.calls.iter().zip(carried) {
            if let Some(value) = value {
                self.carried.keep(model, call, value);
            }
        }
        if let Some(tokens) = whole.tokens {
            let context = self.row.capabilities(model).context_length;
            if tokens.is_plausible(running.most_tokens, context) {
                running.turn.spent(tokens.input + tokens.output);
            } else {
                whole.tokens = None;
                whole.warnings.push("the provider's count of tokens is implausible and is not used".to_owned());
            }
        }
        if whole.model.is_empty() {
            whole.model.clone_from(model);
        }
        whole.served_by.clone_from(&self.info.name);
        whole.host = self.sender.host();
        whole.left_machine = !is_loopback(self.sender.host_name());
        whole.request_id = running.request_id.or(whole.request_id);
        whole.retried = running.retried;
        Reply::End(Box::new(whole))
    }

    /// Asks until there is a first piece, as often as is allowed.
    async fn begin(self: &Arc<Self>, mut ask: Ask) -> Result<Running> {
        if ask.model.is_empty() {
            ask.model = self.row.model.clone().ok_or_else(|| {
                Error::new(ErrorKind::Config, format!("no model is set for the provider `{}`", self.info.name))
                    .hint("name one as in `--provider NAME:MODEL`, or set `model` for the provider")
            })?;
        }
        let deadline = self.clocks.deadline(ask.request.limits);
        let sheet = self.write(&ask).map_err(|trouble| {
            // It was not even written, whatever the kind says of requests that were.
            self.fail(trouble, &ask, 0).with_failure(|failure| failure.reached = Reached::Nobody)
        })?;
        self.budget.earn();
        let mut tries = Tries::new(self.row.limits.retries, self.clocks.patience, deadline);
        loop {
            let attempts = tries.failed.len() + 1;
            let error = match self.attempt(&ask, &sheet, deadline).await {
                Ok(Begun { reading, first, turn, request_id, probe }) => {
                    let (first, retried, delivered) = (Some(first), tries.failed, false);
                    let most_tokens = sheet.most_tokens;
                    return Ok(Running {
                        reading,
                        first,
                        turn,
                        ask,
                        request_id,
                        retried,
                        delivered,
                        most_tokens,
                        _probe: probe,
                    });
                }
                Err(error) => error.with_failure(|failure| {
                    failure.attempts = u32::try_from(attempts).unwrap_or(u32::MAX);
                    failure.model.clone_from(&ask.model);
                    failure.reached =
                        tries.failed.iter().map(|earlier| earlier.reached).fold(failure.reached, Ord::max);
                }),
            };
            tries.wait(error, &self.budget).await?;
        }
    }

    async fn attempt(self: &Arc<Self>, ask: &Ask, sheet: &Sheet, deadline: Instant) -> Result<Begun> {
        let fail = |trouble: Trouble| self.fail(trouble, ask, 1);
        let probe = self.breakers.probe(&ask.model).map_err(fail)?;
        let turn = self.limits.enter(sheet.tokens, deadline).await.map_err(fail)?;
        match self.exchange(ask, sheet, deadline).await {
            Ok((reading, first, request_id)) => Ok(Begun { reading, first, turn, request_id, probe }),
            Err(error) => {
                if let Some(failure) = error.failure() {
                    self.breakers.told(&ask.model, failure.kind);
                }
                Err(error)
            }
        }
    }

    /// Sends, and reads until the first piece.
    async fn exchange(&self, ask: &Ask, sheet: &Sheet, deadline: Instant) -> Result<(Reading, Step, Option<String>)> {
        let fail = |trouble: Trouble| self.fail(trouble, ask, 1);
        let first_byte = deadline.min(Instant::now() + self.clocks.first_byte);
        let wait = if first_byte == deadline { Wait::Total } else { Wait::FirstByte };
        let late = || Trouble::new(FailureKind::Timeout(wait), "the server did not start to answer");
        let sent = timeout_at(first_byte, self.sender.ask(ask, sheet.dialect, &sheet.id, sheet.body.clone())).await;
        let response = sent.map_err(|_| fail(late()))??;
        let framing = sheet.dialect.framing();
        let (response, request_id) = answer_or_trouble(response, framing, first_byte).await.map_err(fail)?;
        let chunks = self.clocks.watch(response.bytes_stream(), first_byte);
        let frames = frames(framing, chunks, ByteCaps::default());
        let assembler = Assembler::new(sheet.names.clone(), sheet.warnings.clone());
        let reader = sheet.dialect.reader(&self.row.quirks);
        let mut reading = Reading::new(frames, reader, assembler, self.clocks.progress, deadline);
        let first = reading.next().await.map_err(fail)?;
        Ok((reading, first, request_id))
    }

    /// The models that are offered now.
    pub(super) async fn list(&self) -> Result<Vec<String>> {
        let dialect = known_dialect(&self.row.dialect, &self.row)?;
        let until = Instant::now() + self.clocks.first_byte;
        let fail = |trouble| super::told::error(trouble, &self.row, self.redactor(), None);
        let late = |_| fail(Trouble::new(FailureKind::Timeout(Wait::FirstByte), "the server did not answer"));
        let response =
            timeout_at(until, self.sender.fetch(dialect, dialect.models_path(), None)).await.map_err(late)??;
        Ok(dialect.model_names(&json(response, until).await.map_err(fail)?))
    }

    fn write(&self, ask: &Ask) -> Result<Sheet, Trouble> {
        // The rows' dialects were looked up when the provider was made.
        let dialect = dialect::named(self.row.dialect_of(&ask.model))
            .ok_or_else(|| Trouble::new(FailureKind::Unsupported, "the model's dialect is unknown"))?;
        if self.info.kind == Kind::Cloud && !self.info.has_key {
            return Err(Trouble::new(FailureKind::Auth, "no API key is set"));
        }
        let mut asking = Asking::of(&ask.request, &ask.model, &self.row, &self.carried)?;
        let images = || ask.request.messages.iter().flat_map(Message::images);
        if !dialect.takes_image_urls() && images().any(|image| matches!(image, Image::Url(_))) {
            let why = "it does not fetch images by URL: attach the image itself";
            return Err(Trouble::new(FailureKind::Unsupported, why));
        }
        let body = dialect.write(&mut asking);
        let body = serde_json::to_vec(&body)
            .map_err(|cause| Trouble::new(FailureKind::InvalidRequest, format!("the request is not JSON: {cause}")))?;
        let pictured: usize = images().map(|image| image.url().len()).sum();
        let said = body.len().saturating_sub(pictured) / BYTES_A_TOKEN + images().count() * IMAGE_TOKENS;
        let tokens = said as u64 + asking.max_tokens;
        let id = fresh_id(&body);
        // Prompts of the provider's own, for tools and images, come on top.
        let most_tokens = body.len() as u64 + PROVIDERS_OWN * (1 + images().count() as u64);
        Ok(Sheet { dialect, id, body, names: asking.names, warnings: asking.warnings, tokens, most_tokens })
    }

    pub(super) fn redactor(&self) -> &Redactor {
        self.sender.redactor()
    }

    /// The error that a trouble is, with the facts, and without keys or words of the conversation.
    fn fail(&self, trouble: Trouble, ask: &Ask, attempts: usize) -> Error {
        let attempts = u32::try_from(attempts).unwrap_or(u32::MAX);
        let error = super::told::error(trouble, &self.row, self.redactor(), Some(&ask.request));
        error.with_failure(|failure| {
            failure.model.clone_from(&ask.model);
            failure.attempts = attempts;
        })
    }
}

/// Once the caller has part of the answer, no other provider may answer.
fn no_way_back(failure: &mut Failure, delivered: bool) {
    if delivered {
        failure.reached = Reached::Caller;
        failure.retryable = false;
        failure.failover_ok = false;
    }
}
