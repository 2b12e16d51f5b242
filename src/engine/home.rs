//! A turn where no provider is built in: it stays at home.

use super::Stages;
use super::attempt::Answer;
use super::turn::Turn;
use crate::chat::{Attempt, LOCAL, Money, Reason, Request};
use crate::error::{Error, Result};

#[expect(clippy::unused_async, reason = "the same calls as where providers are built in")]
impl Turn<'_> {
    pub(super) async fn elsewhere_at_once(&self) -> Result<Option<Answer>> {
        Ok(None)
    }

    pub(super) async fn failed_there(&self, _: &Error, _: bool) {}

    pub(super) async fn fall_back(&self, _: Reason, tried: Option<Result<Answer>>) -> Result<Option<Answer>> {
        tried.transpose()
    }
}

#[expect(clippy::unused_self, clippy::unnecessary_wraps, reason = "the same calls as where providers are built in")]
impl Turn<'_> {
    pub(super) fn reserve_there(&self, _: usize) -> Result<Option<Money>> {
        Ok(None)
    }
}

#[expect(clippy::unused_self, clippy::unnecessary_wraps, reason = "the same calls as where providers are built in")]
impl Stages {
    pub(super) fn may_see(&self, request: Request) -> Result<Request> {
        Ok(request)
    }

    pub(super) fn leaves_machine(&self) -> bool {
        false
    }

    pub(super) fn sign(&self, attempt: &mut Attempt) {
        LOCAL.clone_into(&mut attempt.by);
    }
}
