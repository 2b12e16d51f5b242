//! Schemas in the layout of the official JSON Schema test suite: what the grammar lets through is valid, but for keywords
//! that were told.
//!
//! The suite itself is not part of this repository. `CALLWRIGHT_TEST_SCHEMA_SUITE` names a folder of its files (such as
//! `tests/draft2020-12`; the source distribution of Python's `jsonschema` has it under `json/`). Without it the groups of
//! `suite/*.json`, written by hand in the same layout, are tried alone.
#![allow(clippy::unwrap_used, clippy::print_stdout, reason = "a test stops at the first surprise, and tells figures")]

#[path = "common/walks.rs"]
mod walks;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use callwright_constrain::{Compiler, Constraint};
use callwright_parse::chat::{Tool, ToolChoice};
use callwright_parse::check::{Level, ToolSet};
use callwright_parse::format::{Format, Formats};
use callwright_parse::read::Parser;
use callwright_test_support::dice::Dice;
use callwright_test_support::means;
use serde_json::{Value, json};
use walks::{compiler, is_told, violated, walk};

#[derive(Debug, Default)]
struct Tally {
    groups: usize,
    samples: usize,
    /// Schemas that lead to other documents, so that nobody here can validate.
    elsewhere: usize,
    /// Schemas of which no grammar is made, by reason.
    refused: BTreeMap<String, usize>,
    /// By keyword and what became of it, in how many schemas that was told.
    told: BTreeMap<String, usize>,
    /// Samples that violate what was told.
    violations: usize,
    wrong: Vec<String>,
}

/// The JSON files of a folder.
fn files(folder: &Path) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    let mut files: Vec<PathBuf> = entries.filter(|path| path.extension().is_some_and(|end| end == "json")).collect();
    files.sort();
    files
}

/// Samples values of one group's schema.
fn sample(format: &Arc<Format>, group: &Value, samples: u64, made: &(Compiler, Vec<Vec<u8>>), tally: &mut Tally) {
    let (schema, name) = (&group["schema"], &group["description"]);
    let mut inner = schema.clone();
    if let Some(map) = inner.as_object_mut() {
        // A reference to the whole means this schema, not the tool's.
        map.entry("$id").or_insert_with(|| json!("https://example.org/suite"));
    }
    let parameters = json!({"type": "object", "properties": {"v": inner}, "required": ["v"]});
    let refused = |tally: &mut Tally, why: String| *tally.refused.entry(why).or_default() += 1;
    let tools = match ToolSet::compile(&[Tool::new("t", "", parameters)]) {
        Ok(tools) => Arc::new(tools),
        Err(error) => return refused(tally, format!("{name}: {error}")),
    };
    let choice = ToolChoice::Named("t".to_owned());
    let constraint = match Constraint::compile(format, &tools, &choice, false, "") {
        Ok(constraint) => constraint.unwrap(),
        Err(error) => return refused(tally, format!("{name}: {error}")),
    };
    if violated(schema, &Value::Null).is_none() {
        tally.elsewhere += 1;
        return;
    }
    tally.groups += 1;
    let mut told: Vec<String> = Vec::new();
    for seed in 0..samples {
        let output = match walk(&constraint, &made.0, &made.1, &mut Dice::new(seed)) {
            Ok(output) => output,
            Err(why) => return tally.wrong.push(format!("{name}: {why}")),
        };
        if seed == 0 {
            told = constraint.relaxed().iter().map(|told| told.cause.clone()).collect();
            told.extend(tools.told().map(|(_, told)| told.to_string()));
            let became = |told: &String| {
                let degree = ["corrected", "ignored"].into_iter().find(|degree| told.contains(&format!("is {degree}")));
                Some(format!("{} {}", told.split('`').nth(1)?, degree.unwrap_or("checked")))
            };
            let mut keywords: Vec<String> = told.iter().filter_map(became).collect();
            keywords.sort_unstable();
            keywords.dedup();
            for keyword in keywords {
                *tally.told.entry(keyword).or_default() += 1;
            }
        }
        let mut parser = Parser::new(Arc::clone(format), Arc::clone(&tools)).level(Level::Strict);
        parser.push(&output);
        let parsed = parser.finish();
        let value = parsed.calls.first().and_then(|call| call.arguments.get("v").cloned());
        let Some(value) = value else {
            return tally.wrong.push(format!("{name}: {:?}", String::from_utf8_lossy(&output)));
        };
        tally.samples += 1;
        let ways = violated(schema, &value).unwrap_or_default();
        tally.violations += usize::from(!ways.is_empty());
        if let Some(way) = ways.iter().find(|way| !is_told(way, &told)) {
            return tally.wrong.push(format!("{name}: {} of {value}, told {told:?}\n  {schema}", way.join("/")));
        }
    }
}

fn try_all(folder: &Path, samples: u64) -> Tally {
    let format = Formats::builtin().get("hermes").unwrap();
    let (made, mut tally) = (compiler(), Tally::default());
    for file in files(folder) {
        let groups: Value = serde_json::from_slice(&std::fs::read(&file).unwrap()).unwrap();
        for group in groups.as_array().unwrap() {
            if group["tests"].as_array().unwrap().iter().any(|test| test["valid"] == true) {
                sample(&format, group, samples, &made, &mut tally);
            }
        }
    }
    let Tally { groups, samples, elsewhere, refused, told, violations, wrong } = &tally;
    println!("{groups} schemas, {samples} samples, {violations} violate what was told, {elsewhere} lead elsewhere");
    println!("refused: {refused:#?}\ntold: {told:#?}\n{} wrong\n{}", wrong.len(), wrong.join("\n"));
    tally
}

#[test]
fn groups_in_the_layout_of_the_suite() {
    let tally = try_all(&Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/suite"), 20);
    assert!(tally.wrong.is_empty() && tally.groups > 30, "{} wrong", tally.wrong.len());
}

#[test]
fn the_official_suite() {
    let Some(folder) = means::named("CALLWRIGHT_TEST_SCHEMA_SUITE", || false) else { return };
    let tally = try_all(Path::new(&folder), 100);
    assert!(tally.wrong.is_empty() && tally.groups > 200, "{} wrong", tally.wrong.len());
}
