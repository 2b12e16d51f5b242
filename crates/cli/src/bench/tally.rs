//! What a model's answers come to.

use std::time::Duration;

use comfy_table::{CellAlignment, Table};
use serde::Serialize;

use callwright_bench::Interval;
use callwright_parse::chat::{Call, Fault, Response};

/// What a model's answers come to in one mode. Times in milliseconds.
#[derive(Debug, Clone, Default, Serialize)]
pub(super) struct Tally {
    pub(super) mode: &'static str,
    /// Questions for which a call was expected.
    pub(super) questions: usize,
    /// Of these, answers with calls that all satisfy their schemas.
    pub(super) valid: usize,
    /// Answers that call the expected tools.
    pub(super) right_tool: usize,
    /// Answers with the right calls, arguments included.
    pub(super) right: usize,
    /// Right answers by questions.
    pub(super) accuracy: Interval,
    /// Answers with a call that only the token limit closed.
    pub(super) forced_close: usize,
    /// Questions for which no call was expected, and the answers to these without a call.
    pub(super) plain: usize,
    pub(super) plain_right: usize,
    /// The median length of string arguments, in characters.
    pub(super) median_string: usize,
    pub(super) tokens: f64,
    pub(super) forced_tokens: f64,
    pub(super) accepted_tokens: f64,
    pub(super) median_first_token_ms: f64,
    /// The 99th percentile.
    pub(super) p99_first_token_ms: f64,
    pub(super) median_call_ms: f64,
    /// Answers per second, all clients together.
    pub(super) per_s: f64,
    #[serde(skip)]
    seen: Seen,
}

/// What the means and medians are made of.
#[derive(Debug, Clone, Default)]
struct Seen {
    strings: Vec<usize>,
    tokens: [usize; 3],
    first_token_ms: Vec<f64>,
    call_ms: Vec<f64>,
}

impl Tally {
    pub(super) fn new(mode: &'static str) -> Self {
        Self { mode, ..Self::default() }
    }

    /// Counts an answer to a question for which these tools were expected.
    pub(super) fn count(&mut self, due: &[&str], response: &Response, right: bool) {
        if due.is_empty() {
            self.plain += 1;
            self.plain_right += usize::from(response.calls.is_empty());
            return;
        }
        self.questions += 1;
        self.right += usize::from(right);
        let (mut called, mut due) =
            (response.calls.iter().map(|call| call.name.as_str()).collect::<Vec<_>>(), due.to_vec());
        called.sort_unstable();
        due.sort_unstable();
        self.right_tool += usize::from(called == due);
        self.valid += usize::from(!response.calls.is_empty() && response.faults.is_empty());
        let forced = response.faults.iter().any(|fault| matches!(fault, Fault::ForcedClose { .. }));
        self.forced_close += usize::from(forced);
        let usage = &response.usage;
        let seen = &mut self.seen;
        for (sum, tokens) in
            seen.tokens.iter_mut().zip([usage.completion_tokens, usage.forced_tokens, usage.accepted_tokens])
        {
            *sum += tokens;
        }
        seen.first_token_ms.push(response.timings.first_token_ms);
        seen.call_ms.push(response.timings.total_ms);
        seen.strings.extend(response.calls.iter().flat_map(strings));
    }

    /// The tally of all answers, which took this long in total.
    #[expect(clippy::cast_precision_loss, reason = "nobody asks 2^52 questions")]
    pub(super) fn close(mut self, took: Duration) -> Self {
        let mut seen = std::mem::take(&mut self.seen);
        let answers = self.questions.max(1) as f64;
        [self.tokens, self.forced_tokens, self.accepted_tokens] = seen.tokens.map(|sum| sum as f64 / answers);
        seen.strings.sort_unstable();
        self.median_string = seen.strings.get(seen.strings.len() / 2).copied().unwrap_or(0);
        self.median_first_token_ms = median(&mut seen.first_token_ms);
        self.p99_first_token_ms = ranked(&mut seen.first_token_ms, 99);
        self.per_s = (self.questions + self.plain) as f64 / took.as_secs_f64().max(f64::EPSILON);
        self.median_call_ms = median(&mut seen.call_ms);
        self.accuracy = Interval::wilson(self.right, self.questions);
        self
    }
}

fn strings(call: &Call) -> impl Iterator<Item = usize> {
    call.arguments.values().filter_map(|value| Some(value.as_str()?.chars().count()))
}

/// The median; 0 where there are no values.
pub(super) fn median(values: &mut [f64]) -> f64 {
    ranked(values, 50)
}

/// A percentile; 0 where there are no values.
fn ranked(values: &mut [f64], percent: usize) -> f64 {
    values.sort_by(f64::total_cmp);
    values.get(values.len() * percent / 100).copied().unwrap_or(0.0)
}

/// The tallies for people at a terminal.
pub(super) fn table(tallies: &[Tally]) -> String {
    let mut table = Table::new();
    let numbers = [
        "n",
        "valid",
        "right tool",
        "right",
        "%",
        "95 % CI",
        "cut off",
        "string chars",
        "tokens",
        "forced",
        "drafted",
        "first token ms",
        "call ms",
        "answers/s",
        "no call",
    ];
    table.set_header(["mode"].into_iter().chain(numbers));
    for tally in tallies {
        let Interval { share, low, high, .. } = tally.accuracy;
        table.add_row([
            tally.mode.to_owned(),
            tally.questions.to_string(),
            tally.valid.to_string(),
            tally.right_tool.to_string(),
            tally.right.to_string(),
            format!("{:.1}", share * 100.0),
            format!("{:.1}–{:.1}", low * 100.0, high * 100.0),
            tally.forced_close.to_string(),
            tally.median_string.to_string(),
            format!("{:.1}", tally.tokens),
            format!("{:.1}", tally.forced_tokens),
            format!("{:.1}", tally.accepted_tokens),
            format!("{:.0}", tally.median_first_token_ms),
            format!("{:.0}", tally.median_call_ms),
            format!("{:.1}", tally.per_s),
            format!("{}/{}", tally.plain_right, tally.plain),
        ]);
    }
    for column in table.column_iter_mut().skip(1) {
        column.set_cell_alignment(CellAlignment::Right);
    }
    crate::table::plain(table)
}
