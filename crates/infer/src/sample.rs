//! Choosing a token from logits.
//!
//! Greedy choice looks at each allowed logit once and builds no list. Otherwise the order is: the k likeliest, then
//! the nucleus (top-p), then the share of the likeliest (min-p), all on the model's own distribution, then the
//! temperature. The same seed gives the same tokens. It must not know what the tokens say.

use super::backend::Token;
use super::bias::{LogitBias, biased};
use super::vocab::token_id;
use callwright_constrain::Mask;
use callwright_parse::chat::Sampling;

/// Chooses tokens.
#[derive(Debug)]
pub(crate) struct Sampler {
    sampling: Sampling,
    random: SplitMix,
    candidates: Vec<(Token, f32)>,
}

impl Sampler {
    pub(crate) fn new(sampling: Sampling) -> Self {
        Self { sampling, random: SplitMix(sampling.seed), candidates: Vec::new() }
    }

    /// The next token, allowed by the mask where there is one. None where no logit is a number.
    pub(crate) fn choose(&mut self, logits: &[f32], mask: Option<&Mask>, biases: &[LogitBias]) -> Option<Token> {
        if self.sampling.temperature <= 0.0 {
            return likeliest(logits, mask, biases);
        }
        self.candidates.clear();
        let candidates = &mut self.candidates;
        each_allowed(logits, mask, |token, logit| candidates.push((token, logit)));
        for token in biases.iter().map(|bias| bias.token()) {
            // They stand in the order of their numbers.
            if let Ok(at) = candidates.binary_search_by_key(&token, |(token, _)| *token) {
                candidates[at].1 = biased(token, logits[token as usize], biases);
            }
        }
        self.cut();
        self.draw()
    }

    /// Leaves the candidates that top-k, top-p and min-p allow.
    fn cut(&mut self) {
        let Sampling { top_k, top_p, min_p, .. } = self.sampling;
        let candidates = &mut self.candidates;
        // Ties are broken by the token's number, so that sorting is the same on every machine.
        let order = |a: &(Token, f32), b: &(Token, f32)| b.1.total_cmp(&a.1).then(a.0.cmp(&b.0));
        if top_k > 0 && top_k < candidates.len() {
            candidates.select_nth_unstable_by(top_k - 1, order);
            candidates.truncate(top_k);
        }
        let highest = highest(candidates);
        if top_p < 1.0 {
            candidates.sort_unstable_by(order);
            let total: f32 = candidates.iter().map(|(_, logit)| (logit - highest).exp()).sum();
            let mut sum = 0.0;
            let kept = candidates.iter().take_while(|(_, logit)| {
                let goes_on = sum < top_p * total;
                sum += (logit - highest).exp();
                goes_on
            });
            let kept = kept.count().max(1);
            candidates.truncate(kept);
        }
        if min_p > 0.0 {
            let least = highest + min_p.ln();
            candidates.retain(|(_, logit)| *logit >= least);
        }
    }

    fn draw(&mut self) -> Option<Token> {
        let highest = highest(&self.candidates);
        let temperature = self.sampling.temperature;
        let weight = |logit: f32| ((logit - highest) / temperature).exp();
        let total: f32 = self.candidates.iter().map(|(_, logit)| weight(*logit)).sum();
        let mut left = self.random.unit() * total;
        for (token, logit) in &self.candidates {
            left -= weight(*logit);
            if left < 0.0 {
                return Some(*token);
            }
        }
        // Rounding may leave a remainder: then the last candidate is taken.
        self.candidates.last().map(|(token, _)| *token)
    }
}

fn highest(candidates: &[(Token, f32)]) -> f32 {
    candidates.iter().map(|(_, logit)| *logit).fold(f32::NEG_INFINITY, f32::max)
}

/// The most likely allowed token; of equal ones the first.
pub(super) fn likeliest(logits: &[f32], mask: Option<&Mask>, biases: &[LogitBias]) -> Option<Token> {
    let mut best: Option<(Token, f32)> = None;
    each_allowed(logits, mask, |token, logit| {
        // Looked up only for a token that would win: biases are few.
        if best.is_none_or(|(_, highest)| logit > highest) && !biases.iter().any(|bias| bias.token() == token) {
            best = Some((token, logit));
        }
    });
    for token in biases.iter().map(|bias| bias.token()) {
        let allowed = mask.is_none_or(|mask| mask.allows(token));
        let Some(logit) = logits.get(token as usize).filter(|logit| allowed && !logit.is_nan()) else { continue };
        let logit = biased(token, *logit, biases);
        let order = |(first, highest): (Token, f32)| logit.total_cmp(&highest).then(first.cmp(&token));
        if best.is_none_or(|best| order(best).is_gt()) {
            best = Some((token, logit));
        }
    }
    best.map(|(token, _)| token)
}

/// Every allowed token with a logit that is a number.
fn each_allowed(logits: &[f32], mask: Option<&Mask>, mut look: impl FnMut(Token, f32)) {
    match mask {
        Some(mask) => mask.each(|index| {
            if let Some(logit) = logits.get(index).filter(|logit| !logit.is_nan()) {
                look(token_id(index), *logit);
            }
        }),
        None => {
            for (index, logit) in logits.iter().enumerate().filter(|(_, logit)| !logit.is_nan()) {
                look(token_id(index), *logit);
            }
        }
    }
}

/// Sebastiano Vigna's `SplitMix64`: a few lines, and the same numbers everywhere.
#[derive(Debug)]
struct SplitMix(u64);

impl SplitMix {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    /// A number from 0 up to, but not, 1.
    #[expect(clippy::cast_precision_loss, reason = "24 bits fit a f32 exactly")]
    fn unit(&mut self) -> f32 {
        (self.next() >> 40) as f32 / (1u32 << 24) as f32
    }
}

#[cfg(test)]
mod tests {
    use super::Sampler;
    use crate::bias::LogitBias;
    use callwright_parse::chat::Sampling;

    fn sampling(temperature: f32) -> Sampling {
        Sampling { temperature, ..Sampling::default() }
    }

    #[test]
    fn greedy_takes_the_likeliest() {
        let mut sampler = Sampler::new(sampling(0.0));
        assert_eq!(sampler.choose(&[0.0, f32::NAN, 3.0, 2.0], None, &[]), Some(2));
        assert_eq!(sampler.choose(&[0.0, f32::NAN, 3.0, 2.0], None, &[LogitBias::plus(2, -2.0)]), Some(3));
        assert_eq!(sampler.choose(&[f32::NAN], None, &[]), None);
    }

    #[test]
    fn biases_count_in_draws_too() {
        let mut sampler = Sampler::new(sampling(1.0));
        let banned = [LogitBias::plus(0, f32::NEG_INFINITY), LogitBias::plus(2, f32::NEG_INFINITY)];
        assert!((0..50).all(|_| sampler.choose(&[9.0, 0.0, 9.0], None, &banned) == Some(1)));
    }

    #[test]
    fn cuts_leave_the_likeliest() {
        let logits = [1.0, 5.0, 4.9, -3.0];
        for cut in [
            Sampling { top_k: 2, ..sampling(5.0) },
            Sampling { top_p: 0.9, ..sampling(5.0) },
            Sampling { min_p: 0.5, ..sampling(5.0) },
        ] {
            let mut sampler = Sampler::new(cut);
            let drawn: Vec<_> = (0..200).filter_map(|_| sampler.choose(&logits, None, &[])).collect();
            assert!(drawn.iter().all(|token| [1, 2].contains(token)), "{cut:?}");
            assert!(drawn.contains(&1) && drawn.contains(&2), "{cut:?}");
        }
    }

    #[test]
    fn the_same_seed_gives_the_same_tokens() {
        let draw = |seed| {
            let mut sampler = Sampler::new(Sampling { seed, ..sampling(1.0) });
            (0..50).map(|_| sampler.choose(&[0.0; 100], None, &[])).collect::<Vec<_>>()
        };
        assert_eq!(draw(7), draw(7));
        assert_ne!(draw(7), draw(8));
    }

    #[test]
    fn draws_follow_the_distribution() {
        let mut sampler = Sampler::new(sampling(1.0));
        let logits = [0.25f32.ln(), 0.75f32.ln()];
        let ones = (0..4000).filter(|_| sampler.choose(&logits, None, &[]) == Some(1)).count();
        assert!((2850..3150).contains(&ones), "{ones}");
    }
}
