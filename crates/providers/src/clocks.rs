//! Timeouts for bytes: until the first one, and between two.

use std::time::Duration;

use bytes::Bytes;
use futures_core::Stream;
use futures_util::{StreamExt as _, stream};
use tokio::time::{Instant, timeout_at};

use super::frames::{Broken, Chunks};
use super::row::LimitsRow;
use callwright_parse::chat;
use callwright_parse::error::Wait;

/// How long things may take.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Clocks {
    pub(super) connect: Duration,
    pub(super) first_byte: Duration,
    pub(super) idle: Duration,
    pub(super) progress: Duration,
    pub(super) total: Duration,
    pub(super) patience: Duration,
}

impl From<&LimitsRow> for Clocks {
    fn from(row: &LimitsRow) -> Self {
        // The row was checked to hold times that are sensible.
        let seconds = |seconds: f64| Duration::try_from_secs_f64(seconds).unwrap_or_default();
        Self {
            connect: seconds(row.connect_s),
            first_byte: seconds(row.first_byte_s),
            idle: seconds(row.idle_s),
            progress: seconds(row.progress_s),
            total: seconds(row.total_s),
            patience: seconds(row.patience_s),
        }
    }
}

impl Clocks {
    /// When the whole turn must have ended.
    pub(super) fn deadline(&self, limits: chat::Limits) -> Instant {
        Instant::now() + limits.deadline.map_or(self.total, |wanted| wanted.min(self.total))
    }

    /// The bytes of a body, each in its time. The first has until `first`.
    pub(super) fn watch<E: std::error::Error + 'static>(
        self,
        body: impl Stream<Item = Result<Bytes, E>> + Send + 'static,
        first: Instant,
    ) -> Chunks {
        let state = (Box::pin(body), Some(first), false);
        Box::pin(stream::unfold(state, move |(mut body, first, over)| async move {
            if over {
                return None;
            }
            let (until, wait) =
                first.map_or_else(|| (Instant::now() + self.idle, Wait::Idle), |first| (first, Wait::FirstByte));
            let chunk = match timeout_at(until, body.next()).await {
                Ok(chunk) => chunk?.map_err(|cause| Broken::Connection(root(&cause))),
                Err(_) => Err(Broken::Late(wait)),
            };
            let over = chunk.is_err();
            Some((chunk, (body, None, over)))
        }))
    }
}

/// What lies at the root of an error: the client's own word for every one is that a body could not be decoded.
fn root(cause: &(dyn std::error::Error + 'static)) -> String {
    let mut root = cause;
    while let Some(source) = root.source() {
        root = source;
    }
    root.to_string()
}
