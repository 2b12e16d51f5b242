//! Breaks loops: small models repeat themselves inside a call until their token budget is spent.
//!
//! What holds a call to its grammar also keeps the model from ending its answer, so a loop inside a string would run
//! until the closer cuts it off. Once the same words came several times, the token that would go on with them is made
//! less likely, by more the longer the repetition is, and the tokens that end the string more likely. Text that does
//! not repeat itself is never touched, and neither is free text outside of calls. It must not know grammars.

use super::backend::Token;
use super::bias::LogitBias;
use super::vocab::Lexicon;

/// Shorter repetitions are normal in text.
const WORDS: usize = 4;
/// How many times text must have been repeated to count as a loop.
const TIMES: usize = 2;
/// A loop is at least this many tokens long: the zeros of a number and a dotted line are not loops.
const SPAN: usize = 16;
/// A repetition of so many tokens is a loop the first time.
const PASSAGE: usize = 24;
/// How far back a string is looked at.
const WINDOW: usize = 512;
/// Outside strings (lists of numbers, of objects) only an exact period over so many tokens is a loop.
const PERIODS: usize = 48;
/// The longest period that is looked for.
const PERIOD: usize = 32;

/// How many times a loop is seen before the text is ended.
const STUCK: f32 = 6.0;

/// Watches what is written inside a call.
#[derive(Debug)]
pub(super) struct Repeats {
    /// Tokens that end a string.
    string_ends: Vec<Token>,
    /// Tokens that end a list.
    list_ends: Vec<Token>,
    /// The current string.
    string: Vec<Token>,
    /// All tokens of the call, and for each period how long it has held.
    call: Vec<Token>,
    periods: [usize; PERIOD + 1],
    /// How many times a loop was seen in the current string or list.
    strain: f32,
}

impl Repeats {
    /// Watches calls in which these texts end a string.
    pub(super) fn new(lexicon: &Lexicon, ends: &[String]) -> Self {
        let string_ends = ends.iter().flat_map(|end| leading(lexicon, end)).collect();
        let list_ends = leading(lexicon, "]");
        Self { string_ends, list_ends, string: Vec::new(), call: Vec::new(), periods: [0; PERIOD + 1], strain: 0.0 }
    }

    /// A token of the call. Inside a string: where the grammar left it to the model what to write.
    pub(super) fn push(&mut self, token: Token, in_string: bool) {
        self.call.push(token);
        let last = self.call.len() - 1;
        for period in 1..=PERIOD.min(last) {
            let goes_on = self.call[last] == self.call[last - period];
            self.periods[period] = if goes_on { self.periods[period] + 1 } else { 0 };
        }
        if in_string {
            self.string.push(token);
        } else if !self.string.is_empty() {
            self.string.clear();
            self.strain = 0.0;
        }
    }

    /// Biases that make continuing a loop less likely. Empty where there is none.
    pub(super) fn bias(&mut self, in_string: bool) -> Vec<LogitBias> {
        let mut bias = if in_string { repeated(&self.string) } else { self.period() };
        if !bias.is_empty() {
            self.strain += 1.0;
        }
        if self.strain > 0.0 {
            let change = self.strain.min(30.0);
            let ends = if in_string { &self.string_ends } else { &self.list_ends };
            bias.extend(ends.iter().map(|token| LogitBias::plus(*token, change)));
        }
        bias
    }

    /// Whether a text goes round in circles and has no token of its own that could end it.
    pub(super) fn is_stuck(&self, in_string: bool) -> bool {
        in_string && self.string_ends.is_empty() && self.strain >= STUCK
    }

    /// The token that would go on with an exact period.
    fn period(&self) -> Vec<LogitBias> {
        let long = |period: &usize| self.periods[*period] >= PERIODS.max(3 * period);
        let Some(period) = (1..=PERIOD).find(long) else { return Vec::new() };
        let next = self.call[self.call.len() - period];
        vec![LogitBias::plus(next, -penalty(self.periods[period] - PERIODS))]
    }
}

/// Tokens that would go on with words which came several times before.
fn repeated(string: &[Token]) -> Vec<LogitBias> {
    let string = &string[string.len().saturating_sub(WINDOW)..];
    let Some((last, before)) = string.split_last() else { return Vec::new() };
    let mut found: Vec<Repetition> = Vec::new();
    for (at, _) in before.iter().enumerate().filter(|(_, token)| *token == last) {
        let longest = 1 + string[..at].iter().rev().zip(before.iter().rev()).take_while(|(a, b)| a == b).count();
        if longest < WORDS {
            continue;
        }
        let (next, span) = (string[at + 1], string.len() - at - 1 + longest);
        match found.iter_mut().find(|other| other.next == next) {
            Some(other) => {
                other.longest = longest.max(other.longest);
                other.times += 1;
            }
            None => found.push(Repetition { next, longest, times: 1, span }),
        }
    }
    let loops = found.iter().filter(|found| found.span >= SPAN && (found.times >= TIMES || found.longest >= PASSAGE));
    loops.map(|found| LogitBias::plus(found.next, -penalty(found.longest - WORDS))).collect()
}

/// The last words, as they came before.
struct Repetition {
    /// What followed them.
    next: Token,
    /// How many words they are, at most.
    longest: usize,
    /// How often they came.
    times: usize,
    /// From their first coming to now.
    span: usize,
}

/// Grows fast: a model caught in a loop prefers the repeated token by far.
fn penalty(excess: usize) -> f32 {
    let steps = i32::try_from(excess).unwrap_or(i32::MAX);
    (2.0 * 1.5f32.powi(steps)).min(60.0)
}

/// Tokens that begin with the end of a string, alone or with what often follows it.
fn leading(lexicon: &Lexicon, end: &str) -> Vec<Token> {
    let texts = ["", "}", "}}", ",", "]"].map(|behind| format!("{end}{behind}"));
    let first = texts.iter().filter_map(|text| lexicon.vocab().tokenize(text.as_bytes(), false).first().copied());
    let mut leading: Vec<Token> =
        first.filter(|token| lexicon.vocab().piece(*token).starts_with(end.as_bytes())).collect();
    leading.sort_unstable();
    leading.dedup();
    leading
}

#[cfg(test)]
mod tests {
    use super::repeated;
    use crate::bias::biased;

    #[test]
    fn plain_text_is_not_touched() {
        let text: Vec<u32> = (0..400).map(|at| at * 7 % 101).collect();
        assert!(repeated(&text[..100]).is_empty());
        assert!(repeated(&[]).is_empty());
    }

    #[test]
    fn words_said_a_third_time_are_a_loop() {
        let once = [1, 2, 3, 4, 5, 6];
        let text = [&once[..], &once, &once[..4]].concat();
        assert_eq!(repeated(&text).first().map(|bias| bias.token()), Some(5));
        assert!(repeated(&text[..10]).is_empty(), "said twice is how people write");
        assert!(repeated(&[[1, 2].as_slice(), &[0; 12]].concat()).is_empty(), "1,200,000,000,000 is a number");
        assert!(!repeated(&[0; 20]).is_empty());
    }

    #[test]
    fn a_longer_loop_weighs_more() {
        let once = [1, 2, 3, 4, 5, 6];
        let text = once.repeat(5);
        let weight = |len: usize| {
            let biases = repeated(&text[..len]);
            biased(biases[0].token(), 0.0, &biases)
        };
        assert!(weight(27) < weight(17));
    }
}
