//! Recordings to numbers: reads each recorded output as the engine would have, and says what became of it.
//!
//! ```text
//! recording ──► reading ──► score ──► case ──► report ──► table, JSON, HTML, JUnit, comparison
//! ```
//!
//! There is no reader of its own here (law 10): a bench that parsed for itself would praise itself. What is right is
//! told by the recording, as BFCL's accepted values or as the very calls; never by what the reader found.

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
pub use outcome::{Class, Mismatch, Outcome};
pub use prediction::predictions;
pub use reading::How;
pub use report::{Counts, Group, Report, Summary};
pub use run::{Bench, Hooks, run};
pub use worst::{Excerpt, worst};
