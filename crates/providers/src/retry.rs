//! When to send again: how long to wait, how often, and how many more tries the last minute allows.
//!
//! Waiting times grow and are jittered (`backon`); what the server asks for takes precedence. A budget keeps retries a
//! small share of what is sent, so that a provider in trouble is not buried under them.

use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant, SystemTime};

use backon::{BackoffBuilder as _, ExponentialBackoff, ExponentialBuilder};
use reqwest::header::HeaderMap;

use callwright_parse::error::{Error, Failure, Result};

/// The waits between tries: half a second, doubling, at most 8 s, jittered.
fn waits(retries: u32) -> ExponentialBackoff {
    ExponentialBuilder::default()
        .with_min_delay(Duration::from_millis(500))
        .with_max_delay(Duration::from_secs(8))
        .with_factor(2.0)
        .with_max_times(retries as usize)
        .with_jitter()
        .build()
}

/// How long the server asks to wait, in whichever form: `retry-after-ms`, or `retry-after` as seconds or as a date.
pub(super) fn retry_after(headers: &HeaderMap) -> Option<Duration> {
    let text = |name: &str| headers.get(name).and_then(|value| value.to_str().ok()).map(str::trim);
    let number = |text: &str, scale: f64| {
        let seconds = text.parse::<f64>().ok().filter(|number| *number >= 0.0)? * scale;
        // Beyond what a clock can tell is beyond anyone's patience.
        Some(Duration::try_from_secs_f64(seconds).unwrap_or(Duration::MAX))
    };
    if let Some(wait) = text("retry-after-ms").and_then(|text| number(text, 0.001)) {
        return Some(wait);
    }
    let wanted = text("retry-after")?;
    number(wanted, 1.0).or_else(|| {
        let at = httpdate::parse_http_date(wanted).ok()?;
        Some(at.duration_since(SystemTime::now()).unwrap_or_default())
    })
}

/// The attempts of one request.
#[derive(Debug)]
pub(super) struct Tries {
    waits: ExponentialBackoff,
    patience: Duration,
    deadline: tokio::time::Instant,
    /// How those went that failed.
    pub(super) failed: Vec<Failure>,
}

impl Tries {
    pub(super) fn new(retries: u32, patience: Duration, deadline: tokio::time::Instant) -> Self {
        Self { waits: waits(retries), patience, deadline, failed: Vec::new() }
    }

    /// Waits until it may be sent again; the error, where it may not.
    pub(super) async fn wait(&mut self, error: Error, budget: &Budget) -> Result<()> {
        let Some(failure) = error.failure().filter(|failure| failure.retryable).cloned() else { return Err(error) };
        let wait = match (self.waits.next(), failure.retry_after) {
            (None, _) => return Err(error),
            (Some(_), Some(asked)) if asked > self.patience => return Err(error),
            // Jitter on top, so that requests refused together do not come back together.
            (Some(wait), Some(asked)) => asked + wait / 10,
            (Some(wait), None) => wait,
        };
        if tokio::time::Instant::now() + wait >= self.deadline || !budget.spend() {
            return Err(error);
        }
        self.failed.push(failure);
        tokio::time::sleep(wait).await;
        Ok(())
    }
}

/// How many retries the traffic allows: one for ten requests, and a few to begin with.
#[derive(Debug)]
pub(super) struct Budget {
    state: Mutex<State>,
}

#[derive(Debug)]
struct State {
    /// Tenths of a retry that may be spent.
    tenths: u32,
    /// When the last tenth was given for time alone.
    refilled: Instant,
}

/// The most that is saved up: ten retries.
const FULL: u32 = 100;

impl Default for Budget {
    fn default() -> Self {
        Self { state: Mutex::new(State { tenths: FULL, refilled: Instant::now() }) }
    }
}

impl Budget {
    /// Counts a request.
    pub(super) fn earn(&self) {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        // A quiet minute gives one retry, so that a lone user is never left without.
        let minutes = state.refilled.elapsed().as_secs() / 60;
        if minutes > 0 {
            state.refilled = Instant::now();
        }
        let given = u32::try_from(minutes * 10).unwrap_or(FULL).min(FULL);
        state.tenths = (state.tenths + 1 + given).min(FULL);
    }

    /// Takes a retry, where there is one.
    pub(super) fn spend(&self) -> bool {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        let enough = state.tenths >= 10;
        if enough {
            state.tenths -= 10;
        }
        enough
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(pairs: &[(&'static str, &str)]) -> HeaderMap {
        pairs.iter().map(|(name, value)| ((*name).parse().unwrap(), value.parse().unwrap())).collect()
    }

    #[test]
    fn every_form_of_retry_after_is_read() {
        let read = |name, value: &str| retry_after(&headers(&[(name, value)]));
        assert_eq!(read("retry-after", "2"), Some(Duration::from_secs(2)));
        assert_eq!(read("retry-after", " 1.5 "), Some(Duration::from_millis(1500)));
        assert_eq!(read("retry-after-ms", "250"), Some(Duration::from_millis(250)));
        assert_eq!(read("retry-after", "1e300"), Some(Duration::MAX));
        assert_eq!(read("retry-after", "Wed, 21 Oct 2015 07:28:00 GMT"), Some(Duration::ZERO));
        let soon = httpdate::fmt_http_date(SystemTime::now() + Duration::from_secs(30));
        assert!(read("retry-after", &soon).is_some_and(|wait| (28..=30).contains(&wait.as_secs())));
        for none in ["-3", "soon", "NaN", ""] {
            assert_eq!(read("retry-after", none), None, "{none}");
        }
        let both = headers(&[("retry-after", "9"), ("retry-after-ms", "10")]);
        assert_eq!(retry_after(&both), Some(Duration::from_millis(10)));
    }

    #[test]
    fn retries_are_a_small_share_of_traffic() {
        let budget = Budget::default();
        let mut spent = 0;
        for _ in 0..1000 {
            budget.earn();
            spent += u32::from(budget.spend());
        }
        assert!((100..=115).contains(&spent), "{spent}");
    }

    #[test]
    fn waits_grow_and_end() {
        let waits: Vec<_> = waits(3).collect();
        assert_eq!(waits.len(), 3);
        assert!(waits.iter().all(|wait| (500..=16_000).contains(&wait.as_millis())), "{waits:?}");
    }
}
