//! Tables as commands print them: columns and no lines; on a terminal too narrow for them, one block a row.
//!
//! A table that is wrapped cell by cell breaks names and numbers in two, so one that does not fit is turned on its side.

use comfy_table::{ContentArrangement, Table};

use super::wrap::{columns, hanging, width_of};

/// The table without lines, as wide as it is, or as blocks where a terminal is narrower than that. No trailing blanks, so
/// that rows can be copied cleanly.
pub(super) fn plain(table: Table) -> String {
    let columns = columns(&table);
    within(table, columns)
}

/// The same for a terminal of so many columns.
fn within(mut table: Table, columns: Option<usize>) -> String {
    table.load_style(comfy_table::presets::NOTHING).set_content_arrangement(ContentArrangement::Disabled);
    for column in table.column_iter_mut() {
        column.set_padding((0, 2));
    }
    let lines: Vec<_> = table.lines().map(|line| line.trim_end().to_owned()).collect();
    let widest = lines.iter().map(|line| width_of(line)).max().unwrap_or(0);
    match columns.filter(|columns| *columns < widest) {
        Some(columns) => blocks(&table, columns),
        None => lines.join("\n"),
    }
}

/// A block for each row: its first cell, and below it the others with the heads of their columns.
fn blocks(table: &Table, columns: usize) -> String {
    let heads: Vec<_> =
        table.header().into_iter().flat_map(comfy_table::Row::cell_iter).map(comfy_table::Cell::content).collect();
    let indent = heads.iter().skip(1).map(|head| width_of(head)).max().unwrap_or(0) + 4;
    let block = |row: &comfy_table::Row| {
        let mut cells = row.cell_iter().map(comfy_table::Cell::content);
        let mut lines = vec![cells.next().unwrap_or_default()];
        for (head, value) in heads.iter().skip(1).zip(cells).filter(|(_, value)| !value.is_empty()) {
            lines.push(hanging(&format!("  {head:width$}{value}", width = indent - 2), indent, columns));
        }
        lines.join("\n")
    };
    table.row_iter().map(block).collect::<Vec<_>>().join("\n")
}

#[cfg(test)]
mod tests {
    use super::within;
    use comfy_table::Table;

    fn models() -> Table {
        let mut table = Table::new();
        table.set_header(["NAME", "FORMAT", "SIZE", "NOTE"]);
        table.add_row(["smollm2:135m", "hermes", "103.67 MB", "answers short questions well enough"]);
        table.add_row(["bartowski/Qwen2.5-7B-Instruct-GGUF:Q4_K_M", "hermes", "4.68 GB", ""]);
        table
    }

    #[test]
    fn a_table_that_fits_stays_one() {
        for columns in [None, Some(200)] {
            let text = within(models(), columns);
            assert!(text.starts_with("NAME  "), "{text}");
            assert_eq!(text.lines().count(), 3, "{text}");
            assert!(text.lines().all(|line| !line.ends_with(' ')), "{text}");
        }
    }

    /// From 40 columns on nothing is broken within a word, and nothing is wider than the terminal but a word of its own.
    #[test]
    fn a_narrow_terminal_gets_blocks() {
        let words: Vec<_> =
            "smollm2:135m hermes 103.67 MB answers short questions well enough 4.68 GB".split(' ').collect();
        for columns in 40..80 {
            let text = within(models(), Some(columns));
            let found: Vec<_> = text.split_whitespace().collect();
            assert!(words.iter().all(|word| found.contains(word)), "{columns}: {text}");
            let wide = text.lines().filter(|line| line.chars().count() > columns);
            assert!(wide.clone().all(|line| !line.trim().contains(' ')), "{columns}: {text}");
        }
        assert_eq!(
            within(models(), Some(40)),
            "smollm2:135m\n  FORMAT  hermes\n  SIZE    103.67 MB\n  NOTE    answers short questions well\n          enough\n\
             bartowski/Qwen2.5-7B-Instruct-GGUF:Q4_K_M\n  FORMAT  hermes\n  SIZE    4.68 GB"
        );
    }
}
