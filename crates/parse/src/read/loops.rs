//! Loops: a model that writes the same calls over and over.
//!
//! A period of calls that comes eight times is one, and one that comes four times where the text was cut off behind it. It is
//! kept once. A call that is merely asked for twice or three times is asked for twice or three times.

use std::hash::{DefaultHasher, Hash, Hasher};

use crate::chat::Call;

/// No period holds more calls.
const LONGEST: usize = 16;

/// So many times is a loop, anyhow and where the text was cut off.
const ANYHOW: usize = 8;
const CUT_OFF: usize = 4;

/// The calls so far, and how long each period has gone on.
#[derive(Debug, Default)]
pub(super) struct Loops {
    said: Vec<u64>,
    /// For each period, how many calls up to the last one are what was called one period before.
    runs: [usize; LONGEST],
}

impl Loops {
    /// Another call.
    pub(super) fn say(&mut self, call: &Call) {
        let mut hasher = DefaultHasher::new();
        call.name.hash(&mut hasher);
        serde_json::to_string(&call.arguments).unwrap_or_default().hash(&mut hasher);
        let said = hasher.finish();
        for (index, run) in self.runs.iter_mut().enumerate() {
            let before = self.said.len().checked_sub(index + 1).and_then(|at| self.said.get(at));
            *run = if before == Some(&said) { *run + 1 } else { 0 };
        }
        self.said.push(said);
    }

    /// Whether the last calls are a loop.
    pub(super) fn goes_on(&self) -> bool {
        self.runs.iter().enumerate().any(|(index, run)| run / (index + 1) + 1 >= ANYHOW)
    }

    /// For each call of a loop that says again what another one said, that one.
    pub(super) fn repeats(&self, cut_off: bool) -> Vec<Option<usize>> {
        let said = &self.said;
        let mut first = vec![None; said.len()];
        if said.len() < CUT_OFF {
            return first;
        }
        let mut at = 0;
        while at < said.len() {
            let end = (1..=LONGEST).find_map(|period| {
                let end = self.end_of_run(at, period);
                let times = (end - at) / period;
                (times >= ANYHOW || cut_off && end == said.len() && times >= CUT_OFF).then_some((period, end))
            });
            let Some((period, end)) = end else {
                at += 1;
                continue;
            };
            for (offset, place) in first[at..end].iter_mut().enumerate().skip(period) {
                *place = Some(at + offset % period);
            }
            at = end;
        }
        first
    }

    /// Where a period that begins here ends to be repeated.
    fn end_of_run(&self, at: usize, period: usize) -> usize {
        let said = &self.said[at..];
        let Some(later) = said.get(period..) else { return at };
        // A run that is no loop ends soon: no longer is looked at than a loop must be, until it is one.
        let run = later.iter().zip(said).take_while(|(one, other)| one == other).count();
        at + period + run
    }
}

#[cfg(test)]
mod tests {
    use super::Loops;
    use crate::chat::{Arguments, Call};

    fn repeats(names: &str, cut_off: bool) -> Vec<Option<usize>> {
        let mut loops = Loops::default();
        for name in names.chars() {
            loops.say(&Call::new(name.to_string(), Arguments::new()));
        }
        loops.repeats(cut_off)
    }

    #[test]
    fn a_loop_is_eight_times_or_four_up_to_a_cut() {
        assert!(repeats("aaaaaaa", false).iter().all(Option::is_none));
        assert_eq!(repeats("aaaaaaaa", false).iter().filter(|place| place.is_some()).count(), 7);
        assert_eq!(repeats("xabababab", true)[1..5], [None, None, Some(1), Some(2)]);
        assert!(repeats("abababab", false).iter().all(Option::is_none));
        assert!(repeats("aaaab", true).iter().all(Option::is_none), "it ended before the cut");
        assert!(repeats("aaa", true).iter().all(Option::is_none));
    }
}
