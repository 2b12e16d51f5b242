//! The shortest completion: closes a call before the token budget ends.
//!
//! Nothing bounds a string but the tokens that are left, so that long arguments stay possible. Instead a closer knows
//! the shortest completion of what is open, which the grammar's own rules give, and takes over when not more
//! than that is left. Its length changes slowly, so it is asked for rarely while much is left and at
//! every step near the end, where the last one is kept until the next is. It must not know how tokens are
//! chosen.

use super::matcher::Matcher;
use callwright_parse::error::Result;

/// While at least this many more tokens are left than the shortest completion takes, no single token can make it too long.
const CLOSE: usize = 512;
/// Where more is left than this, the first look is saved: no call takes half of it to close.
const FAR: usize = 2 * CLOSE;

/// Watches one enforced stretch of text.
#[derive(Debug, Default)]
pub struct Closer {
    /// Steps until the next look.
    wait: usize,
    /// The last completion found, from the current position; empty where none is kept.
    way: Option<Vec<u32>>,
    /// What ends free text in the model's tokens, those that lead out sooner first.
    ends: Vec<Vec<u32>>,
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
    /// A closer for text with `left` tokens to go, in which these tokens end free text, those that lead out sooner first.
    #[must_use]
    pub fn new(left: usize, ends: Vec<Vec<u32>>) -> Self {
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
            Some(left) => matcher.way_out()?.filter(|way| way.len() <= left).map(|way| (way, left)),
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
            match matcher.way_out()?.filter(|way| way.len() <= left) {
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

/// The tokens that end the text at hand: the first that fit and really lead out of it. What ends one text is a part of
/// another, as a closing tag is of a string of JSON.
fn end_of_text(matcher: &mut Matcher, environment: &toktrie::TokEnv, ends: &[Vec<u32>]) -> Result<Option<Vec<u32>>> {
    for end in ends {
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
