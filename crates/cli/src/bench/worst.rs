//! The worst cases, each with a caret below the place.

use unicode_width::UnicodeWidthStr as _;

use crate::World;
use callwright_bench::{Bench, worst};
use callwright_parse::error::Result;

/// How many are shown, and how many where the caller wants to see more.
const SHOWN: [usize; 2] = [5, 40];
/// How much of a message stands in one line.
const MESSAGE: usize = 160;

pub(super) fn print(bench: &Bench, world: &World) -> Result<()> {
    let printer = &world.printer;
    let shown = worst(bench, SHOWN[usize::from(printer.is_verbose())]);
    let failed = bench.cases.iter().filter(|case| case.outcome.is_failure()).count();
    let more = failed - shown.len();
    for excerpt in shown {
        let case = excerpt.case;
        let class = case.class.map_or(case.outcome.name(), callwright_bench::Class::name);
        let of = [case.model.as_str(), case.category.as_str()].into_iter().filter(|name| !name.is_empty());
        let of = of.collect::<Vec<_>>().join(", ");
        let title = if of.is_empty() { case.id.clone() } else { format!("{} ({of})", case.id) };
        printer.line(&format!("\n{class} in {}", plain(&title)))?;
        printer.line(&format!("  {}{}", excerpt.before, excerpt.after))?;
        printer.line(&format!("  {:width$}^", "", width = excerpt.before.width()))?;
        printer.line(&format!("  {}", plain(case.message.as_deref().unwrap_or_default())))?;
    }
    if more > 0 {
        let how = if printer.is_verbose() { "--html lists all" } else { "--verbose shows more, --html lists all" };
        printer.line(&format!("\nand {more} more ({how})"))?;
    }
    Ok(())
}

/// Recorded text may hold anything, including escape sequences that a terminal obeys.
fn plain(text: &str) -> String {
    let mut plain: String = text.chars().take(MESSAGE).collect::<String>().replace(char::is_control, "·");
    if text.chars().nth(MESSAGE).is_some() {
        plain.push('…');
    }
    plain
}
