//! `callwright bench`: numbers instead of impressions.

mod live;
mod parse;
mod saved;
mod speed;
mod table;
mod tally;
mod tasks;
mod worst;

use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use clap::Subcommand;

use super::{Exit, World};
use callwright_parse::error::Result;

/// Measure: how well recorded outputs are parsed
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    #[command(subcommand)]
    what: What,
}

#[derive(Debug, Subcommand)]
enum What {
    Parse(parse::Args),
    Run(live::Args),
    Speed(speed::Args),
}

pub(super) fn run(args: &Args, world: &World) -> Result<Exit> {
    match &args.what {
        What::Parse(args) => parse::run(args, world),
        What::Run(args) => live::run(args, world),
        What::Speed(args) => speed::run(args, world),
    }
}

/// `0.95` or `95%`.
fn share(text: &str) -> std::result::Result<f64, String> {
    let (number, scale) = text.strip_suffix('%').map_or((text, 1.0), |number| (number, 100.0));
    let share = number.trim().parse::<f64>().map_err(|_| "expected a number such as 0.95 or 95%".to_owned())? / scale;
    if (0.0..=1.0).contains(&share) {
        Ok(share)
    } else {
        Err("expected a number from 0 to 1, or a percentage".to_owned())
    }
}

/// A flag that Ctrl-C sets. The second one ends the process at once; where no handler can be set, the first one does.
fn interruption() -> Arc<AtomicBool> {
    let stopped = Arc::new(AtomicBool::new(false));
    for signal in [signal_hook::consts::SIGINT, signal_hook::consts::SIGTERM] {
        let _ = signal_hook::flag::register_conditional_shutdown(signal, 128 + signal, Arc::clone(&stopped))
            .and_then(|_| signal_hook::flag::register(signal, Arc::clone(&stopped)));
    }
    stopped
}
