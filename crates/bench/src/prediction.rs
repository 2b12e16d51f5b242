//! What was read, one line for each recording, for the judges of others: the calls to offered tools, schema faults
//! included, and no others.

use std::io::{self, Write};

use serde_json::json;

use super::run::Bench;

/// Writes `{"id", "model", "category", "calls": [{"name", "arguments"}]}` for each recording.
pub fn predictions(bench: &Bench, out: &mut dyn Write) -> io::Result<()> {
    let mut cases = bench.cases.iter().peekable();
    for (row, sourced) in bench.rows.iter().enumerate() {
        // A recording that could not be read for a reason of ours has no case; its line is there all the same.
        let case = cases.next_if(|case| case.row == row);
        let calls = case.map(|case| case.calls.as_slice()).unwrap_or_default();
        let calls: Vec<_> = calls.iter().map(|call| json!({"name": call.name, "arguments": call.arguments})).collect();
        let recording = &sourced.recording;
        let line =
            json!({"id": recording.id, "model": recording.model, "category": recording.category, "calls": calls});
        writeln!(out, "{line}")?;
    }
    Ok(())
}
