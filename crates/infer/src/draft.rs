//! Guesses at the next tokens: how many pay, and those that are copied from where the same words came before.
//!
//! Arguments are mostly copied from the question. Guesses ride in the batch of the token before them; the sampler then
//! chooses at each place as it would have, and a guess only saves time where it chose the same, so the distribution is
//! exact. How many are tried follows from how many came true and from what a batch of that size was measured to cost, and
//! the making of the guesses where another model makes them: where guessing does not pay, it stops by itself. It must
//! not know grammars, nor who else guesses.

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
/// Pauses after which it is looked again what a guess costs.
const PAUSES: usize = 8;

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
        *known = blended(*known, time);
        // A smaller batch takes no longer: one that did was held up, and may not come again for long.
        let most = *known;
        self.by_size[..size].iter_mut().for_each(|smaller| *smaller = smaller.min(most));
    }

    /// A time in tokens, each written by itself; unknown where none was.
    pub(super) fn in_tokens(&self, milliseconds: f32) -> Option<f32> {
        (self.by_size[1] > 0.0).then(|| milliseconds / self.by_size[1])
    }

    /// What so many guesses saved of which so many came true, in tokens; less than 0 where they cost more. What making
    /// them took is not counted.
    pub(super) fn saved(&self, guesses: usize, accepted: usize) -> f32 {
        number(accepted) - self.of_guesses(guesses).unwrap_or(0.0)
    }

    /// What so many guesses cost on top of one token, in tokens; unknown where no such batch was seen.
    fn of_guesses(&self, guesses: usize) -> Option<f32> {
        let (one, more) = (self.by_size[1], *self.by_size.get(1 + guesses)?);
        (one > 0.0 && more > 0.0).then(|| (more / one - 1.0).max(0.0))
    }
}

/// Milliseconds as they were known, 0 where they were not, with another time. Others on the machine only ever add time,
/// so that a shorter one says more than a longer one.
pub(super) fn blended(known: f32, time: Duration) -> f32 {
    let milliseconds = time.as_secs_f32() * 1000.0;
    let weight = match known {
        0.0 => 1.0,
        _ if milliseconds < known => 0.5,
        _ => 0.2,
    };
    known + (milliseconds - known) * weight
}

/// How many guesses are to be made.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub(super) struct Plan {
    pub(super) guesses: usize,
    /// Tokens that they are expected to save.
    pub(super) gain: f32,
}

impl Plan {
    /// So many, whatever they save.
    pub(super) fn fixed(guesses: usize) -> Self {
        Self { guesses: guesses.min(LONGEST), gain: 0.0 }
    }
}

/// How well guessing goes.
#[derive(Debug)]
pub(super) struct Trust {
    /// The share of guesses that came true, weighted towards the latest.
    share: f32,
    /// Steps to go until guessing is tried again.
    pause: usize,
    /// How often it was paused.
    pauses: usize,
}

impl Default for Trust {
    fn default() -> Self {
        Self { share: 0.5, pause: 0, pauses: 0 }
    }
}

impl Trust {
    /// How many guesses pay now, where making one takes as long as so many tokens.
    pub(super) fn plan(&mut self, costs: &Costs, each: f32) -> Plan {
        if self.pause > 0 {
            self.pause -= 1;
            // What a guess costs may have been measured in a bad moment. Where it was not, seeing it again costs two tokens.
            let looks_again = self.pause == 0 && self.pauses.is_multiple_of(PAUSES);
            return Plan::fixed(usize::from(looks_again));
        }
        let mut best = Plan::default();
        let (mut chance, mut expected, mut least) = (1.0, 0.0, 0.0);
        for guesses in 1..=LONGEST {
            chance *= self.share;
            expected += chance;
            let cost = costs.of_guesses(guesses);
            least = cost.unwrap_or(least);
            let plan = Plan { guesses, gain: expected - least - each * number(guesses) };
            if plan.gain > best.gain {
                match cost {
                    Some(_) => best = plan,
                    // Sizes that were never seen are tried once, from the small ones up, unless a smaller one costs too
                    // much.
                    None if guesses.is_power_of_two() => return plan,
                    None => {}
                }
            }
        }
        if best.guesses == 0 {
            self.pause = PAUSE;
            self.pauses += 1;
            // When it is tried again, it gets a fair chance.
            self.share = self.share.max(0.4);
        }
        best
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

/// Whether guesses that take reading beforehand have paid in all: what they saved, less what they took, in tokens.
///
/// The next guess may be worth its time where all that was read for it was not: answers can be short and prompts long.
#[derive(Debug)]
pub(super) struct Account {
    balance: f32,
    /// Steps to go until another chance is given.
    pause: usize,
    /// Steps of the next pause.
    rest: usize,
}

/// Tokens by which guesses may cost more than they saved.
const CREDIT: f32 = 64.0;
/// Steps after which another chance is given; twice as many after each that was given in vain.
const REST: usize = 1024;

impl Default for Account {
    fn default() -> Self {
        Self { balance: 0.0, pause: 0, rest: REST }
    }
}

impl Account {
    /// Adds tokens that were saved, or takes off those that it took to save them.
    pub(super) fn add(&mut self, tokens: f32) {
        self.balance += tokens;
        if self.balance > CREDIT {
            // What paid long ago is no reason to go on.
            (self.balance, self.rest) = (CREDIT, REST);
        } else if self.balance < -CREDIT {
            *self = Self { balance: 0.0, pause: self.rest, rest: self.rest.saturating_mul(2) };
        }
    }

    /// Whether another step of guessing may be tried.
    pub(super) fn is_open(&mut self) -> bool {
        self.pause = self.pause.saturating_sub(1);
        self.pause == 0
    }
}

#[expect(clippy::cast_precision_loss, reason = "there are a handful of guesses")]
pub(super) fn number(guesses: usize) -> f32 {
    guesses as f32
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::{Account, Costs, PAUSE, PAUSES, Plan, REST, Trust, continuation};

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
        assert_eq!(trust.plan(&costs, 0.0).guesses, 0, "each guess costs a whole token");
        let mut dear = Costs::default();
        dear.saw(1, Duration::from_millis(8));
        dear.saw(2, Duration::from_millis(22));
        assert_eq!(
            Trust::default().plan(&dear, 0.0),
            Plan::default(),
            "more guesses are not tried where one costs too much"
        );
        let mut cheap = Costs::default();
        for size in 1..=9 {
            cheap.saw(size, Duration::from_millis(10));
        }
        let mut trust = Trust::default();
        assert_eq!(trust.plan(&cheap, 0.0).guesses, 8);
        (0..40).for_each(|_| trust.saw(8, 0));
        costs.saw(2, Duration::from_millis(15));
        assert_eq!(trust.plan(&costs, 0.0).guesses, 0, "none came true");
    }

    #[test]
    fn a_bad_moment_is_forgotten() {
        let mut costs = Costs::default();
        costs.saw(1, Duration::from_millis(100));
        costs.saw(2, Duration::from_millis(10));
        assert_eq!(costs.in_tokens(10.0), Some(1.0), "a token was held up");
        costs.saw(2, Duration::from_millis(100));
        let mut trust = Trust::default();
        assert_eq!(trust.plan(&costs, 0.0).guesses, 0, "a guess was");
        let tried: usize = (1..PAUSES * (PAUSE + 1)).map(|_| trust.plan(&costs, 0.0).guesses).sum();
        assert_eq!(tried, 1, "so one is tried again");
        (0..8).for_each(|_| costs.saw(2, Duration::from_millis(10)));
        assert!(trust.plan(&costs, 0.0).guesses > 0);
    }

    #[test]
    fn what_it_takes_to_guess_counts() {
        let mut cheap = Costs::default();
        for size in 1..=9 {
            cheap.saw(size, Duration::from_millis(10));
        }
        let each = |milliseconds| cheap.in_tokens(milliseconds).unwrap_or(f32::NAN);
        assert_eq!(Costs::default().in_tokens(1.0), None);
        let mut trust = Trust::default();
        (0..40).for_each(|_| trust.saw(4, 4));
        assert_eq!(trust.plan(&cheap, each(1.0)).guesses, 8, "nearly all come true");
        (0..2).for_each(|_| trust.saw(1, 0));
        let fewer = trust.plan(&cheap, each(4.0)).guesses;
        assert!((1..4).contains(&fewer), "a later guess is less likely than the first and takes as long: {fewer}");
        assert_eq!(trust.plan(&cheap, each(9.0)).guesses, 0, "a guess takes nearly as long as a token");
    }

    #[test]
    fn an_account_closes_and_opens_again() {
        let mut account = Account::default();
        (0..1000).for_each(|_| account.add(1.0));
        account.add(-120.0);
        assert!(account.is_open(), "credit");
        for rest in [REST, 2 * REST, 4 * REST] {
            account.add(-65.0);
            let closed = (0..8 * REST).take_while(|_| !account.is_open()).count();
            assert_eq!(closed, rest - 1);
        }
    }
}
