//! The shortest completion: closes a call before the token budget ends.
//!
//! Nothing bounds a string but the tokens that are left, so that long arguments stay possible. Instead a closer knows
//! a shortest completion of what is open, found by trying on a copy of the grammar, and takes over when not more
//! than that is left. Its length changes slowly, so it is searched for rarely while much is left and at
//! every step near the end, where the last one found is kept until the next is. It must not know how tokens are
//! chosen.

use super::matcher::{Matcher, plain};
use callwright_parse::error::Result;

/// While at least this many more tokens are left than the shortest completion takes, no single token can make it too long.
const CLOSE: usize = 128;
/// Where more is left than this, the first look is saved: no call takes half of it to close.
const FAR: usize = 256;
/// How many ways are tried where the first does not end.
const ATTEMPTS: usize = 3;

/// Texts that close what is open, in the model's tokens.
#[derive(Debug, Default)]
pub struct Ends {
    /// What ends free text, those that lead out sooner first.
    pub text: Vec<Vec<u32>>,
    /// What ends all calls.
    pub calls: Vec<u32>,
}

/// Watches one enforced stretch of text.
#[derive(Debug, Default)]
pub struct Closer {
    /// Steps until the next look.
    wait: usize,
    /// The last completion found, from the current position; empty where none is kept.
    way: Option<Vec<u32>>,
    ends: Ends,
}

/// A closer's verdict on a step.
#[derive(Debug, PartialEq, Eq)]
pub enum WayOut {
    /// There is time.
    Goes,
    /// After that step the text could not be closed any more: these tokens close it instead, all of them.
    Close(Vec<u32>),
}

impl Closer {
    /// A closer for text with `left` tokens to go.
    #[must_use]
    pub fn new(left: usize, ends: Ends) -> Self {
        let wait = if left > FAR { (left - FAR / 2) / 8 } else { 0 };
        Self { wait, way: None, ends }
    }

    /// To be asked after the matcher has consumed these tokens, before they are appended; `left` tokens could be
    /// appended before them. Where the verdict is to close, the matcher is of no use any more.
    pub fn after(&mut self, matcher: &mut Matcher, tokens: &[u32], left: usize) -> Result<WayOut> {
        if let Some(way) = &mut self.way {
            // The model follows the shortest completion by itself.
            if way.starts_with(tokens) {
                way.drain(..tokens.len());
                return Ok(WayOut::Goes);
            }
        } else if self.wait > tokens.len() {
            self.wait -= tokens.len();
            return Ok(WayOut::Goes);
        }
        let found = match left.checked_sub(tokens.len()) {
            Some(left) => shortest(matcher, left, &self.ends)?.map(|way| (way, left)),
            None => None,
        };
        if let Some((way, left)) = found {
            self.keep(way, left);
        } else if let Some(way) = self.way.take() {
            return Ok(WayOut::Close(way));
        } else {
            // Not even the shortest way fits, and the text will be cut off. Looking on costs more than it may find.
            self.wait = left / 8;
        }
        Ok(WayOut::Goes)
    }

    /// Tokens that end the text at hand, where it may end here.
    pub fn end_of_text(&self, matcher: &mut Matcher) -> Result<Option<Vec<u32>>> {
        let environment = matcher.environment()?;
        end_of_text(matcher, &environment, &self.ends)
    }

    /// Looks for the first way, before any token of the stretch was chosen.
    pub fn begin(&mut self, matcher: &mut Matcher, left: usize) -> Result<()> {
        if self.wait == 0 {
            match shortest(matcher, left, &self.ends)? {
                Some(way) => self.keep(way, left),
                None => self.wait = left / 8,
            }
        }
        Ok(())
    }

    fn keep(&mut self, way: Vec<u32>, left: usize) {
        let slack = left - way.len();
        if slack > CLOSE {
            self.wait = (slack - CLOSE) / 8;
            self.way = None;
        } else {
            self.wait = 0;
            self.way = Some(way);
        }
    }
}

/// A completion of at most `limit` tokens that is near the shortest; none where none was found.
fn shortest(matcher: &Matcher, limit: usize, ends: &Ends) -> Result<Option<Vec<u32>>> {
    for attempt in 0..ATTEMPTS {
        if let Some(way) = try_to_end(matcher.fork(), limit, ends, attempt)? {
            return Ok(Some(way));
        }
    }
    Ok(None)
}

fn try_to_end(mut matcher: Matcher, limit: usize, ends: &Ends, attempt: usize) -> Result<Option<Vec<u32>>> {
    let mut way = Vec::new();
    let mut trail = Trail::default();
    loop {
        way.extend(matcher.consume_forced());
        if way.len() > limit {
            return Ok(None);
        }
        if matcher.may_end() {
            return Ok(Some(way));
        }
        for token in nearest(&mut matcher, ends, &mut trail, attempt + way.len() * attempt)? {
            matcher.consume(token)?;
            way.push(token);
        }
    }
}

/// Texts that are no part of numbers, constants and brackets: where one of these may stand, there is text of some kind.
const LETTERS: [&str; 5] = ["Q", "z", "_", "%", "|"];
/// Texts that close what is open, outside of text: they always lead on.
const BRACKETS: [&str; 5] = ["}", "]", ")", "\"", "'"];
/// Texts that lead on where no bracket may stand: the next item, a value that is short, a text's next part.
const ONWARD: [&str; 11] = [",", "@", "://", ":", "-", ".", "0", "null", "true", "None", "True"];

/// What was tried since the surroundings last changed, so that no step is made twice on the spot: in the first part of
/// an address `-` may stand for ever, and leads nowhere.
#[derive(Debug, Default)]
struct Trail {
    fitting: Vec<&'static str>,
    tried: Vec<&'static str>,
}

impl Trail {
    /// The first of the texts that fit here which was not tried here before; all of them again once all were.
    fn step(&mut self, fitting: Vec<&'static str>) -> Option<&'static str> {
        if self.fitting != fitting {
            self.tried.clear();
            self.fitting = fitting;
        }
        let new = self.fitting.iter().find(|text| !self.tried.contains(text));
        let next = new.or(self.fitting.first()).copied()?;
        self.tried.push(next);
        Some(next)
    }
}

/// The tokens that lead out soonest from here: at least one.
fn nearest(matcher: &mut Matcher, ends: &Ends, trail: &mut Trail, turn: usize) -> Result<Vec<u32>> {
    let environment = matcher.environment()?;
    let in_text = LETTERS.iter().any(|text| fits(matcher, &environment, text).is_some());
    let in_free_text = in_text && is_free(matcher, &environment);
    if !in_text && fits_all(matcher, &ends.calls) {
        return Ok(ends.calls.clone());
    }
    let brackets: &[&str] = if in_text { &[] } else { &BRACKETS };
    if let Some(tokens) = brackets.iter().find_map(|text| fits(matcher, &environment, text)) {
        return Ok(tokens);
    }
    if let Some(end) = end_of_text(matcher, &environment, ends)? {
        return Ok(end);
    }
    if !in_free_text {
        let fitting = ONWARD.into_iter().filter(|text| fits(matcher, &environment, text).is_some()).collect();
        if let Some(tokens) = trail.step(fitting).and_then(|text| fits(matcher, &environment, text)) {
            return Ok(tokens);
        }
    }
    // A word that must be spelled, a string that is too short, a pattern: a long token gets there in few steps.
    let mask = matcher.mask()?;
    let trie = environment.tok_trie();
    let ends_answer = |token: &u32| trie.eos_tokens().contains(token);
    let allowed: Vec<u32> = mask.tokens().filter(|token| !ends_answer(token)).collect();
    let chosen = if turn == 0 {
        allowed.iter().max_by_key(|token| {
            let bytes = plain(trie, **token);
            (bytes.iter().all(u8::is_ascii_alphanumeric), bytes.len())
        })
    } else {
        allowed.get(turn.wrapping_mul(2_654_435_761) % allowed.len().max(1))
    };
    Ok(chosen.copied().into_iter().collect())
}

/// The tokens that end the text at hand: the first that fit and really lead out of it. What ends one text is a part of
/// another, as a closing tag is of a string of JSON.
fn end_of_text(matcher: &mut Matcher, environment: &toktrie::TokEnv, ends: &Ends) -> Result<Option<Vec<u32>>> {
    for end in &ends.text {
        if !fits_all(matcher, end) {
            continue;
        }
        let mut behind = matcher.fork();
        for token in end {
            behind.consume(*token)?;
        }
        if behind.is_done() || !is_free(&mut behind, environment) {
            return Ok(Some(end.clone()));
        }
    }
    Ok(None)
}

/// Whether nearly any text may stand here.
fn is_free(matcher: &mut Matcher, environment: &toktrie::TokEnv) -> bool {
    ["a", "Q", " ", "7"].iter().all(|text| fits(matcher, environment, text).is_some())
}

/// The tokens of a text, where all of them may come next.
fn fits(matcher: &mut Matcher, environment: &toktrie::TokEnv, text: &str) -> Option<Vec<u32>> {
    let tokens = environment.tokenize_bytes(text.as_bytes());
    fits_all(matcher, &tokens).then_some(tokens)
}

fn fits_all(matcher: &mut Matcher, tokens: &[u32]) -> bool {
    !tokens.is_empty() && matcher.fitting(tokens) == tokens.len()
}
