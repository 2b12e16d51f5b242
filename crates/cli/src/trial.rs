//! `callwright trial`: opens a model file without its weights, for another callwright that waits to hear whether this one
//! survives. Nobody types it.

use std::path::PathBuf;

use callwright::{BackendName, Trial};
use callwright_parse::error::Result;

use super::Exit;

/// Open a model file without its weights
#[derive(Debug, clap::Args)]
#[command(hide = true)]
pub(super) struct Args {
    /// The engine
    engine: BackendName,
    /// The model file
    file: PathBuf,
}

pub(super) fn run(args: &Args) -> Result<Exit> {
    Trial::here(args.engine, &args.file).map(|()| Exit::Done)
}
