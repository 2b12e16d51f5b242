//! The report as JUnit XML, which every CI can show: one suite for each model and format, one test for each case.

use std::io::{self, Write};
use std::time::Duration;

use quick_junit::{NonSuccessKind, Report as Junit, TestCase, TestCaseStatus, TestSuite};

use super::case::Case;
use super::outcome::{CaseOutcome, Class};
use super::report::Report;

/// Writes the report.
pub fn junit(report: &Report, out: &mut dyn Write) -> io::Result<()> {
    let mut junit = Junit::new("callwright bench parse");
    junit.set_time(time(report.cases.iter()));
    for model in &report.models {
        let of_model =
            |case: &&Case| model.model.as_ref() == Some(&case.model) && model.format.as_ref() == Some(&case.format);
        let cases: Vec<_> = report.cases.iter().filter(of_model).collect();
        junit.add_test_suite(suite(model.model.as_deref(), model.format.as_deref(), &cases));
    }
    if !report.bad_lines.is_empty() {
        let mut bad = TestSuite::new("invalid lines");
        for line in &report.bad_lines {
            let mut status = TestCaseStatus::non_success(NonSuccessKind::Error);
            status.set_message(line.reason.as_str());
            bad.add_test_case(TestCase::new(line.place.to_string(), status));
        }
        junit.add_test_suite(bad);
    }
    junit.serialize(out).map_err(io::Error::other)
}

fn suite(model: Option<&str>, format: Option<&str>, cases: &[&Case]) -> TestSuite {
    let format = format.unwrap_or_default();
    let name = model.filter(|model| !model.is_empty()).map_or(format.to_owned(), |model| format!("{model} ({format})"));
    let mut suite = TestSuite::new(name.as_str());
    suite.set_time(time(cases.iter().copied()));
    for case in cases {
        let mut test = TestCase::new(case.id.as_str(), status(case));
        test.set_classname(if case.category.is_empty() { &name } else { &case.category }.as_str());
        test.set_time(time([*case].into_iter()));
        test.extra.insert("file".into(), case.place.file.as_ref().into());
        test.extra.insert("line".into(), case.place.line.to_string().into());
        suite.add_test_case(test);
    }
    suite
}

fn status(case: &Case) -> TestCaseStatus {
    let mut status = match case.outcome {
        CaseOutcome::Unjudged => TestCaseStatus::skipped(),
        outcome if outcome.is_right() => return TestCaseStatus::success(),
        _ => TestCaseStatus::non_success(NonSuccessKind::Failure),
    };
    if case.outcome == CaseOutcome::Unjudged {
        status.set_message("it does not say which calls are expected");
    } else {
        status.set_type(case.class.map_or(case.outcome.name(), Class::name));
        status.set_message(case.message.as_deref().unwrap_or_default());
    }
    status
}

fn time<'c>(cases: impl Iterator<Item = &'c Case>) -> Duration {
    Duration::from_secs_f64(cases.map(|case| case.microseconds).sum::<f64>() / 1e6)
}
