//! `callwright bench`: numbers instead of impressions.

mod parse;
mod saved;
mod table;
mod worst;

use clap::Subcommand;

use super::{Exit, World};
use crate::error::Result;

/// Measure: how well recorded outputs are read
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    #[command(subcommand)]
    what: What,
}

#[derive(Debug, Subcommand)]
enum What {
    Parse(parse::Args),
}

pub(super) fn run(args: &Args, world: &World) -> Result<Exit> {
    match &args.what {
        What::Parse(args) => parse::run(args, world),
    }
}
