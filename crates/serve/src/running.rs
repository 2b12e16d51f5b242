//! One turn that runs: it waits for a seat, asks the model, and says step by step what is certain.
//!
//! Dropping it gives up the seat and stops the model between two tokens, while the prompt is still read, too.

use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use callwright::chat::{Event, Request, Response};
use callwright::{Error, ErrorKind, Events};
use tokio::sync::OwnedSemaphorePermit;

use crate::parts::Parts;
use crate::server::Server;
use crate::surface::{Answer, Asked, Part, Refusal, Turn, Why};

/// A turn that runs.
pub(crate) struct Running {
    server: Arc<Server>,
    pub(crate) turn: Turn,
    /// What has been told so far.
    pub(crate) answer: Answer,
    request: Arc<Request>,
    stage: Stage,
    parts: Parts,
    started: Instant,
    first: Option<Duration>,
}

/// A seat, and the turn that has begun on it.
type Opening = Pin<Box<dyn Future<Output = Result<(OwnedSemaphorePermit, Events), Refusal>> + Send>>;

enum Stage {
    Waiting(Opening),
    Asking { events: Events, _seat: OwnedSemaphorePermit },
    Over,
}

/// What a step of a turn came to.
pub(crate) enum Step {
    /// More of the answer; possibly nothing that a client is told.
    Parts(Vec<Part>),
    /// The last of it: the answer is whole.
    End(Vec<Part>, Box<Response>),
}

impl Running {
    /// Begins a turn, unless too many wait already.
    pub(crate) fn begin(server: &Arc<Server>, asked: Asked) -> Result<Self, Refusal> {
        let turn = server.turn(&asked)?;
        let waits = Waits::new(server)?;
        let mut request = asked.request;
        request.overflow = server.settings.overflow;
        let request = Arc::new(request);
        let (shared, question) = (Arc::clone(server), Arc::clone(&request));
        let waiting = Box::pin(async move {
            let ended = |_| Refusal::new(Why::Unavailable, "the server is shutting down");
            let seat = Arc::clone(&shared.seats).acquire_owned().await.map_err(ended)?;
            drop(waits);
            let events = shared.model()?.stream((*question).clone()).await.map_err(|error| Refusal::of(&error))?;
            Ok((seat, events))
        });
        Ok(Self {
            server: Arc::clone(server),
            turn,
            answer: Answer::new(),
            request,
            stage: Stage::Waiting(waiting),
            parts: Parts::default(),
            started: Instant::now(),
            first: None,
        })
    }

    /// Goes on until something happens. It may be dropped at any time and called again.
    pub(crate) async fn step(&mut self) -> Result<Step, Refusal> {
        let step = self.next().await;
        match &step {
            Ok(Step::Parts(parts) | Step::End(parts, _)) => {
                if !parts.is_empty() {
                    self.first.get_or_insert(self.started.elapsed());
                }
                for part in parts {
                    self.answer.take(part);
                }
            }
            Err(_) => {
                self.stage = Stage::Over;
                self.server.metrics.failed();
            }
        }
        step
    }

    async fn next(&mut self) -> Result<Step, Refusal> {
        if let Stage::Waiting(waiting) = &mut self.stage {
            let (seat, events) = waiting.await?;
            self.stage = Stage::Asking { events, _seat: seat };
        }
        let Stage::Asking { events, .. } = &mut self.stage else {
            return Err(Refusal::new(Why::Internal, "the turn is over"));
        };
        match events.next().await {
            Some(Ok(Event::Finished { response })) => {
                let parts = self.parts.ended(&response);
                self.answer.finish = self.parts.finish(&response);
                self.answer.usage = response.usage;
                self.answer.timings = response.timings;
                self.stage = Stage::Over;
                let total = self.started.elapsed();
                self.server.metrics.turn(&response, self.first.unwrap_or(total), total);
                self.server.traces.keep(&self.turn, &response);
                self.server.news.tell(&self.turn, &response);
                Ok(Step::End(parts, response))
            }
            Some(Ok(event)) => Ok(Step::Parts(self.parts.take(event))),
            Some(Err(error)) => Err(self.refusal(&error)),
            None => Err(Refusal::new(Why::Internal, "the turn ended without an answer")),
        }
    }

    /// What an error is to the client. How much too long a conversation is, the model's vocabulary says.
    fn refusal(&self, error: &Error) -> Refusal {
        let refusal = Refusal::of(error);
        if error.kind() != ErrorKind::ContextFull {
            return refusal;
        }
        match self.server.model().map(|model| (model.count(&self.request), model.window())) {
            Ok((Ok(prompt), window)) => Refusal { why: Why::Overflow { prompt, window }, ..refusal },
            _ => refusal,
        }
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        if !matches!(self.stage, Stage::Over) {
            self.server.metrics.cancelled.add(1);
        }
    }
}

/// A place in the queue.
struct Waits(Arc<Server>);

impl Waits {
    fn new(server: &Arc<Server>) -> Result<Self, Refusal> {
        let place = Self(Arc::clone(server));
        let before = server.waiting.fetch_add(1, Ordering::Relaxed);
        // Who finds a free seat does not wait.
        if before >= server.settings.queue + server.seats.available_permits() {
            server.metrics.busy.add(1);
            return Err(Refusal::new(
                Why::Busy,
                format!("{before} requests are already waiting; try again in a moment"),
            ));
        }
        Ok(place)
    }
}

impl Drop for Waits {
    fn drop(&mut self) {
        self.0.waiting.fetch_sub(1, Ordering::Relaxed);
    }
}
