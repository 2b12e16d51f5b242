//! The shortest way out: closes a call before the token budget ends.
//!
//! Nothing bounds a string but the tokens that are left, so that long arguments stay possible. Instead a closer knows
//! a shortest completion of what is open, found by trying on a copy of the grammar, and takes over when not more
//! than that is left. How long the way out is changes slowly, so it is looked for rarely while much is left and at
//! every step near the end, where the last way found is kept until the next is. It must not know how tokens are
//! chosen.

use super::matcher::{Matcher, plain};
use crate::error::Result;

/// While so many tokens more are left than the way out takes, no single token can make the way too long.
const CLOSE: usize = 128;
/// Where more is left than this, the first look is saved: no call takes half of it to close.
const FAR: usize = 256;
/// How many ways are tried where the first does not end.
const ATTEMPTS: usize = 3;

/// Watches one enforced stretch of text.
#[derive(Debug, Default)]
pub(crate) struct Closer {
    /// Steps until the next look.
    wait: usize,
    /// The last way found, from where the text is now; empty where none is kept.
    way: Option<Vec<u32>>,
    /// Texts that end free text, most likely first.
    ends: Vec<String>,
}

/// What a closer has to say about a step.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Verdict {
    /// There is time.
    Goes,
    /// After that step the text could not be closed any more: these tokens close it instead, all of them.
    Close(Vec<u32>),
}

impl Closer {
    /// A closer for text with `left` tokens to go, in which these texts end free text.
    pub(crate) fn new(left: usize, ends: &[String]) -> Self {
        let wait = if left > FAR { (left - FAR / 2) / 8 } else { 0 };
        Self { wait, way: None, ends: ends.to_vec() }
    }

    /// To be asked after the matcher has consumed these tokens, before they are appended; `left` tokens could be
    /// appended before them. Where the verdict is to close, the matcher is of no use any more.
    pub(crate) fn after(&mut self, matcher: &mut Matcher, tokens: &[u32], left: usize) -> Result<Verdict> {
        if let Some(way) = &mut self.way {
            // The model goes the way out by itself.
            if way.starts_with(tokens) {
                way.drain(..tokens.len());
                return Ok(Verdict::Goes);
            }
        } else if self.wait > tokens.len() {
            self.wait -= tokens.len();
            return Ok(Verdict::Goes);
        }
        let found = match left.checked_sub(tokens.len()) {
            Some(left) => shortest(matcher, left, &self.ends)?.map(|way| (way, left)),
            None => None,
        };
        match found {
            Some((way, left)) => {
                self.keep(way, left);
                Ok(Verdict::Goes)
            }
            None => match self.way.take() {
                Some(way) => Ok(Verdict::Close(way)),
                // Not even the shortest way fits, and the text will be cut off. Looking on costs more than it may find.
                None => {
                    self.wait = left / 8;
                    Ok(Verdict::Goes)
                }
            },
        }
    }

    /// Looks for the first way, before any token of the stretch was chosen.
    pub(crate) fn begin(&mut self, matcher: &mut Matcher, left: usize) -> Result<()> {
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
fn shortest(matcher: &Matcher, limit: usize, ends: &[String]) -> Result<Option<Vec<u32>>> {
    for attempt in 0..ATTEMPTS {
        if let Some(way) = try_to_end(matcher.fork(), limit, ends, attempt)? {
            return Ok(Some(way));
        }
    }
    Ok(None)
}

fn try_to_end(mut matcher: Matcher, limit: usize, ends: &[String], attempt: usize) -> Result<Option<Vec<u32>>> {
    let mut way = Vec::new();
    loop {
        way.extend(matcher.consume_forced());
        if way.len() > limit {
            return Ok(None);
        }
        if matcher.may_end() {
            return Ok(Some(way));
        }
        for token in nearest(&mut matcher, ends, attempt + way.len() * attempt)? {
            matcher.consume(token)?;
            way.push(token);
        }
    }
}

/// Texts that close what is open, outside free text. A string is opened rather than an array, a digit is a number,
/// and what is written in parts (an address, a time) gets to its next part.
const SHUT: [&str; 13] = ["}", "]", ")", "\"", "'", "0", "null", "true", "@", "://", ":", "-", "."];

/// The tokens that lead out soonest from here: at least one.
fn nearest(matcher: &mut Matcher, ends: &[String], turn: usize) -> Result<Vec<u32>> {
    let environment = matcher.environment()?;
    let in_free_text = ["a", "Q", " ", "7"].iter().all(|text| fits(matcher, &environment, text).is_some());
    let shut: Vec<&str> = if in_free_text { ends.iter().map(String::as_str).collect() } else { SHUT.to_vec() };
    for text in shut {
        if let Some(tokens) = fits(matcher, &environment, text) {
            return Ok(tokens);
        }
    }
    // A word that must be spelled, a string that is too short, a pattern: a long token gets there in few steps.
    let mask = matcher.mask()?;
    let trie = environment.tok_trie();
    let ends_answer = |token: &u32| trie.eos_tokens().contains(token);
    let allowed: Vec<u32> = mask.iter().filter(|token| !ends_answer(token)).collect();
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

/// The tokens of a text, where all of them may come next.
fn fits(matcher: &mut Matcher, environment: &toktrie::TokEnv, text: &str) -> Option<Vec<u32>> {
    let tokens = environment.tokenize_bytes(text.as_bytes());
    (!tokens.is_empty() && matcher.fitting(&tokens) == tokens.len()).then_some(tokens)
}
