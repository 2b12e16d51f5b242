//! From what was read to the response that callers get: the same whether a model or a file said it.

use super::Parsed;
use crate::chat::{FinishReason, Response};

impl From<Parsed> for Response {
    fn from(parsed: Parsed) -> Self {
        let finish_reason = if parsed.calls.is_empty() { FinishReason::Stop } else { FinishReason::ToolCalls };
        let Parsed { calls, text, reasoning, raw, fixes, faults, .. } = parsed;
        Self { calls, text, reasoning, fixes, faults, finish_reason, raw, ..Self::default() }
    }
}
