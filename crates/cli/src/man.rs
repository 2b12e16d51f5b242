//! `callwright man`: the manual's pages, one a command, out of the very help that `--help` prints. Hidden: it is for those
//! who install or package callwright (`make install`). It knows no command but through clap.

use std::path::{Path, PathBuf};

use clap::CommandFactory as _;

use callwright_parse::error::{Error, ErrorKind, Result};

use super::{Arguments, Exit};

/// Write the man pages into a folder
#[derive(Debug, clap::Args)]
#[command(hide = true)]
#[command(after_help = "Example:
  callwright man ~/.local/share/man/man1")]
pub(super) struct Args {
    /// The folder, created if missing
    folder: PathBuf,
}

pub(super) fn run(args: &Args) -> Result<Exit> {
    write(&args.folder).map_err(|cause| {
        Error::new(ErrorKind::Io, format!("cannot write the man pages into {}", args.folder.display()))
            .because(cause)
            .hint("choose a writable folder")
    })?;
    Ok(Exit::Done)
}

fn write(folder: &Path) -> std::io::Result<()> {
    std::fs::create_dir_all(folder)?;
    clap_mangen::generate_to(Arguments::command(), folder)
}
