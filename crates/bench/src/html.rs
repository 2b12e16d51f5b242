//! The report as one page that needs nothing but a browser: no network, no fonts, no scripts of others.
//!
//! The numbers and bars are plain HTML. Only the case list is drawn by a script, from JSON inside the page, and every
//! recorded text goes into it as text, never as markup; the page's own policy forbids all else. The page is well-formed
//! XML as well, so that a test can prove its escaping.

use std::fmt::Write as _;
use std::io::{self, Write};

use serde_json::json;

use callwright_parse::chat::counted;

use super::case::Case;
use super::markup::{escaped, script_json};
use super::outcome::CaseOutcome;
use super::report::{Group, Report, Summary};
use super::run::Bench;

const PAGE: &str = include_str!("page/index.html");
const STYLE: &str = include_str!("page/style.css");
const SCRIPT: &str = include_str!("page/cases.js");

/// All failures are in the list, and of the others so many.
const RIGHT_CASES: usize = 2000;
/// The numbers of a row, by the names of their columns.
const COLUMNS: [&str; 10] =
    ["scored", "right", "95 % CI", "strict", "repaired", "missed", "phantom", "wrong", "faulty", "µs each"];
/// So much of a text.
const TEXT_CHARS: usize = 6000;

/// Writes the page.
pub fn html(bench: &Bench, report: &Report, out: &mut dyn Write) -> io::Result<()> {
    // One pass over the page: what is put in is never looked into for further places.
    let mut rest = PAGE;
    while let Some((before, after)) = rest.split_once("{{") {
        out.write_all(before.as_bytes())?;
        let (name, after) = after.split_once("}}").unwrap_or((after, ""));
        match name {
            "style" => out.write_all(STYLE.as_bytes())?,
            "script" => out.write_all(SCRIPT.as_bytes())?,
            "headline" => out.write_all(headline(report).as_bytes())?,
            "bars" => out.write_all(bars(report).as_bytes())?,
            "counts" => out.write_all(counts(report).as_bytes())?,
            "cases" => cases(bench, out)?,
            _ => {}
        }
        rest = after;
    }
    out.write_all(rest.as_bytes())
}

fn headline(report: &Report) -> String {
    let Summary { counts, right, right_unrepaired, .. } = report.total;
    let percent = |share: f64| format!("{:.1} %", share * 100.0);
    let shares = if counts.n == 0 {
        "<p>No recording says which calls are expected, so none is scored.".to_owned()
    } else {
        format!(
            "<p><strong>{}</strong> of {} recordings are right ({} to {} with 95 % confidence), {} just as they were \
             written.",
            percent(right.share),
            counts.n,
            percent(right.low),
            percent(right.high),
            percent(right_unrepaired.share),
        )
    };
    let mut text = format!(
        "{shares} Read with callwright {}, format {}, level {}.</p>",
        escaped(&report.callwright),
        escaped(&report.format),
        escaped(&report.level),
    );
    for (count, what, note) in [
        (counts.unjudged, "recording", "not scored, for want of expected calls"),
        (report.bad_lines.len(), "invalid line", "left out"),
    ] {
        if count > 0 {
            let _ = write!(text, "<p>{}: {note}.</p>", counted(count, what));
        }
    }
    text
}

fn bars(report: &Report) -> String {
    let mut text = String::new();
    let all = std::slice::from_ref(&report.total);
    let rows = [
        ("Together", "", all.iter().map(|summary| ("all recordings".to_owned(), *summary)).collect::<Vec<_>>()),
        ("By model", "model, format", named(&report.models, |group| [&group.model, &group.format])),
        ("By category", "category", named(&report.categories, |group| [&group.category, &group.format])),
    ];
    for (title, whose, rows) in rows {
        let _ = write!(
            text,
            "<h2>{title}</h2><table class=\"numbers\"><thead><tr><th>{whose}</th><th class=\"share\"></th>"
        );
        text.extend(COLUMNS.iter().map(|column| format!("<th>{column}</th>")));
        text.push_str("</tr></thead><tbody>");
        for (name, summary) in rows {
            row(&name, &summary, &mut text);
        }
        text.push_str("</tbody></table>");
    }
    text
}

/// Failures by class, fixes by kind, and expected against found calls.
fn counts(report: &Report) -> String {
    let mut text = "<div class=\"counts\">".to_owned();
    let classes: Vec<_> = report.classes.iter().map(|(class, count)| (json!(class), *count)).collect();
    let fixes: Vec<_> = report.fixes.iter().map(|(kind, count)| (json!(kind), *count)).collect();
    for (title, mut counts) in [("failures", classes), ("fixed", fixes)] {
        counts.sort_by_key(|(_, count)| std::cmp::Reverse(*count));
        let _ = write!(text, "<table><thead><tr><th>{title}</th><th>cases</th></tr></thead><tbody>");
        for (name, count) in counts {
            let _ = write!(text, "<tr><th>{}</th><td>{count}</td></tr>", label(name.as_str().unwrap_or_default()));
        }
        text.push_str("</tbody></table>");
    }
    let many = ["none", "one", "several"];
    text.push_str("<table><thead><tr><th>expected calls</th>");
    text.extend(many.iter().map(|found| format!("<th>{found} found</th>")));
    text.push_str("</tr></thead><tbody>");
    for (due, found) in &report.due_and_found {
        let _ = write!(text, "<tr><th>{}</th>", escaped(due));
        for found in many.iter().map(|many| found.get(*many).copied().unwrap_or_default()) {
            let _ = write!(text, "<td>{found}</td>");
        }
        text.push_str("</tr>");
    }
    text.push_str("</tbody></table></div>");
    text
}

fn named(groups: &[Group], names: fn(&Group) -> [&Option<String>; 2]) -> Vec<(String, Summary)> {
    let name = |group: &Group| {
        let names = names(group).into_iter().flatten().filter(|name| !name.is_empty());
        let name = names.map(String::as_str).collect::<Vec<_>>().join(", ");
        if name.is_empty() { "-".to_owned() } else { name }
    };
    groups.iter().map(|group| (name(group), group.summary)).collect()
}

#[expect(clippy::cast_precision_loss, reason = "nobody benches on 2^52 cases")]
fn row(name: &str, summary: &Summary, text: &mut String) {
    let counts = summary.counts;
    let percent = |share: f64| format!("{:.1}", share * 100.0);
    let numbers = [counts.strict, counts.repaired, counts.missed, counts.phantom, counts.wrong, counts.faulty];
    let outcomes = [
        CaseOutcome::Strict,
        CaseOutcome::Repaired,
        CaseOutcome::Missed,
        CaseOutcome::Phantom,
        CaseOutcome::Wrong,
        CaseOutcome::Faulty,
    ];
    let _ = write!(text, "<tr><th>{}</th><td class=\"share\"><div class=\"bar\">", escaped(name));
    for (outcome, number) in outcomes.into_iter().zip(numbers).filter(|(_, number)| *number > 0) {
        let (name, width) = (outcome.name(), number as f64 * 100.0 / counts.n as f64);
        let _ = write!(text, "<span class=\"{name}\" style=\"width:{width:.3}%\" title=\"{name} {number}\"></span>");
    }
    text.push_str("</div></td>");
    // Of nothing there is no share.
    let (share, between) = match counts.n {
        0 => ("-".to_owned(), "-".to_owned()),
        _ => (
            format!("{} %", percent(summary.right.share)),
            format!("{} to {}", percent(summary.right.low), percent(summary.right.high)),
        ),
    };
    let mut cells = vec![counts.n.to_string(), share, between];
    cells.extend(numbers.map(|number| number.to_string()));
    cells.push(format!("{:.0}", summary.microseconds));
    for (column, cell) in COLUMNS.iter().zip(cells) {
        let _ = write!(text, "<td data-label=\"{column}\">{cell}</td>");
    }
    text.push_str("</tr>");
}

/// A name as people read it.
fn label(name: &str) -> String {
    escaped(name).replace('_', " ")
}

/// The cases as a JSON list, one a line.
fn cases(bench: &Bench, out: &mut dyn Write) -> io::Result<()> {
    let mut right = 0;
    let shown = |case: &&Case| {
        let fine = case.outcome.is_right() || case.outcome == CaseOutcome::Unjudged;
        right += usize::from(fine);
        !fine || right <= RIGHT_CASES
    };
    out.write_all(b"[")?;
    for (index, case) in bench.cases.iter().filter(shown).enumerate() {
        let recording = &bench.rows[case.row].recording;
        let text: String = recording.output.chars().take(TEXT_CHARS).collect();
        let question: Option<String> =
            recording.question.as_ref().map(|question| question.chars().take(TEXT_CHARS).collect());
        let tools: Vec<_> = recording.tools.iter().map(|tool| &tool.name).collect();
        let due = match (&recording.accepted, &recording.expected) {
            (Some(accepted), _) => json!(accepted),
            (None, expected) => json!(expected),
        };
        let calls: Vec<_> =
            case.calls.iter().map(|call| json!({"name": call.name, "arguments": call.arguments})).collect();
        // The script counts characters as browsers do, in UTF-16.
        let before = case.at.and_then(|at| text.get(..at));
        let entry = json!({
            "id": case.id, "model": case.model, "category": case.category, "format": case.format,
            "detected": case.detected, "outcome": case.outcome, "failed": case.outcome.is_failure(), "class": case.class, "message": case.message,
            "at": before.map(|before| before.encode_utf16().count()), "fixes": case.fixes,
            "place": case.place.to_string(), "text": text, "calls": calls, "question": question, "tools": tools, "due": due,
        });
        let comma = if index == 0 { "\n" } else { ",\n" };
        write!(out, "{comma}{}", script_json(&entry.to_string()))?;
    }
    out.write_all(b"\n]")
}
