//! Logit biases: the caller's own, and penalties for repetition.
//!
//! Biases count everywhere. Penalties count in free text only: a call repeats the question's words and its own
//! punctuation because it must, and loops inside calls are watched elsewhere. Only what the model wrote is counted, not
//! the prompt. It must not know what tokens say.

use std::collections::BTreeMap;

use super::backend::Token;
use callwright_parse::chat::Sampling;

/// A change of one token's logit, made before anything is chosen.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct LogitBias {
    token: Token,
    /// Makes the token less likely where it is over 1, whatever the logit's sign.
    divisor: f32,
    plus: f32,
}

impl LogitBias {
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

/// A token's logit after all its biases, in order.
pub(super) fn biased(token: Token, logit: f32, biases: &[LogitBias]) -> f32 {
    biases.iter().filter(|bias| bias.token == token).fold(logit, |logit, bias| bias.of(logit))
}

/// What the caller of one job asked for.
#[derive(Debug)]
pub(super) struct LogitBiases {
    bias: Vec<LogitBias>,
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

/// No change, however often a token occurred.
const NO_PENALTY: Penalty = Penalty { divisor: 1.0, presence: 0.0, frequency: 0.0, window: 0 };

impl LogitBiases {
    pub(super) fn new(sampling: &Sampling, bias: &BTreeMap<Token, f32>) -> Self {
        let bias = bias.iter().map(|(token, plus)| LogitBias::plus(*token, *plus)).collect();
        let Sampling { repeat_penalty, presence_penalty, frequency_penalty, repeat_window, .. } = *sampling;
        let (divisor, presence, frequency) = (repeat_penalty, presence_penalty, frequency_penalty);
        let asked = Penalty { divisor, presence, frequency, window: 0 } != NO_PENALTY;
        let penalty = Penalty { divisor, presence, frequency, window: repeat_window };
        Self { bias, penalty: asked.then_some(penalty) }
    }

    /// All biases after this output; pass none of it where what follows is not free text.
    pub(super) fn after(&self, free: &[Token]) -> Vec<LogitBias> {
        let mut biases = self.bias.clone();
        let Some(Penalty { divisor, presence, frequency, window }) = &self.penalty else { return biases };
        let mut times: BTreeMap<Token, f32> = BTreeMap::new();
        for token in &free[free.len().saturating_sub(*window)..] {
            *times.entry(*token).or_default() += 1.0;
        }
        let bias = |(token, times)| LogitBias { token, divisor: *divisor, plus: -presence - frequency * times };
        biases.extend(times.into_iter().map(bias));
        biases
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::{LogitBiases, biased};
    use callwright_parse::chat::Sampling;

    #[test]
    #[expect(clippy::float_cmp, reason = "halves and quarters are exact")]
    fn what_was_said_becomes_less_likely() {
        let sampling =
            Sampling { repeat_penalty: 2.0, presence_penalty: 0.5, frequency_penalty: 0.25, ..Sampling::default() };
        let biases = LogitBiases::new(&sampling, &BTreeMap::new()).after(&[7, 8, 7]);
        let logits = [(7, 4.0), (8, -1.0), (9, 4.0)].map(|(token, logit)| biased(token, logit, &biases));
        assert_eq!(logits, [2.0 - 0.5 - 0.5, -2.0 - 0.5 - 0.25, 4.0]);
    }

    #[test]
    #[expect(clippy::float_cmp, reason = "whole numbers are exact")]
    fn the_window_forgets_and_biases_stay() {
        let sampling = Sampling { presence_penalty: 1.0, repeat_window: 2, ..Sampling::default() };
        let all = LogitBiases::new(&sampling, &BTreeMap::from([(3, 10.0)]));
        let biases = all.after(&[1, 2, 2]);
        assert_eq!([1, 2, 3].map(|token| biased(token, 0.0, &biases)), [0.0, -1.0, 10.0]);
        assert_eq!(all.after(&[]).len(), 1);
    }
}
