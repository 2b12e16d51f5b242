//! The report as JUnit XML, which every CI can show: one suite for each model and format, one test for each case.

use std::io::{self, Write};

use super::case::Case;
use super::markup::escaped;
use super::outcome::Outcome;
use super::report::Report;

/// Writes the report.
pub fn junit(report: &Report, out: &mut dyn Write) -> io::Result<()> {
    let cases = &report.cases;
    let failed = cases.iter().filter(|case| is_failure(case)).count();
    writeln!(out, r#"<?xml version="1.0" encoding="UTF-8"?>"#)?;
    writeln!(
        out,
        r#"<testsuites name="callwright bench parse" tests="{}" failures="{failed}" errors="{}" time="{:.6}">"#,
        cases.len() + report.bad_lines.len(),
        report.bad_lines.len(),
        seconds(cases.iter()),
    )?;
    for model in &report.models {
        let of_model: Vec<_> = cases
            .iter()
            .filter(|case| model.model.as_ref() == Some(&case.model) && model.format.as_ref() == Some(&case.format))
            .collect();
        suite(model.model.as_deref().unwrap_or_default(), model.format.as_deref().unwrap_or_default(), &of_model, out)?;
    }
    if !report.bad_lines.is_empty() {
        let lines = report.bad_lines.len();
        writeln!(out, r#"  <testsuite name="invalid lines" tests="{lines}" errors="{lines}">"#)?;
        for line in &report.bad_lines {
            let (place, reason) = (line.place.to_string(), escaped(&line.reason));
            writeln!(out, r#"    <testcase name="{}"><error message="{reason}"/></testcase>"#, escaped(&place))?;
        }
        writeln!(out, "  </testsuite>")?;
    }
    writeln!(out, "</testsuites>")
}

fn suite(model: &str, format: &str, cases: &[&Case], out: &mut dyn Write) -> io::Result<()> {
    let name = if model.is_empty() { format.to_owned() } else { format!("{model} ({format})") };
    let count = |test: fn(&Case) -> bool| cases.iter().filter(|case| test(case)).count();
    writeln!(
        out,
        r#"  <testsuite name="{}" tests="{}" failures="{}" skipped="{}" time="{:.6}">"#,
        escaped(&name),
        cases.len(),
        count(is_failure),
        count(|case| case.outcome == Outcome::Unjudged),
        seconds(cases.iter().copied()),
    )?;
    for case in cases {
        let group = if case.category.is_empty() { &name } else { &case.category };
        write!(
            out,
            r#"    <testcase classname="{}" name="{}" time="{:.6}" file="{}" line="{}""#,
            escaped(group),
            escaped(&case.id),
            case.microseconds / 1e6,
            escaped(&case.place.file),
            case.place.line,
        )?;
        match (is_failure(case), case.outcome) {
            (true, outcome) => {
                let class = case.class.map_or(outcome.name(), super::outcome::Class::name);
                let message = case.message.as_deref().unwrap_or_default();
                writeln!(out, r#"><failure type="{class}" message="{}"/></testcase>"#, escaped(message))?;
            }
            (false, Outcome::Unjudged) => {
                writeln!(out, r#"><skipped message="it does not say which calls are expected"/></testcase>"#)?;
            }
            _ => writeln!(out, "/>")?,
        }
    }
    writeln!(out, "  </testsuite>")
}

fn is_failure(case: &Case) -> bool {
    !case.outcome.is_right() && case.outcome != Outcome::Unjudged
}

fn seconds<'c>(cases: impl Iterator<Item = &'c Case>) -> f64 {
    cases.map(|case| case.microseconds).sum::<f64>() / 1e6
}
