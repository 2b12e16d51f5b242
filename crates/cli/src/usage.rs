//! `callwright usage`: what turns took, out of the ledger.

use std::collections::BTreeMap;

use comfy_table::Table;
use serde::Serialize;

use callwright_parse::chat::{Cost, LOCAL, Money};
use callwright_parse::error::Result;
use callwright_prompt::Clock;
use callwright_providers::ledger::{Line, Spent};

use super::{Exit, World};

/// Show usage: tokens, time, money
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  callwright usage                       by day
  callwright usage --by provider --json

Only numbers are kept, never text; with `usage.keep = false` in callwright.toml, no usage of this machine is kept.
UNPRICED counts requests whose cost is unknown because the model has no known price.")]
pub(super) struct Args {
    /// Group by
    #[arg(long, value_enum, default_value = "day")]
    by: By,
}

#[derive(Debug, Clone, Copy, clap::ValueEnum)]
enum By {
    Request,
    Session,
    Day,
    Provider,
}

/// One line of the table.
#[derive(Debug, Default, Serialize)]
struct Sum {
    name: String,
    requests: usize,
    left_machine: usize,
    attempts: usize,
    /// Failures by kind.
    failed: BTreeMap<String, usize>,
    faulty: usize,
    prompt_tokens: usize,
    completion_tokens: usize,
    total_ms: f64,
    picodollars: Money,
    /// Of it, what was estimated because no tokens were counted.
    estimated: Money,
    /// Attempts whose cost is unknown.
    unpriced: usize,
}

pub(super) fn run(args: &Args, world: &World) -> Result<Exit> {
    let mut sums: BTreeMap<String, Sum> = BTreeMap::new();
    let found = world.settings.ledger()?.lines()?;
    if found.skipped > 0 {
        world.printer.warn(&format!("{} unreadable line(s) of the usage file are left out", found.skipped));
    }
    for line in found.lines {
        let Line::Turn(turn) = line else { continue };
        let of = |spent: &Spent| match args.by {
            By::Request => format!("{} {}", when(turn.at), turn.turn),
            By::Session => turn.session.clone(),
            By::Day => when(turn.at)[..10].to_owned(),
            By::Provider => spent.by.clone(),
        };
        let mut names: Vec<String> = turn.attempts.iter().map(of).collect();
        for (spent, name) in turn.attempts.iter().zip(&names) {
            sums.entry(name.clone()).or_default().add(spent);
        }
        names.dedup();
        for name in names {
            let stayed = matches!(args.by, By::Provider) && name == LOCAL;
            let sum = sums.entry(name).or_default();
            sum.requests += 1;
            sum.left_machine += usize::from(turn.left_machine && !stayed);
        }
    }
    let lines: Vec<Sum> = sums.into_iter().map(|(name, sum)| Sum { name, ..sum }).collect();
    if world.printer.wants_json() {
        world.printer.json(&lines)?;
        return Ok(Exit::Done);
    }
    if lines.is_empty() {
        world.printer.note("no usage recorded yet");
        return Ok(Exit::Done);
    }
    world.printer.line(&table(&lines))?;
    Ok(Exit::Done)
}

impl Sum {
    fn add(&mut self, spent: &Spent) {
        // What was refused by a budget or a rule never began.
        self.attempts += usize::from(spent.outcome != "refused");
        if let Some(failure) = &spent.failure {
            *self.failed.entry(failure.clone()).or_default() += 1;
        }
        self.faulty += usize::from(spent.faults > 0);
        self.prompt_tokens += spent.usage.prompt_tokens;
        self.completion_tokens += spent.usage.completion_tokens;
        self.total_ms += spent.total_ms;
        match spent.cost {
            Cost::Unknown => self.unpriced += 1,
            cost => self.picodollars = self.picodollars.plus(cost.money().unwrap_or_default()),
        }
        if let Cost::Estimated(money) = spent.cost {
            self.estimated = self.estimated.plus(money);
        }
    }
}

fn when(seconds: u64) -> String {
    Clock::utc(i64::try_from(seconds).unwrap_or_default()).format("%Y-%m-%d %H:%M:%S")
}

fn table(lines: &[Sum]) -> String {
    let mut table = Table::new();
    table.set_header([
        "NAME",
        "REQUESTS",
        "REMOTE",
        "ATTEMPTS",
        "FAILED",
        "FAULTY",
        "TOKENS IN",
        "TOKENS OUT",
        "TIME (S)",
        "COST (USD)",
        "UNPRICED",
    ]);
    for sum in lines {
        let about = if sum.estimated == Money::default() { "" } else { "~" };
        let failed = sum.failed.values().sum();
        let counts = [sum.requests, sum.left_machine, sum.attempts, failed, sum.faulty];
        let mut row = vec![sum.name.clone()];
        row.extend(counts.iter().chain(&[sum.prompt_tokens, sum.completion_tokens]).map(ToString::to_string));
        row.extend([format!("{:.1}", sum.total_ms / 1000.0), format!("{about}{}", sum.picodollars)]);
        row.push(sum.unpriced.to_string());
        table.add_row(row);
    }
    super::table::plain(table)
}
