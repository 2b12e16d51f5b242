//! Concurrency and rate limits of a provider.
//!
//! Requests a minute are `governor`'s. Tokens are taken from a bucket by the worst case before sending and corrected by
//! what the provider counted, which a plain rate limiter cannot. If the queue is full, a request is refused at once.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use governor::clock::{Clock as _, DefaultClock};
use governor::{DefaultDirectRateLimiter, Quota, RateLimiter};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::{Instant, sleep_until, timeout_at};

use super::row::LimitsRow;
use super::trouble::Trouble;
use callwright_parse::error::{FailureKind, Wait};

/// The limits of one provider.
#[derive(Debug)]
pub(super) struct RateLimits {
    places: Arc<Semaphore>,
    concurrency: usize,
    queue: usize,
    waiting: AtomicUsize,
    requests: Option<DefaultDirectRateLimiter>,
    tokens: Option<Bucket>,
}

/// A permit to send one request. Dropping it passes the place to the next.
#[derive(Debug)]
pub(super) struct Admission {
    _place: OwnedSemaphorePermit,
    limits: Arc<RateLimits>,
    reserved: u64,
}

impl RateLimits {
    pub(super) fn new(row: &LimitsRow) -> Self {
        Self {
            places: Arc::new(Semaphore::new(row.concurrency)),
            concurrency: row.concurrency,
            queue: row.queue,
            waiting: AtomicUsize::new(0),
            requests: row.requests_per_minute.map(|most| RateLimiter::direct(Quota::per_minute(most))),
            tokens: row.tokens_per_minute.map(|most| Bucket::new(most.get())),
        }
    }

    /// Waits for a turn, and takes so many tokens of the minute's.
    pub(super) async fn enter(self: &Arc<Self>, tokens: u64, deadline: Instant) -> Result<Admission, Trouble> {
        let refused = |why: &str| Trouble::new(FailureKind::Timeout(Wait::Queue), why);
        let _waiting = Waiting::enter(self).ok_or_else(|| refused("too many requests are already waiting"))?;
        let late = || refused("timed out in the queue");
        let place = timeout_at(deadline, Arc::clone(&self.places).acquire_owned()).await.map_err(|_| late())?;
        let place = place.map_err(|_| late())?;
        while let Some(Err(not_yet)) = self.requests.as_ref().map(RateLimiter::check) {
            let wait = not_yet.wait_time_from(DefaultClock::default().now());
            sleep_within(wait, deadline).await.ok_or_else(late)?;
        }
        if let Some(bucket) = &self.tokens {
            let wait = bucket.take(tokens);
            if Instant::now() + wait > deadline {
                bucket.give_back(tokens);
                return Err(late());
            }
            sleep_within(wait, deadline).await.ok_or_else(late)?;
        }
        Ok(Admission { _place: place, limits: Arc::clone(self), reserved: tokens })
    }

    pub(super) fn in_flight(&self) -> usize {
        self.concurrency - self.places.available_permits()
    }

    pub(super) fn waiting(&self) -> usize {
        self.waiting.load(Ordering::Relaxed)
    }
}

impl Admission {
    /// Corrects what was reserved by what it came to.
    pub(super) fn spent(&mut self, tokens: u64) {
        if let Some(bucket) = &self.limits.tokens {
            bucket.correct(std::mem::replace(&mut self.reserved, tokens), tokens);
        }
    }
}

async fn sleep_within(wait: Duration, deadline: Instant) -> Option<()> {
    let until = Instant::now() + wait;
    if until > deadline {
        return None;
    }
    sleep_until(until).await;
    Some(())
}

/// Counts waiting requests, including those that give up.
struct Waiting<'a>(&'a RateLimits);

impl<'a> Waiting<'a> {
    fn enter(limits: &'a RateLimits) -> Option<Self> {
        let before = limits.waiting.fetch_add(1, Ordering::Relaxed);
        let waiting = Self(limits);
        // If a place is free there is no wait.
        (before < limits.queue || limits.places.available_permits() > 0).then_some(waiting)
    }
}

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        self.0.waiting.fetch_sub(1, Ordering::Relaxed);
    }
}

/// A minute's tokens, filled up steadily. It may be in debt: then the next ones wait until it is paid.
#[derive(Debug)]
struct Bucket {
    a_second: f64,
    full: f64,
    level: Mutex<(f64, Instant)>,
}

impl Bucket {
    fn new(a_minute: u32) -> Self {
        let full = f64::from(a_minute);
        Self { a_second: full / 60.0, full, level: Mutex::new((full, Instant::now())) }
    }

    /// Takes tokens and says how long to wait for them. More than a minute's are taken at once when it is full.
    fn take(&self, tokens: u64) -> Duration {
        self.change(-count(tokens).min(self.full))
    }

    fn give_back(&self, tokens: u64) {
        self.change(count(tokens).min(self.full));
    }

    fn correct(&self, reserved: u64, spent: u64) {
        self.change(count(reserved).min(self.full) - count(spent));
    }

    fn change(&self, by: f64) -> Duration {
        let mut state = self.level.lock().unwrap_or_else(PoisonError::into_inner);
        let (level, at) = *state;
        let now = Instant::now();
        let filled = (level + now.duration_since(at).as_secs_f64() * self.a_second).min(self.full);
        let level = (filled + by).min(self.full);
        *state = (level, now);
        Duration::try_from_secs_f64((-level / self.a_second).max(0.0)).unwrap_or(Duration::MAX)
    }
}

#[expect(clippy::cast_precision_loss, reason = "tokens of one request are few")]
fn count(tokens: u64) -> f64 {
    tokens as f64
}

#[cfg(test)]
mod tests {
    use super::*;

    fn limits(change: impl FnOnce(&mut LimitsRow)) -> Arc<RateLimits> {
        let mut row = LimitsRow::default();
        change(&mut row);
        Arc::new(RateLimits::new(&row))
    }

    fn block_on<T>(future: impl Future<Output = T>) -> T {
        tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(future)
    }

    fn soon() -> Instant {
        Instant::now() + Duration::from_millis(30)
    }

    #[test]
    fn a_full_queue_refuses() {
        block_on(async {
            let limits = limits(|row| (row.concurrency, row.queue) = (1, 0));
            let turn = limits.enter(1, soon()).await.unwrap();
            assert_eq!(limits.in_flight(), 1);
            let refused = limits.enter(1, soon()).await.unwrap_err();
            assert_eq!(refused.kind, FailureKind::Timeout(Wait::Queue));
            drop(turn);
            assert!(limits.enter(1, soon()).await.is_ok());
            assert_eq!(limits.waiting(), 0);
        });
    }

    #[test]
    fn tokens_are_reserved_and_corrected() {
        block_on(async {
            let limits = limits(|row| row.tokens_per_minute = 600.try_into().ok());
            let mut turn = limits.enter(600, soon()).await.unwrap();
            assert!(limits.enter(100, soon()).await.is_err(), "the minute is used up");
            turn.spent(10);
            assert!(limits.enter(500, soon()).await.is_ok(), "590 came back");
        });
    }

    #[test]
    fn requests_a_minute() {
        block_on(async {
            let limits = limits(|row| row.requests_per_minute = 2.try_into().ok());
            for _ in 0..2 {
                limits.enter(1, soon()).await.unwrap();
            }
            assert!(limits.enter(1, soon()).await.is_err());
        });
    }
}
