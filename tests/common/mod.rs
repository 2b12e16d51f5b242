//! What tests of the token loop share: engines, scripted backends, networks.

#![allow(dead_code, unreachable_pub, reason = "each test binary uses its own part of this")]
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::disallowed_methods,
    clippy::cast_precision_loss,
    clippy::must_use_candidate,
    clippy::new_without_default,
    clippy::missing_panics_doc,
    clippy::doc_markdown,
    reason = "a test may stop at the first surprise"
)]

#[cfg(any(feature = "llama", feature = "candle"))]
pub mod jobs;
#[cfg(feature = "candle")]
pub mod networks;
pub mod raw;
pub mod scripted;
