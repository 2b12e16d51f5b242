//! A turn as a stream of events, without a runtime of its own.
//!
//! A turn is written as straight code that emits events on its way. [`Events`] drives that code from its own `poll`,
//! so no task is spawned, any executor will do, and dropping the stream drops the turn with all that it holds. A
//! channel between two tasks would need a runtime and would let the turn run ahead of its reader.

use std::collections::VecDeque;
use std::future::{Future, poll_fn};
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll};

use futures_core::Stream;

use crate::chat::{Event, Response};
use crate::error::{Error, ErrorKind, Result};

type Running = Pin<Box<dyn Future<Output = Result<()>> + Send>>;

/// What happens in one turn, in order; ends after [`Event::Finished`] or an error.
#[must_use = "a turn runs only while its events are read"]
pub struct Events {
    running: Option<Running>,
    queue: Queue,
}

/// Where a turn puts its events.
#[derive(Clone)]
pub(super) struct Emitter {
    queue: Queue,
}

type Queue = Arc<Mutex<VecDeque<Event>>>;

impl Events {
    pub(super) fn of(turn: impl FnOnce(Emitter) -> Running) -> Self {
        let queue = Queue::default();
        let running = turn(Emitter { queue: Arc::clone(&queue) });
        Self { running: Some(running), queue }
    }

    /// The next event, or `None` after the last.
    pub async fn next(&mut self) -> Option<Result<Event>> {
        poll_fn(|context| Pin::new(&mut *self).poll_next(context)).await
    }

    /// Reads all events and gives the response that the turn ended with.
    pub async fn settled(mut self) -> Result<Response> {
        while let Some(event) = self.next().await {
            if let Event::Finished { response } = event? {
                return Ok(*response);
            }
        }
        Err(Error::new(ErrorKind::Cancelled, "the turn ended before it was settled"))
    }

    fn pop(&self) -> Option<Event> {
        self.queue.lock().unwrap_or_else(PoisonError::into_inner).pop_front()
    }
}

impl Stream for Events {
    type Item = Result<Event>;

    fn poll_next(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        if let Some(event) = self.pop() {
            return Poll::Ready(Some(Ok(event)));
        }
        let Some(running) = self.running.as_mut() else { return Poll::Ready(None) };
        let ended = running.as_mut().poll(context);
        if let Poll::Ready(outcome) = ended {
            self.running = None;
            if let Err(error) = outcome {
                return Poll::Ready(Some(Err(error)));
            }
        }
        match (self.pop(), self.running.is_some()) {
            (Some(event), _) => Poll::Ready(Some(Ok(event))),
            (None, true) => Poll::Pending,
            (None, false) => Poll::Ready(None),
        }
    }
}

impl std::fmt::Debug for Events {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Events").field("running", &self.running.is_some()).finish_non_exhaustive()
    }
}

impl Emitter {
    /// Hands out an event and goes on once it was read, so that a turn never runs ahead of its reader.
    pub(super) async fn emit(&self, event: Event) {
        self.lock().push_back(event);
        // The reader polls again after it has taken the event, so no waker is needed here.
        poll_fn(|_| if self.lock().is_empty() { Poll::Ready(()) } else { Poll::Pending }).await;
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, VecDeque<Event>> {
        self.queue.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
