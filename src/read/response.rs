//! From what was read to the response that callers get: the same whether a model or a file said it.

use super::Parsed;
use crate::chat::{FinishReason, Response};

impl From<Parsed> for Response {
    fn from(parsed: Parsed) -> Self {
        let mut response = Self::default();
        response.finish_reason = if parsed.calls.is_empty() { FinishReason::Stop } else { FinishReason::ToolCalls };
        response.calls = parsed.calls;
        response.text = parsed.text;
        response.reasoning = parsed.reasoning;
        response.raw = parsed.raw;
        response.fixes = parsed.fixes;
        response.faults = parsed.faults;
        response
    }
}
