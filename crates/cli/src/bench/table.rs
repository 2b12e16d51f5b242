//! The report for people at a terminal.

use comfy_table::{CellAlignment, Table};

use crate::World;
use callwright_bench::{Group, Report, Summary};
use callwright_parse::chat::FixKind;
use callwright_parse::error::Result;

/// The columns that are numbers; the first three say whose they are.
const NUMBERS: [&str; 10] =
    ["n", "right", "95 % CI", "strict", "repaired", "missed", "phantom", "wrong", "faulty", "µs"];

pub(super) fn print(report: &Report, world: &World) -> Result<()> {
    let printer = &world.printer;
    printer.line(&table(report))?;
    let counts = report.total.counts;
    if counts.unjudged > 0 {
        printer.note(&format!("not scored, because they do not say which calls are expected: {}", counts.unjudged));
    }
    if let Some(failures) = ranked(report.classes.iter().map(|(class, count)| (class.name().to_owned(), *count))) {
        printer.line(&format!("failures: {failures}"))?;
    }
    let named = |kind: &FixKind| serde_json::to_value(kind).ok().and_then(|name| name.as_str().map(str::to_owned));
    let fixes = report.fixes.iter().filter_map(|(kind, count)| Some((named(kind)?, *count)));
    if let Some(fixes) = ranked(fixes) {
        printer.line(&format!("fixed: {fixes}"))?;
    }
    Ok(())
}

/// Names with their counts, the commonest first; none where there are none.
fn ranked(counts: impl Iterator<Item = (String, usize)>) -> Option<String> {
    let mut counts: Vec<_> = counts.collect();
    counts.sort_by_key(|(_, count)| std::cmp::Reverse(*count));
    let told: Vec<_> = counts.iter().map(|(name, count)| format!("{name} {count}")).collect();
    (!told.is_empty()).then(|| told.join(", "))
}

fn table(report: &Report) -> String {
    let mut table = Table::new();
    table.set_header(["model", "format", "category"].into_iter().chain(NUMBERS));
    let many = report.categories.len() > 1;
    for model in &report.models {
        let of_model = |group: &&Group| group.model == model.model && group.format == model.format;
        for group in report.groups.iter().filter(of_model) {
            table.add_row(row(group));
        }
        if many {
            table.add_row(row(model));
        }
    }
    if many && report.models.len() > 1 {
        for category in &report.categories {
            table.add_row(row(category));
        }
    }
    if report.models.len() > 1 {
        table.add_row(cells("all", "", "", &report.total));
    }
    for column in 3..3 + NUMBERS.len() {
        if let Some(column) = table.column_mut(column) {
            column.set_cell_alignment(CellAlignment::Right);
        }
    }
    crate::table::plain(table)
}

fn row(group: &Group) -> Vec<String> {
    let name = |name: &Option<String>| match name.as_deref() {
        None => "all".to_owned(),
        Some("") => "-".to_owned(),
        Some(name) => name.to_owned(),
    };
    cells(&name(&group.model), &name(&group.format), &name(&group.category), &group.summary)
}

fn cells(model: &str, format: &str, category: &str, summary: &Summary) -> Vec<String> {
    let counts = summary.counts;
    let right = summary.right;
    let between = format!("{:.1} to {:.1}", right.low * 100.0, right.high * 100.0);
    let (share, between) =
        if counts.n == 0 { ("-".to_owned(), "-".to_owned()) } else { (percent(right.share), between) };
    let mut cells =
        vec![model.to_owned(), format.to_owned(), category.to_owned(), counts.n.to_string(), share, between];
    let numbers = [counts.strict, counts.repaired, counts.missed, counts.phantom, counts.wrong, counts.faulty];
    cells.extend(numbers.map(|number| number.to_string()));
    cells.push(format!("{:.0}", summary.microseconds));
    cells
}

/// A share as a percentage.
pub(super) fn percent(share: f64) -> String {
    format!("{:.1} %", share * 100.0)
}
