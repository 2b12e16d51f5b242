//! How fast a backend computes, measured on the backend itself.
//!
//! Whether forced tokens and drafts pay depends on what a batch of several tokens costs compared with a single token,
//! and that differs by model file, processor and library; so it is measured and not assumed. The fastest of several
//! tries counts: others on the machine only ever add time. It must not know text: any tokens take as long as others.

use std::time::Instant;

use serde::Serialize;

use super::backend::{Backend, Batch, Entry, Token};
use super::vocab::token_id;
use callwright_parse::error::Result;

/// Sizes of batches that are measured behind a prompt.
const SIZES: [usize; 6] = [1, 2, 4, 8, 16, 32];
/// Tries of each size.
const TRIES: usize = 5;

/// The measured speed of a backend.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[non_exhaustive]
pub struct Rates {
    /// Tokens in the cache while the batches were measured.
    pub depth: usize,
    /// Prefill: prompt tokens per second.
    pub prefill_per_s: f64,
    /// Decode: tokens per second, one at a time.
    pub decode_per_s: f64,
    /// What batches of several tokens cost.
    pub batches: Vec<BatchCost>,
}

/// What one batch costs.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
#[non_exhaustive]
pub struct BatchCost {
    /// Its tokens; logits are wanted after the last one.
    pub tokens: usize,
    /// What it takes.
    pub ms: f64,
}

impl Rates {
    /// Reads a prompt of so many tokens, then measures batches behind it. The backend's first sequence is overwritten.
    pub fn measure(backend: &mut dyn Backend, depth: usize) -> Result<Self> {
        let limits = backend.limits();
        let depth = depth.clamp(1, limits.context.saturating_sub(SIZES[SIZES.len() - 1] + 1).max(1));
        let vocabulary = token_id(backend.vocab().size());
        backend.reserve(depth + SIZES[SIZES.len() - 1])?;
        backend.truncate(0, 0)?;
        let began = Instant::now();
        for from in (0..depth).step_by(limits.batch) {
            decode(backend, from, limits.batch.min(depth - from), vocabulary)?;
        }
        let prefill = began.elapsed().as_secs_f64();
        let mut batches = Vec::new();
        for tokens in SIZES.into_iter().filter(|tokens| *tokens <= limits.batch) {
            let mut fastest = f64::INFINITY;
            for _ in 0..TRIES {
                if backend.truncate(0, depth)? < depth {
                    // An engine that cannot cut is measured at no depth.
                    backend.truncate(0, 0)?;
                    fastest = fastest.min(decode(backend, 0, tokens, vocabulary)?);
                } else {
                    fastest = fastest.min(decode(backend, depth, tokens, vocabulary)?);
                }
            }
            batches.push(BatchCost { tokens, ms: fastest * 1000.0 });
        }
        backend.truncate(0, 0)?;
        #[expect(clippy::cast_precision_loss, reason = "no prompt has 2^52 tokens")]
        let prefill_per_s = depth as f64 / prefill;
        Ok(Self { depth, prefill_per_s, decode_per_s: 1000.0 / batches[0].ms, batches })
    }
}

/// Computes so many tokens from this position on, and says how many seconds that took.
fn decode(backend: &mut dyn Backend, from: usize, tokens: usize, vocabulary: Token) -> Result<f64> {
    let mut batch = Batch::default();
    for position in from..from + tokens {
        // Any tokens do; these differ from one another, as those of a text do.
        let token = token_id(position.wrapping_mul(7919)) % vocabulary;
        batch.push(Entry { token, position, sequence: 0, logits: position + 1 == from + tokens });
    }
    let began = Instant::now();
    backend.decode(&batch)?;
    Ok(began.elapsed().as_secs_f64())
}
