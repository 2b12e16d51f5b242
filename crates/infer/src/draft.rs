//! Draft tokens: how many pay, and n-gram drafts (prompt lookup), which copy what followed the same tokens before.
//!
//! Arguments are mostly copied from the question. Draft tokens go into the same batch as the token before them; the sampler
//! then chooses at each place as it would have, and a draft only saves time where it chose the same, so the distribution
//! is exact. How many are tried follows from how many were accepted, what a batch of that size was measured to cost, and
//! what a draft model costs to run: where drafting does not pay, it stops by itself. It must not know grammars, nor who
//! else drafts.

use std::time::Duration;

use super::backend::Token;

/// The most draft tokens in one step.
pub(super) const LONGEST: usize = 8;
/// The longest n-gram that is looked up.
const WORDS: usize = 4;
/// The shortest n-gram.
const FEWEST: usize = 2;
/// How many tokens back to look.
const WINDOW: usize = 4096;
/// Steps after which drafting is tried again where it did not pay.
const PAUSE: usize = 64;
/// Pauses after which the cost of a draft is measured again.
const PAUSES: usize = 8;

/// An n-gram draft: what followed the last tokens where they came before, at most `most` tokens.
pub(super) fn ngram_draft(tokens: &[Token], most: usize) -> &[Token] {
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
    /// Milliseconds for a batch of each size, weighted towards the latest; 0 where none was seen.
    by_size: [f32; LONGEST + 2],
}

impl Costs {
    /// Notes how long a batch of `size` tokens took.
    pub(super) fn saw(&mut self, size: usize, time: Duration) {
        let Some(known) = self.by_size.get_mut(size) else { return };
        *known = blended(*known, time);
        // A smaller batch takes no longer: one that did was held up, and may not come again for long.
        let most = *known;
        self.by_size[..size].iter_mut().for_each(|smaller| *smaller = smaller.min(most));
    }

    /// A time, counted in tokens decoded one at a time; unknown until one was.
    pub(super) fn in_tokens(&self, milliseconds: f32) -> Option<f32> {
        (self.by_size[1] > 0.0).then(|| milliseconds / self.by_size[1])
    }

    /// What `drafts` drafts saved, `accepted` of which were accepted, in tokens; below 0 where they cost more. The cost of
    /// making them is not counted.
    pub(super) fn saved(&self, drafts: usize, accepted: usize) -> f32 {
        number(accepted) - self.of_drafts(drafts).unwrap_or(0.0)
    }

    /// What `drafts` drafts cost on top of one token, in tokens; unknown where no such batch was seen.
    fn of_drafts(&self, drafts: usize) -> Option<f32> {
        let (one, more) = (self.by_size[1], *self.by_size.get(1 + drafts)?);
        (one > 0.0 && more > 0.0).then(|| (more / one - 1.0).max(0.0))
    }
}

/// A running average of milliseconds (0 when unknown) with another sample. Other programs on the machine only ever add
/// time, so a shorter sample says more than a longer one.
pub(super) fn blended(known: f32, time: Duration) -> f32 {
    let milliseconds = time.as_secs_f32() * 1000.0;
    let weight = match known {
        0.0 => 1.0,
        _ if milliseconds < known => 0.5,
        _ => 0.2,
    };
    known + (milliseconds - known) * weight
}

/// How many draft tokens to make.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub(super) struct Plan {
    pub(super) drafts: usize,
    /// Tokens they are expected to save.
    pub(super) gain: f32,
}

impl Plan {
    /// A fixed number, whatever they save.
    pub(super) fn fixed(drafts: usize) -> Self {
        Self { drafts: drafts.min(LONGEST), gain: 0.0 }
    }
}

/// How well drafting goes: the acceptance rate, and pauses where drafting does not pay.
#[derive(Debug)]
pub(super) struct Trust {
    /// The share of drafts that were accepted, weighted towards the latest.
    share: f32,
    /// Steps to go until drafting is tried again.
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
    /// How many drafts pay now, where making one takes as long as `each` tokens.
    pub(super) fn plan(&mut self, costs: &Costs, each: f32) -> Plan {
        if self.pause > 0 {
            self.pause -= 1;
            // What a draft costs may have been measured in a bad moment. Where it was not, seeing it again costs two tokens.
            let looks_again = self.pause == 0 && self.pauses.is_multiple_of(PAUSES);
            return Plan::fixed(usize::from(looks_again));
        }
        let mut best = Plan::default();
        let (mut chance, mut expected, mut least) = (1.0, 0.0, 0.0);
        for drafts in 1..=LONGEST {
            chance *= self.share;
            expected += chance;
            let cost = costs.of_drafts(drafts);
            least = cost.unwrap_or(least);
            let plan = Plan { drafts, gain: expected - least - each * number(drafts) };
            if plan.gain > best.gain {
                match cost {
                    Some(_) => best = plan,
                    // Sizes that were never seen are tried once, from the small ones up, unless a smaller one costs too
                    // much.
                    None if drafts.is_power_of_two() => return plan,
                    None => {}
                }
            }
        }
        if best.drafts == 0 {
            self.pause = PAUSE;
            self.pauses += 1;
            // When it is tried again, it gets a fair chance.
            self.share = self.share.max(0.4);
        }
        best
    }

    /// Notes how many drafts were made and how many of them were accepted.
    pub(super) fn saw(&mut self, drafts: usize, accepted: usize) {
        // A chain ends at its first wrong draft: what came after it was not tried.
        let tried = drafts.min(accepted + 1);
        for place in 0..tried {
            self.share = self.share * 0.8 + if place < accepted { 0.2 } else { 0.0 };
        }
    }
}

/// Whether drafts that need a prompt read first have paid in total: what they saved, less what they took, in tokens.
///
/// The next draft may be worth its time where all that was read for it was not: answers can be short and prompts long.
#[derive(Debug)]
pub(super) struct Account {
    balance: f32,
    /// Steps to go until another chance is given.
    pause: usize,
    /// Steps of the next pause.
    rest: usize,
}

/// Tokens by which drafts may cost more than they saved.
const CREDIT: f32 = 64.0;
/// Steps after which drafting gets another chance; twice as many after each failed one.
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

    /// Whether another step of drafting may be tried.
    pub(super) fn is_open(&mut self) -> bool {
        self.pause = self.pause.saturating_sub(1);
        self.pause == 0
    }
}

#[expect(clippy::cast_precision_loss, reason = "there are a handful of drafts")]
pub(super) fn number(drafts: usize) -> f32 {
    drafts as f32
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::{Account, Costs, PAUSE, PAUSES, Plan, REST, Trust, ngram_draft};

    #[test]
    fn the_longest_match_is_gone_on_with() {
        assert_eq!(ngram_draft(&[1, 2, 3, 9, 2, 3, 8, 1, 2, 3], 2), [9, 2]);
        assert_eq!(ngram_draft(&[5, 6, 7, 5, 6], 8), [7, 5, 6]);
        assert_eq!(ngram_draft(&[5, 6, 7, 6], 8), [] as [u32; 0], "one word is no match");
        assert_eq!(ngram_draft(&[], 8), [] as [u32; 0]);
    }

    #[test]
    fn guessing_stops_where_it_does_not_pay() {
        let mut costs = Costs::default();
        for size in 1..=9_u16 {
            costs.saw(usize::from(size), Duration::from_millis(10 * u64::from(size)));
        }
        let mut trust = Trust::default();
        assert_eq!(trust.plan(&costs, 0.0).drafts, 0, "each draft costs a whole token");
        let mut dear = Costs::default();
        dear.saw(1, Duration::from_millis(8));
        dear.saw(2, Duration::from_millis(22));
        assert_eq!(
            Trust::default().plan(&dear, 0.0),
            Plan::default(),
            "more drafts are not tried where one costs too much"
        );
        let mut cheap = Costs::default();
        for size in 1..=9 {
            cheap.saw(size, Duration::from_millis(10));
        }
        let mut trust = Trust::default();
        assert_eq!(trust.plan(&cheap, 0.0).drafts, 8);
        (0..40).for_each(|_| trust.saw(8, 0));
        costs.saw(2, Duration::from_millis(15));
        assert_eq!(trust.plan(&costs, 0.0).drafts, 0, "none were accepted");
    }

    #[test]
    fn a_bad_moment_is_forgotten() {
        let mut costs = Costs::default();
        costs.saw(1, Duration::from_millis(100));
        costs.saw(2, Duration::from_millis(10));
        assert_eq!(costs.in_tokens(10.0), Some(1.0), "a token was held up");
        costs.saw(2, Duration::from_millis(100));
        let mut trust = Trust::default();
        assert_eq!(trust.plan(&costs, 0.0).drafts, 0, "a draft was");
        let tried: usize = (1..PAUSES * (PAUSE + 1)).map(|_| trust.plan(&costs, 0.0).drafts).sum();
        assert_eq!(tried, 1, "so one is tried again");
        (0..8).for_each(|_| costs.saw(2, Duration::from_millis(10)));
        assert!(trust.plan(&costs, 0.0).drafts > 0);
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
        assert_eq!(trust.plan(&cheap, each(1.0)).drafts, 8, "nearly all are accepted");
        (0..2).for_each(|_| trust.saw(1, 0));
        let fewer = trust.plan(&cheap, each(4.0)).drafts;
        assert!((1..4).contains(&fewer), "a later draft is less likely than the first and takes as long: {fewer}");
        assert_eq!(trust.plan(&cheap, each(9.0)).drafts, 0, "a draft takes nearly as long as a token");
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
