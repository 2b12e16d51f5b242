//! What makes tokens more or less likely than the model thinks: the caller's biases, and penalties for repetition.
//!
//! Biases count everywhere. Penalties count in free text only: a call repeats the question's words and its own
//! punctuation because it must, and loops inside calls are watched elsewhere. Only what the model wrote is counted, not
//! the prompt. It must not know what tokens say.

use std::collections::BTreeMap;

use super::backend::Token;
use callwright_parse::chat::Sampling;

/// A change of one token's logit, made before anything is chosen.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Nudge {
    token: Token,
    /// Makes the token less likely where it is over 1, whatever the logit's sign.
    divisor: f32,
    plus: f32,
}

impl Nudge {
    /// Adds to a token's logit.
    pub(super) fn plus(token: Token, plus: f32) -> Self {
        Self { token, divisor: 1.0, plus }
    }

    pub(super) fn token(self) -> Token {
        self.token
    }

    fn of(self, logit: f32) -> f32 {
        let logit = if logit > 0.0 { logit / self.divisor } else { logit * self.divisor };
        logit + self.plus
    }
}

/// A token's logit after all nudges of it, in their order.
pub(super) fn nudged(token: Token, logit: f32, nudges: &[Nudge]) -> f32 {
    nudges.iter().filter(|nudge| nudge.token == token).fold(logit, |logit, nudge| nudge.of(logit))
}

/// What the caller of one job asked for.
#[derive(Debug)]
pub(super) struct Wishes {
    bias: Vec<Nudge>,
    /// None where nothing is asked for.
    penalty: Option<Penalty>,
}

#[derive(Debug, PartialEq)]
struct Penalty {
    divisor: f32,
    presence: f32,
    frequency: f32,
    window: usize,
}

/// Changes nothing, however often a token came.
const NO_PENALTY: Penalty = Penalty { divisor: 1.0, presence: 0.0, frequency: 0.0, window: 0 };

impl Wishes {
    pub(super) fn new(sampling: &Sampling, bias: &BTreeMap<Token, f32>) -> Self {
        let bias = bias.iter().map(|(token, plus)| Nudge::plus(*token, *plus)).collect();
        let Sampling { repeat_penalty, presence_penalty, frequency_penalty, repeat_window, .. } = *sampling;
        let (divisor, presence, frequency) = (repeat_penalty, presence_penalty, frequency_penalty);
        let asked = Penalty { divisor, presence, frequency, window: 0 } != NO_PENALTY;
        let penalty = Penalty { divisor, presence, frequency, window: repeat_window };
        Self { bias, penalty: asked.then_some(penalty) }
    }

    /// The nudges behind this output; none of it where what follows is not free text.
    pub(super) fn nudges(&self, free: &[Token]) -> Vec<Nudge> {
        let mut nudges = self.bias.clone();
        let Some(Penalty { divisor, presence, frequency, window }) = &self.penalty else { return nudges };
        let mut times: BTreeMap<Token, f32> = BTreeMap::new();
        for token in &free[free.len().saturating_sub(*window)..] {
            *times.entry(*token).or_default() += 1.0;
        }
        let nudge = |(token, times)| Nudge { token, divisor: *divisor, plus: -presence - frequency * times };
        nudges.extend(times.into_iter().map(nudge));
        nudges
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::{Wishes, nudged};
    use callwright_parse::chat::Sampling;

    #[test]
    #[expect(clippy::float_cmp, reason = "halves and quarters are exact")]
    fn what_was_said_becomes_less_likely() {
        let sampling =
            Sampling { repeat_penalty: 2.0, presence_penalty: 0.5, frequency_penalty: 0.25, ..Sampling::default() };
        let nudges = Wishes::new(&sampling, &BTreeMap::new()).nudges(&[7, 8, 7]);
        let logits = [(7, 4.0), (8, -1.0), (9, 4.0)].map(|(token, logit)| nudged(token, logit, &nudges));
        assert_eq!(logits, [2.0 - 0.5 - 0.5, -2.0 - 0.5 - 0.25, 4.0]);
    }

    #[test]
    #[expect(clippy::float_cmp, reason = "whole numbers are exact")]
    fn the_window_forgets_and_biases_stay() {
        let sampling = Sampling { presence_penalty: 1.0, repeat_window: 2, ..Sampling::default() };
        let wishes = Wishes::new(&sampling, &BTreeMap::from([(3, 10.0)]));
        let nudges = wishes.nudges(&[1, 2, 2]);
        assert_eq!([1, 2, 3].map(|token| nudged(token, 0.0, &nudges)), [0.0, -1.0, 10.0]);
        assert_eq!(wishes.nudges(&[]).len(), 1);
    }
}
