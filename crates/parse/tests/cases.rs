//! Outputs rebuilt from public bug reports: what may be executed of each, read by the format it was written in.
//!
//! The files lie in the shared folder. A case is right where the executable calls are the ones that were meant and the
//! text and the thoughts are what is left; it is *wrong and executable* where a call could be executed that was not meant.
#![allow(clippy::unwrap_used, clippy::print_stdout, reason = "a test may stop at the first surprise")]

use std::collections::BTreeMap;
use std::sync::Arc;

use callwright_parse::chat::Tool;
use callwright_parse::check::ToolSet;
use callwright_parse::format::Formats;
use callwright_parse::read::{Parsed, Parser};
use callwright_test_support::shared;
use serde::Deserialize;
use serde_json::Value;

#[derive(Deserialize)]
struct Case {
    id: String,
    #[serde(default)]
    class: String,
    format: String,
    tools: Vec<Tool>,
    output: String,
    #[serde(default)]
    prompt_tail: String,
    expected: Expected,
    #[serde(default)]
    accept: Vec<Vec<Meant>>,
}

#[derive(Deserialize)]
struct Expected {
    calls: Vec<Meant>,
    text: Option<String>,
    reasoning: Option<String>,
}

#[derive(Deserialize, Debug)]
struct Meant {
    name: String,
    arguments: serde_json::Map<String, Value>,
}

#[derive(Debug, PartialEq, Eq, Clone, Copy)]
enum Verdict {
    Right,
    /// The calls are right, and the text or the thoughts are not.
    Untidy,
    /// A call that was meant is not executable.
    Missed,
    /// A call is executable that was not meant.
    Dangerous,
}

fn read(case: &Case) -> Parsed {
    let tools = Arc::new(ToolSet::compile(&case.tools).unwrap());
    let parser = match case.format.as_str() {
        "auto" => Parser::auto(Formats::builtin(), tools),
        name => Parser::new(Formats::builtin().get(name).unwrap(), tools),
    };
    let mut parser = parser.after_prompt(&case.prompt_tail);
    parser.push(case.output.as_bytes());
    parser.finish()
}

fn judge(case: &Case, parsed: &Parsed) -> Verdict {
    let faulty = |index| parsed.faults.iter().any(|fault| fault.call() == Some(index));
    let executable: Vec<_> =
        parsed.calls.iter().enumerate().filter(|(index, _)| !faulty(*index)).map(|(_, call)| call).collect();
    let same = |meant: &[Meant]| {
        meant.len() == executable.len()
            && meant.iter().zip(&executable).all(|(meant, call)| {
                meant.name == call.name && Value::from(meant.arguments.clone()) == Value::from(call.arguments.clone())
            })
    };
    let told = !parsed.faults.is_empty();
    if case.accept.iter().any(|meant| same(meant) && (!meant.is_empty() || told)) {
        return Verdict::Right;
    }
    if !same(&case.expected.calls) {
        let meant = |call: &&callwright_parse::chat::Call| {
            let among = case.expected.calls.iter().chain(case.accept.iter().flatten());
            among.into_iter().any(|meant| meant.name == call.name && meant.arguments == call.arguments)
        };
        let surplus = executable.len() > case.expected.calls.len();
        return if surplus || !executable.iter().all(meant) { Verdict::Dangerous } else { Verdict::Missed };
    }
    let differs =
        |wanted: &Option<String>, got: &str| wanted.as_ref().is_some_and(|wanted| wanted.trim() != got.trim());
    if differs(&case.expected.text, &parsed.text) || differs(&case.expected.reasoning, &parsed.reasoning) {
        return Verdict::Untidy;
    }
    Verdict::Right
}

/// What came of the cases of one file, by verdict; those that are not right are printed.
fn verdicts(file: &str) -> Option<BTreeMap<String, usize>> {
    let lines = std::fs::read_to_string(shared()?.join("cases").join(file)).unwrap();
    let mut tally = BTreeMap::new();
    for line in lines.lines() {
        let case: Case = serde_json::from_str(line).unwrap();
        let parsed = read(&case);
        let verdict = judge(&case, &parsed);
        *tally.entry(format!("{verdict:?}")).or_default() += 1;
        if verdict != Verdict::Right {
            println!("{verdict:?} {} [{}] {}\n  {:?}", case.id, case.class, case.format, case.output);
            println!("  meant {}", told(case.expected.calls.iter().map(|call| (&call.name, &call.arguments))));
            println!("  read  {}", told(parsed.calls.iter().map(|call| (&call.name, &call.arguments))));
            println!("  text  {:?}, read {:?}", case.expected.text, parsed.text);
            println!("  thought {:?}, read {:?}", case.expected.reasoning, parsed.reasoning);
            parsed.faults.iter().for_each(|fault| println!("  fault {fault}"));
            parsed.fixes.iter().for_each(|fix| println!("  fix {:?} {:?}", fix.kind, &parsed.raw[fix.span.clone()]));
        }
    }
    println!("{file}: {tally:?}");
    Some(tally)
}

fn told<'c>(calls: impl Iterator<Item = (&'c String, &'c serde_json::Map<String, Value>)>) -> String {
    calls.map(|(name, arguments)| format!("{name} {} ", Value::from(arguments.clone()))).collect()
}

#[test]
fn outputs_of_public_reports_are_read_as_they_were_meant() {
    for (file, right) in [("reading.jsonl", 105), ("kinds.jsonl", 4)] {
        let Some(tally) = verdicts(file) else { return };
        let of = |verdict: &str| tally.get(verdict).copied().unwrap_or_default();
        assert!(of("Right") >= right, "{file}: {tally:?}");
    }
}
