//! The shortest completion: closes a call before the token budget ends.
//!
//! Nothing bounds a string but the tokens that are left, so that long arguments stay possible. Instead a closer knows
//! the shortest completion of what is open, which the grammar's own rules give, and takes over when not more than that is
//! left. One token may open as much as a schema requires, so no number of steps is safe not to look: it looks at each of
//! them, and keeps the last completion until the next one is known to fit. It must not know how tokens are chosen.

use super::matcher::Matcher;
use callwright_parse::error::Result;

/// Watches one enforced stretch of text.
#[derive(Debug, Default)]
pub struct Closer {
    /// Steps until the next look, where no completion fits any more.
    wait: usize,
    /// The last completion found, from the current position; none where none fits.
    way: Option<Vec<u8>>,
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
    /// A closer for text in which these tokens end free text, those that lead out sooner first.
    #[must_use]
    pub fn new(ends: Vec<Vec<u32>>) -> Self {
        Self { ends, ..Self::default() }
    }

    /// To be asked after the matcher has consumed these tokens, before they are appended; `left` tokens could be
    /// appended before them. Where the verdict is to close, the matcher is of no use any more.
    pub fn after(&mut self, matcher: &mut Matcher, tokens: &[u32], left: usize) -> Result<WayOut> {
        if self.wait > tokens.len() {
            self.wait -= tokens.len();
            return Ok(WayOut::Goes);
        }
        let found = match left.checked_sub(tokens.len()) {
            Some(left) => self.look(matcher, tokens, left)?,
            None => None,
        };
        if found.is_some() {
            self.way = found;
        } else if let Some(way) = self.way.take() {
            return Ok(WayOut::Close(matcher.tokens_of(&way)?));
        } else {
            self.give_up(left);
        }
        Ok(WayOut::Goes)
    }

    /// Looks for the first way, before any token of the stretch was chosen.
    pub fn begin(&mut self, matcher: &mut Matcher, left: usize) -> Result<()> {
        self.way = self.look(matcher, &[], left)?;
        if self.way.is_none() {
            self.give_up(left);
        }
        Ok(())
    }

    /// The shortest completion behind these tokens, if so many tokens hold it.
    fn look(&self, matcher: &mut Matcher, tokens: &[u32], left: usize) -> Result<Option<Vec<u8>>> {
        let fits = |matcher: &Matcher, way: &[u8]| -> Result<bool> {
            // No token is less than a byte.
            Ok(way.len() <= left || matcher.tokens_of(way)?.len() <= left)
        };
        if let Some(way) = self.way.as_ref().filter(|_| !tokens.is_empty()) {
            // The model follows the shortest completion by itself.
            let environment = matcher.environment()?;
            let written: Vec<u8> =
                tokens.iter().flat_map(|token| environment.tok_trie().token(*token)).copied().collect();
            let rest = way.strip_prefix(written.as_slice()).filter(|_| !written.is_empty());
            if let Some(rest) = rest
                && fits(matcher, rest)?
            {
                return Ok(Some(rest.to_vec()));
            }
        }
        match matcher.way_text()? {
            Some(way) if fits(matcher, &way)? => Ok(Some(way)),
            _ => Ok(None),
        }
    }

    /// Not even the shortest way fits, and the text will be cut off. Looking on costs more than it may find.
    fn give_up(&mut self, left: usize) {
        self.wait = left / 8;
    }

    /// Tokens that end the text at hand, where it may end here.
    pub fn end_of_text(&self, matcher: &mut Matcher) -> Result<Option<Vec<u32>>> {
        let environment = matcher.environment()?;
        end_of_text(matcher, &environment, &self.ends)
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
