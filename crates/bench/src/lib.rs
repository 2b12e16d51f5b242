//! Recordings to numbers: parses each recorded output as the engine would have, and scores it.
//!
//! ```text
//! recording ──► reading ──► score ──► case ──► report ──► table, JSON, HTML, JUnit, comparison
//! ```
//!
//! There is no parser of its own here (law 10): a benchmark with its own parser would only measure itself. The recording
//! says what is right, as BFCL's accepted values or as the exact calls; never what the parser found.

mod accepted;
mod case;
mod compare;
mod convert;
mod expected;
mod html;
mod intervals;
mod junit;
mod markup;
mod matching;
mod outcome;
mod prediction;
mod python;
mod reading;
mod report;
mod run;
mod scan;
mod worst;

pub use case::Case;
pub use compare::{Change, Comparison};
pub use html::html;
pub use intervals::Interval;
pub use junit::junit;
pub use matching::judge;
pub use outcome::{CaseOutcome, Class, Mismatch};
pub use prediction::predictions;
pub use reading::How;
pub use report::{Counts, Group, Report, Summary};
pub use run::{Bench, Hooks, run};
pub use worst::{Excerpt, worst};
