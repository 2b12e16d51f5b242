//! `callwright bench parse`: how well recorded outputs are read.

use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, Ordering};

use crate::bar::Bar;
use crate::{Exit, World, level, out};
use callwright_bench::{Bench, Comparison, Hooks, How, Report};
use callwright_parse::check::Level;
use callwright_parse::error::{Error, ErrorKind, Result};
use callwright_record::{BadLine, Records};

use super::{interruption, saved, share, table, worst};

/// Parse recorded outputs and score the calls found in them
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  callwright bench parse recordings.jsonl
  callwright bench parse outputs/ --format hermes --min-accuracy 95%
  callwright bench parse result/MODEL/BFCL_v3_simple_result.json BFCL_v3_simple.json possible_answer/BFCL_v3_simple.json

FILE is a .jsonl or .jsonl.gz file of recordings (as `callwright run --record` writes), a log of chat completions, the
Berkeley leaderboard's results together with its questions and possible answers, or a folder: of such files, or of
NAME.txt beside NAME.expected.json with a tools.json. The kind of each line is told from its keys.

strict: right as written. repaired: right after something was fixed. missed: a call was expected and none was found.
phantom: a call was found where none was expected. wrong: calls without any fault that are not the expected ones. faulty:
calls with a fault, which are never executed.

Exit status: 0 passed, 1 a gate failed, 2 something could not be read or written.")]
pub(super) struct Args {
    /// Recordings: files or folders, `-` for stdin
    #[arg(required = true, value_name = "FILE")]
    files: Vec<PathBuf>,
    /// The format to parse all of them with; `auto` takes each recording's own, or detects it
    #[arg(long, value_name = "NAME", default_value = "auto")]
    format: String,
    /// How many deviations from the format to tolerate
    #[arg(long, value_name = "LEVEL", default_value = "standard", value_parser = level())]
    level: Level,
    /// Write the calls that were found, one line per recording
    #[arg(long, value_name = "FILE")]
    predictions: Option<PathBuf>,
    /// Write the report as one HTML page, with bars and a list of cases to filter
    #[arg(long, value_name = "FILE")]
    html: Option<PathBuf>,
    /// Write the report as JUnit XML, for CI
    #[arg(long, value_name = "FILE")]
    junit: Option<PathBuf>,
    /// Save the report under this name
    #[arg(long, value_name = "NAME")]
    save: Option<String>,
    /// Compare with a saved report (its name, or a file that --json printed)
    #[arg(long, value_name = "OLD")]
    compare: Option<String>,
    /// Fail unless this share of the scored recordings is right: 0.95 or 95%
    #[arg(long, value_name = "SHARE", value_parser = share)]
    min_accuracy: Option<f64>,
}

pub(super) fn run(args: &Args, world: &World) -> Result<Exit> {
    let stopped = interruption();
    let how = How::new(world.settings.formats()?).by_format(&args.format)?.level(args.level);
    // Before the work, so that a wrong name costs no minutes; and before --save may replace it.
    let old = args.compare.as_deref().map(|old| saved::load(old, world)).transpose()?;
    let records = Records::read(&args.files)?;
    if let Some(unread) = listed(&records.unread) {
        world.printer.warn(&format!("not recordings, and not read: {unread}"));
    }
    if records.rows.is_empty() && records.bad.is_empty() {
        return Err(Error::new(ErrorKind::Input, "no recordings found"));
    }
    let bench = match read(records, &how, &stopped, world) {
        Err(stopped) if stopped.kind() == ErrorKind::Cancelled => {
            world.printer.note(&format!("{stopped}; nothing was written"));
            return Ok(Exit::Interrupted);
        }
        bench => bench?,
    };
    let report = Report::new(&bench, &how);
    if let Some(file) = &args.predictions {
        out::write(file, |out| callwright_bench::predictions(&bench, out))?;
    }
    if let Some(file) = &args.html {
        out::write(file, |out| callwright_bench::html(&bench, &report, out))?;
    }
    if let Some(file) = &args.junit {
        out::write(file, |out| callwright_bench::junit(&report, out))?;
    }
    let comparison = old.map(|old| Comparison::new(&old, &report));
    if world.printer.wants_json() {
        print_json(&report, comparison.as_ref(), world)?;
    } else {
        table::print(&report, world)?;
        worst::print(&bench, world)?;
        if let (Some(old), Some(comparison)) = (&args.compare, &comparison) {
            saved::print(old, comparison, world)?;
        }
    }
    if let Some(name) = &args.save {
        saved::save(name, &report, world)?;
    }
    tell_bad(&report.bad_lines, world);
    gate(args, &report, world)
}

/// The report, with what changed where `--compare` is given. Either can be compared with later.
fn print_json(report: &Report, comparison: Option<&Comparison>, world: &World) -> Result<()> {
    #[derive(serde::Serialize)]
    struct Both<'r> {
        #[serde(flatten)]
        report: &'r Report,
        #[serde(skip_serializing_if = "Option::is_none")]
        comparison: Option<&'r Comparison>,
    }
    world.printer.json(&Both { report, comparison })
}

/// Files by name, the first of many.
fn listed(files: &[PathBuf]) -> Option<String> {
    const NAMED: usize = 10;
    let named: Vec<_> = files.iter().take(NAMED).map(|file| file.display().to_string()).collect();
    let more = files.len().saturating_sub(NAMED);
    let more = if more > 0 { format!(" and {more} more") } else { String::new() };
    (!named.is_empty()).then(|| named.join(", ") + &more)
}

fn read(records: Records, how: &How, stopped: &AtomicBool, world: &World) -> Result<Bench> {
    let bar = Bar::of_steps(world.printer, records.rows.len() as u64);
    let bench =
        callwright_bench::run(records, how, Hooks { done: &|| bar.step(), stop: &|| stopped.load(Ordering::Relaxed) });
    bar.clear();
    bench
}

/// The first invalid lines, and how many there are.
fn tell_bad(lines: &[BadLine], world: &World) {
    const TOLD: usize = 10;
    for line in lines.iter().take(TOLD) {
        world.printer.warn(&line.to_string());
    }
    if lines.len() > TOLD {
        world.printer.warn(&format!("and {} more invalid lines", lines.len() - TOLD));
    }
}

/// Whether it passed. A bench over half of a file has not passed, whatever the half came to.
fn gate(args: &Args, report: &Report, world: &World) -> Result<Exit> {
    if !report.bad_lines.is_empty() {
        let lines = report.bad_lines.len();
        let what = format!("{lines} invalid {}", if lines == 1 { "line" } else { "lines" });
        return Err(Error::new(ErrorKind::Input, what).hint("the numbers count only the other lines"));
    }
    let Some(least) = args.min_accuracy else { return Ok(Exit::Done) };
    if report.total.counts.n == 0 {
        return Err(Error::new(
            ErrorKind::Input,
            "no recording says which calls are expected, so there is no accuracy",
        )
        .hint("give recordings with `expected` or `accepted`"));
    }
    let right = report.total.right.share;
    if right >= least {
        return Ok(Exit::Done);
    }
    world.printer.note(&format!(
        "gate failed: accuracy is {}, minimum {}",
        table::percent(right),
        table::percent(least)
    ));
    Ok(Exit::No)
}
