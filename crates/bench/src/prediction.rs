//! What was read, one line for each recording, for the judges of others: the calls to offered tools, schema faults
//! included, and no others.

use std::io::{self, Write};

use callwright_parse::chat::{Arguments, Call, Exact};
use serde::Serialize;

use super::run::Bench;

#[derive(Serialize)]
struct Line<'a> {
    id: &'a str,
    model: &'a str,
    category: Option<&'a str>,
    calls: Vec<Said<'a>>,
}

#[derive(Serialize)]
struct Said<'a> {
    name: &'a str,
    arguments: Exact<'a, Arguments>,
}

impl<'a> Said<'a> {
    fn of(call: &'a Call) -> Self {
        Self { name: &call.name, arguments: call.digits.exact(&call.arguments) }
    }
}

/// Writes `{"id", "model", "category", "calls": [{"name", "arguments"}]}` for each recording.
pub fn predictions(bench: &Bench, out: &mut dyn Write) -> io::Result<()> {
    let mut cases = bench.cases.iter().peekable();
    for (row, sourced) in bench.rows.iter().enumerate() {
        // A recording that could not be read for a reason of ours has no case; its line is there all the same.
        let case = cases.next_if(|case| case.row == row);
        let calls = case.map(|case| case.calls.as_slice()).unwrap_or_default();
        let recording = &sourced.recording;
        let line = Line {
            id: &recording.id,
            model: &recording.model,
            category: recording.category.as_deref(),
            calls: calls.iter().map(Said::of).collect(),
        };
        writeln!(out, "{}", serde_json::to_string(&line)?)?;
    }
    Ok(())
}
