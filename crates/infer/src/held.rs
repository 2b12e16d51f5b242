//! A call held to its grammar: forced tokens are appended at once, all others are sampled under a logits mask.
//!
//! The grammar decides, not the model, wherever only one continuation is possible: such tokens are appended without asking it.
//! Near the end of the budget a closer takes over. It must not know formats.

use std::time::{Duration, Instant};

use super::backend::Token;
use super::generator::Forced;
use super::repeat::Repeats;
use super::sample::likeliest;
use super::turn::{ActiveJob, milliseconds};
use callwright_constrain::{Closer, Constraint, Digits, Mask, Matcher, WayOut, ends_in_digits, overlong};
use callwright_parse::error::Result;

/// An enforced stretch of output.
#[derive(Debug)]
pub(super) struct Held {
    matcher: Matcher,
    closer: Closer,
    repeats: Repeats,
    digits: Digits,
    /// Whether strings stand in plain quotes, which tell numbers from texts. Elsewhere a letter or a quote is allowed in
    /// texts and in no number.
    plain_quotes: bool,
    /// Whether the budget ended inside what the grammar forced.
    cut_off: bool,
    /// Whether the last token chosen was one of a string.
    in_string: bool,
    /// The mask behind the last token, where it is there already.
    ready: Option<Mask>,
    /// How long the last mask took.
    mask_time: Duration,
}

/// The result of a step.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Taken {
    /// There is more to come.
    Goes,
    /// The grammar has come to its end.
    Complete,
    /// The model ended the answer, or the budget did.
    Ended,
}

impl Held {
    /// Begins at the end of the output.
    pub(super) fn begin(turn: &mut ActiveJob, matcher: Matcher, constraint: &Constraint) -> Result<Self> {
        let start = turn.outbox.text().len();
        Self::go_on(turn, matcher, constraint, start)
    }

    /// Continues at the end of the output with a call whose first byte is `start`.
    fn go_on(turn: &mut ActiveJob, matcher: Matcher, constraint: &Constraint, start: usize) -> Result<Self> {
        let (digits, plain_quotes) = (Digits::from(start), constraint.counts_digits());
        let ends = constraint.ends();
        // Where a text's end is many tokens long, no single one can be made likelier.
        let repeats = Repeats::new(&turn.lexicon, if plain_quotes { &ends } else { &[] });
        let tokens = |text: &String| turn.lexicon.vocab().tokenize(text.as_bytes(), true);
        let closer = Closer::new(ends.iter().map(tokens).collect());
        let mut held = Self {
            matcher,
            closer,
            repeats,
            digits,
            plain_quotes,
            cut_off: false,
            in_string: false,
            ready: None,
            mask_time: Duration::ZERO,
        };
        let forced = held.forced(turn);
        held.append_forced(turn, &forced);
        held.closer.begin(&mut held.matcher, turn.left())?;
        Ok(held)
    }

    /// Begins at this byte of the output: what of the rest fits stays, what does not is taken back.
    pub(super) fn from_text(
        turn: &mut ActiveJob,
        grammar: &Matcher,
        constraint: &Constraint,
        at: usize,
    ) -> Result<Self> {
        let (tokens, ends) = turn.output();
        let first = ends.partition_point(|end| *end <= at);
        let start = if first == 0 { 0 } else { ends[first - 1] };
        let mut matcher = grammar.fork();
        // Tokens from here on are the call's alone.
        let mut own = first;
        if start < at && first < ends.len() {
            // The call begins inside a token: its bytes are fed in other tokens, which the cache never sees.
            let bytes = &turn.outbox.text()[at..ends[first]];
            let rest = turn.lexicon.vocab().tokenize(bytes, true);
            if matcher.consume_fitting(&rest)? == rest.len() {
                own = first + 1;
            } else {
                let kept = turn.outbox.text()[start..at].to_vec();
                turn.cut(first);
                turn.append_text(&String::from_utf8_lossy(&kept));
                return Self::begin(turn, grammar.fork(), constraint);
            }
        }
        let fitting = matcher.consume_fitting(&tokens[own..])?;
        turn.cut(own + fitting);
        Self::go_on(turn, matcher, constraint, at)
    }

    /// Whether nothing can follow.
    pub(super) fn is_complete(&self) -> bool {
        self.matcher.is_done() && !self.cut_off
    }

    /// Whether the output may end here.
    pub(super) fn may_end(&mut self) -> bool {
        !self.cut_off && self.matcher.may_end()
    }

    /// Whether drafts are worth trying: outside strings nearly everything is forced.
    pub(super) fn is_open(&self) -> bool {
        self.in_string
    }

    /// How many of these drafts may come next.
    pub(super) fn fitting(&mut self, drafts: &[Token]) -> usize {
        if self.is_open() && !drafts.is_empty() { self.matcher.fitting(drafts) } else { 0 }
    }

    /// How long the last mask took.
    pub(super) fn mask_time(&self) -> Duration {
        self.mask_time
    }

    /// Computes the mask after the last token before it is needed. An error is reported when it is.
    pub(super) fn prepare_mask(&mut self) {
        self.ready = self.mask().ok();
    }

    fn mask(&mut self) -> Result<Mask> {
        if let Some(ready) = self.ready.take() {
            return Ok(ready);
        }
        let began = Instant::now();
        let mask = self.matcher.mask();
        self.mask_time = began.elapsed();
        mask
    }

    /// Chooses one token and appends it with all that it forces.
    pub(super) fn step(&mut self, turn: &mut ActiveJob, logits: &[f32]) -> Result<Taken> {
        if let Some(error) = self.matcher.error() {
            return Err(error);
        }
        let mut mask = self.mask()?;
        turn.end.timings.mask_ms += milliseconds(self.mask_time);
        if self.in_number(&mask, turn) {
            shorten_numbers(&mut mask, turn);
        }
        // A string is where nearly every token may stand.
        let in_string = mask.count() * 2 > turn.lexicon.vocab().size();
        let bias = self.repeats.bias(in_string);
        let mut chosen = match self.way_out_of_text(turn, logits, in_string)? {
            Some(end) => end,
            None => vec![turn.choose(logits, Some(&mask), &bias)?],
        };
        if chosen.iter().any(|token| turn.ends_answer(*token)) {
            return Ok(Taken::Ended);
        }
        for token in &chosen {
            self.matcher.consume(*token)?;
        }
        let forced = self.forced(turn);
        let left = turn.left();
        if !self.matcher.is_done() || chosen.len() + forced.len() > left {
            let path = [chosen.as_slice(), &forced].concat();
            if let WayOut::Close(way) = self.closer.after(&mut self.matcher, &path, left)? {
                return Ok(close(turn, &way));
            }
        }
        let first = chosen.remove(0);
        turn.append(first);
        self.repeats.push(first, in_string);
        self.in_string = in_string;
        self.append_forced(turn, &chosen);
        self.append_forced(turn, &forced);
        Ok(if self.is_complete() { Taken::Complete } else { Taken::Goes })
    }

    /// What ends the text at hand, where the model would rather end its answer than go on with it, or goes round in
    /// circles: it may not know how texts end in this format.
    fn way_out_of_text(&mut self, turn: &ActiveJob, logits: &[f32], in_string: bool) -> Result<Option<Vec<Token>>> {
        let wants_out = || likeliest(logits, None, &[]).is_some_and(|token| turn.ends_answer(token));
        if in_string && (self.repeats.is_stuck(in_string) || wants_out()) {
            return self.closer.end_of_text(&mut self.matcher);
        }
        Ok(None)
    }

    /// Whether the text may stand in a number that grows too long.
    fn in_number(&mut self, mask: &Mask, turn: &ActiveJob) -> bool {
        let text = turn.outbox.text();
        if self.plain_quotes {
            return self.digits.in_number(text);
        }
        let allowed = |text: &str| {
            let tokens = turn.lexicon.vocab().tokenize(text.as_bytes(), false);
            tokens.first().is_some_and(|token| mask.allows(*token))
        };
        ends_in_digits(text) && !allowed("a") && !allowed("\"")
    }

    /// Appends what the grammar forces.
    fn forced(&mut self, turn: &ActiveJob) -> Vec<Token> {
        match turn.job.forced {
            Forced::Loop => self.matcher.consume_forced(),
            Forced::Model => Vec::new(),
        }
    }

    fn append_forced(&mut self, turn: &mut ActiveJob, tokens: &[Token]) {
        for token in tokens {
            if turn.left() == 0 {
                self.cut_off = true;
                return;
            }
            turn.append(*token);
            turn.end.usage.forced_tokens += 1;
            self.repeats.push(*token, false);
        }
    }
}

/// Appends the shortest completion. Where it is empty, the call was complete and there was no room for another.
fn close(turn: &mut ActiveJob, way: &[Token]) -> Taken {
    if !way.is_empty() {
        turn.end.forced.push(turn.outbox.text().len());
    }
    for token in way {
        turn.append(*token);
    }
    Taken::Ended
}

/// Takes tokens away that would make a number run on, as long as others remain.
fn shorten_numbers(mask: &mut Mask, turn: &ActiveJob) {
    let text = turn.outbox.text();
    let vocab = turn.lexicon.vocab();
    mask.forbid(|token| overlong(text, &vocab.piece(token)));
}
