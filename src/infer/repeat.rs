//! The way out of a loop: small models repeat themselves inside strings until their budget is spent.

use super::backend::Token;
use crate::constrain::Mask;

/// What was chosen inside the string at hand.
#[derive(Debug, Default)]
pub(super) struct Repeats {
    tokens: Vec<Token>,
}

impl Repeats {
    pub(super) fn push(&mut self, token: Token) {
        self.tokens.push(token);
    }

    pub(super) fn pause(&mut self) {
        self.tokens.clear();
    }

    pub(super) fn bias(&mut self, _mask: &Mask) -> Vec<(Token, f32)> {
        Vec::new()
    }
}
