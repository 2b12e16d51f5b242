//! A circuit breaker for each model of a provider: after too many failures it is paused for a while, then tried once.
//!
//! Only failures of the provider count. A refused key or a bad request says nothing about its health, and an empty
//! account is told by its own error.

use std::collections::{BTreeMap, VecDeque};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use super::trouble::Trouble;
use callwright_parse::error::FailureKind;

/// The window of requests that counts.
const WINDOW: Duration = Duration::from_mins(1);
const LATEST: usize = 20;
/// Fewer requests than this are not significant.
const LEAST: usize = 5;
/// How long a provider is paused.
const REST: Duration = Duration::from_secs(30);

/// The breakers of one provider and key.
#[derive(Debug, Default)]
pub(super) struct Breakers {
    models: Mutex<BTreeMap<String, Breaker>>,
}

#[derive(Debug, Default)]
struct Breaker {
    outcomes: VecDeque<(Instant, bool)>,
    state: State,
}

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
enum State {
    #[default]
    Closed,
    Open {
        until: Instant,
    },
    /// One request is on its way to find out.
    Probing,
}

impl Breakers {
    /// Whether a request may go out now. What is allowed must be told of by [`record`](Self::record) or
    /// [`forget`](Self::forget). An error says how long the provider is left alone.
    pub(super) fn admit(&self, model: &str) -> Result<(), Duration> {
        let mut models = self.models.lock().unwrap_or_else(PoisonError::into_inner);
        let Some(breaker) = models.get_mut(model) else { return Ok(()) };
        match breaker.state {
            State::Closed => Ok(()),
            State::Open { until } => match until.checked_duration_since(Instant::now()) {
                Some(rest) if !rest.is_zero() => Err(rest),
                _ => {
                    breaker.state = State::Probing;
                    Ok(())
                }
            },
            State::Probing => Err(Duration::from_secs(1)),
        }
    }

    /// How a request ended: whether the provider did its part.
    pub(super) fn record(&self, model: &str, went_well: bool) {
        let mut models = self.models.lock().unwrap_or_else(PoisonError::into_inner);
        let breaker = models.entry(model.to_owned()).or_default();
        breaker.record(went_well, Instant::now());
    }

    /// A request ended in a way that says nothing about the provider.
    pub(super) fn forget(&self, model: &str) {
        let mut models = self.models.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(breaker) = models.get_mut(model).filter(|breaker| breaker.state == State::Probing) {
            breaker.state = State::Open { until: Instant::now() };
        }
    }

    /// Whether the model would be asked now.
    pub(super) fn is_well(&self, model: &str) -> bool {
        let models = self.models.lock().unwrap_or_else(PoisonError::into_inner);
        models.get(model).is_none_or(|breaker| match breaker.state {
            State::Closed => true,
            State::Open { until } => until <= Instant::now(),
            State::Probing => false,
        })
    }
}

/// A request that was let through; if its outcome is never reported, it does not count.
#[derive(Debug)]
pub(super) struct Probe {
    breakers: Arc<Breakers>,
    model: String,
}

impl Breakers {
    /// Lets a request through, or says why not.
    pub(super) fn probe(self: &Arc<Self>, model: &str) -> Result<Probe, Trouble> {
        self.admit(model).map_err(|rest| {
            let mut trouble = Trouble::new(FailureKind::Overloaded, "it failed too often and is paused for a while");
            trouble.retry_after = Some(rest);
            trouble.retryable = Some(false);
            trouble
        })?;
        Ok(Probe { breakers: Arc::clone(self), model: model.to_owned() })
    }

    /// Records a failure.
    pub(super) fn told(&self, model: &str, kind: FailureKind) {
        if kind.is_the_provider_s() {
            self.record(model, false);
        } else {
            self.forget(model);
        }
    }
}

impl Drop for Probe {
    fn drop(&mut self) {
        self.breakers.forget(&self.model);
    }
}

impl Breaker {
    fn record(&mut self, went_well: bool, now: Instant) {
        if self.state != State::Closed {
            self.outcomes.clear();
            self.state = if went_well { State::Closed } else { State::Open { until: now + REST } };
            return;
        }
        self.outcomes.push_back((now, went_well));
        while self.outcomes.len() > LATEST
            || self.outcomes.front().is_some_and(|(at, _)| now.duration_since(*at) > WINDOW)
        {
            self.outcomes.pop_front();
        }
        let failures = self.outcomes.iter().filter(|(_, went_well)| !went_well).count();
        if self.outcomes.len() >= LEAST && failures * 2 >= self.outcomes.len() {
            self.state = State::Open { until: now + REST };
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn opens_probes_once_and_closes() {
        let breakers = Breakers::default();
        for _ in 0..LEAST {
            assert!(breakers.admit("m").is_ok() && breakers.is_well("m"));
            breakers.record("m", false);
        }
        assert!(!breakers.is_well("m"));
        assert!(breakers.admit("m").is_err_and(|rest| rest > REST / 2));
        assert!(breakers.admit("another").is_ok());
        // The rest is over.
        breakers.models.lock().unwrap().get_mut("m").unwrap().state = State::Open { until: Instant::now() };
        assert!(breakers.admit("m").is_ok(), "one may try");
        assert!(breakers.admit("m").is_err(), "and only one");
        breakers.forget("m");
        assert!(breakers.admit("m").is_ok(), "the one who tried found nothing out");
        breakers.record("m", true);
        assert!(breakers.admit("m").is_ok() && breakers.admit("m").is_ok());
    }

    #[test]
    fn a_few_failures_among_many_open_nothing() {
        let breakers = Breakers::default();
        for index in 0..100 {
            breakers.record("m", index % 3 != 0);
            assert!(breakers.is_well("m"), "{index}");
        }
    }
}
