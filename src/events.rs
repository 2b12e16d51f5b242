//! A turn as a stream of events, without a runtime of its own.
//!
//! A turn is written as straight code that emits events on its way. [`Events`] drives that code from its own `poll`,
//! so no task is spawned, any executor will do, and dropping the stream drops the turn with all that it holds. A
//! channel between two tasks would need a runtime and would let the turn run ahead of its reader.

use std::collections::VecDeque;
use std::future::{Future, poll_fn};
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll};

use futures_core::Stream;

use callwright_parse::chat::{Event, Response};
use callwright_parse::error::{Error, ErrorKind, Result};

pub(super) type TurnFuture = Pin<Box<dyn Future<Output = Result<()>> + Send>>;

/// What happens in one turn, in order; ends after [`Event::Finished`] or an error.
#[must_use = "a turn runs only while its events are read"]
pub struct Events {
    running: Option<TurnFuture>,
    queue: Queue,
    held: Held,
    failed: Option<Error>,
}

/// When the parts of an answer are handed out.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Delivery {
    /// As they come; [`Event::AttemptWithdrawn`] takes back what was sent.
    #[default]
    Live,
    /// Once nothing can withdraw them: for consumers that cannot take anything back, such as a terminal or an HTTP response.
    Settled,
}

/// Where a turn puts its events.
#[derive(Clone)]
pub(super) struct Emitter {
    queue: Queue,
}

type Queue = Arc<Mutex<VecDeque<Event>>>;

impl Events {
    pub(super) fn of(turn: impl FnOnce(Emitter) -> TurnFuture) -> Self {
        let queue = Queue::default();
        let running = turn(Emitter { queue: Arc::clone(&queue) });
        Self { running: Some(running), queue, held: Held::default(), failed: None }
    }

    /// The same turn with its parts handed out in this way.
    pub fn delivery(mut self, delivery: Delivery) -> Self {
        self.held.delivery = delivery;
        self
    }

    /// The next event, or `None` after the last.
    pub async fn next(&mut self) -> Option<Result<Event>> {
        poll_fn(|context| Pin::new(&mut *self).poll_next(context)).await
    }

    /// Reads all events and returns the response that the turn ended with.
    pub async fn settled(mut self) -> Result<Response> {
        while let Some(event) = self.next().await {
            if let Event::Finished { response } = event? {
                return Ok(*response);
            }
        }
        Err(Error::new(ErrorKind::Cancelled, "the turn ended before it was settled"))
    }

    fn pop(&mut self) -> Option<Event> {
        loop {
            if let Some(event) = self.held.due.pop_front() {
                return Some(event);
            }
            let event = self.lock().pop_front()?;
            self.held.take(event);
        }
    }

    /// What was held back when a turn failed is all that there will be of it.
    fn ended(&mut self) {
        while let Some(event) = { self.lock().pop_front() } {
            self.held.take(event);
        }
        self.held.release();
    }

    fn lock(&self) -> MutexGuard<'_, VecDeque<Event>> {
        self.queue.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The parts of an answer that may still be taken back, and those that are due.
#[derive(Debug, Default)]
struct Held {
    delivery: Delivery,
    parts: Vec<Event>,
    due: VecDeque<Event>,
}

impl Held {
    fn take(&mut self, event: Event) {
        match event {
            Event::Text { .. }
            | Event::Reasoning { .. }
            | Event::CallStarted { .. }
            | Event::Arguments { .. }
            | Event::Fixed { .. }
            | Event::Faulty { .. }
                if self.delivery == Delivery::Settled =>
            {
                return self.parts.push(event);
            }
            Event::AttemptWithdrawn { .. } => self.parts.clear(),
            // These come once the turn has settled.
            Event::CallFinished { .. } | Event::Usage { .. } | Event::Finished { .. } => self.release(),
            _ => {}
        }
        self.due.push_back(event);
    }

    fn release(&mut self) {
        self.due.extend(self.parts.drain(..));
    }
}

impl Stream for Events {
    type Item = Result<Event>;

    fn poll_next(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        loop {
            if let Some(event) = self.pop() {
                return Poll::Ready(Some(Ok(event)));
            }
            let Some(running) = self.running.as_mut() else { return Poll::Ready(self.failed.take().map(Err)) };
            match running.as_mut().poll(context) {
                // A turn whose events are only held back has been read and continues.
                Poll::Pending if self.lock().is_empty() => return Poll::Pending,
                Poll::Pending => {}
                Poll::Ready(outcome) => {
                    self.running = None;
                    self.failed = outcome.err();
                    self.ended();
                }
            }
        }
    }
}

impl std::fmt::Debug for Events {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Events").field("running", &self.running.is_some()).finish_non_exhaustive()
    }
}

impl Emitter {
    /// Hands out an event and continues once it was read, so that a turn never runs ahead of its reader.
    pub(super) async fn emit(&self, event: Event) {
        self.lock().push_back(event);
        // The reader polls again after it has taken the event, so no waker is needed here.
        poll_fn(|_| if self.lock().is_empty() { Poll::Ready(()) } else { Poll::Pending }).await;
    }

    fn lock(&self) -> MutexGuard<'_, VecDeque<Event>> {
        self.queue.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
