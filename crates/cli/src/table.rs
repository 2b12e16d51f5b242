//! Tables as commands print them: columns and no lines.

use comfy_table::Table;

/// The table without lines, and without trailing blanks, so that rows can be copied cleanly.
pub(super) fn plain(mut table: Table) -> String {
    table.load_style(comfy_table::presets::NOTHING);
    for column in table.column_iter_mut() {
        column.set_padding((0, 2));
    }
    table.lines().map(|line| line.trim_end().to_owned()).collect::<Vec<_>>().join("\n")
}
