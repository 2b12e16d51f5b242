//! Guesses at the next tokens, copied from where the same words came before.
//!
//! Arguments are mostly copied from the question. Guesses ride in the batch of the token before them; the sampler then
//! chooses at each place as it would have, and a guess only saves time where it chose the same, so the distribution is
//! exact. How many are tried follows from how many came true and from what a batch of that size was measured to cost:
//! where guessing does not pay, it stops by itself. It must not know grammars.

use std::time::Duration;

use super::backend::Token;

/// The most guesses of one step.
pub(super) const LONGEST: usize = 8;
/// The longest stretch of words that is looked up.
const WORDS: usize = 4;
/// The shortest one.
const FEWEST: usize = 2;
/// How far back is looked.
const WINDOW: usize = 4096;
/// Steps after which guessing is tried again where it did not pay.
const PAUSE: usize = 64;

/// Where these tokens came before, what followed: at most `most` tokens, none where nothing did.
pub(super) fn continuation(tokens: &[Token], most: usize) -> &[Token] {
    let tokens = &tokens[tokens.len().saturating_sub(WINDOW)..];
    let Some((last, before)) = tokens.split_last() else { return &[] };
    let mut best = (FEWEST - 1, 0);
    for (at, _) in before.iter().enumerate().rev().filter(|(_, token)| *token == last) {
        let same = 1 + tokens[..at].iter().rev().zip(before.iter().rev()).take_while(|(a, b)| a == b).count();
        if same > best.0 {
            best = (same, at + 1);
            if same >= WORDS {
                break;
            }
        }
    }
    if best.0 < FEWEST { &[] } else { &tokens[best.1..tokens.len().min(best.1 + most)] }
}

/// What batches cost on this machine, by their size.
#[derive(Debug, Default)]
pub(super) struct Costs {
    /// Milliseconds of batches of so many tokens, weighted towards the latest; 0 where none was seen.
    by_size: [f32; LONGEST + 2],
}

impl Costs {
    /// A batch of so many tokens took so long.
    pub(super) fn saw(&mut self, size: usize, time: Duration) {
        let Some(known) = self.by_size.get_mut(size) else { return };
        let milliseconds = time.as_secs_f32() * 1000.0;
        *known = if *known == 0.0 { milliseconds } else { *known * 0.8 + milliseconds * 0.2 };
    }

    /// What so many guesses cost on top of one token, in tokens; unknown where no such batch was seen.
    fn of_guesses(&self, guesses: usize) -> Option<f32> {
        let (one, more) = (self.by_size[1], *self.by_size.get(1 + guesses)?);
        (one > 0.0 && more > 0.0).then(|| (more / one - 1.0).max(0.0))
    }
}

/// How well guessing goes in one output.
#[derive(Debug)]
pub(super) struct Trust {
    /// The share of guesses that came true, weighted towards the latest.
    share: f32,
    /// Steps to go until guessing is tried again.
    pause: usize,
}

impl Default for Trust {
    fn default() -> Self {
        Self { share: 0.5, pause: 0 }
    }
}

impl Trust {
    /// How many guesses pay now.
    pub(super) fn length(&mut self, costs: &Costs) -> usize {
        if self.pause > 0 {
            self.pause -= 1;
            return 0;
        }
        let mut best = (0, 0.0);
        let (mut chance, mut expected, mut least) = (1.0, 0.0, 0.0);
        for guesses in 1..=LONGEST {
            chance *= self.share;
            expected += chance;
            let cost = costs.of_guesses(guesses);
            least = cost.unwrap_or(least);
            match cost {
                Some(cost) if expected - cost > best.1 => best = (guesses, expected - cost),
                // Sizes that were never seen are tried once, from the small ones up, unless a smaller one costs too much.
                None if guesses.is_power_of_two() && expected - least > best.1 => return guesses,
                _ => {}
            }
        }
        if best.0 == 0 {
            self.pause = PAUSE;
            // When it is tried again, it gets a fair chance.
            self.share = self.share.max(0.4);
        }
        best.0
    }

    /// Of so many guesses so many came true.
    pub(super) fn saw(&mut self, guesses: usize, accepted: usize) {
        // A chain ends at its first wrong guess: what was behind it was not tried.
        let tried = guesses.min(accepted + 1);
        for place in 0..tried {
            self.share = self.share * 0.8 + if place < accepted { 0.2 } else { 0.0 };
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::{Costs, Trust, continuation};

    #[test]
    fn the_longest_match_is_gone_on_with() {
        assert_eq!(continuation(&[1, 2, 3, 9, 2, 3, 8, 1, 2, 3], 2), [9, 2]);
        assert_eq!(continuation(&[5, 6, 7, 5, 6], 8), [7, 5, 6]);
        assert_eq!(continuation(&[5, 6, 7, 6], 8), [] as [u32; 0], "one word is no match");
        assert_eq!(continuation(&[], 8), [] as [u32; 0]);
    }

    #[test]
    fn guessing_stops_where_it_does_not_pay() {
        let mut costs = Costs::default();
        for size in 1..=9_u16 {
            costs.saw(usize::from(size), Duration::from_millis(10 * u64::from(size)));
        }
        let mut trust = Trust::default();
        assert_eq!(trust.length(&costs), 0, "each guess costs a whole token");
        let mut dear = Costs::default();
        dear.saw(1, Duration::from_millis(8));
        dear.saw(2, Duration::from_millis(22));
        assert_eq!(Trust::default().length(&dear), 0, "more guesses are not tried where one costs too much");
        let mut cheap = Costs::default();
        for size in 1..=9 {
            cheap.saw(size, Duration::from_millis(10));
        }
        let mut trust = Trust::default();
        assert_eq!(trust.length(&cheap), 8);
        (0..40).for_each(|_| trust.saw(8, 0));
        costs.saw(2, Duration::from_millis(15));
        assert_eq!(trust.length(&costs), 0, "none came true");
    }
}
