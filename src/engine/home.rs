//! A turn where no provider is built in: it stays at home.

use super::attempt::Answer;
use super::turn::Turn;
use crate::chat::Reason;
use crate::error::Result;

#[expect(clippy::unused_async, reason = "the same calls as where providers are built in")]
impl Turn<'_> {
    pub(super) async fn elsewhere_at_once(&self) -> Result<Option<Answer>> {
        Ok(None)
    }

    pub(super) async fn fall_back(&self, _: Reason, tried: Option<Result<Answer>>) -> Result<Option<Answer>> {
        tried.transpose()
    }
}
