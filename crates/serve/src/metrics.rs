//! Counts of what happened, in Prometheus' text form. No word of a conversation is among them.

use std::fmt::Write as _;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use callwright::chat::Response;

/// What is counted.
#[derive(Debug, Default)]
pub(crate) struct Metrics {
    pub(crate) requests: Count,
    pub(crate) refused: Count,
    pub(crate) busy: Count,
    pub(crate) cancelled: Count,
    turns: Count,
    failed: Count,
    prompt_tokens: Count,
    cached_tokens: Count,
    completion_tokens: Count,
    calls: Count,
    faulty: Count,
    fixes: Count,
    reasks: Count,
    left_machine: Count,
    first_us: Count,
    total_us: Count,
}

/// A count that only grows.
#[derive(Debug, Default)]
pub(crate) struct Count(AtomicU64);

impl Count {
    pub(crate) fn add(&self, more: usize) {
        self.0.fetch_add(more as u64, Ordering::Relaxed);
    }

    fn get(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }
}

impl Metrics {
    /// A turn that ended well.
    pub(crate) fn turn(&self, response: &Response, first: Duration, total: Duration) {
        let faulty = response.calls.len() - response.valid_calls().count();
        let counts = [
            (&self.turns, 1),
            (&self.prompt_tokens, response.usage.prompt_tokens),
            (&self.cached_tokens, response.usage.cached_tokens),
            (&self.completion_tokens, response.usage.completion_tokens),
            (&self.calls, response.calls.len() - faulty),
            (&self.faulty, faulty),
            (&self.fixes, response.fixes.len()),
            (&self.reasks, response.attempts.len().saturating_sub(1)),
            (&self.left_machine, usize::from(response.left_machine)),
            (&self.first_us, usize::try_from(first.as_micros()).unwrap_or(usize::MAX)),
            (&self.total_us, usize::try_from(total.as_micros()).unwrap_or(usize::MAX)),
        ];
        for (count, more) in counts {
            count.add(more);
        }
    }

    /// A turn that ended in an error.
    pub(crate) fn failed(&self) {
        self.failed.add(1);
    }

    /// All of it as text.
    pub(crate) fn text(&self, running: usize, waiting: usize) -> String {
        let mut text = String::new();
        let counters = [
            ("requests_total", "requests to a model", &self.requests),
            ("refused_total", "requests that were refused", &self.refused),
            ("busy_total", "requests that were told to come again", &self.busy),
            ("cancelled_total", "turns whose client went away", &self.cancelled),
            ("turns_total", "turns that ended with an answer", &self.turns),
            ("failed_total", "turns that ended in an error", &self.failed),
            ("prompt_tokens_total", "tokens of prompts", &self.prompt_tokens),
            ("cached_tokens_total", "tokens of prompts that were not read again", &self.cached_tokens),
            ("completion_tokens_total", "generated tokens", &self.completion_tokens),
            ("calls_total", "calls that were handed out", &self.calls),
            ("faulty_calls_total", "calls that were not handed out", &self.faulty),
            ("fixes_total", "deviations that were tolerated", &self.fixes),
            ("attempts_given_up_total", "attempts that were given up", &self.reasks),
            ("left_machine_total", "turns of which something left this machine", &self.left_machine),
        ];
        for (name, help, count) in counters {
            metric(&mut text, name, help, "counter", &count.get().to_string());
        }
        for (name, help, count) in [
            ("first_part_seconds_total", "time until the first part of answers", &self.first_us),
            ("turn_seconds_total", "time of turns", &self.total_us),
        ] {
            let seconds = Duration::from_micros(count.get()).as_secs_f64();
            metric(&mut text, name, help, "counter", &seconds.to_string());
        }
        metric(&mut text, "running", "turns that are computed", "gauge", &running.to_string());
        metric(&mut text, "waiting", "requests that wait for a turn", "gauge", &waiting.to_string());
        text
    }
}

fn metric(text: &mut String, name: &str, help: &str, kind: &str, value: &str) {
    // Writing to memory cannot fail.
    let _ =
        write!(text, "# HELP callwright_{name} {help}\n# TYPE callwright_{name} {kind}\ncallwright_{name} {value}\n");
}
